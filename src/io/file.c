/* Reading a file whole and writing one atomically. Knows nothing of formats and tensors. */
#include "src/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gradus/error.h>

#include "src/core/alloc.h"

/* Linux moves at most 2^31 - 4,096 bytes in one call. */
static const size_t most = (size_t)1 << 30;

static const char no_memory[] = "no memory for it";

static gr_code code_of(const char *failure)
{
    return failure == no_memory ? GR_ERROR_MEMORY : GR_ERROR_FILE;
}

/* ---- reading ---- */

/* Fewer bytes than `size` at the end of the file; -1 and errno on failure. */
static int64_t read_all(int file, unsigned char *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        size_t part = size - done < most ? size - done : most;
        ssize_t n = read(file, bytes + done, part);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

static const char *read_open_file(int file, unsigned char **bytes, size_t *size)
{
    struct stat status;

    if (fstat(file, &status) != 0) return strerror(errno);
    if (!S_ISREG(status.st_mode)) return "not a regular file";
    if ((uintmax_t)status.st_size >= SIZE_MAX) return no_memory;
    *size = (size_t)status.st_size;
    *bytes = gr__alloc(*size + 1);
    if (!*bytes) return no_memory;
    int64_t done = read_all(file, *bytes, *size);
    if (done < 0) return strerror(errno);
    return (size_t)done < *size ? "it became shorter meanwhile" : NULL;
}

unsigned char *gr__file_read(const char *function, const char *path, size_t *size)
{
    unsigned char *bytes = NULL;

    if (!path) {
        gr_fail(GR_ERROR_VALUE, function, "path", "got NULL, want the name of a file");
        return NULL;
    }
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *failure = file < 0 ? strerror(errno) : read_open_file(file, &bytes, size);
    if (file >= 0) close(file);
    if (failure) {
        gr_fail(code_of(failure), function, "path", "cannot read %s: %s", path, failure);
        gr__free(bytes);
        return NULL;
    }
    return bytes;
}

/* ---- writing ---- */

/* A name in the folder of `path` that no other thread or process uses; NULL: no memory. */
static char *temporary_name(const char *path)
{
    static atomic_uint count;
    const char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0, size = folder + 64;
    char *name = gr__alloc(size);

    if (name) {
        snprintf(name, size, "%.*s.gradus-%ld-%u.tmp", (int)folder, path, (long)getpid(),
                 atomic_fetch_add(&count, 1));
    }
    return name;
}

/* What hinders a rename to `path`: it would replace a device or pipe. */
static const char *obstacle(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        return S_ISDIR(status.st_mode) ? strerror(EISDIR) : "not a regular file";
    }
    return NULL;
}

gr__output gr__output_open(const char *function, const char *path)
{
    gr__output out = {.function = function, .path = path, .file = -1};

    if (!path) {
        return out;
    }
    out.failure = obstacle(path);
    out.temporary = out.failure ? NULL : temporary_name(path);
    if (out.temporary) {
        out.file = open(out.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (out.file < 0 && !out.failure) {
        out.failure = out.temporary ? strerror(errno) : no_memory;
    }
    return out;
}

void gr__output_write(gr__output *out, const void *bytes, size_t size)
{
    const char *next = bytes;

    while (out->file >= 0 && !out->failure && size > 0) {
        ssize_t n = write(out->file, next, size < most ? size : most);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            out->failure = strerror(errno);
            return;
        }
        next += n;
        size -= (size_t)n;
    }
}

static void finish(gr__output *out)
{
    int status;

    do {
        status = out->failure ? 0 : fsync(out->file);
    } while (status != 0 && errno == EINTR);
    if (status != 0) out->failure = strerror(errno);
    if (close(out->file) != 0 && !out->failure) out->failure = strerror(errno);
    if (!out->failure && rename(out->temporary, out->path) != 0) out->failure = strerror(errno);
    if (out->failure) unlink(out->temporary);
}

bool gr__output_close(gr__output *out)
{
    if (!out->path) {
        return gr_fail(GR_ERROR_VALUE, out->function, "path", "got NULL, want the name of a file");
    }
    if (out->file >= 0) finish(out);
    gr__free(out->temporary);
    return !out->failure || gr_fail(code_of(out->failure), out->function, "path",
                                    "cannot write %s: %s", out->path, out->failure);
}

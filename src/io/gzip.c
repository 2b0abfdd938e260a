/* Reading memory that may be gzip-compressed (RFC 1952), through zlib, whose own memory comes from
 * gr__alloc. */
#include "src/io/gzip.h"

#include <string.h>

#include "src/core/alloc.h"

/* zlib counts what it reads and writes in 32 bits. */
static const size_t most = (size_t)1 << 30;

static voidpf allocate(voidpf context, uInt items, uInt size)
{
    (void)context;
    return gr__alloc((size_t)items * size);
}

static void release(voidpf context, voidpf memory)
{
    (void)context;
    gr__free(memory);
}

static void fail(gr__input *in, gr_code code, const char *failure)
{
    in->code = code;
    in->failure = failure;
}

/* What zlib's answer means; several members may follow each other in one file. */
static void judge(gr__input *in, int status)
{
    if (status == Z_STREAM_END) {
        in->ended = in->stream.avail_in == 0 && in->left == 0;
        if (!in->ended) inflateReset(&in->stream);
    } else if (status == Z_BUF_ERROR) {
        fail(in, GR_ERROR_FILE, "the compressed bytes are cut short");
    } else if (status == Z_MEM_ERROR) {
        fail(in, GR_ERROR_MEMORY, "no memory for zlib");
    } else if (status != Z_OK) {
        fail(in, GR_ERROR_FILE, "the compressed bytes are damaged");
    }
}

void gr__input_open(gr__input *in, const void *bytes, size_t size)
{
    *in = (gr__input){.next = bytes, .left = size};
    in->compressed = size >= 2 && in->next[0] == 0x1f && in->next[1] == 0x8b;
    if (in->compressed) {
        in->stream.zalloc = allocate;
        in->stream.zfree = release;
        judge(in, inflateInit2(&in->stream, 16 + MAX_WBITS));
    }
}

static void feed(gr__input *in)
{
    size_t part = in->left < most ? in->left : most;

    if (in->stream.avail_in == 0 && part > 0) {
        in->stream.next_in = (Bytef *)(uintptr_t)in->next; /* zlib does not write to it */
        in->stream.avail_in = (uInt)part;
        in->next += part;
        in->left -= part;
    }
}

static size_t read_compressed(gr__input *in, unsigned char *to, size_t size)
{
    size_t done = 0;

    while (done < size && !in->ended && !in->failure) {
        uInt part = (uInt)(size - done < most ? size - done : most);
        feed(in);
        in->stream.next_out = to + done;
        in->stream.avail_out = part;
        int status = inflate(&in->stream, Z_NO_FLUSH);
        done += part - in->stream.avail_out;
        judge(in, status);
    }
    return done;
}

size_t gr__input_read(gr__input *in, void *to, size_t size)
{
    if (in->compressed) {
        return read_compressed(in, to, size);
    }
    if (size > in->left) size = in->left;
    if (size > 0) memcpy(to, in->next, size);
    in->next += size;
    in->left -= size;
    return size;
}

/* Deflate makes at most 1,032 bytes of one (RFC 1951: a match of 258 from two bits); some of them
 * may still wait inside zlib. */
size_t gr__input_bound(const gr__input *in)
{
    size_t bytes = in->left + in->stream.avail_in;

    if (!in->compressed) return bytes;
    return bytes < SIZE_MAX / 1032 - 64 ? (bytes + 64) * 1032 : SIZE_MAX;
}

void gr__input_close(gr__input *in)
{
    if (in->compressed) inflateEnd(&in->stream);
}

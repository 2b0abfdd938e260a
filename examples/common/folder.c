/* Output folders. */

#include "folder.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* True if the folder exists afterwards; else errno says why not. */
static bool make_one(const char *path)
{
    struct stat status;
    if (mkdir(path, 0777) == 0) return true;
    int why = errno;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) return true;
    errno = why == EEXIST ? ENOTDIR : why;
    return false;
}

static bool fail(const char *path)
{
    return report_error("folder_make: %s: %s", path, strerror(errno));
}

bool folder_make(const char *path)
{
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
        errno = ENAMETOOLONG;
        return fail(path);
    }
    for (char *slash = strchr(part + (part[0] == '/'), '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (!make_one(part)) return fail(part);
        *slash = '/';
    }
    if (!make_one(part)) return fail(path);
    return faccessat(AT_FDCWD, part, W_OK | X_OK, AT_EACCESS) == 0 || fail(path);
}

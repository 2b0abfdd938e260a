/* Writes arrays as NumPy does, so that the peers read the very numbers that Gradus works on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"

/* "(3, 4)", "(3,)", "()" */
static void shape_text(gr_shape shape, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "(");

    for (int i = 0; i < shape.rank && at < size; i++) {
        at += (size_t)snprintf(text + at, size - at, "%lld,%s", (long long)shape.dims[i],
                               i + 1 < shape.rank ? " " : "");
    }
    if (at < size) snprintf(text + at, size - at, ")");
}

/* A header of 128 bytes, which holds any shape of rank 4. */
bool npy_write(const char *path, gr_dtype dtype, gr_shape shape, const void *data)
{
    static const char *const types[] = {[GR_F32] = "<f4", [GR_F64] = "<f8", [GR_I64] = "<i8"};
    char header[128], dims[GR_SHAPE_TEXT], text[GR_SHAPE_TEXT + 64];
    size_t count = 1;
    FILE *file = data ? fopen(path, "wbx") : NULL;

    if (!file) return data && errno == EEXIST;
    for (int i = 0; i < shape.rank; i++) count *= (size_t)shape.dims[i];
    shape_text(shape, dims, sizeof dims);
    int length = snprintf(text, sizeof text,
                          "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", types[dtype],
                          dims);
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", 10); /* 118 bytes follow */
    memcpy(header + 10, text, (size_t)(length < 117 ? length : 117));
    header[127] = '\n';
    bool good = fwrite(header, 1, sizeof header, file) == sizeof header &&
                fwrite(data, gr_dtype_size(dtype), count, file) == count;
    return fclose(file) == 0 && good;
}

/* Bytes in memory, read in order, plain or gzip-compressed: what they begin with decides. */
#ifndef GRADUS_IO_GZIP_H
#define GRADUS_IO_GZIP_H

#include <stddef.h>
#include <zlib.h>

#include <gradus/error.h>

typedef struct gr__input {
    const unsigned char *next; /* not yet read, not yet given to zlib */
    size_t left;
    bool compressed, ended;
    const char *failure; /* NULL, or why the compressed bytes cannot be read on, */
    gr_code code;        /* as an error of this kind */
    z_stream stream;
} gr__input;

void gr__input_open(gr__input *in, const void *bytes, size_t size);

/* Fewer bytes than `size` at the end, or on a failure. The checksum has been compared when a read
 * met the end. */
size_t gr__input_read(gr__input *in, void *to, size_t size);

/* No more than so many bytes can follow. */
size_t gr__input_bound(const gr__input *in);

void gr__input_close(gr__input *in);

#endif

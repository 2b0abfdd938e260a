/* Files as bytes: reading a whole one, and writing one in a way that leaves the old file, or none,
 * if anything fails. `function` is the public function that messages name. */
#ifndef GRADUS_IO_FILE_H
#define GRADUS_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of a regular file, to be freed with gr__free; NULL, reported, on failure. */
unsigned char *gr__file_read(const char *function, const char *path, size_t *size);

/* A file being written under another name in the same folder. The first failure is remembered,
 * later writes do nothing. */
typedef struct gr__output {
    const char *function, *path;
    char *temporary; /* NULL: could not be opened */
    int file;
    const char *failure;
} gr__output;

gr__output gr__output_open(const char *function, const char *path);
void gr__output_write(gr__output *out, const void *bytes, size_t size);

/* Gives the file its name, if every byte is on the disk; else removes it, reports, and returns
 * false. To be called in any case. */
bool gr__output_close(gr__output *out);

#endif

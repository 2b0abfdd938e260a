/* Files. Readers take memory and a length, or a path; every length is checked against the bytes
 * that are left before anything is allocated. Writers write a temporary file in the same folder,
 * fsync it and rename it: a failure leaves the old file, or none. No function depends on the
 * locale. */
#ifndef GRADUS_IO_H
#define GRADUS_IO_H

#include <gradus/params.h>
#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* safetensors: all cells of params under their names, F32, F64 and I64, readable by PyTorch's
 * package of that name. */
GR_API bool gr_safetensors_save(const gr_params *params, const char *path);

/* Gives every cell of params the value stored under its name. All or nothing: a name that is
 * missing in the file, a shape or dtype that differs, a file that is cut short change no cell.
 * Names in the file that params does not have are an error too. */
GR_API bool gr_safetensors_load(gr_params *params, const char *path);
GR_API bool gr_safetensors_load_memory(gr_params *params, const void *bytes, size_t size);

/* MNIST's IDX format with unsigned bytes, plain or gzip-compressed: a tensor of the file's shape.
 * Bytes become numbers 0 to 255 of `dtype`, times `scale`: 1.0 / 255 gives grey levels from 0 to 1;
 * with GR_I64, for labels, scale must be 1. */
GR_API gr_tensor *gr_idx_read(const char *path, gr_dtype dtype, double scale);
GR_API gr_tensor *gr_idx_read_memory(const void *bytes, size_t size, gr_dtype dtype, double scale);

#ifdef __cplusplus
}
#endif
#endif

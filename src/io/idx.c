/* Reading MNIST's IDX format: two zero bytes, a type, a rank, the extents as big-endian 32-bit
 * numbers, the elements in C order (LeCun, Cortes and Burges, The MNIST database, 1998). */
#include <math.h>

#include <gradus/io.h>

#include "src/core/tensor.h"
#include "src/io/file.h"
#include "src/io/gzip.h"

enum { UNSIGNED_BYTE = 0x08 };

static const struct {
    unsigned char code;
    const char *holds;
} types[] = {
    {UNSIGNED_BYTE, "unsigned bytes"}, {0x09, "signed bytes"},  {0x0b, "16-bit integers"},
    {0x0c, "32-bit integers"},         {0x0d, "32-bit floats"}, {0x0e, "64-bit floats"},
};

/* What is being read, and what messages call it. */
typedef struct reader {
    const char *function, *where;
    gr__input input;
} reader;

static gr_tensor *read_tensor(reader *r, gr_dtype dtype, double scale);

gr_tensor *gr_idx_read(const char *path, gr_dtype dtype, double scale)
{
    reader r = {.function = "gr_idx_read", .where = path};
    size_t size;
    unsigned char *bytes = gr__file_read(r.function, path, &size);
    gr_tensor *t = &gr__error_tensor;

    if (bytes) {
        gr__input_open(&r.input, bytes, size);
        t = read_tensor(&r, dtype, scale);
        gr__input_close(&r.input);
    }
    gr__free(bytes);
    return t;
}

gr_tensor *gr_idx_read_memory(const void *bytes, size_t size, gr_dtype dtype, double scale)
{
    reader r = {.function = "gr_idx_read_memory", .where = "bytes"};

    if (!bytes) {
        return gr__error(GR_ERROR_VALUE, r.function, r.where, "got NULL, want an IDX file");
    }
    gr__input_open(&r.input, bytes, size);
    gr_tensor *t = read_tensor(&r, dtype, scale);
    gr__input_close(&r.input);
    return t;
}

static bool check_options(const reader *r, gr_dtype dtype, double scale)
{
    if (gr_dtype_size(dtype) == 0) {
        return gr_fail(GR_ERROR_DTYPE, r->function, "dtype",
                       "got %d, want GR_F32, GR_F64 or GR_I64", (int)dtype);
    }
    if (!isfinite(scale)) {
        return gr_fail(GR_ERROR_VALUE, r->function, "scale", "got %g, want a finite number", scale);
    }
    if (dtype == GR_I64 && scale != 1) {
        return gr_fail(GR_ERROR_VALUE, r->function, "scale", "got %g, want 1 since dtype is i64",
                       scale);
    }
    return true;
}

static bool no_memory(const reader *r, const gr__shape *shape)
{
    return gr_fail(GR_ERROR_MEMORY, r->function, r->where, "no memory for %lld elements",
                   (long long)shape->count);
}

static bool read_header_bytes(reader *r, unsigned char *bytes, size_t size)
{
    if (gr__input_read(&r->input, bytes, size) == size) {
        return true;
    }
    return gr_fail(r->input.failure ? r->input.code : GR_ERROR_FILE, r->function, r->where,
                   "header: %s", r->input.failure ? r->input.failure : "cut short");
}

/* Checks the first four bytes; the rank, or -1. */
static int read_rank(reader *r)
{
    unsigned char magic[4];
    const char *holds = "elements of unknown type";

    if (!read_header_bytes(r, magic, sizeof magic)) {
        return -1;
    }
    if (magic[0] != 0 || magic[1] != 0) {
        gr_fail(GR_ERROR_FILE, r->function, r->where,
                "begins with %02x %02x, want 00 00: not an IDX file", magic[0], magic[1]);
        return -1;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].code == magic[2]) holds = types[i].holds;
    }
    if (magic[2] != UNSIGNED_BYTE) {
        gr_fail(GR_ERROR_FILE, r->function, r->where,
                "holds %s (type %02x), want unsigned bytes (type 08)", holds, magic[2]);
        return -1;
    }
    return magic[3];
}

static const gr__shape *read_shape(reader *r)
{
    unsigned char extents[4 * GR_MAX_RANK];
    int64_t dims[GR_MAX_RANK] = {0};
    int rank = read_rank(r);

    if (rank > GR_MAX_RANK) {
        gr_fail(GR_ERROR_FILE, r->function, r->where, "got rank %d, want 0 to %d", rank,
                GR_MAX_RANK);
        return NULL;
    }
    if (rank < 0 || !read_header_bytes(r, extents, 4 * (size_t)rank)) {
        return NULL;
    }
    for (int i = 0; i < 4 * rank; i++) dims[i / 4] = dims[i / 4] << 8 | extents[i];
    return gr__shape_of(r->function, r->where, rank, dims);
}

/* All elements and nothing behind them. */
static bool read_exactly(reader *r, const gr__shape *shape, unsigned char *elements)
{
    char text[GR_SHAPE_TEXT];
    unsigned char more;
    size_t got = gr__input_read(&r->input, elements, (size_t)shape->count);

    if (got < (size_t)shape->count) {
        return gr_fail(r->input.failure ? r->input.code : GR_ERROR_FILE, r->function, r->where,
                       "got %zu of the %lld elements of %s: %s", got, (long long)shape->count,
                       gr__shape_text(shape, text),
                       r->input.failure ? r->input.failure : "cut short");
    }
    if (gr__input_read(&r->input, &more, 1) > 0) {
        return gr_fail(GR_ERROR_FILE, r->function, r->where, "bytes follow the %lld elements of %s",
                       (long long)shape->count, gr__shape_text(shape, text));
    }
    if (r->input.failure) {
        return gr_fail(r->input.code, r->function, r->where, "behind the %lld elements of %s: %s",
                       (long long)shape->count, gr__shape_text(shape, text), r->input.failure);
    }
    return true;
}

/* The file's bytes, to be freed; NULL, reported, on failure. The header may claim anything: nothing
 * is allocated for more than can follow. */
static unsigned char *read_elements(reader *r, const gr__shape *shape)
{
    char text[GR_SHAPE_TEXT];
    size_t bound = gr__input_bound(&r->input);

    if ((size_t)shape->count > bound) {
        gr_fail(GR_ERROR_FILE, r->function, r->where, "got %s%zu of the %lld elements of %s: %s",
                r->input.compressed ? "at most " : "", bound, (long long)shape->count,
                gr__shape_text(shape, text), "cut short");
        return NULL;
    }
    unsigned char *elements = gr__alloc((size_t)shape->count + 1);
    if (!elements) {
        no_memory(r, shape);
        return NULL;
    }
    if (!read_exactly(r, shape, elements)) {
        gr__free(elements);
        return NULL;
    }
    return elements;
}

static void convert(const unsigned char *from, void *to, int64_t n, gr_dtype dtype, double scale)
{
    float *f32 = to;
    double *f64 = to;
    int64_t *i64 = to;

    for (int64_t i = 0; i < n; i++) {
        switch (dtype) {
        case GR_F32: f32[i] = (float)(from[i] * scale); break;
        case GR_F64: f64[i] = from[i] * scale; break;
        case GR_I64: i64[i] = from[i]; break;
        }
    }
}

static gr_tensor *read_tensor(reader *r, gr_dtype dtype, double scale)
{
    const gr__shape *shape = check_options(r, dtype, scale) ? read_shape(r) : NULL;
    unsigned char *elements = shape ? read_elements(r, shape) : NULL;
    gr_tensor *t = &gr__error_tensor;

    if (!elements) {
        return t;
    }
    gr_shape copy = {.rank = shape->rank};
    for (int i = 0; i < shape->rank; i++) copy.dims[i] = shape->dims[i];
    void *numbers = gr__alloc((size_t)shape->count * gr_dtype_size(dtype) + 1);
    if (numbers) {
        convert(elements, numbers, shape->count, dtype, scale);
        t = gr_from_data(dtype, copy, numbers);
    } else {
        no_memory(r, shape);
    }
    gr__free(numbers);
    gr__free(elements);
    return t;
}

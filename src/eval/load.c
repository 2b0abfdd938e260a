/* Blocks of operands: strided, broadcast and contiguous memory made to look like short contiguous
 * arrays in logical order. */
#include <string.h>

#include "src/eval/eval.h"

/* Axes of extent 1 go; neighbours that are one run become one axis. */
gr__load gr__load_plan(const void *base, size_t size, int rank, const int64_t *dims,
                       const int64_t *strides)
{
    gr__load load = {.base = base, .size = size};
    bool repeats = true;

    for (int i = 0; i < rank; i++) {
        if (dims[i] == 1) {
            continue;
        }
        int last = load.rank - 1;
        if (last >= 0 && load.strides[last] == dims[i] * strides[i]) {
            load.dims[last] *= dims[i];
            load.strides[last] = strides[i];
        } else {
            load.dims[load.rank] = dims[i];
            load.strides[load.rank++] = strides[i];
        }
        repeats = repeats && strides[i] == 0;
    }
    if (repeats) {
        load.rank = 0;
    }
    return load;
}

/* n elements from `from`, `stride` apart. */
#define GR__COPY_RUN(T) \
    do { \
        T *to = out; \
        const T *x = (const T *)(const void *)from; \
        for (int64_t i = 0; i < n; i++) { \
            to[i] = x[i * stride]; \
        } \
    } while (0)

/* One element over and over: what is there already is copied behind itself. */
static void repeat(char *out, const char *from, size_t bytes, size_t size)
{
    memcpy(out, from, size);
    for (size_t done = size; done < bytes; done *= 2) {
        memcpy(out + done, out, done < bytes - done ? done : bytes - done);
    }
}

static void copy_run(void *out, const char *from, int64_t stride, int64_t n, size_t size)
{
    if (stride == 1) {
        memcpy(out, from, (size_t)n * size);
    } else if (stride == 0) {
        repeat(out, from, (size_t)n * size, size);
    } else if (size == sizeof(uint32_t)) {
        GR__COPY_RUN(uint32_t);
    } else {
        GR__COPY_RUN(uint64_t);
    }
}

/* Rows shorter than this are copied column by column, so that loops are long. */
enum { SHORT = 8 };

#define GR__COPY_COLUMNS(T) \
    do { \
        for (int64_t j = 0; j < width; j++) { \
            T *to = (T *)out + j; \
            const T *x = (const T *)(const void *)from + j * strides[1]; \
            for (int64_t i = 0; i < rows; i++) { \
                to[i * width] = x[i * strides[0]]; \
            } \
        } \
    } while (0)

/* Whole rows of a few elements; strides from row to row and within one. */
static void copy_short_rows(void *out, const char *from, const int64_t *strides, int64_t rows,
                            int64_t width, size_t size)
{
    if (size == sizeof(uint32_t)) {
        GR__COPY_COLUMNS(uint32_t);
    } else {
        GR__COPY_COLUMNS(uint64_t);
    }
}

static void walk(const gr__load *load, int64_t first, int64_t n, char *out)
{
    int inner = load->rank - 1;
    int64_t index[GR_MAX_RANK], at = 0, width = load->dims[inner];

    for (int i = inner; i >= 0; i--) {
        index[i] = first % load->dims[i];
        first /= load->dims[i];
        at += index[i] * load->strides[i];
    }
    while (n > 0) {
        bool rows = width < SHORT && inner > 0 && index[inner] == 0 && n >= width;
        int axis = rows ? inner - 1 : inner;
        int64_t unit = rows ? width : 1, left = load->dims[axis] - index[axis];
        int64_t steps = n / unit < left ? n / unit : left;
        const char *from = load->base + at * (int64_t)load->size;
        if (rows) {
            copy_short_rows(out, from, &load->strides[axis], steps, width, load->size);
        } else {
            copy_run(out, from, load->strides[inner], steps, load->size);
        }
        out += (size_t)(steps * unit) * load->size;
        n -= steps * unit;
        index[axis] += steps;
        at += steps * load->strides[axis];
        for (int i = axis; i > 0 && index[i] == load->dims[i]; i--) {
            at += load->strides[i - 1] - index[i] * load->strides[i];
            index[i] = 0;
            index[i - 1]++;
        }
    }
}

void gr__load_copy(const gr__load *load, int64_t first, int64_t n, void *out)
{
    if (load->rank == 0) {
        copy_run(out, load->base, 0, n, load->size);
    } else {
        walk(load, first, n, out);
    }
}

const void *gr__load_block(const gr__load *load, int64_t first, int64_t n, void *scratch)
{
    if (load->rank == 1 && load->strides[0] == 1) {
        return load->base + first * (int64_t)load->size;
    }
    gr__load_copy(load, first, n, scratch);
    return scratch;
}

/* Kernels: loops on memory, without graph, scope or error. One table of them for each instruction
 * set; a primitive's descriptor names its slot by offset. */
#ifndef GRADUS_KERNELS_H
#define GRADUS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gradus/pool.h>
#include <gradus/tensor.h>

#define GR__DTYPES 3
#define GR__BLOCK 1024 /* elements of a block; a reduction's order rests on it */
#define GR__LANES 16   /* lanes of a reduction within a block */

/* MAP: n elements of contiguous blocks; out may be one of the operands. Unused operands are
 * NULL. */
typedef void gr__map_kernel(void *out, const void *a, const void *b, const void *c, int64_t n);

/* The forms of a map kernel, as bits: which of its last two operands is one number for all
 * elements. Unary kernels have the first form alone, binary ones no form for two numbers. */
enum { GR__NUMBER_A = 1, GR__NUMBER_B = 2, GR__FORMS = 4 };

/* SOURCE: elements first .. first + n - 1 of a tensor that has no operands. */
typedef void gr__source_kernel(void *out, const void *detail, int64_t first, int64_t n);

/* REDUCE: how a dtype's elements are folded. Lanes and partial results have the dtype. */
typedef struct gr__reduce_kernel {
    void (*start)(void *lanes, int64_t n);               /* the neutral element */
    void (*fold)(void *lanes, const void *x, int64_t n); /* lanes[i] with x[i] */
    void (*block)(void *out, const void *x, int64_t n);  /* n <= GR__BLOCK into *out */
    void (*tree)(void *x, int64_t n); /* n partial results, by pairs of neighbours, into *x */
    void (*rows)(void *out, const void *x, int64_t rows, int64_t n); /* rows blocks of n */
} gr__reduce_kernel;

/* One index for each of `rows` rows of `length` elements: the element of x there, or zeros but for
 * the row's element of x there. Indices are in range. */
typedef void gr__row_kernel(void *out, const void *x, const int64_t *index, int64_t rows,
                            int64_t length);

/* Each of n elements `times` times over, one after the other. */
typedef void gr__repeat_kernel(void *out, const void *x, int64_t n, int64_t times);

/* Copies memory past the caches; other threads see it after a fence. */
typedef void gr__stream_kernel(void *out, const void *x, size_t bytes);
typedef void gr__fence_kernel(void);

/* OPAQUE: whole arrays. */
typedef struct gr__array {
    void *data; /* of element (0, ...) */
    gr_dtype dtype;
    int rank;
    int64_t count;
    int64_t dims[GR_MAX_RANK];
    int64_t strides[GR_MAX_RANK]; /* in elements */
} gr__array;

/* What a kernel found wrong in the numbers: "got 12 at (3,0), want 0 to 9". The kernel
 * then touched nothing out of range; its output is undefined. */
typedef struct gr__fault {
    bool found;
    const char *argument; /* of the public function */
    char text[120];
} gr__fault;

/* Finds the first index, in logical order, that is not in 0 .. extent - 1. */
typedef void gr__index_check(const gr__array *index, int64_t extent, gr__fault *fault);

typedef void gr__opaque_kernel(const gr__array *out, const gr__array *in, const void *detail,
                               int threads, gr__fault *fault);

/* Details that the evaluator and its kernels read. */
typedef struct gr__constant {
    double start, step; /* start + i * step */
} gr__constant;

typedef struct gr__random {
    uint64_t key;
    uint64_t high, low; /* counters of the high and of the low 32 bits of each draw */
    double a, b;        /* low, high; mean, std; p, the number in place of 0 */
    int64_t first;      /* integers: first .. first + span - 1 */
    uint64_t span;
} gr__random;

/* Counters that the high (or the low) words of n random elements take: four words each. */
#define GR__COUNTERS(n) (((uint64_t)(n) + 3) / 4)

typedef struct gr__reduced {
    int mask; /* of the axes, one bit each */
} gr__reduced;

typedef struct gr__along {
    int axis;
} gr__along;

/* x in a larger array: its i-th element along the axis is there the start + i * step-th. */
typedef struct gr__placed {
    int axis;
    bool open; /* other nodes write the other elements; else they are `fill` */
    int64_t start, step;
    double fill;
} gr__placed;

typedef struct gr__order {
    int axis; /* along which the result has as many elements as are wanted, the first of all */
    bool descending;
} gr__order;

/* An element of a row that is being sorted; one's working memory is twice its elements. */
typedef struct gr__keyed {
    uint64_t key; /* in the order of the elements, NaN the largest */
    int64_t position;
} gr__keyed;

enum { GR__FEW = 64 }; /* so many are sorted, or selected, without working memory */

typedef struct gr__scan {
    int axis;
    bool reverse; /* from the last element to the first */
} gr__scan;

typedef struct gr__system {
    bool upper, unit; /* a triangle: which, and whether its diagonal is 1 whatever it holds */
    bool transposed;  /* solve with the transpose of what was factored */
} gr__system;

/* Rows and columns that the kernels for systems finish at a time. Each thread's working memory is
 * as many rows of their result. */
#define GR__LINALG_BLOCK 32

typedef struct gr__pool {
    int axes;            /* the last ones, 1 or 2 */
    gr_window window[2]; /* along rows and columns; of one axis, the second */
} gr__pool;

typedef struct gr__hops {
    int axis;
    int64_t stride; /* from one window to the next */
} gr__hops;

typedef struct gr__conv {
    int64_t stride[2], padding[2], dilation[2], groups;
} gr__conv;

typedef struct gr__kernels {
#define GR_UNARY(name, ...) gr__map_kernel *name[1][GR__DTYPES];
#define GR_BINARY(name, ...) gr__map_kernel *name[GR__FORMS][GR__DTYPES];
#define GR_TERNARY(name, ...) gr__map_kernel *name[GR__FORMS][GR__DTYPES];
#include <gradus/elementwise.def>
#undef GR_UNARY
#undef GR_BINARY
#undef GR_TERNARY
    gr__map_kernel *cast[GR__DTYPES][GR__DTYPES]; /* [from][to] */
    gr__reduce_kernel sum[GR__DTYPES], max[GR__DTYPES], min[GR__DTYPES];
    gr__stream_kernel *stream;
    gr__fence_kernel *fence;
    gr__index_check *check_index;
#define GR__SLOT(types, kind, name) kind *name[GR__DTYPES];
#include "src/kernels/slots.def"
#undef GR__SLOT
} gr__kernels;

/* The slopes of SELU at 0 (Klambauer et al., 2017). */
#define GR__SELU_SCALE 1.0507009873554804934 /* from above */
#define GR__SELU_SLOPE 1.7580993408473768600 /* from below */

/* Names of one instruction set's kernels: GR__KERNEL(x) is x_v3 in the objects built for
 * x86-64-v3, and so on. */
#define GR__KERNEL_GLUE(name, isa) name##_##isa
#define GR__KERNEL_NAME(name, isa) GR__KERNEL_GLUE(name, isa)
#define GR__KERNEL(name) GR__KERNEL_NAME(name, GR__ISA)

extern const gr__kernels gr__kernels_v1, gr__kernels_v3, gr__kernels_v4;

#endif

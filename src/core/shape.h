/* Interned shapes: equal shapes are one pointer, so that comparing is comparing pointers and a node
 * holds eight bytes. They live until the program ends and are shared by all threads. */
#ifndef GRADUS_CORE_SHAPE_H
#define GRADUS_CORE_SHAPE_H

#include <gradus/tensor.h>

typedef struct gr__shape {
    int rank;
    int64_t dims[GR_MAX_RANK];
    int64_t strides[GR_MAX_RANK]; /* of C order, in elements */
    int64_t count;                /* product of dims; times 8 bytes it fits a size_t */
    uint64_t hash;
    const struct gr__shape *next; /* in its bucket */
} gr__shape;

/* Where a view's elements are: element (i...) at offset + sum i * stride, in elements. */
typedef struct gr__layout {
    int64_t offset;
    int64_t strides[GR_MAX_RANK];
} gr__layout;

/* The interned form, or NULL after reporting a negative extent, a rank above 8, a product that
 * overflows, or no memory, for `function` and `argument`. */
const gr__shape *gr__shape_of(const char *function, const char *argument, int rank,
                              const int64_t *dims);

/* NumPy's broadcasting of two shapes; NULL if they do not fit, which the caller reports; a product
 * that overflows is reported for `function`. */
const gr__shape *gr__shape_broadcast(const char *function, const gr__shape *a, const gr__shape *b);

/* Writes "(2,3)" (rank 0: "()"); returns text. */
char *gr__shape_text(const gr__shape *shape, char text[GR_SHAPE_TEXT]);

/* An axis counted from the end made one from 0; -1 after reporting one out of range. */
int gr__axis(const char *function, const char *argument, int axis, int rank);

/* The axes as bits (bit i: axis i); -1 after reporting one out of range or named twice. */
int gr__axes(const char *function, const char *argument, gr_axes axes, int rank);

/* The shape without the axes of `mask`, or with 1 in their places. */
const gr__shape *gr__shape_reduced(const char *function, const gr__shape *shape, int mask,
                                   bool keepdim);

#endif

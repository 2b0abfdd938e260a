/* Loops over strided arrays in logical order. Axes of extent 1 are left out and neighbours that one
 * stride can serve are merged, so that the last axis, a kernel's inner loop, is long. */
#ifndef GRADUS_KERNELS_NEST_H
#define GRADUS_KERNELS_NEST_H

#include <inttypes.h>
#include <stdio.h>

#include "src/kernels/kernels.h"

/* The positions of two arrays of the same extents: `rows` of `width` positions, a row being the
 * last axis; `step` are the strides along it. */
typedef struct gr__nest {
    int rank;
    int64_t rows, width, step[2];
    int64_t dims[GR_MAX_RANK];
    int64_t strides[GR_MAX_RANK][2];
} gr__nest;

static inline void gr__nest_push(gr__nest *n, int64_t extent, int64_t stride0, int64_t stride1)
{
    int d = n->rank - 1;

    if (extent == 1) return;
    if (d >= 0 && n->strides[d][0] == extent * stride0 && n->strides[d][1] == extent * stride1) {
        n->dims[d] *= extent;
    } else {
        d = n->rank++;
        n->dims[d] = extent;
    }
    n->strides[d][0] = stride0;
    n->strides[d][1] = stride1;
}

static inline gr__nest gr__nest_of(int rank, const int64_t *dims, const int64_t *strides0,
                                   const int64_t *strides1)
{
    gr__nest n = {.rows = 1, .width = 1};

    for (int d = 0; d < rank; d++) gr__nest_push(&n, dims[d], strides0[d], strides1[d]);
    for (int d = 0; d < n.rank - 1; d++) n.rows *= n.dims[d];
    if (n.rank > 0) {
        n.width = n.dims[n.rank - 1];
        n.step[0] = n.strides[n.rank - 1][0];
        n.step[1] = n.strides[n.rank - 1][1];
    }
    return n;
}

/* The positions before and behind an axis. */
typedef struct gr__sides {
    gr__nest before, behind;
} gr__sides;

static inline gr__sides gr__sides_of(int axis, int rank, const int64_t *dims,
                                     const int64_t *strides0, const int64_t *strides1)
{
    int next = axis + 1;

    return (gr__sides){gr__nest_of(axis, dims, strides0, strides1),
                       gr__nest_of(rank - next, dims + next, strides0 + next, strides1 + next)};
}

/* A stretch of a row: where it begins in logical order and in each array, and how long it is. */
typedef struct gr__piece {
    int64_t first, count, offset[2];
} gr__piece;

/* Rows are cut into pieces of at most `size` positions. */
static inline int64_t gr__nest_pieces(const gr__nest *n, int64_t size)
{
    return n->rows * ((n->width + size - 1) / size);
}

static inline gr__piece gr__nest_piece(const gr__nest *n, int64_t size, int64_t piece)
{
    int64_t pieces = (n->width + size - 1) / size, row = piece / pieces;
    int64_t first = piece % pieces * size, left = n->width - first;
    gr__piece p = {.first = row * n->width + first, .count = left < size ? left : size};

    p.offset[0] = first * n->step[0];
    p.offset[1] = first * n->step[1];
    for (int d = n->rank - 2; d >= 0; d--) {
        p.offset[0] += row % n->dims[d] * n->strides[d][0];
        p.offset[1] += row % n->dims[d] * n->strides[d][1];
        row /= n->dims[d];
    }
    return p;
}

/* Bytes of an element. */
static inline int64_t gr__size_of(const gr__array *x)
{
    return x->dtype == GR_F32 ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
}

/* Writes element number `i` of an array as (3,0). Its extents multiply to an int64, so it has at
 * most 36 characters. */
static inline void gr__print_position(char *text, size_t size, int rank, const int64_t *dims,
                                      int64_t i)
{
    int64_t at[GR_MAX_RANK];
    char *end = text;

    for (int d = rank - 1; d >= 0; d--) {
        at[d] = i % dims[d];
        i /= dims[d];
    }
    for (int d = 0; d < rank; d++)
        end += snprintf(end, size - (size_t)(end - text), "%c%" PRId64, d ? ',' : '(', at[d]);
    snprintf(end, size - (size_t)(end - text), ")");
}

#endif

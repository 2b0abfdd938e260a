/* Interned shapes, in a table of lists that only grow: a look-up takes no lock. */
#include "src/core/shape.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "src/core/alloc.h"

enum { BUCKETS = 4096 };

static _Atomic(const gr__shape *) buckets[BUCKETS];

static uint64_t hash_of(int rank, const int64_t *dims)
{
    uint64_t hash = 0x9E3779B97F4A7C15u + (uint64_t)rank;

    for (int i = 0; i < rank; i++) {
        hash = (hash ^ (uint64_t)dims[i]) * 0xD6E8FEB86659FD93u;
        hash ^= hash >> 32;
    }
    return hash;
}

static const gr__shape *find(const gr__shape *list, uint64_t hash, int rank, const int64_t *dims)
{
    for (; list; list = list->next) {
        if (list->hash == hash && list->rank == rank &&
            memcmp(list->dims, dims, (size_t)rank * sizeof *dims) == 0) {
            return list;
        }
    }
    return NULL;
}

/* The product of the extents; -1 if 8 bytes an element would not fit an int64. An extent of 0 does
 * not excuse the others: the strides are products too. */
static int64_t count_of(int rank, const int64_t *dims)
{
    int64_t count = 1, nonzero = 8;

    for (int i = 0; i < rank; i++) {
        if (__builtin_mul_overflow(nonzero, dims[i] ? dims[i] : 1, &nonzero)) {
            return -1;
        }
        count *= dims[i];
    }
    return count;
}

static const gr__shape *intern(uint64_t hash, int rank, const int64_t *dims, int64_t count)
{
    gr__shape *shape = gr__alloc(sizeof *shape);

    if (!shape) {
        return NULL;
    }
    *shape = (gr__shape){.rank = rank, .count = count, .hash = hash};
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        shape->dims[i] = dims[i];
        shape->strides[i] = stride;
        stride *= dims[i] ? dims[i] : 1;
    }
    _Atomic(const gr__shape *) *bucket = &buckets[hash % BUCKETS];
    const gr__shape *head = atomic_load_explicit(bucket, memory_order_acquire);
    do {
        const gr__shape *other = find(head, hash, rank, dims);
        if (other) { /* another thread was faster */
            gr__free(shape);
            return other;
        }
        shape->next = head;
    } while (!atomic_compare_exchange_weak_explicit(bucket, &head, shape, memory_order_release,
                                                    memory_order_acquire));
    return shape;
}

static const gr__shape *lookup(int rank, const int64_t *dims)
{
    uint64_t hash = hash_of(rank, dims);

    return find(atomic_load_explicit(&buckets[hash % BUCKETS], memory_order_acquire), hash, rank,
                dims);
}

const gr__shape *gr__shape_of(const char *function, const char *argument, int rank,
                              const int64_t *dims)
{
    if (rank < 0 || rank > GR_MAX_RANK) {
        gr_fail(GR_ERROR_SHAPE, function, argument, "got rank %d, want 0 to %d", rank, GR_MAX_RANK);
        return NULL;
    }
    const gr__shape *shape = lookup(rank, dims);
    if (shape) {
        return shape;
    }
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) {
            gr_fail(GR_ERROR_SHAPE, function, argument, "axis %d: got %lld, want 0 or more", i,
                    (long long)dims[i]);
            return NULL;
        }
    }
    int64_t count = count_of(rank, dims);
    if (count < 0) {
        gr_fail(GR_ERROR_MEMORY, function, argument, "the product of the extents overflows");
        return NULL;
    }
    shape = intern(hash_of(rank, dims), rank, dims, count);
    if (!shape) {
        gr_fail(GR_ERROR_MEMORY, function, argument, "no memory for a shape");
    }
    return shape;
}

const gr__shape *gr__shape_broadcast(const char *function, const gr__shape *a, const gr__shape *b)
{
    int64_t dims[GR_MAX_RANK];

    if (a == b) {
        return a;
    }
    const gr__shape *longer = a->rank >= b->rank ? a : b, *shorter = longer == a ? b : a;
    int shift = longer->rank - shorter->rank;
    bool same = true;
    for (int i = 0; i < longer->rank; i++) {
        int64_t m = longer->dims[i], n = i < shift ? 1 : shorter->dims[i - shift];
        if (m != n && m != 1 && n != 1) {
            return NULL;
        }
        dims[i] = m == 1 ? n : m;
        same = same && dims[i] == m;
    }
    return same ? longer : gr__shape_of(function, NULL, longer->rank, dims);
}

static char *dims_text(int rank, const int64_t *dims, char text[GR_SHAPE_TEXT])
{
    int used = snprintf(text, GR_SHAPE_TEXT, "(");

    for (int i = 0; i < rank && i < GR_MAX_RANK; i++) {
        used += snprintf(text + used, (size_t)(GR_SHAPE_TEXT - used), "%s%lld", i ? "," : "",
                         (long long)dims[i]);
    }
    snprintf(text + used, (size_t)(GR_SHAPE_TEXT - used), ")");
    return text;
}

char *gr__shape_text(const gr__shape *shape, char text[GR_SHAPE_TEXT])
{
    return dims_text(shape->rank, shape->dims, text);
}

char *gr_shape_text(gr_shape shape, char text[GR_SHAPE_TEXT])
{
    return dims_text(shape.rank, shape.dims, text);
}

int gr__axis(const char *function, const char *argument, int axis, int rank)
{
    if (axis >= -rank && axis < rank) {
        return axis < 0 ? axis + rank : axis;
    }
    if (rank == 0) {
        gr_fail(GR_ERROR_SHAPE, function, argument, "got %d, but a tensor of shape () has no axis",
                axis);
    } else {
        gr_fail(GR_ERROR_SHAPE, function, argument, "got %d, want %d to %d", axis, -rank, rank - 1);
    }
    return -1;
}

int gr__axes(const char *function, const char *argument, gr_axes axes, int rank)
{
    int mask = 0;

    if (axes.count < 0) {
        return (1 << rank) - 1;
    }
    for (int i = 0; i < axes.count && i < GR_MAX_RANK; i++) {
        int axis = gr__axis(function, argument, axes.axis[i], rank);
        if (axis < 0) {
            return -1;
        }
        if (mask >> axis & 1) {
            gr_fail(GR_ERROR_SHAPE, function, argument, "axis %d is named twice", axis);
            return -1;
        }
        mask |= 1 << axis;
    }
    return mask;
}

const gr__shape *gr__shape_reduced(const char *function, const gr__shape *shape, int mask,
                                   bool keepdim)
{
    int64_t dims[GR_MAX_RANK];
    int rank = 0;

    for (int i = 0; i < shape->rank; i++) {
        if (!(mask >> i & 1)) {
            dims[rank++] = shape->dims[i];
        } else if (keepdim) {
            dims[rank++] = 1;
        }
    }
    return gr__shape_of(function, NULL, rank, dims);
}

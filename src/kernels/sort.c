/* argsort: the positions of a row's elements in order, all of them or the first ones. An element is
 * sorted by a whole number that has its order, its key, so one sort serves every dtype and both
 * directions: short rows by counting, a few of many by insertion, others by digits (Knuth, vol. 3,
 * 5.2, 5.2.1 and 5.2.5). All three keep equal elements in order. */
#include "src/kernels/kernels.h"

#include <string.h>

#include "src/kernels/nest.h"

/* ---- keys: -0 is 0, NaN comes last ---- */

static inline uint64_t key_f32(float x)
{
    uint32_t bits, sign = (uint32_t)1 << 31;

    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT32_MAX : bits & sign ? ~bits : bits | sign;
}

static inline uint64_t key_f64(double x)
{
    uint64_t bits, sign = (uint64_t)1 << 63;

    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT64_MAX : bits & sign ? ~bits : bits | sign;
}

static inline uint64_t key_i64(int64_t x)
{
    return (uint64_t)x ^ (uint64_t)1 << 63;
}

/* ---- rows ---- */

/* n elements of x, and where the positions of the `wanted` first ones go; `turn` is all ones to turn
 * the order round. */
typedef struct row {
    const void *x;
    int64_t *out;
    int64_t n, wanted, x_step, out_step;
    uint64_t turn;
    gr__keyed *room; /* 2 n elements, if both numbers are above GR__FEW */
} row;

typedef void row_kernel(const row *r);

static void write_positions(const row *r, const gr__keyed *list)
{
    for (int64_t i = 0; i < r->wanted; i++) r->out[i * r->out_step] = list[i].position;
}

/* An element's place is the number of those that come before it. Counted without a branch, in whole
 * vectors: keys up to a multiple of 8 are there. */
static void sort_by_counting(const row *r, const uint64_t *key)
{
    int64_t place[GR__FEW] = {0}, whole = (r->n + 7) / 8 * 8;

    for (int64_t j = 0; j < r->n; j++)
        for (int64_t i = 0; i < whole; i++)
            place[i] += (key[j] < key[i]) | ((key[j] == key[i]) & (j < i));
    for (int64_t i = 0; i < r->n; i++)
        if (place[i] < r->wanted) r->out[place[i] * r->out_step] = i;
}

/* Puts x into a list of the `count` least so far, in order, which keeps `most`; returns how many
 * they now are. */
static inline int64_t insert(gr__keyed *list, int64_t count, int64_t most, gr__keyed x)
{
    int64_t i = count < most ? count : most - 1;

    if (count == most && x.key >= list[i].key) return count;
    for (; i > 0 && list[i - 1].key > x.key; i--) list[i] = list[i - 1];
    list[i] = x;
    return count < most ? count + 1 : count;
}

static inline int64_t digit(gr__keyed x, int d)
{
    return (int64_t)(x.key >> 8 * d & 255);
}

/* Moves n elements to where the counts of their digit's values say, in order. */
static void move_by_digit(gr__keyed *to, const gr__keyed *from, int64_t n, int d, int64_t *counts)
{
    int64_t before = 0;

    for (int v = 0; v < 256; v++) {
        int64_t count = counts[v];
        counts[v] = before;
        before += count;
    }
    for (int64_t i = 0; i < n; i++) to[counts[digit(from[i], d)]++] = from[i];
}

/* Sorts the row's room by the last digits of the keys, one after the other, between its halves. One
 * that all have in common costs nothing. */
static void sort_by_digits(const row *r, int digits)
{
    gr__keyed *from = r->room, *to = r->room + r->n;
    int64_t counts[8][256] = {{0}};

    for (int64_t i = 0; i < r->n; i++)
        for (int d = 0; d < digits; d++) counts[d][digit(from[i], d)]++;
    for (int d = 0; d < digits; d++) {
        if (counts[d][digit(from[0], d)] == r->n) continue;
        move_by_digit(to, from, r->n, d, counts[d]);
        gr__keyed *sorted = to;
        to = from;
        from = sorted;
    }
    write_positions(r, from);
}

#define ROW(dtype, T) \
    static inline uint64_t key_at_##dtype(const row *r, int64_t i) \
    { \
        return key_##dtype(((const T *)r->x)[i * r->x_step]) ^ r->turn; \
    } \
\
    static void count_##dtype(const row *r) \
    { \
        uint64_t key[GR__FEW] = {0}; \
        for (int64_t i = 0; i < r->n; i++) key[i] = key_at_##dtype(r, i); \
        sort_by_counting(r, key); \
    } \
\
    static void insert_##dtype(const row *r) \
    { \
        gr__keyed list[GR__FEW]; \
        int64_t count = 0; \
        for (int64_t i = 0; i < r->n; i++) \
            count = insert(list, count, r->wanted, (gr__keyed){key_at_##dtype(r, i), i}); \
        write_positions(r, list); \
    } \
\
    static void row_##dtype(const row *r) \
    { \
        if (r->n <= GR__FEW) \
            count_##dtype(r); \
        else if (r->wanted <= GR__FEW) \
            insert_##dtype(r); \
        else { \
            for (int64_t i = 0; i < r->n; i++) r->room[i] = (gr__keyed){key_at_##dtype(r, i), i}; \
            sort_by_digits(r, (int)sizeof(T)); \
        } \
    }

ROW(f32, float)
ROW(f64, double)
ROW(i64, int64_t)

/* Rows that are found at once. */
enum { PIECE = 16 };

/* Threads share out the rows in as many parts as there is room for. */
static void argsort(row_kernel *kernel, const gr__array *out, const gr__array *in,
                    const gr__order *order, int threads)
{
    int64_t dims[GR_MAX_RANK], n = in->dims[order->axis], wanted = out->dims[order->axis];
    int64_t size = gr__size_of(in);

    if (out->count == 0) return;
    for (int d = 0; d < out->rank; d++) dims[d] = d == order->axis ? 1 : out->dims[d];
    gr__nest rows = gr__nest_of(out->rank, dims, in->strides, out->strides);
    int64_t pieces = gr__nest_pieces(&rows, PIECE), parts = pieces < threads ? pieces : threads;
#pragma omp parallel for num_threads(threads) if (parts > 1)
    for (int64_t part = 0; part < parts; part++) {
        row r = {.n = n,
                 .wanted = wanted,
                 .x_step = in->strides[order->axis],
                 .out_step = out->strides[order->axis],
                 .turn = order->descending ? UINT64_MAX : 0,
                 .room = wanted > GR__FEW ? (gr__keyed *)in[1].data + 2 * n * part : NULL};
        for (int64_t i = pieces * part / parts; i < pieces * (part + 1) / parts; i++) {
            gr__piece p = gr__nest_piece(&rows, PIECE, i);
            for (int64_t j = 0; j < p.count; j++) {
                r.x = (const char *)in->data + (p.offset[0] + j * rows.step[0]) * size;
                r.out = (int64_t *)out->data + p.offset[1] + j * rows.step[1];
                kernel(&r);
            }
        }
    }
}

#define ARGSORT(dtype) \
    gr__opaque_kernel GR__KERNEL(gr__argsort_##dtype); \
    void GR__KERNEL(gr__argsort_##dtype)(const gr__array *out, const gr__array *in, \
                                         const void *detail, int threads, gr__fault *fault) \
    { \
        (void)fault; \
        argsort(row_##dtype, out, in, detail, threads); \
    }

ARGSORT(f32)
ARGSORT(f64)
ARGSORT(i64)

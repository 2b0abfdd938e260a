/* Matrix products of elements T. Included once for each T, after T, GEMM (the name of the kernel) and,
 * where the machine has it, FMA (of whole vectors) are defined.
 *
 * An element of c is one chain a[i][0] b[0][j] + a[i][1] b[1][j] + ... in the order of k, held in a
 * register for up to ROWS rows of two vectors at a time; at an edge it is the same chain. Thin
 * products whose operands both run along k are summed in lanes instead. The work is cut by sizes
 * alone, and k is never shared out. */
#include <string.h>

#include "src/kernels/nest.h"
#include "src/kernels/product.h"

#if defined(__AVX512F__)
#define BYTES 64
#elif defined(__AVX__)
#define BYTES 32
#else
#define BYTES 16
#endif

#ifndef FMA
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

#ifdef __clang__
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

typedef T vector __attribute__((vector_size(BYTES)));
typedef T anywhere __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));

enum {
    LANES = BYTES / sizeof(T),
    WIDTH = 2 * LANES,                   /* columns of a panel */
    ROWS = BYTES == 64 ? 8 : 6,          /* of a tile: its sums fill the registers */
    DEPTH = 32768 / (WIDTH * sizeof(T)), /* rows of a packed panel: 32 KB */
    BLOCK = 128,                         /* rows of c that share a packed panel */
    IN_PLACE = 32,                       /* rows of c up to which packing does not pay */
    THIN = 2,                            /* rows of a thin product, at most */
    SLICE = 512,                         /* part of k that a thin product takes at a time */
    PARALLEL = 1 << 19                   /* multiplications worth a parallel region */
};

static inline int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A panel of b: `depth` rows, `row` apart, of contiguous columns. */
typedef struct panel {
    const T *data;
    int64_t depth, row;
} panel;

/* clang-format off */
/* c = a b, or c + a b if there is `more` in c, for a tile of `rows` by `vectors`. */
static inline __attribute__((always_inline)) void
tile(int rows, int vectors, T *c, int64_t c_row, const T *a, const gr__product *p, const panel *b,
     bool more)
{
    vector sum[ROWS][2] = {0};

    UNROLL
    for (int i = 0; i < rows && more; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++)
            sum[i][v] = *(const anywhere *)(c + i * c_row + v * LANES);
    }
    for (int64_t l = 0; l < b->depth; l++) {
        vector y[2];
        UNROLL
        for (int v = 0; v < vectors; v++)
            y[v] = *(const anywhere *)(b->data + l * b->row + v * LANES);
        UNROLL
        for (int i = 0; i < rows; i++) {
            vector x = a[i * p->a_row + l * p->a_column] - (vector){0}; /* in every lane */
            UNROLL
            for (int v = 0; v < vectors; v++) sum[i][v] = FMA(x, y[v], sum[i][v]);
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int v = 0; v < vectors; v++) *(anywhere *)(c + i * c_row + v * LANES) = sum[i][v];
    }
}
/* clang-format on */

/* Any number of rows, in tiles. */
static inline void tiles(int64_t rows, int vectors, T *c, int64_t c_row, const T *a,
                         const gr__product *p, const panel *b, bool more)
{
    int64_t i = 0;

    for (; i <= rows - ROWS; i += ROWS)
        tile(ROWS, vectors, c + i * c_row, c_row, a + i * p->a_row, p, b, more);
    for (; i <= rows - 4; i += 4)
        tile(4, vectors, c + i * c_row, c_row, a + i * p->a_row, p, b, more);
    for (; i <= rows - 2; i += 2)
        tile(2, vectors, c + i * c_row, c_row, a + i * p->a_row, p, b, more);
    for (; i < rows; i++) tile(1, vectors, c + i * c_row, c_row, a + i * p->a_row, p, b, more);
}

static inline void copy(T *to, int64_t to_row, int64_t to_column, const T *from, int64_t from_row,
                        int64_t from_column, int64_t rows, int64_t width)
{
    for (int64_t i = 0; i < rows; i++) {
        T *y = to + i * to_row;
        const T *x = from + i * from_row;
        if (to_column == 1 && from_column == 1)
            memcpy(y, x, (size_t)width * sizeof(T));
        else
            for (int64_t j = 0; j < width; j++) y[j * to_column] = x[j * from_column];
    }
}

/* Tiles by way of a buffer, for fewer columns than a panel has or columns that lie apart. */
static void edge(int64_t rows, int64_t width, T *c, const T *a, const gr__product *p,
                 const panel *b, bool more)
{
    T buffer[ROWS * WIDTH] __attribute__((aligned(64)));

    for (int64_t i = 0; i < rows; i += ROWS) {
        int64_t height = least(ROWS, rows - i);
        const T *from = a + i * p->a_row;
        T *to = c + i * p->c_row;
        if (more) {
            memset(buffer, 0, sizeof buffer);
            copy(buffer, WIDTH, 1, to, p->c_row, p->c_column, height, width);
        }
        if (width <= LANES)
            tiles(height, 1, buffer, WIDTH, from, p, b, more);
        else
            tiles(height, 2, buffer, WIDTH, from, p, b, more);
        copy(to, p->c_row, p->c_column, buffer, WIDTH, 1, height, width);
    }
}

typedef T quad __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));

/* Four columns of b, contiguous from row to row, turned into rows of a panel. */
static void pack_four(T *to, const T *b, int64_t b_column, int64_t depth)
{
    int64_t l = 0;

    for (; l <= depth - 4; l += 4, to += 4 * WIDTH) {
        const T *from = b + l;
        quad w = *(const quad *)from, x = *(const quad *)(from + b_column);
        quad y = *(const quad *)(from + 2 * b_column), z = *(const quad *)(from + 3 * b_column);
        quad wx = __builtin_shufflevector(w, x, 0, 4, 1, 5);
        quad yz = __builtin_shufflevector(y, z, 0, 4, 1, 5);
        *(quad *)to = __builtin_shufflevector(wx, yz, 0, 1, 4, 5);
        *(quad *)(to + WIDTH) = __builtin_shufflevector(wx, yz, 2, 3, 6, 7);
        wx = __builtin_shufflevector(w, x, 2, 6, 3, 7);
        yz = __builtin_shufflevector(y, z, 2, 6, 3, 7);
        *(quad *)(to + 2 * WIDTH) = __builtin_shufflevector(wx, yz, 0, 1, 4, 5);
        *(quad *)(to + 3 * WIDTH) = __builtin_shufflevector(wx, yz, 2, 3, 6, 7);
    }
    for (; l < depth; l++, to += WIDTH)
        for (int64_t j = 0; j < 4; j++) to[j] = b[l + j * b_column];
}

/* Copies rows of a panel. Columns that it lacks are filled with whatever comes next in b, or with
 * zeros near the end of it: they only reach sums that nobody reads. */
static void pack_rows(T *to, const T *b, const gr__product *p, int64_t depth, int64_t width,
                      int64_t left)
{
    int64_t end = width + (p->b_row > 0 ? (left - 1) * p->b_row : 0);

    for (int64_t l = 0; l < depth; l++, to += WIDTH) {
        int64_t at = l * p->b_row;
        if (at + WIDTH <= end) {
            memcpy(to, b + at, WIDTH * sizeof(T));
        } else {
            memset(to, 0, WIDTH * sizeof(T));
            memcpy(to, b + at, (size_t)width * sizeof(T));
        }
    }
}

/* Copies a panel of b, which has `left` rows from here on. */
static void pack(T *to, const T *b, const gr__product *p, int64_t depth, int64_t width,
                 int64_t left)
{
    int64_t j = 0;

    if (p->b_column == 1) {
        pack_rows(to, b, p, depth, width, left);
        return;
    }
    if (width < WIDTH) memset(to, 0, (size_t)(depth * WIDTH) * sizeof(T));
    for (; j <= width - 4 && p->b_row == 1; j += 4)
        pack_four(to + j, b + j * p->b_column, p->b_column, depth);
    for (; j < width; j++) {
        for (int64_t l = 0; l < depth; l++) to[l * WIDTH + j] = b[l * p->b_row + j * p->b_column];
    }
}

/* `rows` by `width` elements of c. */
static void block(int64_t rows, int64_t width, T *c, const T *a, const T *b, const gr__product *p)
{
    T packed[DEPTH * WIDTH] __attribute__((aligned(64)));
    bool whole = width == WIDTH || width == LANES;
    bool in_place = p->b_column == 1 && whole && rows <= IN_PLACE;

    for (int64_t l = 0; l < p->k; l += DEPTH) {
        const T *x = a + l * p->a_column, *y = b + l * p->b_row;
        panel s = {y, least(DEPTH, p->k - l), p->b_row};
        if (!in_place) {
            pack(packed, y, p, s.depth, width, p->k - l);
            s.data = packed;
            s.row = WIDTH;
        }
        if (!whole || p->c_column != 1)
            edge(rows, width, c, x, p, &s, l > 0);
        else if (width == LANES)
            tiles(rows, 1, c, p->c_row, x, p, &s, l > 0);
        else
            tiles(rows, 2, c, p->c_row, x, p, &s, l > 0);
    }
}

/* Block t of those that c is cut into. */
static void block_of(const gr__product *p, T *c, const T *a, const T *b, int64_t t)
{
    int64_t across = (p->n + WIDTH - 1) / WIDTH, i = t / across * BLOCK, j = t % across * WIDTH;

    block(least(BLOCK, p->m - i), least(WIDTH, p->n - j), c + i * p->c_row + j * p->c_column,
          a + i * p->a_row, b + j * p->b_column, p);
}

static void blocks(const gr__product *p, T *c, const T *a, const T *b, int threads)
{
    int64_t count = (p->m + BLOCK - 1) / BLOCK * ((p->n + WIDTH - 1) / WIDTH);

    if (threads == 1 || count == 1 || p->m * p->n * p->k < PARALLEL) {
        for (int64_t t = 0; t < count; t++) block_of(p, c, a, b, t);
        return;
    }
#pragma omp parallel for num_threads(threads)
    for (int64_t t = 0; t < count; t++) block_of(p, c, a, b, t);
}

/* clang-format off */
/* The sum of n products in GR__LANES lanes by index, then folded in halves; a has zeros after n. */
static inline T dot(const T *a, const T *b, int64_t n)
{
    T lane[GR__LANES], rest[GR__LANES] = {0};
    vector sum[GR__LANES / LANES] = {0};

    for (int64_t l = 0; l < n; l += GR__LANES) {
        const T *x = a + l, *y = b + l;
        if (n - l < GR__LANES) y = memcpy(rest, y, (size_t)(n - l) * sizeof(T));
        UNROLL
        for (int v = 0; v < GR__LANES / LANES; v++)
            sum[v] = FMA(*(const anywhere *)(x + v * LANES), *(const anywhere *)(y + v * LANES),
                         sum[v]);
    }
    memcpy(lane, sum, sizeof lane);
    UNROLL
    for (int half = GR__LANES / 2; half > 0; half /= 2) {
        UNROLL
        for (int j = 0; j < half; j++) lane[j] += lane[j + half];
    }
    return lane[0];
}
/* clang-format on */

/* At most THIN rows of c, columns first to last, from columns of b that are contiguous. */
static void thin_columns(const gr__product *p, T *c, const T *a, const T *b, int64_t first,
                         int64_t last)
{
    T rows[THIN][SLICE];

    for (int64_t l = 0; l < p->k; l += SLICE) {
        int64_t depth = least(SLICE, p->k - l);
        for (int64_t i = 0; i < p->m; i++) {
            for (int64_t s = 0; s < depth; s++)
                rows[i][s] = a[i * p->a_row + (l + s) * p->a_column];
            for (int64_t s = depth; s % GR__LANES != 0; s++) rows[i][s] = 0;
        }
        for (int64_t j = first; j < last; j++) {
            for (int64_t i = 0; i < p->m; i++) {
                T *to = c + i * p->c_row + j * p->c_column;
                T sum = dot(rows[i], b + j * p->b_column + l, depth);
                *to = l > 0 ? *to + sum : sum;
            }
        }
    }
}

static void thin(const gr__product *p, T *c, const T *a, const T *b, int threads)
{
    if (threads == 1 || p->n * p->k < PARALLEL) {
        thin_columns(p, c, a, b, 0, p->n);
        return;
    }
#pragma omp parallel for num_threads(threads)
    for (int64_t j = 0; j < p->n; j += BLOCK) thin_columns(p, c, a, b, j, least(p->n, j + BLOCK));
}

/* The same product for the transpose of c. */
static gr__product transposed(const gr__product *p)
{
    return (gr__product){p->n,        p->m,     p->k,        p->b_column, p->b_row,
                         p->a_column, p->a_row, p->c_column, p->c_row};
}

void GR__KERNEL(GEMM)(const gr__product *p, void *c, const void *a, const void *b, int threads)
{
    gr__product t = transposed(p);
    bool turn = p->n <= THIN && p->n < p->m;
    const gr__product *q = turn ? &t : p;
    const T *left = turn ? b : a, *right = turn ? a : b;

    if (q->m <= THIN && q->b_row == 1 && q->k >= GR__LANES)
        thin(q, c, left, right, threads);
    else
        blocks(q, c, left, right, threads);
}

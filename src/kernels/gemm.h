/* Matrix products of elements T. Included once for each T, after T and GEMM (the name of the kernel)
 * are defined. Knows matrices of any strides; not dtypes, batches or BLIS.
 *
 * The chain. Every element of c is one chain of fused multiply-adds in the order of k:
 *     s = 0;  s = fma(a[i][l], b[l][j], s) for l = 0 .. k - 1;  c[i][j] = s
 * (a * b + c in two roundings where the machine has no fma). Nothing below changes it: a vector
 * holds neighbouring elements of a row of c, never parts of one sum; where k is cut, s waits in c,
 * which has its type; an edge takes the same steps on a padded panel. So the bits depend on neither
 * sizes, strides, blocks nor threads, and k is never shared out.
 *
 * The tile. ROWS rows of two vectors of c stay in registers while l runs: per step two vectors of b
 * are loaded, and each of ROWS elements of a is spread over a vector. With 32 registers 8 x 2 sums
 * hide the latency of fma (4 steps on two units) at 10 loads for 16 fmas; with 16 registers 6 x 2
 * is the most that fits. Any smaller number of rows has a tile of its own; those of one or two
 * rows are wider, or there would be too few sums to hide the latency.
 *
 * The panel. A tile reads b at one place per row of b, so the columns of b that belong to it are
 * copied together, DEPTH rows of two vectors (32 KB at most, of a first-level cache), and then
 * serve BLOCK rows of c. That is also where a transposed b is turned. Few rows of c do not repay
 * the copy when rows of b are contiguous: then b is read in place. While tiles run, the next panel
 * is fetched into the second-level cache, because its rows lie pages apart, where the hardware
 * does not look.
 *
 * The block. a is read in place, but a large a whose columns are contiguous has the elements of a
 * tile in as many pages as there are steps: its blocks of BLOCK by DEPTH elements are copied to lie
 * densely in the second-level cache, and each then serves PANELS panels.
 *
 * A product with few columns is computed as the transpose of c when that gives longer vectors. */
#include <string.h>

#include "src/kernels/loops.h"
#include "src/kernels/nest.h"
#include "src/kernels/product.h"
#include "src/kernels/vector.h"

#if BYTES == 64
#define ROWS 8
#else
#define ROWS 6
#endif

enum {
    DEPTH = 256,                /* rows of a panel of two vectors; of wider ones fewer */
    WIDEST = ROWS == 8 ? 8 : 4, /* vectors of a panel for at most two rows */
    BLOCK = 1024 / sizeof(T),   /* rows of c that share a panel */
    PANELS = 16,                /* panels that share a copied block of a */
    IN_PLACE = 32,              /* rows of c up to which packing does not pay */
    PAD = 64 / sizeof(T),       /* keeps copies out of the same cache sets */
    LARGE = 1 << 20,            /* bytes of a from which on its blocks are copied */
    SHALLOW = 4,                /* steps so few that writing c is what costs */
    PARALLEL = 1 << 22          /* multiplications worth waking threads up: some 35 us */
};

/* What tiles read and write: c (+)= a b over `depth` steps. Rows of b and c are contiguous; from a
 * tile to the next a moves on by `a_tile`. */
typedef struct step {
    T *c;
    const T *a, *b;
    int64_t c_row, a_row, a_column, a_tile, b_row, depth;
    bool more; /* c holds the sums of earlier steps */
} step;

/* ---- tiles ---- */

/* `count` tiles, one below the other. */
/* clang-format off */
#define TILE(rows, vectors) \
static void tile_##rows##x##vectors(const step *s, int64_t count) \
{ \
    int64_t a_row = s->a_row, a_column = s->a_column, b_row = s->b_row, c_row = s->c_row; \
    const T *from = s->a; \
    T *c = s->c; \
    for (; count > 0; count--, c += rows * c_row, from += s->a_tile) { \
        vector sum[rows][vectors] = {0}; \
        const T *a = from, *b = s->b; \
        if (s->more) \
            GR__UNROLL for (int i = 0; i < rows; i++) \
                GR__UNROLL for (int v = 0; v < vectors; v++) \
                    sum[i][v] = *(const anywhere *)(c + i * c_row + v * LANES); \
        for (int64_t l = s->depth; l > 0; l--, a += a_column, b += b_row) { \
            vector y[vectors]; \
            GR__UNROLL for (int v = 0; v < vectors; v++) y[v] = *(const anywhere *)(b + v * LANES); \
            GR__UNROLL for (int i = 0; i < rows; i++) { \
                vector x = a[i * a_row] - (vector){0}; /* in every lane */ \
                GR__UNROLL for (int v = 0; v < vectors; v++) sum[i][v] = FMA(x, y[v], sum[i][v]); \
            } \
        } \
        GR__UNROLL for (int i = 0; i < rows; i++) \
            GR__UNROLL for (int v = 0; v < vectors; v++) \
                *(anywhere *)(c + i * c_row + v * LANES) = sum[i][v]; \
    } \
}

TILE(1, 1) TILE(1, 2) TILE(1, 4) TILE(2, 1) TILE(2, 2) TILE(2, 4)
TILE(3, 1) TILE(3, 2) TILE(4, 1) TILE(4, 2) TILE(5, 1) TILE(5, 2) TILE(6, 1) TILE(6, 2)
#if ROWS == 8
TILE(1, 8) TILE(2, 8) TILE(7, 1) TILE(7, 2) TILE(8, 1) TILE(8, 2)
#endif
    /* clang-format on */

    typedef void tile(const step *s, int64_t count);

static tile *const tile_of[ROWS + 1][WIDEST + 1] = {
    [1] = {[1] = tile_1x1, [2] = tile_1x2, [4] = tile_1x4},
    [2] = {[1] = tile_2x1, [2] = tile_2x2, [4] = tile_2x4},
    [3] = {[1] = tile_3x1, [2] = tile_3x2},
    [4] = {[1] = tile_4x1, [2] = tile_4x2},
    [5] = {[1] = tile_5x1, [2] = tile_5x2},
    [6] = {[1] = tile_6x1, [2] = tile_6x2},
#if ROWS == 8
    [1][8] = tile_1x8,
    [2][8] = tile_2x8,
    [7] = {[1] = tile_7x1, [2] = tile_7x2},
    [8] = {[1] = tile_8x1, [2] = tile_8x2},
#endif
};

/* `rows` rows of c, tile by tile. */
static void tiles(step *s, int64_t rows, int64_t vectors)
{
    int64_t count = rows / ROWS;

    if (count > 0) tile_of[ROWS][vectors](s, count);
    s->c += count * ROWS * s->c_row;
    s->a += count * s->a_tile;
    if (rows % ROWS > 0) tile_of[rows % ROWS][vectors](s, 1);
}

/* The same for two vectors, while the rows of `next`, the panel that comes next, are fetched. */
static void tiles_ahead(step *s, int64_t rows, const T *next, int64_t next_row)
{
    int64_t left = s->depth, share = s->depth * ROWS / rows + 1;

    for (; rows > 0; rows -= ROWS, s->c += ROWS * s->c_row, s->a += s->a_tile) {
        for (int64_t l = gr__least(share, left); l > 0; l--, left--, next += next_row) {
            __builtin_prefetch(next, 0, 2);
            __builtin_prefetch(next + LANES, 0, 2);
        }
        tile_of[gr__least(ROWS, rows)][2](s, 1);
    }
}

/* Copies `rows` rows of `width` elements. */
static void copy(T *to, int64_t to_row, int64_t to_column, const T *from, int64_t from_row,
                 int64_t from_column, int64_t rows, int64_t width)
{
    for (int64_t i = 0; i < rows; i++, to += to_row, from += from_row) {
        if (to_column == 1 && from_column == 1)
            memcpy(to, from, (size_t)width * sizeof(T));
        else
            for (int64_t j = 0; j < width; j++) to[j * to_column] = from[j * from_column];
    }
}

/* Tiles by way of a buffer, for columns of c that are fewer than the lanes or lie apart. */
static void edge(step *s, int64_t rows, int64_t width, int64_t vectors, int64_t c_column)
{
    T buffer[2 * ROWS * LANES] __attribute__((aligned(64)));
    step t = *s;

    t.c = buffer;
    t.c_row = vectors * LANES;
    for (; rows > 0; rows -= ROWS, t.a += s->a_tile, s->c += ROWS * s->c_row) {
        int64_t height = gr__least(ROWS, rows);
        if (s->more) {
            memset(buffer, 0, sizeof buffer);
            copy(buffer, t.c_row, 1, s->c, s->c_row, c_column, height, width);
        }
        tile_of[height][vectors](&t, 1);
        copy(s->c, s->c_row, c_column, buffer, t.c_row, 1, height, width);
    }
}

/* ---- panels of b ---- */

typedef T quad __attribute__((vector_size(4 * sizeof(T)), aligned(sizeof(T)), may_alias));

/* Four columns of b, contiguous from row to row, turned into rows of a panel. */
static void pack_four(T *to, int64_t to_row, const T *b, int64_t b_column, int64_t depth)
{
    int64_t l = 0;

    for (; l <= depth - 4; l += 4, b += 4, to += 4 * to_row) {
        quad w = *(const quad *)b, x = *(const quad *)(b + b_column);
        quad y = *(const quad *)(b + 2 * b_column), z = *(const quad *)(b + 3 * b_column);
        quad wx = __builtin_shufflevector(w, x, 0, 4, 1, 5);
        quad yz = __builtin_shufflevector(y, z, 0, 4, 1, 5);
        *(quad *)to = __builtin_shufflevector(wx, yz, 0, 1, 4, 5);
        *(quad *)(to + to_row) = __builtin_shufflevector(wx, yz, 2, 3, 6, 7);
        wx = __builtin_shufflevector(w, x, 2, 6, 3, 7);
        yz = __builtin_shufflevector(y, z, 2, 6, 3, 7);
        *(quad *)(to + 2 * to_row) = __builtin_shufflevector(wx, yz, 0, 1, 4, 5);
        *(quad *)(to + 3 * to_row) = __builtin_shufflevector(wx, yz, 2, 3, 6, 7);
    }
    for (; l < depth; l++, b++, to += to_row)
        for (int64_t j = 0; j < 4; j++) to[j] = b[j * b_column];
}

/* Rows of a panel of `vectors`, of which b has `width` columns; the rest is zero and only reaches
 * sums that nobody reads. */
static void pack_rows(T *to, int64_t vectors, const T *b, int64_t b_row, int64_t depth,
                      int64_t width)
{
    int64_t whole = width / LANES;

    for (; depth > 0; depth--, b += b_row, to += vectors * LANES) {
        for (int64_t v = 0; v < whole; v++)
            *(vector *)(to + v * LANES) = *(const anywhere *)(b + v * LANES);
        if (whole < vectors) *(vector *)(to + whole * LANES) = (vector){0};
        for (int64_t j = whole * LANES; j < width; j++) to[j] = b[j];
    }
}

static void pack(T *to, int64_t vectors, const T *b, const gr__product *p, int64_t depth,
                 int64_t width)
{
    int64_t j = 0, to_row = vectors * LANES;

    if (p->b_column == 1) {
        pack_rows(to, vectors, b, p->b_row, depth, width);
        return;
    }
    if (width < to_row) memset(to, 0, (size_t)(depth * to_row) * sizeof(T));
    for (; j <= width - 4 && p->b_row == 1; j += 4)
        pack_four(to + j, to_row, b + j * p->b_column, p->b_column, depth);
    for (; j < width; j++) {
        for (int64_t l = 0; l < depth; l++) to[l * to_row + j] = b[l * p->b_row + j * p->b_column];
    }
}

/* ---- parts of c ---- */

/* A part of c and how it is computed. */
typedef struct part {
    const gr__product *product;
    int64_t rows, width;
    int64_t vectors; /* of a panel */
    bool ahead;      /* whether panels are fetched ahead */
    T *block;        /* where blocks of a are copied, or NULL */
} part;

/* Copies a block of a whose columns are contiguous, as the columns of tiles. */
static void copy_block(T *to, step *s, int64_t rows)
{
    const T *a = s->a;

    for (int64_t l = 0; l < s->depth; l++, a += s->a_column) {
        T *at = to + l * ROWS;
        int64_t i = 0;
        for (; i <= rows - ROWS; i += ROWS, at += ROWS * (DEPTH + PAD))
            memcpy(at, a + i, ROWS * sizeof(T));
        memcpy(at, a + i, (size_t)(rows - i) * sizeof(T));
    }
    s->a = to;
    s->a_column = ROWS;
    s->a_tile = ROWS * (DEPTH + PAD);
}

/* The widest panel that fits into `width` columns, or, where b is packed, that holds them. */
static int64_t vectors_for(int64_t width, int64_t most, bool packed)
{
    int64_t vectors = most;

    while (vectors > 1 && (packed ? vectors / 2 * LANES >= width : vectors * LANES > width))
        vectors /= 2;
    return vectors;
}

/* One panel: some of the `width` columns that are left. Returns how many. */
static int64_t panel(const part *q, step s, int64_t width)
{
    T packed[2 * DEPTH * LANES] __attribute__((aligned(64)));
    const gr__product *p = q->product;
    bool in_place = p->b_column == 1 && q->rows <= IN_PLACE && width >= LANES;
    int64_t vectors = vectors_for(width, q->vectors, !in_place), lanes = vectors * LANES;
    bool ahead = q->ahead && !in_place && vectors == 2;
    const T *next = s.b + lanes;

    width = gr__least(width, lanes);
    if (!in_place) {
        pack(packed, vectors, s.b, p, s.depth, width);
        s.b = packed;
        s.b_row = lanes;
    }
    if (width < lanes || p->c_column != 1)
        edge(&s, q->rows, width, vectors, p->c_column);
    else if (ahead)
        tiles_ahead(&s, q->rows, next, p->b_row);
    else
        tiles(&s, q->rows, vectors);
    return width;
}

/* Computes a part from where s begins; without any steps (k = 0) it becomes zero. */
static void run_part(const part *q, step s)
{
    const gr__product *p = q->product;
    int64_t depth = DEPTH * 2 / (q->vectors < 2 ? 2 : q->vectors);

    for (int64_t l = 0; l == 0 || l < p->k; l += depth) {
        step t = s;
        int64_t done;
        t.depth = gr__least(depth, p->k - l);
        t.more = l > 0;
        if (q->block) copy_block(q->block, &t, q->rows);
        for (int64_t j = 0; j < q->width; j += done) {
            done = panel(q, t, q->width - j);
            t.b += done * p->b_column;
            t.c += done * p->c_column;
        }
        s.a += depth * p->a_column;
        s.b += depth * p->b_row;
    }
}

/* A function of its own, so that only large products take so much of the stack. */
static __attribute__((noinline)) void run_part_copied(part q, step s)
{
    T block[(BLOCK + ROWS) * (DEPTH + PAD)] __attribute__((aligned(64)));

    q.block = block;
    run_part(&q, s);
}

/* How c is cut into parts: by sizes alone. */
typedef struct grid {
    int64_t rows, width, vectors;
    bool ahead, copied;
} grid;

/* n elements in equal parts of at most `most`, in whole units: the extent of a part. */
static int64_t share(int64_t n, int64_t most, int64_t unit)
{
    int64_t parts = (n + most - 1) / most;

    return ((n + parts - 1) / parts + unit - 1) / unit * unit;
}

static grid grid_of(const gr__product *p)
{
    int64_t vectors = p->m <= 2 ? WIDEST : 2;
    grid g = {.rows = p->m <= BLOCK ? p->m : share(p->m, BLOCK, ROWS),
              .width = vectors * LANES,
              .vectors = vectors};

    g.ahead = p->b_column == 1 && p->k * p->n >= LARGE / (int64_t)sizeof(T);
    g.copied = p->a_row == 1 && p->a_column != 1 && p->n > PANELS * g.width && p->m > IN_PLACE &&
               p->m * p->k >= LARGE / (int64_t)sizeof(T);
    if (p->k <= SHALLOW && p->m > IN_PLACE && p->m * p->n >= LARGE / 4 / (int64_t)sizeof(T)) {
        g.rows = 2 * ROWS;
        g.width = p->n;
    }
    if (g.copied) g.width = share(p->n, PANELS * g.width, g.width);
    return g;
}

/* The part of c that begins at element (i, j). */
static void part_at(const gr__product *p, const grid *g, T *c, const T *a, const T *b, int64_t i,
                    int64_t j)
{
    part q = {
        p, gr__least(g->rows, p->m - i), gr__least(g->width, p->n - j), g->vectors, g->ahead, NULL};
    step s = {.c = c + i * p->c_row + j * p->c_column,
              .a = a + i * p->a_row,
              .b = b + j * p->b_column,
              .c_row = p->c_row,
              .a_row = p->a_row,
              .a_column = p->a_column,
              .a_tile = ROWS * p->a_row,
              .b_row = p->b_row};

    if (g->copied)
        run_part_copied(q, s);
    else
        run_part(&q, s);
}

static void multiply(const gr__product *p, T *c, const T *a, const T *b, int threads)
{
    grid g = grid_of(p);

    if (threads == 1 || p->m * p->n * p->k < PARALLEL) {
        for (int64_t i = 0; i < p->m; i += g.rows) {
            for (int64_t j = 0; j < p->n; j += g.width) part_at(p, &g, c, a, b, i, j);
        }
        return;
    }
#pragma omp parallel for collapse(2) num_threads(threads) schedule(dynamic)
    for (int64_t i = 0; i < p->m; i += g.rows) {
        for (int64_t j = 0; j < p->n; j += g.width) part_at(p, &g, c, a, b, i, j);
    }
}

/* The same product for the transpose of c. */
static gr__product transposed(const gr__product *p)
{
    return (gr__product){p->n,        p->m,     p->k,        p->b_column, p->b_row,
                         p->a_column, p->a_row, p->c_column, p->c_row};
}

void GR__KERNEL(GEMM)(const gr__product *p, void *c, const void *a, const void *b, int threads)
{
    if (p->n < p->m && (p->n <= LANES / 2 || (p->a_row == 1 && p->n < 2 * LANES))) {
        gr__product t = transposed(p);
        multiply(&t, c, b, a, threads);
    } else {
        multiply(p, c, a, b, threads);
    }
}

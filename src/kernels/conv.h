/* Convolutions: the geometry of the three primitives and how their work is cut, by sizes alone. All
 * that follows knows no dtype but its size and no instruction set, so that who reserves working
 * memory and who uses it agree.
 *
 *     y[n][o][i][j] = sum over c, a, b of  w[o][c][a][b] x[n][c][i s + a d - p][j s + b d - p]
 *
 * with strides s, dilations d and paddings p of each axis, zeros beside x, and channels in groups.
 * The input gradient is the same sum seen from x, the weight gradient seen from w.
 *
 * A sweep computes results from what it reads, by taps: forward it is the whole convolution. The
 * input gradient of stride s takes s sweeps along an axis, one for each remainder of positions: an
 * element of x meets every s-th tap only, and always the same ones for the same remainder. */
#ifndef GRADUS_KERNELS_CONV_H
#define GRADUS_KERNELS_CONV_H

#include "src/kernels/kernels.h"
#include "src/kernels/loops.h"

/* One axis of a sweep. Output t reads at step t + shift + m shift_step for its m-th tap, which is
 * element tap + m tap_step of the kernel, and goes to element first + t every of the result. */
typedef struct gr__sweep_axis {
    int64_t in;    /* extent of what is read */
    int64_t count; /* outputs */
    int64_t step, shift, shift_step;
    int64_t taps, tap, tap_step;
    int64_t first, every;
} gr__sweep_axis;

/* What a block of outputs reads is packed, so that each tap of the kernel reads at one offset,
 * without a bound to check and with zeros where there is padding. There are two ways.
 *
 * Rows: as in the array, but for columns that are `step` apart, which lie side by side. Neighbours
 * in a row of outputs then read neighbours.
 *
 * Planes: for each column of the kernel what it meets, in rows as wide as those of outputs, and,
 * unless they can share rows, for each row of the kernel too. Then all outputs of a block are one
 * stretch of neighbours: worth the more copying where rows are short. */
typedef struct gr__planes {
    gr__sweep_axis axis[2];
    int64_t channels;
    int64_t rows, columns; /* outputs of a block: whole rows, or columns of one */
    bool shared;           /* rows of the kernel meet the same rows of a plane */
    int64_t read_rows;     /* of a plane */
    int64_t each;          /* planes for a channel */
} gr__planes;

typedef struct gr__sweep {
    gr__sweep_axis axis[2];
    int64_t images, groups, in, out; /* channels of a group that are read and computed */
    int64_t depth;                   /* products in a sum */
    int64_t rows, columns;           /* outputs of a block */
    int64_t together;                /* images in a block */
    int64_t read_rows, read_columns, phase, pitch; /* packed rows: what a block reads; from a column
                                                      to its neighbour, from a row to the next */
    int64_t plane;                                 /* from a channel, or a plane, to the next */
    bool flat;                                     /* packed as planes */
    gr__planes planes;
} gr__sweep;

/* The weight gradient is cut into strips of y, blocks that are packed as planes: a strip is one
 * stretch of numbers in y and, at some offset, in each plane. Strips of several images are taken
 * together; chunks of strips are added up apart, and their sums in the end. A task is a chunk for a
 * slab of channels of x, so many that the sums stay in the second-level cache. */
typedef struct gr__weigh {
    gr__planes planes;
    int64_t images, groups, out;  /* channels of a group in y */
    int64_t in, taps;             /* channels of a group in x, elements of a kernel */
    int64_t slabs;                /* of channels: `planes.channels` each */
    int64_t strips[2];            /* of an image */
    int64_t together;             /* images */
    bool few;                     /* their outputs are: then they are one stretch for each tap */
    int64_t x_plane, x_image;     /* from one packed plane or image to the next */
    int64_t units, chunk, chunks; /* strips of all images; of a chunk; how many chunks */
} gr__weigh;

enum {
    GR__CONV_ALIGN = 64,      /* bytes; no vector is longer */
    GR__CONV_BLOCK = 1 << 18, /* bytes of a packed block: it stays in the second-level cache */
    GR__CONV_FEW = 128,       /* outputs that are to be computed together, of several images */
    GR__CONV_NARROW = 64,     /* outputs of a row that are worth a block */
    GR__CONV_TAPS = 3,        /* of a tile of the weight gradient */
    GR__CONV_CLOSE = 3 << 10, /* bytes of a channel of y that stay in the first-level cache */
    GR__CONV_CHUNK = 4096,    /* positions worth a sum of their own */
    GR__CONV_CHUNKS = 8,
    GR__CONV_SUMS = 1 << 19, /* bytes of vectors that wait for more */
};

static inline int64_t gr__conv_parts(int64_t n, int64_t most)
{
    return (n + most - 1) / most;
}

/* n in equal parts of at most `most`: the extent of a part. */
static inline int64_t gr__conv_share(int64_t n, int64_t most)
{
    return n <= most ? n : gr__conv_parts(n, gr__conv_parts(n, most));
}

static inline int64_t gr__conv_round(int64_t bytes)
{
    return (bytes + GR__CONV_ALIGN - 1) / GR__CONV_ALIGN * GR__CONV_ALIGN;
}

/* ---- axes ---- */

static inline gr__sweep_axis gr__forward_axis(const gr__conv *conv, int d, int64_t in, int64_t taps,
                                              int64_t count)
{
    return (gr__sweep_axis){.in = in,
                            .count = count,
                            .step = conv->stride[d],
                            .shift = -conv->padding[d],
                            .shift_step = conv->dilation[d],
                            .taps = taps,
                            .tap_step = 1,
                            .every = 1};
}

static inline int64_t gr__conv_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Positions `phase`, phase + stride, ... of x. Tap a meets them if phase + p - a d is a multiple of
 * the stride: a first one, if any, and then every (stride / divisor)-th. */
static inline gr__sweep_axis gr__backward_axis(const gr__conv *conv, int d, int64_t phase,
                                               int64_t in, int64_t taps, int64_t count)
{
    int64_t s = conv->stride[d], dilation = conv->dilation[d], place = phase + conv->padding[d];
    int64_t divisor = gr__conv_divisor(s, dilation), tap = 0;

    while (tap < s / divisor && tap < taps && (place - tap * dilation) % s != 0) tap++;
    bool none = tap == s / divisor || tap >= taps;
    return (gr__sweep_axis){.in = in,
                            .count = (count - phase + s - 1) / s,
                            .step = 1,
                            .shift = none ? 0 : (place - tap * dilation) / s,
                            .shift_step = -dilation / divisor,
                            .taps = none ? 0 : (taps - tap + s / divisor - 1) / (s / divisor),
                            .tap = tap,
                            .tap_step = s / divisor,
                            .first = phase,
                            .every = s};
}

/* From the first to the last tap. */
static inline int64_t gr__sweep_span(const gr__sweep_axis *a)
{
    int64_t step = a->shift_step < 0 ? -a->shift_step : a->shift_step;

    return a->taps > 1 ? (a->taps - 1) * step : 0;
}

static inline int64_t gr__sweep_lowest(const gr__sweep_axis *a)
{
    return a->shift_step < 0 ? a->shift - gr__sweep_span(a) : a->shift;
}

static inline int64_t gr__sweep_reads(const gr__sweep_axis *a, int64_t outputs)
{
    return a->step * (outputs - 1) + gr__sweep_span(a) + 1;
}

/* ---- planes ---- */

static inline gr__planes gr__planes_of(const gr__sweep_axis *h, const gr__sweep_axis *w,
                                       int64_t channels, bool may_share)
{
    gr__planes p = {.axis = {*h, *w}, .channels = channels};

    p.shared = may_share && h->step == 1 && gr__sweep_span(h) <= (h->taps - 1) * h->count;
    p.each = p.shared ? w->taps : h->taps * w->taps;
    return p;
}

/* Rows and columns of a block, whose planes are to have at most `most` elements. */
static inline void gr__planes_cut(gr__planes *p, int64_t most)
{
    const gr__sweep_axis *h = &p->axis[0], *w = &p->axis[1];
    int64_t reach = p->shared ? gr__sweep_span(h) : 0;
    int64_t each = most / gr__most(p->channels * p->each, 1);

    p->rows = gr__conv_share(h->count, gr__most(each / w->count - reach, 1));
    p->columns = p->rows > 1
                     ? w->count
                     : gr__conv_share(w->count, gr__most(each / (1 + reach), GR__CONV_NARROW));
    p->read_rows = p->rows + reach;
}

static inline int64_t gr__planes_plane(const gr__planes *p)
{
    return p->read_rows * p->columns;
}

/* ---- sweeps ---- */

static inline void gr__sweep_rows(gr__sweep *s, int64_t size)
{
    const gr__sweep_axis *h = &s->axis[0], *w = &s->axis[1];
    int64_t budget = GR__CONV_BLOCK / size / gr__most(s->in, 1);
    int64_t widest = (budget / gr__sweep_reads(h, 1) - gr__sweep_span(w)) / w->step;

    s->together = 1;
    s->columns = gr__conv_share(w->count, gr__most(widest, GR__CONV_NARROW));
    s->read_columns = gr__sweep_reads(w, s->columns);
    s->phase = gr__conv_parts(s->read_columns, w->step);
    s->pitch = s->phase * gr__least(w->step, s->read_columns);
    int64_t highest = (budget / s->pitch - gr__sweep_span(h)) / h->step;
    s->rows = gr__conv_share(h->count, gr__most(highest, 1));
    s->read_rows = gr__sweep_reads(h, s->rows);
    s->plane = s->read_rows * s->pitch + GR__CONV_ALIGN / size;
}

/* Where outputs are few, of several whole images. */
static inline void gr__sweep_planes(gr__sweep *s, int64_t size)
{
    int64_t count = s->axis[0].count * s->axis[1].count, budget = GR__CONV_BLOCK / size;
    bool few = count < GR__CONV_FEW / 2;

    s->planes = gr__planes_of(&s->axis[0], &s->axis[1], s->in, !few);
    gr__planes_cut(&s->planes, few ? INT64_MAX : budget);
    s->rows = s->planes.rows;
    s->columns = s->planes.columns;
    bool large = s->in * s->planes.each * GR__CONV_FEW > budget;
    int64_t wanted = few ? gr__conv_parts(large ? GR__CONV_FEW / 4 : GR__CONV_FEW, count) : 1;
    s->together = gr__least(s->images, wanted);
    s->plane = gr__conv_round(s->together * gr__planes_plane(&s->planes) * size) / size;
}

/* Whether planes save a quarter of the vectors, of the longest there are (below that their larger
 * reach into the caches costs as much), and enough for the copying of some 5 steps a row: a vector
 * takes half a step for each product. */
static inline bool gr__sweep_is_flat(const gr__sweep *s, int64_t size)
{
    const gr__sweep_axis *h = &s->axis[0], *w = &s->axis[1];
    int64_t lanes = GR__CONV_ALIGN / size, vectors = h->count * gr__conv_parts(w->count, lanes);
    int64_t saved = vectors - gr__conv_parts(h->count * w->count, lanes);

    return h->taps * w->taps > 0 && 4 * saved >= vectors &&
           saved * h->taps * s->out / 2 > 5 * (h->count + h->taps);
}

static inline void gr__sweep_cut(gr__sweep *s, int64_t size)
{
    s->depth = s->in * s->axis[0].taps * s->axis[1].taps;
    s->flat = gr__sweep_is_flat(s, size);
    if (s->flat)
        gr__sweep_planes(s, size);
    else
        gr__sweep_rows(s, size);
}

static inline int64_t gr__sweep_weights(const gr__sweep *s, int64_t size)
{
    return gr__conv_round(s->groups * s->out * s->depth * size);
}

static inline int64_t gr__sweep_offsets(const gr__sweep *s)
{
    return gr__conv_round(s->depth * (int64_t)sizeof(int64_t));
}

static inline int64_t gr__sweep_room(const gr__sweep *s, int64_t size)
{
    int64_t planes = s->flat ? s->planes.each : 1;

    return gr__conv_round(s->in * planes * s->plane * size) + GR__CONV_ALIGN;
}

static inline int64_t gr__sweep_bytes(const gr__sweep *s, int64_t size, int threads)
{
    return gr__sweep_weights(s, size) + gr__sweep_offsets(s) + threads * gr__sweep_room(s, size);
}

/* Of arrays x, w and y: forward, then by remainder of the position along both axes. */
static inline gr__sweep gr__forward_sweep(const gr__conv *conv, const int64_t *x, const int64_t *w,
                                          const int64_t *y, int64_t size)
{
    gr__sweep s = {.images = x[0], .groups = conv->groups, .in = w[1], .out = w[0] / conv->groups};

    for (int d = 0; d < 2; d++) s.axis[d] = gr__forward_axis(conv, d, x[2 + d], w[2 + d], y[2 + d]);
    gr__sweep_cut(&s, size);
    return s;
}

/* Remainders along an axis that an element of x has. */
static inline int64_t gr__conv_phases(const gr__conv *conv, const int64_t *x, int d)
{
    return gr__least(conv->stride[d], x[2 + d]);
}

static inline gr__sweep gr__backward_sweep(const gr__conv *conv, const int64_t *x, const int64_t *w,
                                           const int64_t *y, int64_t phase, int64_t size)
{
    int64_t across = gr__conv_phases(conv, x, 1), phases[2] = {phase / across, phase % across};
    gr__sweep s = {.images = x[0], .groups = conv->groups, .in = w[0] / conv->groups, .out = w[1]};

    for (int d = 0; d < 2; d++)
        s.axis[d] = gr__backward_axis(conv, d, phases[d], y[2 + d], w[2 + d], x[2 + d]);
    gr__sweep_cut(&s, size);
    return s;
}

static inline int64_t gr__product_of(const int64_t *dims)
{
    return dims[0] * dims[1] * dims[2] * dims[3];
}

/* Working memory of the three kernels, from the extents of x, w and y. */
static inline size_t gr__convolve_bytes(const gr__conv *conv, const int64_t *x, const int64_t *w,
                                        const int64_t *y, size_t size, int threads)
{
    if (gr__product_of(y) == 0) return 0;
    gr__sweep s = gr__forward_sweep(conv, x, w, y, (int64_t)size);
    return (size_t)gr__sweep_bytes(&s, (int64_t)size, threads);
}

/* Of one sweep after the other. */
static inline size_t gr__spread_bytes(const gr__conv *conv, const int64_t *x, const int64_t *w,
                                      const int64_t *y, size_t size, int threads)
{
    int64_t bytes = 0;

    if (gr__product_of(x) == 0) return 0;
    for (int64_t i = 0; i < gr__conv_phases(conv, x, 0) * gr__conv_phases(conv, x, 1); i++) {
        gr__sweep s = gr__backward_sweep(conv, x, w, y, i, (int64_t)size);
        bytes = gr__most(bytes, gr__sweep_bytes(&s, (int64_t)size, threads));
    }
    return (size_t)bytes;
}

/* ---- the weight gradient ---- */

/* None of the extents is 0. */
static inline gr__weigh gr__weigh_of(const gr__conv *conv, const int64_t *x, const int64_t *w,
                                     const int64_t *y, int64_t size)
{
    gr__weigh g = {.images = x[0],
                   .groups = conv->groups,
                   .out = w[0] / conv->groups,
                   .in = w[1],
                   .taps = w[2] * w[3]};
    int64_t slab = GR__CONV_SUMS / GR__CONV_ALIGN / (g.out * g.taps);
    gr__sweep_axis axis[2];
    gr__planes *p = &g.planes;

    for (int d = 0; d < 2; d++) axis[d] = gr__forward_axis(conv, d, x[2 + d], w[2 + d], y[2 + d]);
    g.few = y[2] * y[3] < GR__CONV_FEW / 2;
    *p = gr__planes_of(&axis[0], &axis[1], gr__conv_share(w[1], gr__most(slab, 1)), !g.few);
    g.slabs = gr__conv_parts(w[1], p->channels);
    gr__planes_cut(p, g.few ? INT64_MAX : GR__CONV_BLOCK / size);
    g.strips[0] = gr__conv_parts(y[2], p->rows);
    g.strips[1] = gr__conv_parts(y[3], p->columns);
    int64_t fit = GR__CONV_BLOCK / size / (p->channels * p->each * gr__planes_plane(p));
    int64_t close = GR__CONV_CLOSE / size / (p->rows * p->columns);
    g.together = gr__most(gr__least(fit, close), 1);
    g.x_plane = gr__planes_plane(p) * (g.few ? g.together : 1);
    g.x_image = gr__planes_plane(p) * (g.few ? 1 : p->channels * p->each);
    g.units = g.images * g.strips[0] * g.strips[1];
    for (g.chunks = 1; g.chunks < GR__CONV_CHUNKS && 2 * g.chunks <= g.units &&
                       2 * g.chunks * GR__CONV_CHUNK <= g.images * y[2] * y[3];)
        g.chunks *= 2;
    g.chunk = gr__conv_parts(g.units, g.chunks);
    return g;
}

/* Packed x, packed y, and the sums of a task. */
static inline int64_t gr__weigh_x(const gr__weigh *g, int64_t size)
{
    const gr__planes *p = &g->planes;
    int64_t image = p->channels * p->each * gr__planes_plane(p);

    return gr__conv_round(g->together * image * size) + GR__CONV_ALIGN;
}

static inline int64_t gr__weigh_y(const gr__weigh *g, int64_t size)
{
    int64_t strip = g->planes.rows * g->planes.columns;

    return gr__conv_round(g->together * g->out * strip * size) + GR__CONV_ALIGN;
}

static inline int64_t gr__weigh_sums(const gr__weigh *g)
{
    int64_t tiles = gr__conv_parts(g->planes.channels * g->taps, GR__CONV_TAPS);

    return g->out * tiles * GR__CONV_TAPS * GR__CONV_ALIGN;
}

static inline int64_t gr__weigh_offsets(const gr__weigh *g)
{
    return gr__conv_round(g->planes.channels * g->taps * (int64_t)sizeof(int64_t));
}

/* Sums of chunks, for all elements of w. */
static inline int64_t gr__weigh_parts(const gr__weigh *g, int64_t size)
{
    return gr__conv_round(g->chunks * g->groups * g->out * g->in * g->taps * size);
}

static inline int64_t gr__weigh_room(const gr__weigh *g, int64_t size)
{
    return gr__weigh_x(g, size) + gr__weigh_y(g, size) + gr__weigh_sums(g);
}

static inline size_t gr__weigh_bytes(const gr__conv *conv, const int64_t *x, const int64_t *w,
                                     const int64_t *y, size_t size, int threads)
{
    if (gr__product_of(w) == 0 || gr__product_of(x) == 0 || gr__product_of(y) == 0) return 0;
    gr__weigh g = gr__weigh_of(conv, x, w, y, (int64_t)size);
    return (size_t)(gr__weigh_offsets(&g) + gr__weigh_parts(&g, (int64_t)size) +
                    threads * gr__weigh_room(&g, (int64_t)size));
}

#endif

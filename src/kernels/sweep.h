/* Convolutions and their input gradients of elements T. Included once for each T, by way of
 * convolve.h. Knows sweeps (conv.h), arrays of any strides; not dtypes.
 *
 * The chain. Every result is one chain of fused multiply-adds over channels, rows and columns of
 * the kernel, in this order, from 0. A vector holds neighbouring results of a row. So the bits
 * depend on neither blocks, strides, vectors nor threads.
 *
 * The tile. Some channels by some vectors of results stay in registers while the chain runs: for
 * each tap, the vectors are loaded at the tap's offset in the packed block, and the weights of the
 * channels, packed side by side, are each spread over a vector. */

#if defined(__AVX512F__)
#define ROWS 8
#define SUMS 16
#else
#define ROWS 4
#define SUMS 8
#endif

enum { WIDEST = 8 };

/* A tile's weights, the offsets of its taps, and where each vector reads and goes. */
typedef struct tile {
    const T *w, *x[WIDEST];
    T *y[WIDEST];
    int64_t first[WIDEST]; /* of a vector's results, their number in the block */
    const int64_t *offset;
    int64_t depth, y_channel;
} tile;

/* clang-format off */
#define TILE(rows, vectors) \
static void tile_##rows(const tile *t) \
{ \
    const int64_t *offset = t->offset, *end = offset + t->depth; \
    const T *w = t->w, *x[vectors]; \
    vector sum[rows][vectors] = {0}; \
    GR__UNROLL for (int v = 0; v < vectors; v++) x[v] = t->x[v]; \
    for (; offset < end; offset++, w += rows) { \
        vector in[vectors]; \
        GR__UNROLL for (int v = 0; v < vectors; v++) in[v] = *(const anywhere *)(x[v] + *offset); \
        GR__UNROLL for (int i = 0; i < rows; i++) { \
            vector f = w[i] - (vector){0}; /* in every lane */ \
            GR__UNROLL for (int v = 0; v < vectors; v++) sum[i][v] = FMA(f, in[v], sum[i][v]); \
        } \
    } \
    GR__UNROLL for (int i = 0; i < rows; i++) \
        GR__UNROLL for (int v = 0; v < vectors; v++) \
            *(anywhere *)(t->y[v] + i * t->y_channel) = sum[i][v]; \
}

#if ROWS == 8
TILE(8, 2) TILE(4, 4) TILE(2, 8) TILE(1, 8)
#else
TILE(4, 2) TILE(2, 4) TILE(1, 8)
#endif
    /* clang-format on */

    static void (*const tile_of[ROWS + 1])(const tile *) = {
        [1] = tile_1,
        [2] = tile_2,
        [4] = tile_4,
#if ROWS == 8
        [8] = tile_8,
#endif
};

/* The channels of the next tile, where `left` are left. */
static int64_t tile_rows(int64_t left)
{
    int64_t rows = ROWS;

    while (rows > left) rows /= 2;
    return rows;
}

static int64_t tile_vectors(int64_t rows)
{
    return gr__least(SUMS / rows, WIDEST);
}

/* What a sweep works on. Strides of the result are those of its channels' planes and rows. */
typedef struct job {
    gr__sweep sweep;
    const gr__array *x; /* what is read */
    T *y;
    int64_t y_channel, y_row;
    const T *w; /* packed */
    const int64_t *offset;
    char *room;
    int64_t room_bytes;
} job;

/* Packs the weights of all tiles: one after the other for each group, of each the taps, of each the
 * channels. `out` and `in` are the axes of w for channels that are computed and that are read. */
static void pack_weights(const gr__sweep *s, T *to, const gr__array *w, int out, int in)
{
    const gr__sweep_axis *h = &s->axis[0], *v = &s->axis[1];
    int64_t row = h->tap_step * w->strides[2], column = v->tap_step * w->strides[3];
    const T *first = (const T *)w->data + h->tap * w->strides[2] + v->tap * w->strides[3];

    for (int64_t g = 0; g < s->groups; g++) {
        const T *from = first + g * (w->dims[0] / s->groups) * w->strides[0];
        for (int64_t o = 0, rows; o < s->out; o += rows, from += rows * w->strides[out]) {
            rows = tile_rows(s->out - o);
            for (int64_t c = 0; c < s->in; c++)
                for (int64_t a = 0; a < h->taps; a++)
                    for (int64_t b = 0; b < v->taps; b++)
                        for (int64_t i = 0; i < rows; i++)
                            *to++ = from[c * w->strides[in] + a * row + b * column +
                                         i * w->strides[out]];
        }
    }
}

/* The results of one block for the channels of a tile, a vector after the other along lines: rows,
 * or one line where the block is packed as planes. The last vector of a line begins early enough to
 * end with it. In a line shorter than a vector it cannot, and what it writes too much is
 * overwritten by the next, if that is the next in memory; else, and where results lie apart, a tile
 * goes by way of a buffer. */
typedef struct walk {
    const T *x; /* the packed block */
    T *y;       /* the block's first result */
    int64_t images, rows, columns, y_image, y_row, every;
    int64_t lines, length, x_line; /* as they are packed */
    int64_t line, column;          /* where the next vector begins */
    bool direct;                   /* into lines as they are packed */
} walk;

static walk walk_of(const job *j, const block *b, const T *x, T *y, int64_t images)
{
    const gr__sweep *s = &j->sweep;
    const gr__sweep_axis *h = &s->axis[0], *w = &s->axis[1];
    walk k = {.x = x,
              .images = images,
              .rows = gr__least(s->rows, h->count - b->row),
              .columns = gr__least(s->columns, w->count - b->column),
              .y_image = s->groups * s->out * j->y_channel,
              .y_row = h->every * j->y_row,
              .every = w->every,
              .x_line = h->step * s->pitch};
    bool whole = w->every == 1 && (k.rows == 1 || k.y_row == k.columns);

    k.y = y + (h->first + b->row * h->every) * j->y_row + w->first + b->column * w->every;
    k.lines = s->flat ? 1 : k.rows;
    k.length = s->flat ? images * k.rows * k.columns : k.columns;
    k.direct = s->flat ? whole && images == 1 : whole || (w->every == 1 && k.columns >= LANES);
    return k;
}

/* The tile's vector v, and the next step of the walk; past the end the last vector is repeated.
 * Returns whether the vector may be written as it is. */
static inline bool place(walk *k, tile *t, int64_t v)
{
    int64_t column = k->length < LANES ? 0 : gr__least(k->column, k->length - LANES);
    bool fits = k->length >= LANES || (k->lines - k->line) * k->length >= LANES;

    t->x[v] = k->x + k->line * k->x_line + column;
    t->y[v] = k->y + k->line * k->y_row + column;
    t->first[v] = k->line * k->length + column;
    if (k->column + LANES < k->length) {
        k->column += LANES;
    } else if (k->line + 1 < k->lines) {
        k->line++;
        k->column = 0;
    }
    return fits && k->direct;
}

/* n results, of which the first has this number in the block. */
static void scatter(const walk *k, T *y, int64_t first, const T *from, int64_t n)
{
    int64_t column = first % k->columns, line = first / k->columns;

    for (int64_t run; n > 0; n -= run, from += run, line++, column = 0) {
        T *to = y + line / k->rows * k->y_image + line % k->rows * k->y_row + column * k->every;
        run = gr__least(n, k->columns - column);
        if (k->every == 1)
            copy_rows(to, 0, from, 0, 1, 1, run);
        else
            for (int64_t l = 0; l < run; l++) to[l * k->every] = from[l];
    }
}

static void run_buffered(const walk *k, const tile *t, int64_t rows, int64_t vectors)
{
    T buffer[SUMS * LANES] __attribute__((aligned(64)));
    tile other = *t;

    other.y_channel = vectors * LANES;
    for (int64_t v = 0; v < vectors; v++) other.y[v] = buffer + v * LANES;
    tile_of[rows](&other);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t v = 0; v < vectors; v++)
            scatter(k, k->y + i * t->y_channel, t->first[v], other.y[v] + i * other.y_channel,
                    gr__least(LANES, k->length));
}

static void run_tiles(walk k, tile *t, int64_t rows)
{
    int64_t vectors = tile_vectors(rows), count = k.lines * gr__conv_parts(k.length, LANES);

    for (int64_t i = 0; i < count; i += vectors) {
        bool direct = true;
        for (int64_t v = 0; v < vectors; v++) direct &= place(&k, t, v);
        if (direct)
            tile_of[rows](t);
        else
            run_buffered(&k, t, rows, vectors);
    }
}

static void pack(const gr__sweep *s, const block *b, T *to, const gr__array *x, int64_t n,
                 int64_t images, int64_t channel)
{
    if (!s->flat) {
        pack_rows(s, b, to, x, n, channel);
        return;
    }
    for (int64_t i = 0; i < images; i++)
        pack_planes(&s->planes, b, to + i * s->rows * s->columns, s->plane, x, n + i, channel);
}

/* One block of one group, from image n on: packed once, then all channels. */
static void run_block(const job *j, const block *b, T *room, int64_t n, int64_t group)
{
    const gr__sweep *s = &j->sweep;
    int64_t first = group * s->out, images = gr__least(s->together, s->images - n);
    tile t = {.w = j->w + first * s->depth,
              .offset = j->offset,
              .depth = s->depth,
              .y_channel = j->y_channel};

    pack(s, b, room, j->x, n, images, group * s->in);
    for (int64_t o = 0, rows; o < s->out; o += rows, t.w += rows * s->depth) {
        T *y = j->y + (n * s->groups * s->out + first + o) * j->y_channel;
        rows = tile_rows(s->out - o);
        run_tiles(walk_of(j, b, room, y, images), &t, rows);
    }
}

/* Multiplications worth waking threads up: some 20 us. */
enum { SWEEP_ALONE = 1 << 21 };

/* Blocks of one place follow each other, image after image, so that a thread clears its room when
 * the place changes and no sooner. */
static void sweep(const job *j, int threads)
{
    const gr__sweep *s = &j->sweep;
    int64_t across = gr__conv_parts(s->axis[1].count, s->columns);
    int64_t places = gr__conv_parts(s->axis[0].count, s->rows) * across;
    int64_t each = gr__conv_parts(s->images, s->together) * s->groups;
    double work = (double)(s->images * s->groups * s->out * s->depth) * (double)s->axis[0].count *
                  (double)s->axis[1].count;
    int team = work < SWEEP_ALONE ? 1 : threads;

#pragma omp parallel num_threads(team) if (team > 1)
    {
        T *room = (T *)(void *)(j->room + omp_get_thread_num() * j->room_bytes);
        int64_t cleared = -1;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < places * each; i++) {
            block b = block_at(i / each, across, s->rows, s->columns);
            if (cleared != i / each) memset(room, 0, (size_t)j->room_bytes);
            cleared = i / each;
            run_block(j, &b, room, i % each / s->groups * s->together, i % s->groups);
        }
    }
}

/* The sweep of y over x with w, whose axes `out` and `in` are the channels that are computed and
 * read. */
static void run_sweep(const gr__sweep *s, const gr__array *y, const gr__array *x,
                      const gr__array *w, int out, char *memory, int threads)
{
    T *weights = (T *)(void *)memory;
    int64_t *offset = (int64_t *)(void *)(memory + gr__sweep_weights(s, sizeof(T)));
    job j = {.sweep = *s,
             .x = x,
             .y = y->data,
             .y_channel = y->dims[2] * y->dims[3],
             .y_row = y->dims[3],
             .w = weights,
             .offset = offset,
             .room = (char *)offset + gr__sweep_offsets(s),
             .room_bytes = gr__sweep_room(s, sizeof(T))};

    pack_weights(s, weights, w, out, 1 - out);
    if (s->flat)
        find_in_planes(&s->planes, s->plane, offset);
    else
        find_in_rows(s, offset);
    sweep(&j, threads);
}

gr__opaque_kernel CONVOLVE, SPREAD;

void CONVOLVE(const gr__array *y, const gr__array *in, const void *detail, int threads,
              gr__fault *fault)
{
    const gr__array *x = &in[0], *w = &in[1], *memory = &in[2];

    (void)fault;
    if (y->count == 0) return;
    gr__sweep s = gr__forward_sweep(detail, x->dims, w->dims, y->dims, sizeof(T));
    run_sweep(&s, y, x, w, 0, memory->data, threads);
}

void SPREAD(const gr__array *x, const gr__array *in, const void *detail, int threads,
            gr__fault *fault)
{
    const gr__array *y = &in[0], *w = &in[1], *memory = &in[2];
    const gr__conv *conv = detail;
    int64_t phases = gr__conv_phases(conv, x->dims, 0) * gr__conv_phases(conv, x->dims, 1);

    (void)fault;
    if (x->count == 0) return;
    for (int64_t i = 0; i < phases; i++) {
        gr__sweep s = gr__backward_sweep(conv, x->dims, w->dims, y->dims, i, sizeof(T));
        run_sweep(&s, x, y, w, 1, memory->data, threads);
    }
}

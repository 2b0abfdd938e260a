/* Convolutions and their input gradients of elements T. Included once for each T, by way of
 * convolve.h. Knows sweeps (conv.h), arrays of any strides; not dtypes.
 *
 * The chain. Every result is one chain of fused multiply-adds over channels, rows and columns of the
 * kernel, in this order, from 0. A vector holds neighbouring results of a row. So the bits depend on
 * neither blocks, strides, vectors nor threads.
 *
 * The tile. Some channels by some vectors of results stay in registers while the chain runs: for each
 * tap, the vectors are loaded at the tap's offset in the packed block, and the weights of the
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
    UNROLL for (int v = 0; v < vectors; v++) x[v] = t->x[v]; \
    for (; offset < end; offset++, w += rows) { \
        vector in[vectors]; \
        UNROLL for (int v = 0; v < vectors; v++) in[v] = *(const anywhere *)(x[v] + *offset); \
        UNROLL for (int i = 0; i < rows; i++) { \
            vector f = w[i] - (vector){0}; /* in every lane */ \
            UNROLL for (int v = 0; v < vectors; v++) sum[i][v] = FMA(f, in[v], sum[i][v]); \
        } \
    } \
    UNROLL for (int i = 0; i < rows; i++) \
        UNROLL for (int v = 0; v < vectors; v++) \
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
    return least(SUMS / rows, WIDEST);
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

/* Where each tap reads in a packed block. */
static void find_offsets(const gr__sweep *s, int64_t *offset)
{
    const gr__sweep_axis *h = &s->axis[0], *w = &s->axis[1];
    int64_t top = h->shift - gr__sweep_lowest(h), left = w->shift - gr__sweep_lowest(w);

    for (int64_t c = 0; c < s->in; c++) {
        for (int64_t a = 0; a < h->taps; a++) {
            for (int64_t b = 0; b < w->taps; b++) {
                int64_t column = left + b * w->shift_step;
                *offset++ = c * s->plane + (top + a * h->shift_step) * s->pitch +
                            column % w->step * s->phase + column / w->step;
            }
        }
    }
}

/* Copies n elements that are `step` apart. */
static inline void copy_row(T *to, const T *from, int64_t step, int64_t n)
{
    if (step != 1 || n < LANES / 2) {
        for (int64_t i = 0; i < n; i++) to[i] = from[i * step];
    } else if (n < LANES) {
        memcpy(to, from, LANES / 2 * sizeof(T));
        memcpy(to + n - LANES / 2, from + n - LANES / 2, LANES / 2 * sizeof(T));
    } else {
        for (int64_t i = 0; i < n - LANES; i += LANES)
            *(anywhere *)(to + i) = *(const anywhere *)(from + i);
        *(anywhere *)(to + n - LANES) = *(const anywhere *)(from + n - LANES);
    }
}

/* A block of outputs: where it begins, and where what it reads begins, along each axis. */
typedef struct block {
    int64_t row, column, top, left;
} block;

static block block_at(const gr__sweep *s, int64_t i)
{
    int64_t across = gr__conv_parts(s->axis[1].count, s->columns);
    block b = {.row = i / across * s->rows, .column = i % across * s->columns};

    b.top = b.row * s->axis[0].step + gr__sweep_lowest(&s->axis[0]);
    b.left = b.column * s->axis[1].step + gr__sweep_lowest(&s->axis[1]);
    return b;
}

/* Packs what lies inside x of one row of a block. */
static void pack_row(const gr__sweep *s, const block *b, T *to, const T *x, int64_t stride)
{
    int64_t step = s->axis[1].step, begin = most(-b->left, 0);
    int64_t end = least(s->read_columns, s->axis[1].in - b->left);

    for (int64_t p = 0; p < least(step, s->read_columns); p++) {
        int64_t first = begin <= p ? 0 : (begin - p + step - 1) / step;
        int64_t last = end <= p ? 0 : (end - p + step - 1) / step;
        if (first < last)
            copy_row(to + p * s->phase + first, x + (b->left + first * step + p) * stride,
                     step * stride, last - first);
    }
}

/* Around that there are zeros, from the time when the room was cleared for this block. */
static void pack(const gr__sweep *s, const block *b, T *to, const gr__array *x, int64_t n,
                 int64_t channel)
{
    const T *from = (const T *)x->data + n * x->strides[0] + channel * x->strides[1];
    int64_t begin = most(-b->top, 0), end = least(s->read_rows, s->axis[0].in - b->top);

    for (int64_t c = 0; c < s->in; c++, from += x->strides[1], to += s->plane) {
        for (int64_t r = begin; r < end; r++)
            pack_row(s, b, to + r * s->pitch, from + (b->top + r) * x->strides[2], x->strides[3]);
    }
}

/* The results of one block for the channels of a tile, a vector after the other along its rows. The
 * last vector of a row begins early enough to end with it. In a row shorter than a vector it cannot,
 * and what it writes too much is overwritten by the next row, if that is the next in memory; else,
 * and where results lie apart, a tile goes by way of a buffer. */
typedef struct walk {
    const T *x; /* the packed block */
    T *y;       /* the block's first result */
    int64_t rows, columns, x_row, y_row, every;
    int64_t row, column; /* where the next vector begins */
    bool direct;
} walk;

static walk walk_of(const job *j, const block *b, const T *x, T *y)
{
    const gr__sweep *s = &j->sweep;
    const gr__sweep_axis *h = &s->axis[0], *w = &s->axis[1];
    walk k = {.x = x,
              .rows = least(s->rows, h->count - b->row),
              .columns = least(s->columns, w->count - b->column),
              .x_row = h->step * s->pitch,
              .y_row = h->every * j->y_row,
              .every = w->every};

    k.y = y + (h->first + b->row * h->every) * j->y_row + w->first + b->column * w->every;
    k.direct = w->every == 1 && (k.columns >= LANES || k.y_row == k.columns);
    return k;
}

/* The tile's vector v, and the next step of the walk; past the end the last vector is repeated.
 * Returns whether the vector may be written as it is. */
static inline bool place(walk *k, tile *t, int64_t v)
{
    int64_t column = k->columns < LANES ? 0 : least(k->column, k->columns - LANES);
    bool inside = k->columns >= LANES || (k->rows - k->row) * k->columns >= LANES;

    t->x[v] = k->x + k->row * k->x_row + column;
    t->y[v] = k->y + k->row * k->y_row + column * k->every;
    if (k->column + LANES < k->columns) {
        k->column += LANES;
    } else if (k->row + 1 < k->rows) {
        k->row++;
        k->column = 0;
    }
    return inside && k->direct;
}

static void run_buffered(const walk *k, const tile *t, int64_t rows, int64_t vectors)
{
    T buffer[SUMS * LANES] __attribute__((aligned(64)));
    int64_t width = least(LANES, k->columns);
    tile other = *t;

    other.y_channel = vectors * LANES;
    for (int64_t v = 0; v < vectors; v++) other.y[v] = buffer + v * LANES;
    tile_of[rows](&other);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t v = 0; v < vectors; v++) {
            T *y = t->y[v] + i * t->y_channel;
            const T *from = other.y[v] + i * other.y_channel;
            for (int64_t l = 0; l < width; l++) y[l * k->every] = from[l];
        }
    }
}

static void run_tiles(walk k, tile *t, int64_t rows)
{
    int64_t vectors = tile_vectors(rows), count = k.rows * gr__conv_parts(k.columns, LANES);

    for (int64_t i = 0; i < count; i += vectors) {
        bool direct = true;
        for (int64_t v = 0; v < vectors; v++) direct &= place(&k, t, v);
        if (direct)
            tile_of[rows](t);
        else
            run_buffered(&k, t, rows, vectors);
    }
}

/* One block of one image: packed once, then all channels of the group. */
static void run_block(const job *j, const block *b, T *room, int64_t n, int64_t group)
{
    const gr__sweep *s = &j->sweep;
    int64_t first = group * s->out;
    tile t = {.w = j->w + first * s->depth,
              .offset = j->offset,
              .depth = s->depth,
              .y_channel = j->y_channel};

    pack(s, b, room, j->x, n, group * s->in);
    for (int64_t o = 0, rows; o < s->out; o += rows, t.w += rows * s->depth) {
        T *y = j->y + (n * s->groups * s->out + first + o) * j->y_channel;
        rows = tile_rows(s->out - o);
        run_tiles(walk_of(j, b, room, y), &t, rows);
    }
}

/* Multiplications worth waking threads up: some 20 us. */
enum { SWEEP_ALONE = 1 << 21 };

/* Blocks of one place follow each other, image after image, so that a thread clears its room when
 * the place changes and no sooner. */
static void sweep(const job *j, int threads)
{
    const gr__sweep *s = &j->sweep;
    int64_t each = s->images * s->groups;
    int64_t blocks = gr__conv_parts(s->axis[0].count, s->rows) *
                     gr__conv_parts(s->axis[1].count, s->columns);
    double work = (double)(each * s->out * s->depth) * (double)s->axis[0].count *
                  (double)s->axis[1].count;
    int team = work < SWEEP_ALONE ? 1 : threads;

#pragma omp parallel num_threads(team) if (team > 1)
    {
        T *room = (T *)(void *)(j->room + omp_get_thread_num() * j->room_bytes);
        int64_t cleared = -1;
#pragma omp for schedule(static)
        for (int64_t i = 0; i < blocks * each; i++) {
            block b = block_at(s, i / each);
            if (cleared != i / each) memset(room, 0, (size_t)j->room_bytes);
            cleared = i / each;
            run_block(j, &b, room, i % each / s->groups, i % s->groups);
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
    find_offsets(s, offset);
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

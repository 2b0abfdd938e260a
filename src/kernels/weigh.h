/* Weight gradients of convolutions of elements T. Included once for each T, by way of convolve.h.
 *
 * The sums. An element of w is the product, summed over images and positions, of a channel of y and
 * what the tap meets in x. A chunk of strips (conv.h) is summed in lanes: lane l takes positions l,
 * l + LANES, ... of each strip (where positions are few, of all strips that are taken together),
 * the last of them masked, in one chain of fused multiply-adds; then the lanes are folded by
 * halving, and the chunks are added in order. All of this is a function of sizes and of the
 * instruction set.
 *
 * The tile. Some channels of y by three taps, each sum a vector, stay in registers along the strips
 * that are taken together, then wait in memory. */

#define LANE _Generic((T)0, float : (int32_t)0, double : (int64_t)0)
typedef __typeof__(LANE) mask __attribute__((vector_size(BYTES), may_alias));

/* Strips of `images` images, `count` positions each. */
typedef struct dots {
    vector *sum;
    const T *y, *x[GR__CONV_TAPS];
    int64_t y_channel, y_image, x_image, images, count;
    int64_t last; /* where the last vector begins, of which only `those` lanes count */
    const mask *those;
} dots;

/* clang-format off */
#define DOTS(rows) \
static void dots_##rows(const dots *d) \
{ \
    vector sum[rows][GR__CONV_TAPS]; \
    const T *y = d->y, *x[GR__CONV_TAPS]; \
    int64_t channel = d->y_channel, last = d->last; \
    mask those = *d->those; \
    GR__UNROLL for (int i = 0; i < rows; i++) \
        GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) sum[i][s] = d->sum[i * GR__CONV_TAPS + s]; \
    GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) x[s] = d->x[s]; \
    for (int64_t n = 0; n < d->images; n++) { \
        for (int64_t f = 0; f <= d->count - LANES; f += LANES) { \
            vector in[GR__CONV_TAPS]; \
            GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) in[s] = *(const anywhere *)(x[s] + f); \
            GR__UNROLL for (int i = 0; i < rows; i++) { \
                vector out = *(const anywhere *)(y + i * channel + f); \
                ONCE(out); \
                GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) sum[i][s] = FMA(out, in[s], sum[i][s]); \
            } \
        } \
        if (last >= 0) { \
            vector in[GR__CONV_TAPS]; \
            GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) \
                in[s] = (vector)((mask)*(const anywhere *)(x[s] + last) & those); \
            GR__UNROLL for (int i = 0; i < rows; i++) { \
                vector out = (vector)((mask)*(const anywhere *)(y + i * channel + last) & those); \
                GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) sum[i][s] = FMA(out, in[s], sum[i][s]); \
            } \
        } \
        y += d->y_image; \
        GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) x[s] += d->x_image; \
    } \
    GR__UNROLL for (int i = 0; i < rows; i++) \
        GR__UNROLL for (int s = 0; s < GR__CONV_TAPS; s++) d->sum[i * GR__CONV_TAPS + s] = sum[i][s]; \
}

DOTS(4) DOTS(2) DOTS(1)
#if ROWS == 8
DOTS(8)
#endif
    /* clang-format on */

    static void (*const dots_of[ROWS + 1])(const dots *) = {
        [1] = dots_1,
        [2] = dots_2,
        [4] = dots_4,
#if ROWS == 8
        [8] = dots_8,
#endif
};

/* The lanes, folded by halving. */
static T fold(const vector *v)
{
    T lane[LANES];

    memcpy(lane, v, sizeof lane);
    GR__UNROLL for (int n = LANES / 2; n > 0; n /= 2)
    {
        GR__UNROLL for (int l = 0; l < n; l++) lane[l] += lane[l + n];
    }
    return lane[0];
}

/* What the weight gradient works on. */
typedef struct weighing {
    gr__weigh plan;
    const gr__array *x, *y;
    const int64_t *offset; /* of taps in packed planes */
    T *part;               /* the sums of chunks */
    bool in_place;         /* strips of y are contiguous as they are */
} weighing;

/* A task: its working memory, its channels of x, and what it adds up. */
typedef struct task {
    T *x, *y;
    vector *sum;
    gr__planes planes;
    int64_t chunk, group, channel; /* the first channel of its slab, in x */
    int64_t depth;                 /* elements of w for each channel of y */
} task;

/* Strips of y, of `images` images. */
typedef struct strip {
    block at;
    int64_t image, images, rows, columns;
} strip;

/* For each channel of y all images. */
static void pack_y(const weighing *j, const task *t, const strip *s)
{
    const gr__array *y = j->y;
    const T *from = (const T *)y->data + s->image * y->strides[0] +
                    t->group * j->plan.out * y->strides[1] + s->at.row * y->strides[2] +
                    s->at.column * y->strides[3];
    bool whole = y->strides[2] == s->columns * y->strides[3];
    int64_t count = s->rows * s->columns, rows = whole ? 1 : s->rows;
    T *to = t->y;

    for (int64_t o = 0; o < j->plan.out; o++) {
        for (int64_t n = 0; n < s->images; n++, to += count)
            copy_rows(to, count / rows, from + n * y->strides[0] + o * y->strides[1], y->strides[2],
                      y->strides[3], rows, count / rows);
    }
}

/* All sums of a task over some strips. */
static void run_dots(const weighing *j, const task *t, dots d)
{
    const gr__weigh *g = &j->plan;
    const T *y = d.y;

    d.sum = t->sum;
    for (int64_t o = 0, rows; o < g->out; o += rows, y += rows * d.y_channel) {
        rows = tile_rows(g->out - o);
        d.y = y;
        for (int64_t k = 0; k < t->depth; k += GR__CONV_TAPS, d.sum += rows * GR__CONV_TAPS) {
            for (int64_t s = 0; s < GR__CONV_TAPS; s++)
                d.x[s] = t->x + j->offset[gr__least(k + s, t->depth - 1)];
            dots_of[rows](&d);
        }
    }
}

/* In a strip shorter than a vector, packed with room behind, the first lanes count; else those that
 * the vectors before have not counted. */
static mask last_lanes(int64_t count)
{
    int64_t rest = count % LANES, first = count < LANES ? 0 : LANES - rest;
    mask m;

    for (int64_t l = 0; l < LANES; l++) m[l] = l >= first && l < first + rest ? -1 : 0;
    return m;
}

static void set_count(dots *d, int64_t count, mask *those)
{
    *those = last_lanes(count);
    d->count = count;
    d->last = count % LANES == 0 ? -1 : gr__most(count - LANES, 0);
    d->those = those;
}

static void run_strip(const weighing *j, const task *t, const strip *s)
{
    const gr__weigh *g = &j->plan;
    const gr__array *y = j->y;
    int64_t count = s->rows * s->columns;
    mask those;
    dots d = {.x_image = g->x_image, .images = s->images};

    for (int64_t n = 0; n < s->images; n++)
        pack_planes(&t->planes, &s->at, t->x + n * g->x_image, g->x_plane, j->x, s->image + n,
                    t->channel);
    if (j->in_place && count >= LANES) {
        d.y = (const T *)y->data + s->image * y->strides[0] + t->group * g->out * y->strides[1] +
              s->at.row * y->strides[2] + s->at.column;
        d.y_channel = y->strides[1];
        d.y_image = y->strides[0];
    } else {
        pack_y(j, t, s);
        d.y = t->y;
        d.y_channel = s->images * count;
        d.y_image = count;
    }
    if (g->few) {
        d.images = 1;
        count *= s->images;
    }
    set_count(&d, count, &those);
    run_dots(j, t, d);
}

/* The images that are taken together from unit `first` on: of one strip, within the chunk. */
static strip strip_at(const weighing *j, int64_t first, int64_t end)
{
    const gr__weigh *g = &j->plan;
    int64_t which = first / g->images, image = first % g->images;
    strip s = {.at = block_at(which, g->strips[1], g->planes.rows, g->planes.columns),
               .image = image,
               .images = gr__least(gr__least(g->together, g->images - image), end - first)};

    s.rows = gr__least(g->planes.rows, j->y->dims[2] - s.at.row);
    s.columns = gr__least(g->planes.columns, j->y->dims[3] - s.at.column);
    return s;
}

/* The sums' lanes folded, in the order of w. */
static void fold_sums(const weighing *j, const task *t)
{
    const gr__weigh *g = &j->plan;
    int64_t depth = g->in * g->taps, first = t->channel % g->in * g->taps;
    T *part = j->part + (t->chunk * g->groups + t->group) * g->out * depth + first;
    const vector *sum = t->sum;

    for (int64_t o = 0, rows; o < g->out; o += rows, part += rows * depth) {
        rows = tile_rows(g->out - o);
        for (int64_t k = 0; k < t->depth; k += GR__CONV_TAPS) {
            for (int64_t i = 0; i < rows; i++) {
                for (int64_t s = 0; s < GR__CONV_TAPS; s++, sum++)
                    if (k + s < t->depth) part[i * depth + k + s] = fold(sum);
            }
        }
    }
}

/* Outside x there are zeros in the room, from when it was cleared for strips of this place. */
static void run_task(const weighing *j, const task *t)
{
    const gr__weigh *g = &j->plan;
    int64_t end = gr__least((t->chunk + 1) * g->chunk, g->units), cleared = -1;

    memset(t->sum, 0, (size_t)gr__weigh_sums(g));
    for (int64_t i = t->chunk * g->chunk; i < end;) {
        strip s = strip_at(j, i, end);
        if (cleared != i / g->images) memset(t->x, 0, (size_t)gr__weigh_x(g, sizeof(T)));
        cleared = i / g->images;
        run_strip(j, t, &s);
        i += s.images;
    }
    fold_sums(j, t);
}

static task task_at(const weighing *j, char *room, int64_t i)
{
    const gr__weigh *g = &j->plan;
    int64_t first = i % g->slabs * g->planes.channels;
    task t = {.sum = (vector *)(void *)room,
              .x = (T *)(void *)(room + gr__weigh_sums(g)),
              .planes = g->planes,
              .group = i / g->slabs % g->groups,
              .chunk = i / g->slabs / g->groups};

    t.y = (T *)(void *)((char *)t.x + gr__weigh_x(g, sizeof(T)));
    t.planes.channels = gr__least(g->planes.channels, g->in - first);
    t.channel = t.group * g->in + first;
    t.depth = t.planes.channels * g->taps;
    return t;
}

static void weigh(const weighing *j, char *memory, int threads)
{
    const gr__weigh *g = &j->plan;
    double work = (double)j->y->count * (double)(g->in * g->taps);
    int team = work < SWEEP_ALONE ? 1 : threads;

#pragma omp parallel num_threads(team) if (team > 1)
    {
        char *room = memory + omp_get_thread_num() * gr__weigh_room(g, sizeof(T));
#pragma omp for schedule(static)
        for (int64_t i = 0; i < g->chunks * g->groups * g->slabs; i++) {
            task t = task_at(j, room, i);
            run_task(j, &t);
        }
    }
}

static void add_chunks(T *w, const T *part, int64_t chunks, int64_t count)
{
    memcpy(w, part, (size_t)count * sizeof(T));
    for (int64_t c = 1; c < chunks; c++)
        for (int64_t i = 0; i < count; i++) w[i] += part[c * count + i];
}

gr__opaque_kernel WEIGH;

void WEIGH(const gr__array *w, const gr__array *in, const void *detail, int threads,
           gr__fault *fault)
{
    const gr__array *x = &in[0], *y = &in[1], *memory = &in[2];

    (void)fault;
    if (w->count == 0) return;
    if (x->count == 0 || y->count == 0) {
        memset(w->data, 0, (size_t)w->count * sizeof(T));
        return;
    }
    gr__weigh g = gr__weigh_of(detail, x->dims, w->dims, y->dims, sizeof(T));
    int64_t *offset = memory->data;
    char *part = (char *)offset + gr__weigh_offsets(&g);
    weighing j = {.plan = g,
                  .x = x,
                  .y = y,
                  .offset = offset,
                  .part = (T *)(void *)part,
                  .in_place = !g.few && y->strides[3] == 1 &&
                              (g.planes.rows == 1 || y->strides[2] == y->dims[3])};

    find_in_planes(&g.planes, g.x_plane, offset);
    weigh(&j, part + gr__weigh_parts(&g, sizeof(T)), threads);
    add_chunks(w->data, j.part, g.chunks, w->count);
}

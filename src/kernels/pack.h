/* Packing of what blocks of outputs read (conv.h), for elements T. Included by way of convolve.h.
 * The room that takes it holds zeros, from the time when it was cleared for a block of this place;
 * what lies inside the array is copied over them. */

/* Copies `rows` rows of n elements that are `step` apart. */
static inline void copy_rows(T *to, int64_t to_row, const T *from, int64_t from_row, int64_t step,
                             int64_t rows, int64_t n)
{
    enum { HALF = LANES / 2 };

    if (step == 1 && n >= LANES) {
        for (; rows > 0; rows--, to += to_row, from += from_row) {
            for (int64_t i = 0; i < n - LANES; i += LANES)
                *(anywhere *)(to + i) = *(const anywhere *)(from + i);
            *(anywhere *)(to + n - LANES) = *(const anywhere *)(from + n - LANES);
        }
    } else if (step == 1 && n >= HALF) {
        for (; rows > 0; rows--, to += to_row, from += from_row) {
            memcpy(to, from, HALF * sizeof(T));
            memcpy(to + n - HALF, from + n - HALF, HALF * sizeof(T));
        }
    } else if (step == 2) {
        for (; rows > 0; rows--, to += to_row, from += from_row)
            for (int64_t i = 0; i < n; i++) to[i] = from[2 * i];
    } else {
        for (; rows > 0; rows--, to += to_row, from += from_row)
            for (int64_t i = 0; i < n; i++) to[i] = from[i * step];
    }
}

/* The outputs 0 <= t < count for which first + t step lies in 0 .. extent - 1: from, to. */
typedef struct range {
    int64_t from, to;
} range;

static inline range inside(int64_t first, int64_t step, int64_t extent, int64_t count)
{
    if (step == 1) return (range){gr__most(-first, 0), gr__least(extent - first, count)};
    return (range){first < 0 ? (-first + step - 1) / step : 0,
                   first >= extent ? 0 : gr__least((extent - first + step - 1) / step, count)};
}

/* A block of outputs: where it begins, along each axis. */
typedef struct block {
    int64_t row, column;
} block;

static block block_at(int64_t i, int64_t across, int64_t rows, int64_t columns)
{
    return (block){i / across * rows, i % across * columns};
}

/* ---- rows ---- */

static void pack_rows(const gr__sweep *s, const block *b, T *to, const gr__array *x, int64_t n,
                      int64_t channel)
{
    const gr__sweep_axis *h = &s->axis[0], *w = &s->axis[1];
    const T *from = (const T *)x->data + n * x->strides[0] + channel * x->strides[1];
    int64_t top = b->row * h->step + gr__sweep_lowest(h), stride = x->strides[3];
    int64_t left = b->column * w->step + gr__sweep_lowest(w);
    range rows = inside(top, 1, h->in, s->read_rows);

    for (int64_t c = 0; c < s->in; c++, from += x->strides[1], to += s->plane) {
        for (int64_t p = 0; p < gr__least(w->step, s->read_columns); p++) {
            range r = inside(left + p, w->step, w->in, s->phase);
            T *line = to + p * s->phase + r.from;
            const T *first = from + (left + p + r.from * w->step) * stride;
            if (r.from < r.to)
                copy_rows(line + rows.from * s->pitch, s->pitch,
                          first + (top + rows.from) * x->strides[2], x->strides[2],
                          w->step * stride, rows.to - rows.from, r.to - r.from);
        }
    }
}

/* Where each tap reads among packed rows. */
static void find_in_rows(const gr__sweep *s, int64_t *offset)
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

/* ---- planes ---- */

/* A plane as wide as the array's rows, all in order: one copy for all rows. Where zeros belong, at
 * the end of one row and the beginning of the next, it brings elements of the neighbouring row. */
static void copy_shifted(T *to, const T *from, int64_t width, range rows, range columns)
{
    int64_t first = rows.from * width + columns.from, end = (rows.to - 1) * width + columns.to;
    int64_t gap = width - (columns.to - columns.from);

    copy_rows(to + first, 0, from + first, 0, 1, 1, end - first);
    for (T *at = to + rows.from * width + columns.to; gap > 0 && at < to + end; at += width) {
        at[0] = 0;
        for (int64_t j = 1; j < gap; j++) at[j] = 0;
    }
}

/* The plane whose first output reads x at (top, left). */
static void pack_plane(const gr__planes *p, T *to, const T *x, const int64_t *strides, int64_t top,
                       int64_t left)
{
    const gr__sweep_axis *h = &p->axis[0], *w = &p->axis[1];
    int64_t width = p->columns, down = h->step * strides[2], across = w->step * strides[3];
    range rows = inside(top, h->step, h->in, p->read_rows);
    range columns = inside(left, w->step, w->in, width);
    const T *from = x + top * strides[2] + left * strides[3];

    if (rows.from >= rows.to || columns.from >= columns.to) return;
    if (across == 1 && down == width) {
        copy_shifted(to, from, width, rows, columns);
        return;
    }
    copy_rows(to + rows.from * width + columns.from, width,
              from + rows.from * down + columns.from * across, down, across, rows.to - rows.from,
              columns.to - columns.from);
}

/* All planes of an image, `stride` apart. */
static void pack_planes(const gr__planes *p, const block *b, T *to, int64_t stride,
                        const gr__array *x, int64_t n, int64_t channel)
{
    const gr__sweep_axis *h = &p->axis[0], *w = &p->axis[1];
    const T *from = (const T *)x->data + n * x->strides[0] + channel * x->strides[1];
    int64_t top = b->row * h->step + (p->shared ? gr__sweep_lowest(h) : h->shift);
    int64_t left = b->column * w->step + w->shift, taps = p->shared ? 1 : h->taps;

    for (int64_t c = 0; c < p->channels; c++, from += x->strides[1]) {
        for (int64_t i = 0; i < taps; i++) {
            for (int64_t j = 0; j < w->taps; j++, to += stride)
                pack_plane(p, to, from, x->strides, top + i * h->shift_step,
                           left + j * w->shift_step);
        }
    }
}

/* Where each tap reads among planes that are `stride` apart. */
static void find_in_planes(const gr__planes *p, int64_t stride, int64_t *offset)
{
    const gr__sweep_axis *h = &p->axis[0], *w = &p->axis[1];
    int64_t top = h->shift - gr__sweep_lowest(h);

    for (int64_t c = 0; c < p->channels; c++) {
        for (int64_t a = 0; a < h->taps; a++) {
            for (int64_t b = 0; b < w->taps; b++) {
                int64_t plane = c * p->each + (p->shared ? b : a * w->taps + b);
                int64_t row = p->shared ? top + a * h->shift_step : 0;
                *offset++ = plane * stride + row * p->columns;
            }
        }
    }
}

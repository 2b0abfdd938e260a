/* Fourier transforms of real rows of elements T. Included once for each T, after T and FFT(name) (a
 * kernel's name with its dtype) are defined.
 *
 * Real and imaginary parts lie in planes. A stage of radix r (Stockham) reads
 *     x[q + s (p + m k)]  for k < r,  and writes  y[q + s (r p + k)],
 * s being the product of the radices before it: no reordering, and the innermost loop, over q, runs
 * along memory. Rows side by side are the first s, so that short rows fill vectors too. A row's
 * arithmetic does not depend on its neighbours. */
#include <omp.h>
#include <string.h>

#include "src/kernels/fourier.h"
#include "src/kernels/loops.h"
#include "src/kernels/nest.h"
#include "src/kernels/vmath.h"

/* `omp simd` would keep the numbers of a butterfly in memory, and gcc 12 then does not vectorise. */
#ifdef __clang__
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

typedef struct plane {
    T *re, *im;
} plane;

/* Two planes of `size` elements. */
static plane plane_at(T *memory, int64_t size)
{
    return (plane){memory, memory + size};
}

/* ---- roots of unity ---- */

/* e^(-2 pi i k / n), 0 <= k < n < 2^50: the angle is reduced to an eighth of a turn in integers, so
 * that each part has the rounding of one quotient and of sine or cosine. */
static inline void root(T *re, T *im, double k, double n)
{
    int turn = (int)(4 * k / n + 0.5);
    double x = (4 * k - turn * n) / (2 * n), c = v_cospi(x), s = v_sinpi(x);
    double real = turn & 1 ? s : c, imaginary = turn & 1 ? c : s;

    *re = (T)(((turn + 1) & 2) ? -real : real);
    *im = (T)((turn & 2) ? imaginary : -imaginary);
}

static void roots(plane w, int64_t n)
{
    for (int64_t k = 0; k < n; k++) root(w.re + k, w.im + k, (double)k, (double)n);
}

/* ---- stages ---- */

/* Sums of r numbers times the powers of a root of unity of order r. */

static inline void butterfly2(T *a, T *b)
{
    T u = a[1], v = b[1];

    a[1] = a[0] - u, b[1] = b[0] - v;
    a[0] += u, b[0] += v;
}

static inline void butterfly3(T *a, T *b)
{
    const T s = (T)0.86602540378443864676; /* sin(2 pi / 3) */
    T u = a[1] + a[2], v = b[1] + b[2], x = s * (a[1] - a[2]), y = s * (b[1] - b[2]);
    T c = a[0] - u / 2, d = b[0] - v / 2;

    a[0] += u, b[0] += v;
    a[1] = c + y, b[1] = d - x;
    a[2] = c - y, b[2] = d + x;
}

static inline void butterfly4(T *a, T *b)
{
    T u = a[0] + a[2], v = b[0] + b[2], x = a[0] - a[2], y = b[0] - b[2];
    T c = a[1] + a[3], d = b[1] + b[3], e = a[1] - a[3], f = b[1] - b[3];

    a[0] = u + c, b[0] = v + d;
    a[1] = x + f, b[1] = y - e;
    a[2] = u - c, b[2] = v - d;
    a[3] = x - f, b[3] = y + e;
}

static inline void butterfly5(T *a, T *b)
{
    const T c1 = (T)0.30901699437494742410, c2 = (T)-0.80901699437494742410; /* cos 72, 144 */
    const T s1 = (T)0.95105651629515357212, s2 = (T)0.58778525229247312917;  /* sin 72, 144 */
    T u1 = a[1] + a[4], v1 = b[1] + b[4], x1 = a[1] - a[4], y1 = b[1] - b[4];
    T u2 = a[2] + a[3], v2 = b[2] + b[3], x2 = a[2] - a[3], y2 = b[2] - b[3];
    T p1 = a[0] + c1 * u1 + c2 * u2, q1 = b[0] + c1 * v1 + c2 * v2;
    T p2 = a[0] + c2 * u1 + c1 * u2, q2 = b[0] + c2 * v1 + c1 * v2;
    T e1 = s1 * x1 + s2 * x2, f1 = s1 * y1 + s2 * y2;
    T e2 = s2 * x1 - s1 * x2, f2 = s2 * y1 - s1 * y2;

    a[0] += u1 + u2, b[0] += v1 + v2;
    a[1] = p1 + f1, b[1] = q1 - e1;
    a[2] = p2 + f2, b[2] = q2 - e2;
    a[3] = p2 - f2, b[3] = q2 + e2;
    a[4] = p1 - f1, b[4] = q1 + e1;
}

/* A stage: n is the length that is left, of the numbers w of order `order`. */
/* clang-format off */
#define STAGE(r) \
static void stage##r(plane y, plane x, plane w, int64_t order, int64_t n, int64_t s) \
{ \
    int64_t m = n / r, step = order / n; \
    for (int64_t p = 0; p < m; p++) { \
        const T *restrict xr = x.re + s * p, *restrict xi = x.im + s * p; \
        T *restrict yr = y.re + s * r * p, *restrict yi = y.im + s * r * p; \
        T c[r], d[r]; \
        GR__UNROLL for (int k = 0; k < r; k++) { \
            c[k] = w.re[p * k * step]; \
            d[k] = w.im[p * k * step]; \
        } \
        INDEPENDENT for (int64_t q = 0; q < s; q++) { \
            T a[r], b[r]; \
            GR__UNROLL for (int k = 0; k < r; k++) { \
                a[k] = xr[q + s * m * k]; \
                b[k] = xi[q + s * m * k]; \
            } \
            butterfly##r(a, b); \
            yr[q] = a[0]; \
            yi[q] = b[0]; \
            GR__UNROLL for (int k = 1; k < r; k++) { \
                yr[q + s * k] = a[k] * c[k] - b[k] * d[k]; \
                yi[q + s * k] = a[k] * d[k] + b[k] * c[k]; \
            } \
        } \
    } \
}
/* clang-format on */

STAGE(2)
STAGE(3)
STAGE(4)
STAGE(5)

/* y (+)= x (c + i d) over s elements. */
static void add_multiple(T *restrict yr, T *restrict yi, const T *restrict xr, const T *restrict xi,
                         T c, T d, int64_t s)
{
    for (int64_t q = 0; q < s; q++) {
        yr[q] += xr[q] * c - xi[q] * d;
        yi[q] += xr[q] * d + xi[q] * c;
    }
}

/* A stage of any radix, by the definition. */
static void stage_any(plane y, plane x, plane w, int64_t order, int64_t n, int64_t s, int r)
{
    int64_t m = n / r, step = order / n, turn = order / r;

    memset(y.re, 0, (size_t)(n * s) * sizeof(T));
    memset(y.im, 0, (size_t)(n * s) * sizeof(T));
    for (int64_t p = 0; p < m; p++) {
        for (int64_t k = 0; k < r; k++) {
            int64_t to = s * (r * p + k);
            for (int64_t j = 0; j < r; j++) {
                int64_t from = s * (p + m * j), at = (p * k * step + j * k % r * turn) % order;
                add_multiple(y.re + to, y.im + to, x.re + from, x.im + from, w.re[at], w.im[at], s);
            }
        }
    }
}

/* The transform of x, `lanes` rows side by side. Both planes are used; returns the one that has
 * it. */
static plane transform(const gr__fourier *f, plane w, plane x, plane y, int64_t lanes)
{
    int64_t n = f->convolved ? f->convolved : f->length, s = lanes;

    for (int i = 0; i < f->radices; i++) {
        int r = f->radix[i];
        switch (r) {
        case 2: stage2(y, x, w, f->order, n, s); break;
        case 3: stage3(y, x, w, f->order, n, s); break;
        case 4: stage4(y, x, w, f->order, n, s); break;
        case 5: stage5(y, x, w, f->order, n, s); break;
        default: stage_any(y, x, w, f->order, n, s, r); break;
        }
        plane t = x;
        x = y;
        y = t;
        n /= r;
        s *= r;
    }
    return x;
}

/* ---- transforms of any length ---- */

/* What all rows share. */
typedef struct tables {
    gr__fourier f;
    plane real;   /* roots of order n */
    plane stage;  /* of the stages' order */
    plane chirp;  /* e^(-pi i k^2 / length) */
    plane filter; /* transform of the conjugate chirp, divided by its length */
} tables;

static plane swapped(plane x)
{
    return (plane){x.im, x.re};
}

/* x (k rows of s) times w[k], in place. */
static void modulate(plane x, plane w, int64_t n, int64_t s)
{
    for (int64_t k = 0; k < n; k++) {
        T c = w.re[k], d = w.im[k];
        T *restrict re = x.re + k * s, *restrict im = x.im + k * s;
        for (int64_t q = 0; q < s; q++) {
            T u = re[q];
            re[q] = u * c - im[q] * d;
            im[q] = u * d + im[q] * c;
        }
    }
}

/* The chirp, and its filter by way of the planes `x` and `y`. */
static void make_chirp(tables *t, plane x, plane y)
{
    int64_t n = t->f.length, m = t->f.convolved;

    for (int64_t k = 0; k < n; k++)
        root(t->chirp.re + k, t->chirp.im + k, (double)(k * k % (2 * n)), (double)(2 * n));
    memset(x.re, 0, (size_t)m * sizeof(T));
    memset(x.im, 0, (size_t)m * sizeof(T));
    for (int64_t k = 0; k < n; k++) {
        int64_t mirror = k == 0 ? 0 : m - k;
        x.re[k] = x.re[mirror] = t->chirp.re[k] / (T)m;
        x.im[k] = x.im[mirror] = -t->chirp.im[k] / (T)m;
    }
    plane z = transform(&t->f, t->stage, x, y, 1);
    memcpy(t->filter.re, z.re, (size_t)m * sizeof(T));
    memcpy(t->filter.im, z.im, (size_t)m * sizeof(T));
}

static tables make_tables(const gr__fourier *f, T *memory)
{
    tables t = {.f = *f, .real = plane_at(memory, f->n)};
    T *next = memory + 2 * f->n, *planes = memory + gr__fourier_tables(f);

    roots(t.real, f->n);
    t.stage = t.real;
    if (f->convolved) {
        t.stage = plane_at(next, f->convolved);
        t.filter = plane_at(next + 2 * f->convolved, f->convolved);
        t.chirp = plane_at(next + 4 * f->convolved, f->length);
        roots(t.stage, f->convolved);
        make_chirp(&t, plane_at(planes, f->size), plane_at(planes + 2 * f->size, f->size));
    }
    return t;
}

/* The transform of x, of f.length, by a convolution where need be. */
static plane fourier(const tables *t, plane x, plane y, int64_t lanes)
{
    int64_t n = t->f.length, m = t->f.convolved;

    if (!m) return transform(&t->f, t->stage, x, y, lanes);
    modulate(x, t->chirp, n, lanes);
    memset(x.re + n * lanes, 0, (size_t)((m - n) * lanes) * sizeof(T));
    memset(x.im + n * lanes, 0, (size_t)((m - n) * lanes) * sizeof(T));
    plane z = transform(&t->f, t->stage, x, y, lanes);
    modulate(z, t->filter, m, lanes);
    z = swapped(transform(&t->f, t->stage, swapped(z), swapped(z.re == x.re ? y : x), lanes));
    modulate(z, t->chirp, n, lanes);
    return z;
}

/* ---- real rows ---- */

/* The rows that are computed side by side: where the operand's begin, the strides of its last two
 * axes (rfft has one), and the result's rows, one behind the other. */
typedef struct rows {
    const T *from[GR__FOURIER_LANES];
    int64_t stride[2];
    T *to;
    int64_t lanes;
} rows;

/* Even n: z = even + i odd elements; odd n: z = x. */
static void load_real(const tables *t, const rows *r, plane z)
{
    int64_t n = t->f.length, step = r->stride[0], even = t->f.n % 2 == 0;

    for (int64_t k = 0; k < n; k++) {
        for (int64_t q = 0; q < r->lanes; q++) {
            z.re[k * r->lanes + q] = r->from[q][(k << even) * step];
            z.im[k * r->lanes + q] = even ? r->from[q][(2 * k + 1) * step] : 0;
        }
    }
}

/* Even n: with E = (Z_k + conj Z_-k) / 2 and O = (Z_k - conj Z_-k) / 2i, the transforms of even and
 * odd elements, X_k = E + w^k O. */
static void store_bins(const tables *t, const rows *r, plane z)
{
    int64_t n = t->f.length, lanes = r->lanes, bins = t->f.n / 2 + 1;
    bool even = t->f.n % 2 == 0;

    for (int64_t k = 0; k < bins; k++) {
        const int64_t at = k % n * lanes, mirror = (n - k) % n * lanes;
        T c = t->real.re[k], d = t->real.im[k];
        for (int64_t q = 0; q < lanes; q++) {
            T a = z.re[at + q], b = z.im[at + q], e = z.re[mirror + q], f = z.im[mirror + q];
            T re = (b + f) / 2, im = (e - a) / 2;
            T *to = r->to + (q * bins + k) * 2;
            to[0] = even ? (a + e) / 2 + (c * re - d * im) : a;
            to[1] = even ? (b - f) / 2 + (c * im + d * re) : b;
        }
    }
}

/* Bin k of row q; those without an imaginary part have none. */
static inline void bin(const tables *t, const rows *r, int64_t q, int64_t k, T *re, T *im)
{
    const T *from = r->from[q] + k * r->stride[0];

    *re = from[0];
    *im = k == 0 || 2 * k == t->f.n ? 0 : from[r->stride[1]];
}

/* The reverse, divided by n: even n: Z_k = (X_k + conj X_-k) + i w^-k (X_k - conj X_-k); odd n: Z_k
 * = X_k, Z_-k its conjugate. */
static void load_bins(const tables *t, const rows *r, plane z)
{
    int64_t n = t->f.length, lanes = r->lanes;
    T scale = (T)(1 / (double)t->f.n);
    bool even = t->f.n % 2 == 0;

    for (int64_t k = 0; k < n; k++) {
        bool upper = !even && 2 * k > n;
        T c = t->real.re[k], d = t->real.im[k];
        for (int64_t q = 0; q < lanes; q++) {
            T a, b, e = 0, f = 0;
            bin(t, r, q, upper ? n - k : k, &a, &b);
            if (even) bin(t, r, q, n - k, &e, &f);
            T u = a - e, v = b + f;
            T re = even ? (a + e) + (d * u - c * v) : a;
            T im = even ? (b - f) + (c * u + d * v) : upper ? -b : b;
            z.re[k * lanes + q] = scale * re;
            z.im[k * lanes + q] = scale * im;
        }
    }
}

static void store_real(const tables *t, const rows *r, plane z)
{
    int64_t n = t->f.length, lanes = r->lanes, even = t->f.n % 2 == 0;

    for (int64_t k = 0; k < n; k++) {
        for (int64_t q = 0; q < lanes; q++) {
            T *to = r->to + q * t->f.n + (k << even);
            to[0] = z.re[k * lanes + q];
            if (even) to[1] = z.im[k * lanes + q];
        }
    }
}

/* ---- kernels ---- */

static void forward(const tables *t, const rows *r, plane x, plane y)
{
    load_real(t, r, x);
    store_bins(t, r, fourier(t, x, y, r->lanes));
}

/* The inverse transform is the transform with real and imaginary parts exchanged. */
static void inverse(const tables *t, const rows *r, plane x, plane y)
{
    load_bins(t, r, x);
    store_real(t, r, swapped(fourier(t, swapped(x), swapped(y), r->lanes)));
}

/* Rows of n real numbers, `inner` axes of x to each; threads share out groups of rows. */
static void each(const gr__array *out, const gr__array *x, const gr__array *scratch, int64_t n,
                 int inner, int threads,
                 void (*kernel)(const tables *t, const rows *r, plane x, plane y))
{
    int batch = x->rank - inner;
    gr__nest nest = gr__nest_of(batch, x->dims, x->strides, x->strides);
    int64_t count = gr__nest_pieces(&nest, 1);
    gr__fourier f = gr__fourier_of(n, count);

    if (count == 0) return;
    tables t = make_tables(&f, scratch->data);
#pragma omp parallel for num_threads(threads) if (threads > 1 && count > f.lanes)
    for (int64_t first = 0; first < count; first += f.lanes) {
        T *own = (T *)scratch->data + gr__fourier_tables(&f) + omp_get_thread_num() * 4 * f.size;
        rows r = {.stride = {x->strides[batch], x->strides[x->rank - 1]},
                  .to = (T *)out->data + first * (out->count / count),
                  .lanes = gr__least(f.lanes, count - first)};
        for (int64_t q = 0; q < r.lanes; q++)
            r.from[q] = (const T *)x->data + gr__nest_piece(&nest, 1, first + q).offset[0];
        kernel(&t, &r, plane_at(own, f.size), plane_at(own + 2 * f.size, f.size));
    }
}

gr__opaque_kernel GR__KERNEL(FFT(gr__rfft)), GR__KERNEL(FFT(gr__irfft));

void GR__KERNEL(FFT(gr__rfft))(const gr__array *out, const gr__array *in, const void *detail,
                               int threads, gr__fault *fault)
{
    (void)detail, (void)fault;
    each(out, &in[0], &in[1], in[0].dims[in[0].rank - 1], 1, threads, forward);
}

void GR__KERNEL(FFT(gr__irfft))(const gr__array *out, const gr__array *in, const void *detail,
                                int threads, gr__fault *fault)
{
    (void)detail, (void)fault;
    each(out, &in[0], &in[1], out->dims[out->rank - 1], 2, threads, inverse);
}

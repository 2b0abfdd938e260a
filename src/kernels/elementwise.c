/* Map kernels: those of each row of elementwise.def and each of its dtypes, and the casts.
 *
 * Every loop runs over contiguous blocks; an operand that is one number for all elements has a form
 * of the kernel of its own, which keeps it in a register. out may be one of the operands (element i
 * is read before it is written), so nothing here is `restrict`; a cast between sizes wants memory
 * of its own. */
#include "src/kernels/kernels.h"

#include "src/kernels/angle.h"
#include "src/kernels/vmath.h"

static inline int64_t abs_i64(int64_t x)
{
    return x < 0 ? -x : x;
}

/* Each select is an expression of its own, for which compilers then have one instruction. Where one
 * of the two is NaN the result is the second. */
#define ORDER(dtype, T) \
    static inline T larger_##dtype(T a, T b) \
    { \
        return a > b ? a : b; \
    } \
    static inline T smaller_##dtype(T a, T b) \
    { \
        return a < b ? a : b; \
    } \
    static inline T nan_or_##dtype(T a, T b) \
    { \
        return a != a ? a : b; \
    }

#define FORMULAS(dtype, T) \
    static inline T huber_##dtype(T a, T b) \
    { \
        T c = smaller_##dtype(larger_##dtype(-b, a), b); \
        return c * (a - c / 2); \
    } \
    static inline T lerp_##dtype(T x, T a, T b) \
    { \
        T from = b < (T)0.5 ? x : a, part = b < (T)0.5 ? b : b - 1; \
        return from + part * (a - x); \
    } \
    /* Without the difference of equal infinities. */ \
    static inline T logaddexp_##dtype(T a, T b) \
    { \
        T gap = a == b ? 0 : -v_abs(a - b); \
        return larger_##dtype(a, b) + v_softplus(gap); \
    } \
    static inline T logsubexp_##dtype(T a, T b) \
    { \
        T y = a + v_log1mexp(b - a); \
        return a == b ? -(T)INFINITY : y; \
    } \
    static inline T remainder_of_##dtype(T r, T b) \
    { \
        T moved = (r < 0) != (b < 0) ? r + b : r; \
        return r == 0 ? v_copysign(r, b) : moved; \
    } \
    /* By a rounded quotient, whose floor is at most one too large: a - k b is exact then. */ \
    static inline T remainder_##dtype(T a, T b) \
    { \
        T k = v_floor(a / b), r = k == 0 ? a : v_fma(-k, b, a); \
        return remainder_of_##dtype(r, b); \
    } \
    /* For quotients of any size, by the exact remainder that has the sign of a. */ \
    static inline T long_remainder_##dtype(T a, T b) \
    { \
        return remainder_of_##dtype(v_fmod(a, b), b); \
    } \
    static inline T selu_##dtype(T x) \
    { \
        T scale = (T)GR__SELU_SCALE, slope = (T)GR__SELU_SLOPE; \
        return x >= 0 ? scale * x : slope * v_expm1(x); \
    } \
    /* An infinite x as a huge one. */ \
    static inline T softsign_##dtype(T x) \
    { \
        T c = smaller_##dtype((T)0x1p64, larger_##dtype(-(T)0x1p64, x)); \
        return c / (1 + v_abs(c)); \
    }

#define CHOOSE(name, x) _Generic((x), float : name##_f32, double : name##_f64, int64_t : name##_i64)
#define CHOOSE_FLOAT(name, x) _Generic((x), float : name##_f32, double : name##_f64)
#define v_larger(a, b) CHOOSE(larger, a)(a, b)
#define v_smaller(a, b) CHOOSE(smaller, a)(a, b)
#define v_nan_or(a, b) CHOOSE(nan_or, a)(a, b)
#define v_huber(a, b) CHOOSE_FLOAT(huber, a)(a, b)
#define v_lerp(x, a, b) CHOOSE_FLOAT(lerp, x)(x, a, b)
#define v_logaddexp(a, b) CHOOSE_FLOAT(logaddexp, a)(a, b)
#define v_logsubexp(a, b) CHOOSE_FLOAT(logsubexp, a)(a, b)
#define v_remainder(a, b) \
    CHOOSE_FLOAT(remainder, a)(a, b), v_is_long(a, b), CHOOSE_FLOAT(long_remainder, a)(a, b)
#define v_selu(x) CHOOSE_FLOAT(selu, x)(x)
#define v_softsign(x) CHOOSE_FLOAT(softsign, x)(x)
#define v_product(a, b, log_b) ((((a) == 0) & ((b) == (b))) ? 0 : (a) * (log_b))
#define v_clamp(x, low, high) CHOOSE(smaller, x)(high, CHOOSE(larger, x)(low, x))
#define v_any_sin(x) v_sin(x), v_is_far(x), GR__KERNEL(gr__any_sin)(x)
#define v_any_cos(x) v_cos(x), v_is_far(x), GR__KERNEL(gr__any_cos)(x)
#define v_any_tan(x) v_tan(x), v_is_far(x), GR__KERNEL(gr__any_tan)(x)
#define v_floor(x) _Generic((x), float : floorf, double : floor)(x)
#define v_ceil(x) _Generic((x), float : ceilf, double : ceil)(x)
#define v_trunc(x) _Generic((x), float : truncf, double : trunc)(x)
#define v_round(x) _Generic((x), float : rintf, double : rint)(x)
#define v_sqrt(x) _Generic((x), float : sqrtf, double : sqrt)(x)
#define v_fmod(a, b) _Generic((a), float : fmodf, double : fmod)(a, b)
#define v_fma(a, b, c) _Generic((a), float : fmaf, double : fma)(a, b, c)
#define v_copysign(a, b) _Generic((a), float : copysignf, double : copysign)(a, b)
#define v_abs(x) _Generic((x), float : fabsf, double : fabs, int64_t : abs_i64)(x)

/* Quotients up to here take the short way of v_remainder; without fma only NaN does. */
#ifdef GR__HAS_FMA
#define SHORT(x) _Generic((x), float : 0x1p+22f, double : 0x1p+50)
#else
#define SHORT(x) -1
#endif
#define v_is_long(a, b) (v_abs(a) > SHORT(a) * v_abs(b))

ORDER(f32, float)
ORDER(f64, double)
ORDER(i64, int64_t)
FORMULAS(f32, float)
FORMULAS(f64, double)

#define EACH_FLOATS(row, ...) row(f32, float, __VA_ARGS__) row(f64, double, __VA_ARGS__)
#define EACH_ORDERS EACH_FLOATS
#define EACH_ALL(row, ...) EACH_FLOATS(row, __VA_ARGS__) row(i64, int64_t, __VA_ARGS__)

/* A kernel's prototype and head, and the head of its loop. */
#define MAP(name) \
    gr__map_kernel GR__KERNEL(name); \
    void GR__KERNEL(name)(void *out, const void *p, const void *q, const void *r, int64_t n)

#define LOOP _Pragma("omp simd") for (int64_t i = 0; i < n; i++)

/* The loops of a kernel, by the number of the value's parts: one expression, or three, of which a
 * vector loop can compute the first but where the second is true, which is rare; the third is right
 * everywhere. Such a block is looked at before anything is written, since out may be an operand.
 * Rows of one part have nothing of it, and those of three name the first part once: how often a
 * function is called decides whether a compiler inlines it, and so has a vector loop. */
#define LOOPS(T, operands, ...) \
    FOURTH(__VA_ARGS__, RARE_LOOPS, , ONE_LOOP, )(T, operands, __VA_ARGS__)
#define FOURTH(a, b, c, d, ...) d

#define ONE_LOOP(T, operands, y) \
    LOOP \
    { \
        operands; \
        to[i] = (T)(y); \
    }

#define RARE_LOOPS(T, operands, y, rare, other) \
    int64_t any = 0; \
    for (int64_t i = 0; i < n; i++) { \
        operands; \
        any |= (rare); \
    } \
    for (int64_t i = 0; any && i < n; i++) { \
        operands; \
        to[i] = (T)(other); \
    } \
    if (!any) ONE_LOOP(T, operands, y)

/* From elements x of type F to y of type T. */
#define CONVERT(name, F, T, ...) \
    MAP(name) \
    { \
        T *to = out; \
        const F *xs = p; \
        (void)q, (void)r; \
        LOOPS(T, F x = xs[i], __VA_ARGS__) \
    }

#define UNARY(dtype, T, name, ...) CONVERT(name##_##dtype, T, T, __VA_ARGS__)

/* One of n elements, or one number for all. */
#define EACH(xs) xs[i]
#define ONE(xs) xs##_number

#define BINARY_FORM(name, T, a_of, b_of, ...) \
    MAP(name) \
    { \
        T *to = out; \
        const T *as = p, *bs = q, as_number = *as, bs_number = *bs; \
        (void)r, (void)as_number, (void)bs_number; \
        LOOPS(T, T a = a_of(as); T b = b_of(bs), __VA_ARGS__) \
    }

#define BINARY(dtype, T, name, ...) \
    BINARY_FORM(name##_##dtype, T, EACH, EACH, __VA_ARGS__) \
    BINARY_FORM(name##_number_a_##dtype, T, ONE, EACH, __VA_ARGS__) \
    BINARY_FORM(name##_number_b_##dtype, T, EACH, ONE, __VA_ARGS__)

#define TERNARY_FORM(name, first, T, y, a_of, b_of) \
    MAP(name) \
    { \
        T *to = out; \
        const T *firsts = p, *as = q, *bs = r, as_number = *as, bs_number = *bs; \
        (void)as_number, (void)bs_number; \
        LOOP \
        { \
            T first = firsts[i], a = a_of(as), b = b_of(bs); \
            to[i] = (T)(y); \
        } \
    }

#define TERNARY(dtype, T, name, first, y) \
    TERNARY_FORM(name##_##dtype, first, T, y, EACH, EACH) \
    TERNARY_FORM(name##_number_a_##dtype, first, T, y, ONE, EACH) \
    TERNARY_FORM(name##_number_b_##dtype, first, T, y, EACH, ONE) \
    TERNARY_FORM(name##_numbers_##dtype, first, T, y, ONE, ONE)

#define GR_UNARY(name, types, low, high, y, ...) EACH_##types(UNARY, name, y)
#define GR_BINARY(name, types, low, high, y, ...) EACH_##types(BINARY, name, y)
#define GR_TERNARY(name, first, types, low, high, y, ...) EACH_##types(TERNARY, name, first, y)
#include <gradus/elementwise.def>

/* Towards zero; what does not fit becomes the nearest int64, NaN becomes 0. Only numbers that fit
 * are converted, so that nothing is undefined and the loop has no branch. */
static inline int64_t to_i64(double x)
{
    bool below = x < -0x1p63, above = x >= 0x1p63;
    int64_t y = (int64_t)(below || above || x != x ? 0 : x);
    return below ? INT64_MIN : above ? INT64_MAX : y;
}

CONVERT(gr__cast_f32_f32, float, float, x)
CONVERT(gr__cast_f32_f64, float, double, x)
CONVERT(gr__cast_f32_i64, float, int64_t, to_i64((double)x))
CONVERT(gr__cast_f64_f32, double, float, x)
CONVERT(gr__cast_f64_f64, double, double, x)
CONVERT(gr__cast_f64_i64, double, int64_t, to_i64(x))
CONVERT(gr__cast_i64_f32, int64_t, float, x)
CONVERT(gr__cast_i64_f64, int64_t, double, x)
CONVERT(gr__cast_i64_i64, int64_t, int64_t, x)

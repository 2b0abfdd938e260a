/* The elementwise primitives: public function, shape rule and derivative rule of every row of
 * elementwise.def. */
#include <math.h>

#include "autograd/autograd.h"
#include "autograd/slopes.h"

/* ---- the shape rule: NumPy's broadcasting ---- */

/* What the operands have in common so far. */
typedef struct common {
    const gr__shape *shape; /* NULL: there was no tensor yet */
    gr_dtype dtype;
} common;

/* Takes operand i, a tensor. */
static bool take_tensor(const gr__primitive *op, common *all, gr_arg *in, int i)
{
    const char *name = op->operands[i];
    const gr_tensor *x = gr__take_operand(op, name, in[i].tensor);
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    in[i].tensor = x;
    if (gr__is_error(x)) {
        return false;
    }
    if (!all->shape) {
        all->shape = x->shape;
        all->dtype = (gr_dtype)x->dtype;
        return true;
    }
    if (x->dtype != all->dtype) {
        return gr_fail(GR_ERROR_DTYPE, op->name, name,
                       "got %s, want %s as the other operand; convert with gr_cast",
                       gr_dtype_name((gr_dtype)x->dtype), gr_dtype_name(all->dtype));
    }
    const gr__shape *both = gr__shape_broadcast(op->name, all->shape, x->shape);
    if (!both) {
        return gr_fail(GR_ERROR_SHAPE, op->name, name,
                       "got %s, want a shape that broadcasts with %s",
                       gr__shape_text(x->shape, got), gr__shape_text(all->shape, want));
    }
    all->shape = both;
    return true;
}

static bool take_operands(const gr__primitive *op, common *all, gr_arg *in)
{
    for (int i = 0; i < op->arity; i++) {
        if (in[i].tensor && !take_tensor(op, all, in, i)) {
            return false;
        }
    }
    if (!all->shape) {
        return gr_fail(GR_ERROR_VALUE, op->name, NULL,
                       "got numbers only, want at least one tensor");
    }
    for (int i = 0; i < op->arity; i++) {
        if (!in[i].tensor &&
            !gr__number_fits(op->name, op->operands[i], all->dtype, in[i].number)) {
            return false;
        }
    }
    return true;
}

/* ---- what operands must be where they are numbers ---- */

/* False after reporting. */
typedef bool number_check(const gr__primitive *op, const gr_arg *in);

#define ANY NULL

static bool ORDERED(const gr__primitive *op, const gr_arg *in)
{
    gr_arg a = in[1], b = in[2];

    return a.tensor || b.tensor || !(a.number > b.number) ||
           gr_fail(GR_ERROR_VALUE, op->name, "a", "got %g above b = %g, want bounds in order",
                   a.number, b.number);
}

static bool POSITIVE(const gr__primitive *op, const gr_arg *in)
{
    return in[1].tensor || in[1].number > 0 ||
           gr_fail(GR_ERROR_VALUE, op->name, "b", "got %g, want a number above 0", in[1].number);
}

static bool NOT_NEGATIVE(const gr__primitive *op, const gr_arg *in)
{
    return in[1].tensor || in[1].number >= 0 ||
           gr_fail(GR_ERROR_VALUE, op->name, "b", "got %g, want 0 or more", in[1].number);
}

/* An order that kernels have; in a tensor another one gives NaN. */
static bool ORDER(const gr__primitive *op, const gr_arg *in)
{
    double n = in[0].number;

    return in[0].tensor || (n >= 0 && n <= 16 && n == floor(n)) ||
           gr_fail(GR_ERROR_VALUE, op->name, "a", "got %g, want a whole number from 0 to 16", n);
}

/* What a row says behind its doc: a check, or nothing. */
#define GR__SECOND(doc, check, ...) check
#define GR__CHECK(...) GR__SECOND(__VA_ARGS__, ANY, )

static gr_tensor *apply(const gr__primitive *op, const void *site, gr_arg *in, number_check *fits)
{
    common all = {.shape = NULL};

    if (!take_operands(op, &all, in) || (fits && !fits(op, in))) {
        return &gr__error_tensor;
    }
    return gr__node(op, site, all.shape, all.dtype, in, op->arity, NULL);
}

/* ---- the rows ---- */

#define GR__TYPES_ALL GR__ALL
#define GR__TYPES_FLOATS GR__FLOATS
#define GR__TYPES_ORDERS GR__FLOATS
#define NONE NULL

#define GR__LN2 0.693147180559945309417
#define GR__LN10 2.30258509299404568402
#define GR__2_SQRTPI 1.12837916709551257390
#define GR__1_SQRT2PI 0.398942280401432677940

/* The order below a; 1 below 0, since a Bessel function of order -1 is that of order 1. */
static gr_arg gr__below(gr_arg a)
{
    return a.tensor ? (gr_arg){gr_abs(gr_sub(a, 1)), 0} : (gr_arg){NULL, fabs(a.number - 1)};
}

#define GR__DESCRIPTOR(row, count, types, ...) \
    static const gr__primitive row##_primitive = { \
        .name = #row, \
        .kind = GR__MAP, \
        .arity = count, \
        .dtypes = GR__TYPES_##types, \
        .kernel = offsetof(gr__kernels, row), \
        .rule = row##_rule, \
        .operands = (const char *const[]){__VA_ARGS__}, \
    };

/* The operands and the result, under the names that the rows use. */
#define GR__UNUSED __attribute__((unused))
#define GR__RULE(row) \
    static gr_tensor *row##_rule(const gr_tensor *y GR__UNUSED, int input GR__UNUSED, \
                                 gr_tensor *g GR__UNUSED)

#define GR_UNARY(row, types, low, high, value, derivative, ...) \
    GR__RULE(row) \
    { \
        const gr_tensor *x GR__UNUSED = y->in[0].tensor; \
        return derivative; \
    } \
    GR__DESCRIPTOR(row, 1, types, "x") \
    gr_tensor *(row)(const gr_tensor *x) \
    { \
        return apply(&row##_primitive, GR__SITE, &(gr_arg){x ? x : gr_no_tensor(), 0}, \
                     GR__CHECK(__VA_ARGS__)); \
    }

#define GR_BINARY(row, types, low, high, value, for_a, for_b, ...) \
    GR__RULE(row) \
    { \
        gr_arg a GR__UNUSED = y->in[0], b GR__UNUSED = y->in[1]; \
        return input == 0 ? for_a : for_b; \
    } \
    GR__DESCRIPTOR(row, 2, types, "a", "b") \
    gr_tensor *(row)(gr_arg a, gr_arg b) \
    { \
        return apply(&row##_primitive, GR__SITE, (gr_arg[]){a, b}, GR__CHECK(__VA_ARGS__)); \
    }

/* A condition may have any dtype: it becomes 0 or 1 in that of the operands. */
static gr_arg condition(const char *function, gr_arg c, gr_arg a, gr_arg b)
{
    const gr_tensor *value = a.tensor ? a.tensor : b.tensor;

    if (!c.tensor || !value) {
        return c;
    }
    if (!gr_check_operand(function, "c", c.tensor) ||
        !gr_check_operand(function, a.tensor ? "a" : "b", value)) {
        return (gr_arg){&gr__error_tensor, 0};
    }
    if (c.tensor->dtype != value->dtype) {
        c.tensor = gr_cast(gr_not_equal(c.tensor, 0), (gr_dtype)value->dtype);
    }
    return c;
}

#define GR__TAKE_c(row, c, a, b) condition(#row, c, a, b)
#define GR__TAKE_x(row, x, a, b) x

#define GR_TERNARY(row, first, types, low, high, value, for_first, for_a, for_b, ...) \
    GR__RULE(row) \
    { \
        gr_arg first GR__UNUSED = y->in[0]; \
        gr_arg a GR__UNUSED = y->in[1], b GR__UNUSED = y->in[2]; \
        return input == 0 ? for_first : input == 1 ? for_a : for_b; \
    } \
    GR__DESCRIPTOR(row, 3, types, #first, "a", "b") \
    gr_tensor *(row)(gr_arg first, gr_arg a, gr_arg b) \
    { \
        return apply(&row##_primitive, GR__SITE, \
                     (gr_arg[]){GR__TAKE_##first(row, first, a, b), a, b}, \
                     GR__CHECK(__VA_ARGS__)); \
    }

#include <gradus/elementwise.def>

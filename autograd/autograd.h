/* Between the files of the primitives. What checks returns false, or the error tensor, after
 * reporting. */
#ifndef GRADUS_AUTOGRAD_H
#define GRADUS_AUTOGRAD_H

#include <gradus/ops.h>
#include <gradus/pool.h>

#include "src/core/tensor.h"
#include "src/kernels/kernels.h"

/* ---- operands ---- */

/* The operand for a reader: checked, captured, of a dtype the primitive takes. */
const gr_tensor *gr__take_operand(const gr__primitive *op, const char *argument,
                                  const gr_tensor *t);

/* That of a function without a primitive of its name: floats, of at least `rank` axes. */
const gr_tensor *gr__take_floats(const char *function, const char *argument, const gr_tensor *t,
                                 int rank);

/* x, which has been taken, if it has at least `rank` axes. */
const gr_tensor *gr__of_rank(const char *function, const char *argument, const gr_tensor *x,
                             int rank);

/* x, which has been taken, if it has the axis, which then is counted from 0; else *axis is -1. */
const gr_tensor *gr__along_axis(const char *function, const gr_tensor *x, int *axis);

/* The axes of x, which has been taken, as bits (gr__axes); -1 for the error tensor too. */
int gr__axes_of(const char *function, const gr_tensor *x, gr_axes axes);

/* The operand of an operation with result `like` as a tensor. */
gr_tensor *gr__tensor_of(gr_arg a, const gr_tensor *like);

/* ---- checks ---- */

/* Whether an argument is given, that is, not NULL; `want` says what it should be. */
bool gr__given(const char *function, const char *argument, bool given, const char *want);

/* Whether a number is `least` or more. */
bool gr__at_least(const char *function, const char *argument, int64_t number, int64_t least);

/* Whether a field of an argument is `least` to `most` (INT64_MAX: or more); `cure` ends the
 * message. */
bool gr__field_fits(const char *function, const char *options, const char *field, int64_t value,
                    int64_t least, int64_t most, const char *cure);

/* Whether a number can be an element of a tensor of this dtype: whole, where that is GR_I64. */
bool gr__number_fits(const char *function, const char *argument, gr_dtype dtype, double number);

/* Whether t has the dtype, or the shape, of another operand, which messages call `of`. */
bool gr__same_dtype(const char *function, const char *argument, const gr_tensor *t, const char *of,
                    const gr_tensor *other);
bool gr__same_shape(const char *function, const char *argument, const gr_tensor *t, const char *of,
                    const gr_tensor *other);

/* Whether t can be repeated to this shape. */
bool gr__broadcasts_to(const char *function, const char *argument, const gr_tensor *t,
                       const gr__shape *shape);

/* Whether a tensor with one axis more than x has can be. */
bool gr__has_room(const char *function, const char *argument, const gr_tensor *x);

/* Whether xs and the other list are arrays of n >= 1. */
bool gr__lists_fit(const char *function, gr_tensor *const *xs, const char *name,
                   gr_tensor *const *list, int n);

/* Whether so many elements, each 0 to `most`, can go before and after those of x along the axis. */
bool gr__check_padding(const char *function, const gr_tensor *x, int axis, int64_t before,
                       int64_t after, int64_t most);

/* How many windows there are along an axis of so many elements; -1 after reporting windows that are
 * no windows, more padding than `most`, or an axis that is too short. */
int64_t gr__count_windows(const char *function, const char *argument, gr_window w, int64_t extent,
                          int64_t most);

/* ---- shapes ---- */

/* The public form of an interned shape, and that with another extent along an axis. */
gr_shape gr__public_shape(const gr__shape *shape);
gr_shape gr__with_extent(const gr__shape *shape, int axis, int64_t extent);

/* The product of the extents along the axes of `mask`. */
int64_t gr__count_along(const gr__shape *shape, int mask);

/* t, which still has the axes with extent 1, without them unless keepdim. */
gr_tensor *gr__shed(const char *function, gr_tensor *t, gr_axes axes, bool keepdim);

/* A list as (1, ..., n, ..., 1): n at the axis of a tensor of so many axes. */
gr_tensor *gr__laid_along(const gr_tensor *list, int axis, int rank);

/* ---- nodes ---- */

/* The descriptor of an operation on whole arrays; its rule and other fields follow. */
#define GR__OPERATION(public_name, operands, types, slot, ...) \
    { \
        .name = public_name, .kind = GR__OPAQUE, .arity = operands, .dtypes = types, \
        .kernel = offsetof(gr__kernels, slot), __VA_ARGS__ \
    }

/* A composition with its own rule: the evaluator reads in[0], its value; the rule in[1], x, and
 * perhaps in[2]. */
#define GR__COMPOSED(public_name, derivative) \
    { \
        .name = public_name, .kind = GR__VIEW, .arity = 1, .dtypes = GR__FLOATS, \
        .rule = derivative, \
    }

/* A node with one or two tensor operands that have been taken. Of no shape: the error tensor. */
gr_tensor *gr__node1(const gr__primitive *op, const void *site, const gr__shape *shape,
                     gr_dtype dtype, const gr_tensor *x, const void *detail);
gr_tensor *gr__node2(const gr__primitive *op, const void *site, const gr__shape *shape,
                     gr_dtype dtype, const gr_tensor *a, const gr_tensor *b, const void *detail);

/* A copy of `size` bytes that lives with the current scope, to be a node's detail; NULL,
 * reported. */
const void *gr__detail(const void *value, size_t size);

/* x as the result of an operation that changes nothing: x itself, or detached under GR_NO_GRAD. */
gr_tensor *gr__itself(const gr_tensor *x);

/* ---- operations for rules ---- */

/* The adjoint of a slice: zeros of `extent` along the axis, with x at start, start + step, ... */
gr_tensor *gr__place(const gr_tensor *x, int axis, int64_t start, int64_t step, int64_t extent);

/* a + b for the parts of one gradient. A slice's gradient among zeros is added to the other part
 * where it belongs and is never spread out, so that a hundred slices of a tensor cost one. */
gr_tensor *gr__accumulate(gr_tensor *a, gr_tensor *b);

/* gr_scatter_add, or another fold at an index, as a node of `op`, whose name messages show. */
gr_tensor *gr__scatter(const gr__primitive *op, const void *site, const gr_tensor *source, int axis,
                       const gr_tensor *index, int64_t extent);

/* Images whose elements are repeated along the last two axes, to a shape of multiples. */
gr_tensor *gr__enlarge(const void *site, const gr_tensor *x, const gr__shape *shape);

/* Whether x is a view of rank 2 or more that exchanges the last two axes of what it views. */
bool gr__is_transposed(const gr_tensor *x);

/* ---- gradients ---- */

/* gr_gradients, in the name of another function. */
bool gr__gradients(const char *function, const gr_tensor *y, gr_tensor *const *xs, int n,
                   gr_tensor **out);

/* gr_vjp, in the name of another function. */
bool gr__vjp(const char *function, const gr_tensor *y, const gr_tensor *v, gr_tensor *const *xs,
             int n, gr_tensor **out);

/* out[i] = v^T d y / d xs[i] as if the xs did not depend on each other: the walk ends at them. */
bool gr__vjp_apart(const char *function, gr_tensor *y, gr_tensor *v, gr_tensor *const *xs, int n,
                   gr_tensor **out);

#endif

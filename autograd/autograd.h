/* Between the files of the primitives. */
#ifndef GRADUS_AUTOGRAD_H
#define GRADUS_AUTOGRAD_H

#include <gradus/ops.h>
#include <gradus/pool.h>

#include "src/core/tensor.h"
#include "src/kernels/kernels.h"

/* The operand for a reader: checked, captured, of a dtype the primitive takes; or the error
 * tensor. */
const gr_tensor *gr__take_operand(const gr__primitive *op, const char *argument,
                                  const gr_tensor *t);

/* A node with one or two tensor operands that have passed gr__take_operand. */
gr_tensor *gr__node1(const gr__primitive *op, const void *site, const gr__shape *shape,
                     gr_dtype dtype, const gr_tensor *x, const void *detail);
gr_tensor *gr__node2(const gr__primitive *op, const void *site, const gr__shape *shape,
                     gr_dtype dtype, const gr_tensor *a, const gr_tensor *b, const void *detail);

/* A copy of `size` bytes that lives with the current scope, to be a node's detail; NULL,
 * reported. */
const void *gr__detail(const void *value, size_t size);

/* x as the result of an operation that changes nothing: x itself, or detached under GR_NO_GRAD. */
gr_tensor *gr__itself(const gr_tensor *x);

/* A composition with its own rule: the evaluator reads in[0], its value; the rule in[1], x, and
 * perhaps in[2]. */
#define GR__COMPOSED(public_name, derivative) \
    { \
        .name = public_name, .kind = GR__VIEW, .arity = 1, .dtypes = GR__FLOATS, \
        .rule = derivative, \
    }

/* The public form of an interned shape. */
gr_shape gr__public_shape(const gr__shape *shape);

/* The adjoint of a slice: zeros of `extent` along the axis, with x at start, start + step, ... */
gr_tensor *gr__place(const gr_tensor *x, int axis, int64_t start, int64_t step, int64_t extent);

/* a + b for the parts of one gradient. A slice's gradient among zeros is added to the other part
 * where it belongs and is never spread out, so that a hundred slices of a tensor cost one. */
gr_tensor *gr__accumulate(gr_tensor *a, gr_tensor *b);

/* Whether a number can be an element of x: whole, where that is GR_I64. */
bool gr__check_number(const char *function, const char *argument, const gr_tensor *x,
                      double number);

/* Whether so many elements, each 0 to `most`, can go before and after those of x along the axis. */
bool gr__check_padding(const char *function, const gr_tensor *x, int axis, int64_t before,
                       int64_t after, int64_t most);

/* Whether x is a view of rank 2 or more that exchanges the last two axes of what it views. */
bool gr__is_transposed(const gr_tensor *x);

/* How many windows there are along an axis of so many elements; -1 after reporting windows that are
 * no windows, more padding than `most`, or an axis that is too short. */
int64_t gr__count_windows(const char *function, const char *argument, gr_window w, int64_t extent,
                          int64_t most);

/* Images whose elements are repeated along the last two axes, to a shape of multiples. */
gr_tensor *gr__enlarge(const void *site, const gr_tensor *x, const gr__shape *shape);

/* The shape of x without its last two axes, and x expanded to have `batch` before them. */
const gr__shape *gr__batch_of(const gr_tensor *x);
const gr_tensor *gr__with_batch(const gr_tensor *x, const gr__shape *batch);

/* The gradient's part that a maximum or minimum passes to the operand that is larger (smaller): the
 * whole where `high` > `low`; where they tie half of it if both are tensors, nothing at a
 * number. */
gr_tensor *gr__share(gr_tensor *gradient, gr_arg high, gr_arg low);

/* Whether xs and the other list are arrays of n >= 1; reports what is not. */
bool gr__lists_fit(const char *function, gr_tensor *const *xs, const char *name,
                   gr_tensor *const *list, int n);

/* gr_gradients, in the name of another function. */
bool gr__gradients(const char *function, const gr_tensor *y, gr_tensor *const *xs, int n,
                   gr_tensor **out);

/* gr_vjp, in the name of another function. */
bool gr__vjp(const char *function, const gr_tensor *y, const gr_tensor *v, gr_tensor *const *xs,
             int n, gr_tensor **out);

/* out[i] = v^T d y / d xs[i] as if the xs did not depend on each other: the walk ends at them. */
bool gr__vjp_apart(const char *function, gr_tensor *y, gr_tensor *v, gr_tensor *const *xs, int n,
                   gr_tensor **out);

/* v if it has the shape and dtype of x, which messages call `of`; else the error tensor. */
const gr_tensor *gr__direction_for(const char *function, const char *argument, const gr_tensor *v,
                                   const char *of, const gr_tensor *x);

/* gr_scatter_add, or another fold at an index, as a node of `op`, whose name messages show. */
gr_tensor *gr__scatter(const gr__primitive *op, const void *site, const gr_tensor *source, int axis,
                       const gr_tensor *index, int64_t extent);

/* The operand of an operation with result `like` as a tensor. */
gr_tensor *gr__tensor_of(gr_arg a, const gr_tensor *like);

/* a - b, where both may be numbers. */
gr_arg gr__minus(gr_arg a, gr_arg b);
#define gr__minus(a, b) gr__minus(GR_ARG(a), GR_ARG(b))

#endif

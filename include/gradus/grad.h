/* Gradients: reverse-mode differentiation of the graph that the operations have built.
 *
 * A gradient is an ordinary tensor with an ordinary graph, so it can be differentiated again, to
 * any order. At kinks the minimum-norm subgradient is taken: relu'(0) = 0, abs'(0) = 0. */
#ifndef GRADUS_GRAD_H
#define GRADUS_GRAD_H

#include <gradus/params.h>
#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Adds d loss / d p to the gradient of every trained cell p in params (NULL: of every trained cell
 * that the loss depends on). loss has one element and keeps its graph: it may be given again.
 * Nothing is computed yet; gr_step does. False, and no gradient changed, on an error. */
GR_API bool gr_backward(const gr_tensor *loss, gr_params *params);

/* out[i] = d y / d xs[i], of xs[i]'s shape, differentiable again; y has one element. A cell as
 * target means the sum over every value of it that the graph captured. A target that y does not
 * depend on gets zeros, and so does one made anew (another gr_slice of the same x). False, and
 * error tensors in out, on an error. */
GR_API bool gr_gradients(const gr_tensor *y, gr_tensor *const *xs, int n, gr_tensor **out);

/* A function of tensors: a tensor made from n inputs. */
typedef gr_tensor *gr_function(gr_tensor *const *inputs, int n, void *context);

/* f(inputs), whose intermediate values are not kept for the gradient: it calls f again and computes
 * them a second time. What f reads from outside (inputs, cells, other tensors) gets its gradients
 * as if f had been called alone, of any order. Random tensors are the same the second time, if
 * their generators (8 at most) still live. f must make the same tensors from the same numbers; a
 * cell that has changed between is an error, so the gradient is taken before gr_step. f must not
 * open a scope. */
GR_API gr_tensor *gr_checkpoint(gr_function *f, void *context, gr_tensor *const *inputs, int n);

/* ---- products with derivatives; y of any shape, all differentiable again ----
 * J is d y / d xs, with a row for each element of y. Under GR_NO_GRAD the numbers are the same, and
 * have no history. */

/* out[i] = v^T J: the gradient of sum v y, without summing; v has y's shape. gr_gradients is that
 * of v = 1. */
GR_API bool gr_vjp(const gr_tensor *y, const gr_tensor *v, gr_tensor *const *xs, int n,
                   gr_tensor **out);

/* J v, of y's shape: how y changes when each xs[i] moves along vs[i], of its shape. Exact: the
 * gradient by u of <u^T J, v>, which is linear in u. */
GR_API gr_tensor *gr_jvp(const gr_tensor *y, gr_tensor *const *xs, gr_tensor *const *vs, int n);

/* out[i] = H v, of xs[i]'s shape, where H is the Hessian of y, which has one element, by all xs:
 * the gradient of <gradient of y, vs>. */
GR_API bool gr_hvp(const gr_tensor *y, gr_tensor *const *xs, gr_tensor *const *vs, int n,
                   gr_tensor **out);

/* d y / d x, of shape (y's extents, x's extents) and x's dtype, by as many walks as the smaller of
 * the two has elements; together at most 8 axes. The Hessian is that of the gradient of y, which has
 * one element: (x's extents, x's extents). */
GR_API gr_tensor *gr_jacobian(const gr_tensor *y, gr_tensor *x);
GR_API gr_tensor *gr_hessian(const gr_tensor *y, gr_tensor *x);

/* Compares the gradients of f at `inputs` (f64, at most 8) with fourth-order differences, for each
 * derivative up to `order` (1 to 3): the derivative of order k is that of the order below, dotted
 * with fixed random directions. f's value is first reduced to one number, likewise. Every element
 * must agree to 1e-8, relative to the larger of its magnitude and 1; a NaN fails. False, and an
 * error that names order, input and element, when one does not, or when all first derivatives of an
 * input vanish by both methods (f does not depend on it). */
GR_API bool gr_gradcheck(gr_function *f, void *context, gr_tensor *const *inputs, int n, int order);

#ifdef __cplusplus
}
#endif
#endif

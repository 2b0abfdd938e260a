/* Operations of one's own: a loop over numbers and a derivative rule.
 *
 * What can be written with the operations of ops.h needs none of this: it has all its derivatives
 * already, and is computed in few passes. A primitive is for what they cannot say.
 *
 *     static const char *cube(void *out, const gr_array *result, const gr_array *in, void *context)
 *     {
 *         const double *x = in[0].data;
 *         for (int64_t i = 0; i < result->count; i++) ((double *)out)[i] = x[i] * x[i] * x[i];
 *         return NULL;
 *     }
 *
 *     static gr_tensor *cube_rule(const gr_tensor *y, gr_tensor *const *in, int i, gr_tensor *g,
 *                                 void *context)
 *     {
 *         return gr_mul(g, gr_mul(3, gr_square(in[0])));
 *     }
 *
 *     gr_primitive *p = gr_primitive_new("cube", 1, cube, cube_rule, NULL);
 *     gr_tensor    *y = gr_apply(p, &x, GR_F64, gr_shape_of(x));
 */
#ifndef GRADUS_PRIMITIVE_H
#define GRADUS_PRIMITIVE_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor's numbers, in C order. */
typedef struct gr_array {
    gr_dtype dtype;
    gr_shape shape;
    int64_t count;
    const void *data;
} gr_array;

/* Writes all elements of the result, whose dtype and shape gr_apply was given, to `out`. Returns
 * NULL, or a line that says what is wrong with the numbers: the result then is an error tensor. It
 * is called when the numbers are needed, perhaps more than once, and must not make tensors. */
typedef const char *gr_forward(void *out, const gr_array *result, const gr_array *inputs,
                               void *context);

/* The gradient of input i, of its shape, from that of the result y, written in operations, so that
 * it can be differentiated again; NULL where nothing flows. */
typedef gr_tensor *gr_derivative(const gr_tensor *y, gr_tensor *const *inputs, int i,
                                 gr_tensor *gradient, void *context);

typedef struct gr_primitive gr_primitive;

/* A primitive of 1 to 3 inputs; `name` is what messages show. Without a derivative (NULL) a
 * gradient that arrives is an error, never a guess. It must outlive the scopes in which it is
 * applied. */
GR_API gr_primitive *gr_primitive_new(const char *name, int inputs, gr_forward *forward,
                                      gr_derivative *derivative, void *context);
GR_API void gr_primitive_free(gr_primitive *primitive); /* NULL is legal */

/* A tensor of this dtype and shape, computed from the inputs. */
GR_API gr_tensor *gr_apply(const gr_primitive *primitive, gr_tensor *const *inputs, gr_dtype dtype,
                           gr_shape shape);

#ifdef __cplusplus
}
#endif
#endif

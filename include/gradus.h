/* Gradus: tensors, gradients of any order, and losses written as formulas.
 *
 * A whole program: a small network learns to multiply two numbers.
 *
 *     #include <gradus.h>
 *
 *     int main(void)
 *     {
 *         gr_rng    *rng    = gr_rng_new(42);
 *         gr_params *params = gr_params_new();
 *         gr_linear  hidden = gr_linear_new(params, "hidden", 2, 16, rng);
 *         gr_linear  output = gr_linear_new(params, "output", 16, 1, rng);
 *
 *         gr_adam_options options = gr_adam_defaults();
 *         options.lr = 0.05;
 *         gr_optimizer *adam = gr_adam(params, options);
 *
 *         for (int step = 0; step < 500 && gr_ok(); step++) {
 *             GR_SCOPE;
 *             gr_tensor *x = gr_uniform(rng, GR_SHAPE(64, 2), -1, 1);
 *             gr_tensor *y = gr_mul(gr_slice(x, 1, 0, 1), gr_slice(x, 1, 1, 2));
 *             gr_tensor *h = gr_tanh(gr_linear_apply(&hidden, x));
 *             gr_tensor *loss = gr_loss_mse(gr_linear_apply(&output, h), y, GR_MEAN);
 *
 *             gr_backward(loss, params);
 *             gr_step(adam);
 *             if (step % 100 == 0) printf("%4d  %.5f\n", step, gr_item(loss));
 *         }
 *         gr_optimizer_free(adam);
 *         gr_params_free(params);
 *         gr_rng_free(rng);
 *         return gr_ok() ? 0 : 1;
 *     }
 *
 * No tensor is freed by hand: GR_SCOPE owns what the block makes. No return value is checked line
 * by line, and still no error is lost: the first one is printed and sticks until gr_error_clear.
 * Nothing is computed until gr_step or gr_item asks for it.
 *
 * The map, to be read in this order:
 *     error.h      how calls fail, and how a program sees it
 *     tensor.h     values: dtypes, shapes, scopes, making and looking, the machine
 *     ops.h        operations: reductions, views, indices; elementwise.h has those of one formula
 *     arrange.h    joining, parting, padding, repeating; diagonals, triangles, masks
 *     sort.h       order along an axis, selection, quantiles
 *     scan.h       running sums and products, linear recurrences
 *     segment.h    groups of rows
 *     linalg.h     linear algebra: einsum, factors, systems, roots, distances
 *     fourier.h    Fourier transforms of real numbers
 *     pool.h       windows: pooling, unfolding, changes of resolution
 *     conv.h       convolutions
 *     random.h     random tensors from an explicit generator
 *     params.h     cells: the named tensors that change
 *     grad.h       gradients of any order, products with derivatives, checkpoints, a check
 *     primitive.h  operations of one's own
 *     losses.h     losses and their reduction
 *     layers.h     layers and initial values
 *     optim.h      optimizers, clipping
 *     io.h         files
 */
#ifndef GRADUS_H
#define GRADUS_H

#include <gradus/arrange.h>
#include <gradus/conv.h>
#include <gradus/error.h>
#include <gradus/fourier.h>
#include <gradus/grad.h>
#include <gradus/io.h>
#include <gradus/layers.h>
#include <gradus/linalg.h>
#include <gradus/losses.h>
#include <gradus/ops.h>
#include <gradus/optim.h>
#include <gradus/params.h>
#include <gradus/pool.h>
#include <gradus/primitive.h>
#include <gradus/random.h>
#include <gradus/scan.h>
#include <gradus/segment.h>
#include <gradus/sort.h>
#include <gradus/tensor.h>

#endif

/* Layers: plain structs of cells with an apply function, and the values that cells start from. */
#ifndef GRADUS_LAYERS_H
#define GRADUS_LAYERS_H

#include <gradus/conv.h>
#include <gradus/params.h>
#include <gradus/random.h>
#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y = x W^T + b. The cells "name.weight" (out, in) and "name.bias" (out) belong to the params given
 * to gr_linear_new, in a group of that name; both start uniform in +-1/sqrt(in), as in PyTorch. */
typedef struct gr_linear {
    gr_tensor *weight; /* (out, in) */
    gr_tensor *bias;   /* (out) */
} gr_linear;

GR_API gr_linear gr_linear_new(gr_params *params, const char *name, int64_t in, int64_t out,
                               gr_rng *rng);
GR_API gr_tensor *gr_linear_apply(const gr_linear *layer,
                                  const gr_tensor *x); /* (*, in) -> (*, out) */

/* y = gr_conv2d(x, weight, options) + bias, and likewise the others. The cells "name.weight" and
 * "name.bias" (out) belong to the params given to _new, in a group of that name; both start uniform
 * in +-1/sqrt(n), n being the elements of weight[0], as in PyTorch. The options' groups divide in
 * and out. */
typedef struct gr_conv2d_layer {
    gr_tensor *weight; /* (out, in / groups, kh, kw) */
    gr_tensor *bias;   /* (out) */
    gr_conv_options options;
} gr_conv2d_layer;

GR_API gr_conv2d_layer gr_conv2d_layer_new(gr_params *params, const char *name, int64_t in,
                                           int64_t out, gr_shape kernel, gr_conv_options options,
                                           gr_rng *rng); /* kernel (kh, kw) */
GR_API gr_tensor *gr_conv2d_layer_apply(const gr_conv2d_layer *layer,
                                        const gr_tensor *x); /* (N, in, H, W) */

typedef struct gr_conv1d_layer {
    gr_tensor *weight; /* (out, in / groups, k) */
    gr_tensor *bias;   /* (out) */
    gr_conv_options options;
} gr_conv1d_layer;

GR_API gr_conv1d_layer gr_conv1d_layer_new(gr_params *params, const char *name, int64_t in,
                                           int64_t out, int64_t kernel, gr_conv_options options,
                                           gr_rng *rng);
GR_API gr_tensor *gr_conv1d_layer_apply(const gr_conv1d_layer *layer,
                                        const gr_tensor *x); /* (N, in, W) */

typedef struct gr_conv_transpose2d_layer {
    gr_tensor *weight; /* (in, out / groups, kh, kw) */
    gr_tensor *bias;   /* (out) */
    gr_conv_options options;
} gr_conv_transpose2d_layer;

GR_API gr_conv_transpose2d_layer gr_conv_transpose2d_layer_new(gr_params *params, const char *name,
                                                               int64_t in, int64_t out,
                                                               gr_shape kernel,
                                                               gr_conv_options options,
                                                               gr_rng *rng);
GR_API gr_tensor *gr_conv_transpose2d_layer_apply(const gr_conv_transpose2d_layer *layer,
                                                  const gr_tensor *x); /* (N, in, H, W) */

typedef struct gr_conv_transpose1d_layer {
    gr_tensor *weight; /* (in, out / groups, k) */
    gr_tensor *bias;   /* (out) */
    gr_conv_options options;
} gr_conv_transpose1d_layer;

GR_API gr_conv_transpose1d_layer gr_conv_transpose1d_layer_new(gr_params *params, const char *name,
                                                               int64_t in, int64_t out,
                                                               int64_t kernel,
                                                               gr_conv_options options,
                                                               gr_rng *rng);
GR_API gr_tensor *gr_conv_transpose1d_layer_apply(const gr_conv_transpose1d_layer *layer,
                                                  const gr_tensor *x); /* (N, in, W) */

/* Recurrent layers. The cells "name.weight_ih_l0" (gates units, inputs), "name.weight_hh_l0"
 * (gates units, units), "name.bias_ih_l0" and "name.bias_hh_l0" (gates units) have PyTorch's names,
 * shapes and order of gates, so that files interchange; all start uniform in +-1/sqrt(units).
 *
 * _step takes x (batch, inputs) and a state (batch, units) and returns the next one. _apply takes
 * x (batch, time, inputs) and returns the states after each time, (batch, time, units); *state is the
 * first one (NULL: zeros) and becomes the last. With state NULL it begins with zeros. */
typedef struct gr_recurrent {
    gr_tensor *weight_ih, *weight_hh;
    gr_tensor *bias_ih, *bias_hh;
} gr_recurrent;

/* h' = tanh(W x + b + U h + c) (Elman 1990) */
typedef gr_recurrent gr_rnn;

GR_API gr_rnn gr_rnn_new(gr_params *params, const char *name, int64_t inputs, int64_t units,
                         gr_rng *rng);
GR_API gr_tensor *gr_rnn_step(const gr_rnn *layer, const gr_tensor *x, const gr_tensor *state);
GR_API gr_tensor *gr_rnn_apply(const gr_rnn *layer, const gr_tensor *x, gr_tensor **state);

/* Gates r, z, n, with W, U, b, c in three blocks of rows (Cho et al. 2014):
 * r and z = sigmoid(W x + b + U h + c), n = tanh(W x + b + r (U h + c)), h' = (1 - z) n + z h */
typedef gr_recurrent gr_gru;

GR_API gr_gru gr_gru_new(gr_params *params, const char *name, int64_t inputs, int64_t units,
                         gr_rng *rng);
GR_API gr_tensor *gr_gru_step(const gr_gru *layer, const gr_tensor *x, const gr_tensor *state);
GR_API gr_tensor *gr_gru_apply(const gr_gru *layer, const gr_tensor *x, gr_tensor **state);

/* Gates i, f, g, o (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000): i, f and
 * o = sigmoid(W x + b + U h + c), g = tanh(the same), cell' = f cell + i g, h' = o tanh(cell') */
typedef gr_recurrent gr_lstm;

typedef struct gr_lstm_state {
    gr_tensor *hidden, *cell; /* (batch, units) */
} gr_lstm_state;

GR_API gr_lstm gr_lstm_new(gr_params *params, const char *name, int64_t inputs, int64_t units,
                           gr_rng *rng);
GR_API gr_lstm_state gr_lstm_step(const gr_lstm *layer, const gr_tensor *x, gr_lstm_state state);
GR_API gr_tensor *gr_lstm_apply(const gr_lstm *layer, const gr_tensor *x, gr_lstm_state *state);

/* Initial values, in the default dtype. The fans of a shape (out, in, *) are in and out times the
 * product of the rest; rank 2 or more. gain 1 for linear and sigmoid, sqrt(2) for relu, 5/3 for
 * tanh. */
GR_API gr_tensor *gr_init_xavier_uniform(gr_rng *rng, gr_shape shape, double gain);
GR_API gr_tensor *gr_init_xavier_normal(gr_rng *rng, gr_shape shape, double gain);
GR_API gr_tensor *gr_init_kaiming_uniform(gr_rng *rng, gr_shape shape, double gain);
GR_API gr_tensor *gr_init_kaiming_normal(gr_rng *rng, gr_shape shape, double gain);

#ifdef __cplusplus
}
#endif
#endif

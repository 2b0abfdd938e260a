/* What the rows of recurrent.def say beside public functions: layers of given weights, their biases as
 * the two rows of one matrix. */
#ifndef TESTS_PRIMITIVES_RECURRENT_H
#define TESTS_PRIMITIVES_RECURRENT_H

#include <gradus.h>

static inline gr_recurrent layer_of(const gr_tensor *weight_ih, const gr_tensor *weight_hh,
                                    const gr_tensor *biases)
{
    gr_tensor *b[2];

    gr_unstack(biases, 0, b);
    return (gr_recurrent){.weight_ih = (gr_tensor *)(uintptr_t)weight_ih,
                          .weight_hh = (gr_tensor *)(uintptr_t)weight_hh,
                          .bias_ih = b[0],
                          .bias_hh = b[1]};
}

/* Part k of x's last axis: inputs, then states of the layer's units. */
static inline gr_tensor *part(const gr_tensor *x, const gr_recurrent *r, int k)
{
    int64_t inputs = gr_dim(r->weight_ih, 1), units = gr_dim(r->weight_hh, 1);

    return k == 0 ? gr_slice(x, -1, 0, inputs)
                  : gr_slice(x, -1, inputs + (k - 1) * units, inputs + k * units);
}

/* name_step: of (inputs, state) side by side; name_all: the states after each time; name_two: the same
 * in two calls, the second of which takes over the state; name_last: the state at the end. */
#define RECURRENT(name) \
    static inline gr_tensor *name##_step(const gr_tensor *x, const gr_tensor *weight_ih, \
                                         const gr_tensor *weight_hh, const gr_tensor *biases) \
    { \
        gr_recurrent r = layer_of(weight_ih, weight_hh, biases); \
        return gr_##name##_step(&r, part(x, &r, 0), part(x, &r, 1)); \
    } \
\
    static inline gr_tensor *name##_all(const gr_tensor *x, const gr_tensor *weight_ih, \
                                        const gr_tensor *weight_hh, const gr_tensor *biases) \
    { \
        gr_recurrent r = layer_of(weight_ih, weight_hh, biases); \
        return gr_##name##_apply(&r, x, NULL); \
    } \
\
    static inline gr_tensor *name##_two(const gr_tensor *x, const gr_tensor *weight_ih, \
                                        const gr_tensor *weight_hh, const gr_tensor *biases) \
    { \
        gr_recurrent r = layer_of(weight_ih, weight_hh, biases); \
        gr_tensor *state = NULL; \
        gr_tensor *first = gr_##name##_apply(&r, gr_slice(x, 1, 0, 2), &state); \
        return gr_concat( \
            GR_LIST(first, gr_##name##_apply(&r, gr_slice(x, 1, 2, INT64_MAX), &state)), 1); \
    } \
\
    static inline gr_tensor *name##_last(const gr_tensor *x, const gr_tensor *weight_ih, \
                                         const gr_tensor *weight_hh, const gr_tensor *biases) \
    { \
        gr_recurrent r = layer_of(weight_ih, weight_hh, biases); \
        gr_tensor *state = NULL; \
        gr_##name##_apply(&r, x, &state); \
        return state; \
    }

RECURRENT(rnn)
RECURRENT(gru)

/* Hidden state and cell side by side. */
static inline gr_tensor *lstm_step(const gr_tensor *x, const gr_tensor *weight_ih,
                                   const gr_tensor *weight_hh, const gr_tensor *biases)
{
    gr_recurrent r = layer_of(weight_ih, weight_hh, biases);
    gr_lstm_state s = {part(x, &r, 1), part(x, &r, 2)};

    s = gr_lstm_step(&r, part(x, &r, 0), s);
    return gr_concat(GR_LIST(s.hidden, s.cell), 1);
}

static inline gr_tensor *lstm_all(const gr_tensor *x, const gr_tensor *weight_ih,
                                  const gr_tensor *weight_hh, const gr_tensor *biases)
{
    gr_recurrent r = layer_of(weight_ih, weight_hh, biases);

    return gr_lstm_apply(&r, x, NULL);
}

static inline gr_tensor *lstm_two(const gr_tensor *x, const gr_tensor *weight_ih,
                                  const gr_tensor *weight_hh, const gr_tensor *biases)
{
    gr_recurrent r = layer_of(weight_ih, weight_hh, biases);
    gr_lstm_state s = {NULL, NULL};
    gr_tensor *first = gr_lstm_apply(&r, gr_slice(x, 1, 0, 2), &s);

    return gr_concat(GR_LIST(first, gr_lstm_apply(&r, gr_slice(x, 1, 2, INT64_MAX), &s)), 1);
}

static inline gr_tensor *lstm_last(const gr_tensor *x, const gr_tensor *weight_ih,
                                   const gr_tensor *weight_hh, const gr_tensor *biases)
{
    gr_recurrent r = layer_of(weight_ih, weight_hh, biases);
    gr_lstm_state s = {NULL, NULL};

    gr_lstm_apply(&r, x, &s);
    return gr_concat(GR_LIST(s.hidden, s.cell), 1);
}

#endif

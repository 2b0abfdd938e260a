/* Recurrent layers: the simple one (Elman 1990), GRU (Cho et al. 2014, with the reset gate behind the
 * product, as in PyTorch) and LSTM (Hochreiter & Schmidhuber 1997, with forget gates). What the
 * inputs give to the gates is one product for all times; a step adds what the state gives. Public API
 * only. */
#include <gradus.h>
#include <math.h>

/* A layer's tensors as a sequence uses them. */
typedef struct weights {
    const gr_tensor *in, *state;     /* (inputs, gates * units), (units, gates * units) */
    const gr_tensor *bias;           /* (gates * units): of both, where both are only added up */
    const gr_tensor *candidate_bias; /* GRU (units): of the state, which the reset gate scales */
} weights;

/* One kind of layer: its functions, as messages name them, the blocks of rows in its weights, and one
 * step from what the inputs give to the gates, (batch, gates * units). */
typedef struct kind {
    const char *create, *step, *apply;
    int gates;
    int added; /* gates whose bias of the state is only added up */
    bool has_cell;
    gr_lstm_state (*advance)(const weights *w, const gr_tensor *gates, gr_lstm_state s);
} kind;

/* ---- making ---- */

static gr_recurrent recurrent_new(const kind *k, gr_params *params, const char *name,
                                  int64_t inputs, int64_t units, gr_rng *rng)
{
    gr_tensor *error = gr_error_tensor();

    if (inputs < 1 || units < 1) {
        gr_fail(GR_ERROR_VALUE, k->create, inputs < 1 ? "inputs" : "units",
                "got %lld, want 1 or more", (long long)(inputs < 1 ? inputs : units));
        return (gr_recurrent){error, error, error, error};
    }
    GR_SCOPE;
    gr_params *own = gr_params_group(params, name);
    double bound = 1 / sqrt((double)units);
    int64_t rows = k->gates * units;

#define UNIFORM(cell, ...) \
    gr_param(own, cell, gr_uniform(rng, GR_SHAPE(__VA_ARGS__), -bound, bound))
    gr_recurrent r = {.weight_ih = UNIFORM("weight_ih_l0", rows, inputs)};
    r.weight_hh = UNIFORM("weight_hh_l0", rows, units);
    r.bias_ih = UNIFORM("bias_ih_l0", rows);
    r.bias_hh = UNIFORM("bias_hh_l0", rows);
#undef UNIFORM
    return r;
}

/* ---- checks ---- */

static bool fits(const char *function, const char *argument, const gr_tensor *t, gr_dtype dtype,
                 gr_shape want)
{
    char got[GR_SHAPE_TEXT], wanted[GR_SHAPE_TEXT];

    if (!gr_check_operand(function, argument, t)) {
        return false;
    }
    if (gr_dtype_of(t) != dtype) {
        return gr_fail(GR_ERROR_DTYPE, function, argument,
                       "got %s, want %s as weight_hh; convert with gr_cast",
                       gr_dtype_name(gr_dtype_of(t)), gr_dtype_name(dtype));
    }
    return gr_same_shape(gr_shape_of(t), want) ||
           gr_fail(GR_ERROR_SHAPE, function, argument, "got %s, want %s",
                   gr_shape_text(gr_shape_of(t), got), gr_shape_text(want, wanted));
}

/* Whether the layer's tensors belong to one layer of this kind. */
static bool check_layer(const kind *k, const char *function, const gr_recurrent *r)
{
    if (!r) {
        return gr_fail(GR_ERROR_VALUE, function, "layer", "got NULL, want a layer");
    }
    if (!gr_check_operand(function, "weight_hh", r->weight_hh) ||
        !gr_check_operand(function, "weight_ih", r->weight_ih)) {
        return false;
    }
    gr_dtype dtype = gr_dtype_of(r->weight_hh);
    int64_t units = gr_rank(r->weight_hh) == 2 ? gr_dim(r->weight_hh, 1) : 0;
    int64_t inputs = gr_rank(r->weight_ih) == 2 ? gr_dim(r->weight_ih, 1) : 0;
    gr_shape bias = GR_SHAPE(k->gates * units);

    return fits(function, "weight_hh", r->weight_hh, dtype, GR_SHAPE(k->gates * units, units)) &&
           fits(function, "weight_ih", r->weight_ih, dtype, GR_SHAPE(k->gates * units, inputs)) &&
           fits(function, "bias_ih", r->bias_ih, dtype, bias) &&
           fits(function, "bias_hh", r->bias_hh, dtype, bias);
}

/* Whether x is (batch, inputs) or, for a sequence, (batch, time, inputs). */
static bool check_input(const char *function, const gr_recurrent *r, const gr_tensor *x, int rank)
{
    char got[GR_SHAPE_TEXT];
    gr_shape want;

    if (!gr_check_operand(function, "x", x)) {
        return false;
    }
    want = gr_shape_of(x);
    if (want.rank != rank || want.dims[rank - 1] != gr_dim(r->weight_ih, 1)) {
        return gr_fail(GR_ERROR_SHAPE, function, "x", "got %s, want %s%lld)",
                       gr_shape_text(want, got), rank == 2 ? "(batch," : "(batch,time,",
                       (long long)gr_dim(r->weight_ih, 1));
    }
    return fits(function, "x", x, gr_dtype_of(r->weight_hh), want);
}

static bool check_state(const kind *k, const char *function, const gr_recurrent *r,
                        const gr_tensor *x, gr_lstm_state s)
{
    gr_shape want = GR_SHAPE(gr_dim(x, 0), gr_dim(r->weight_hh, 1));
    gr_dtype dtype = gr_dtype_of(r->weight_hh);

    return fits(function, k->has_cell ? "state.hidden" : "state", s.hidden, dtype, want) &&
           (!k->has_cell || fits(function, "state.cell", s.cell, dtype, want));
}

/* ---- steps and sequences ---- */

/* The product with 1 is stored in its own order, in which the gradients of all steps are added up;
 * as a view they would be in that of weight_hh, across the order of the steps' products. */
static weights weights_of(const kind *k, const gr_recurrent *r)
{
    int64_t units = gr_dim(r->weight_hh, 1), added = k->added * units;
    int64_t rest = k->gates * units - added;
    gr_tensor *from_state = gr_pad(gr_slice(r->bias_hh, 0, 0, added), 0, 0, rest, 0);

    return (weights){.in = gr_transpose(r->weight_ih, 0, 1),
                     .state = gr_mul(gr_transpose(r->weight_hh, 0, 1), 1),
                     .bias = gr_add(r->bias_ih, from_state),
                     .candidate_bias = gr_slice(r->bias_hh, 0, added, added + rest)};
}

/* What inputs, (n, inputs), give to the gates. */
static gr_tensor *gates_of(const weights *w, const gr_tensor *x)
{
    return gr_add(gr_matmul(x, w->in), w->bias);
}

static gr_lstm_state broken(void)
{
    return (gr_lstm_state){gr_error_tensor(), gr_error_tensor()};
}

static gr_lstm_state step(const kind *k, const gr_recurrent *r, const gr_tensor *x, gr_lstm_state s)
{
    if (!check_layer(k, k->step, r) || !check_input(k->step, r, x, 2) ||
        !check_state(k, k->step, r, x, s)) {
        return broken();
    }
    weights w = weights_of(k, r);
    return k->advance(&w, gates_of(&w, x), s);
}

/* All steps: in `list` the gates of each time become the state after it. */
static gr_tensor *steps(const kind *k, const weights *w, gr_tensor **list, int64_t times,
                        gr_lstm_state *s)
{
    for (int64_t t = 0; t < times; t++) {
        *s = k->advance(w, list[t], *s);
        list[t] = s->hidden;
    }
    return gr_stack(list, (int)times, 1);
}

/* The gates of all times are one product; by time, so that those of one time lie together. */
static gr_tensor *sequence(const kind *k, const gr_recurrent *r, const gr_tensor *x,
                           gr_lstm_state *s)
{
    int64_t batch = gr_dim(x, 0), times = gr_dim(x, 1), rows = k->gates * gr_dim(r->weight_hh, 1);
    gr_tensor **list = gr_alloc((size_t)times * sizeof(gr_tensor *));

    if (!list) {
        gr_fail(GR_ERROR_MEMORY, k->apply, NULL, "no memory for %lld steps", (long long)times);
        return gr_error_tensor();
    }
    weights w = weights_of(k, r);
    gr_tensor *flat = gr_reshape(gr_transpose(x, 0, 1), GR_SHAPE(times * batch, gr_dim(x, 2)));
    gr_tensor *gates = gr_reshape(gates_of(&w, flat), GR_SHAPE(times, batch, rows));
    gr_tensor *y = gr_unstack(gates, 0, list) ? steps(k, &w, list, times, s) : gr_error_tensor();
    gr_free(list);
    return y;
}

static gr_tensor *apply(const kind *k, const gr_recurrent *r, const gr_tensor *x, gr_lstm_state *s)
{
    bool good = check_layer(k, k->apply, r) && check_input(k->apply, r, x, 3);

    if (good) {
        gr_shape shape = GR_SHAPE(gr_dim(x, 0), gr_dim(r->weight_hh, 1));
        gr_tensor *zeros = gr_full(gr_dtype_of(x), shape, 0);
        s->hidden = s->hidden ? s->hidden : zeros;
        s->cell = s->cell ? s->cell : zeros;
        good = check_state(k, k->apply, r, x, *s);
    }
    if (!good) {
        *s = broken();
        return gr_error_tensor();
    }
    if (gr_dim(x, 1) == 0) {
        return gr_full(gr_dtype_of(x), GR_SHAPE(gr_dim(x, 0), 0, gr_dim(r->weight_hh, 1)), 0);
    }
    return sequence(k, r, x, s);
}

/* The same for layers whose state is one tensor. */
static gr_tensor *step_hidden(const kind *k, const gr_recurrent *r, const gr_tensor *x,
                              const gr_tensor *state)
{
    return step(k, r, x, (gr_lstm_state){.hidden = (gr_tensor *)(uintptr_t)state}).hidden;
}

static gr_tensor *apply_hidden(const kind *k, const gr_recurrent *r, const gr_tensor *x,
                               gr_tensor **state)
{
    gr_lstm_state s = {.hidden = state ? *state : NULL};
    gr_tensor *y = apply(k, r, x, &s);

    if (state) {
        *state = s.hidden;
    }
    return y;
}

/* ---- the simple layer ---- */

static gr_lstm_state rnn_advance(const weights *w, const gr_tensor *gates, gr_lstm_state s)
{
    return (gr_lstm_state){.hidden = gr_tanh(gr_add(gates, gr_matmul(s.hidden, w->state)))};
}

static const kind rnn = {.create = "gr_rnn_new",
                         .step = "gr_rnn_step",
                         .apply = "gr_rnn_apply",
                         .gates = 1,
                         .added = 1,
                         .advance = rnn_advance};

gr_rnn gr_rnn_new(gr_params *params, const char *name, int64_t inputs, int64_t units, gr_rng *rng)
{
    return recurrent_new(&rnn, params, name, inputs, units, rng);
}

gr_tensor *gr_rnn_step(const gr_rnn *layer, const gr_tensor *x, const gr_tensor *state)
{
    return step_hidden(&rnn, layer, x, state);
}

gr_tensor *gr_rnn_apply(const gr_rnn *layer, const gr_tensor *x, gr_tensor **state)
{
    return apply_hidden(&rnn, layer, x, state);
}

/* ---- GRU ---- */

static gr_lstm_state gru_advance(const weights *w, const gr_tensor *gates, gr_lstm_state s)
{
    gr_tensor *in[3], *own[3]; /* reset, update, candidate */

    gr_split(gates, 1, 3, in);
    gr_split(gr_matmul(s.hidden, w->state), 1, 3, own);
    gr_tensor *reset = gr_sigmoid(gr_add(in[0], own[0]));
    gr_tensor *update = gr_sigmoid(gr_add(in[1], own[1]));
    gr_tensor *candidate = gr_tanh(gr_add_mul(in[2], reset, gr_add(own[2], w->candidate_bias)));
    return (gr_lstm_state){.hidden = gr_lerp(candidate, s.hidden, update)};
}

static const kind gru = {.create = "gr_gru_new",
                         .step = "gr_gru_step",
                         .apply = "gr_gru_apply",
                         .gates = 3,
                         .added = 2,
                         .advance = gru_advance};

gr_gru gr_gru_new(gr_params *params, const char *name, int64_t inputs, int64_t units, gr_rng *rng)
{
    return recurrent_new(&gru, params, name, inputs, units, rng);
}

gr_tensor *gr_gru_step(const gr_gru *layer, const gr_tensor *x, const gr_tensor *state)
{
    return step_hidden(&gru, layer, x, state);
}

gr_tensor *gr_gru_apply(const gr_gru *layer, const gr_tensor *x, gr_tensor **state)
{
    return apply_hidden(&gru, layer, x, state);
}

/* ---- LSTM ---- */

static gr_lstm_state lstm_advance(const weights *w, const gr_tensor *gates, gr_lstm_state s)
{
    gr_tensor *sums[4]; /* input, forget, candidate, output */

    gr_split(gr_add(gates, gr_matmul(s.hidden, w->state)), 1, 4, sums);
    gr_tensor *input = gr_sigmoid(sums[0]), *forget = gr_sigmoid(sums[1]);
    gr_tensor *candidate = gr_tanh(sums[2]), *output = gr_sigmoid(sums[3]);
    gr_tensor *cell = gr_add_mul(gr_mul(forget, s.cell), input, candidate);
    return (gr_lstm_state){.hidden = gr_mul(output, gr_tanh(cell)), .cell = cell};
}

static const kind lstm = {.create = "gr_lstm_new",
                          .step = "gr_lstm_step",
                          .apply = "gr_lstm_apply",
                          .gates = 4,
                          .added = 4,
                          .has_cell = true,
                          .advance = lstm_advance};

gr_lstm gr_lstm_new(gr_params *params, const char *name, int64_t inputs, int64_t units, gr_rng *rng)
{
    return recurrent_new(&lstm, params, name, inputs, units, rng);
}

gr_lstm_state gr_lstm_step(const gr_lstm *layer, const gr_tensor *x, gr_lstm_state state)
{
    return step(&lstm, layer, x, state);
}

gr_tensor *gr_lstm_apply(const gr_lstm *layer, const gr_tensor *x, gr_lstm_state *state)
{
    gr_lstm_state s = state ? *state : (gr_lstm_state){.hidden = NULL};
    gr_tensor *y = apply(&lstm, layer, x, &s);

    if (state) {
        *state = s;
    }
    return y;
}

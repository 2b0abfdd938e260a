/* Making recurrent layers; what they compute is certified in tests/primitives/recurrent.def. */
#include "tests/layers/help.h"

TestSuite(recurrent, .init = begin, .fini = end);

static void expect_cells(gr_recurrent r, const char *names[4], int64_t rows)
{
    gr_tensor *cells[] = {r.weight_ih, r.weight_hh, r.bias_ih, r.bias_hh};

    for (int i = 0; i < 4; i++) {
        cr_assert_eq(gr_params_find(params, names[i]), cells[i], "%s", names[i]);
        cr_assert(gr_is_trained(cells[i]));
    }
    EXPECT_SHAPE(r.weight_ih, GR_SHAPE(rows, 2));
    EXPECT_SHAPE(r.weight_hh, GR_SHAPE(rows, 5));
    EXPECT_SHAPE(r.bias_ih, GR_SHAPE(rows));
    EXPECT_SHAPE(r.bias_hh, GR_SHAPE(rows));
}

/* The names under which PyTorch saves the first layer. */
Test(recurrent, cells_are_named_after_the_layer)
{
    const char *a[] = {"a.weight_ih_l0", "a.weight_hh_l0", "a.bias_ih_l0", "a.bias_hh_l0"};
    const char *b[] = {"b.weight_ih_l0", "b.weight_hh_l0", "b.bias_ih_l0", "b.bias_hh_l0"};
    const char *c[] = {"c.weight_ih_l0", "c.weight_hh_l0", "c.bias_ih_l0", "c.bias_hh_l0"};

    expect_cells(gr_rnn_new(params, "a", 2, 5, rng), a, 5);
    expect_cells(gr_gru_new(params, "b", 2, 5, rng), b, 15);
    expect_cells(gr_lstm_new(params, "c", 2, 5, rng), c, 20);
    cr_assert_eq(gr_params_count(params), 12);
}

/* Uniform in +-1/sqrt(units), whatever the inputs. */
Test(recurrent, initial_values)
{
    gr_lstm r = gr_lstm_new(params, "wide", 7, 100, rng);
    gr_tensor *cells[] = {r.weight_ih, r.weight_hh, r.bias_ih, r.bias_hh};

    for (int k = 0; k < 4; k++) {
        double n = (double)gr_count(cells[k]), std = 0.1 / sqrt(3);
        double largest = gr_item(gr_max(gr_abs(cells[k]), GR_ALL_AXES, false));
        double mean = gr_item(gr_mean(cells[k], GR_ALL_AXES, false));
        double variance = gr_item(gr_mean(gr_square(cells[k]), GR_ALL_AXES, false));
        cr_assert(largest <= 0.1 && largest > 0.098, "%g", largest);
        cr_assert(fabs(mean) < 4 * std / sqrt(n), "%g", mean);
        cr_assert(fabs(variance / (std * std) - 1) < 4 / sqrt(n), "%g", variance);
    }
}

/* A layer learns which of its first inputs was larger, over many steps of noise. */
Test(recurrent, layers_remember)
{
    gr_gru layer = gr_gru_new(params, "memory", 2, 12, rng);
    gr_linear output = gr_linear_new(params, "output", 12, 1, rng);
    gr_adam_options options = gr_adam_defaults();
    options.lr = 0.02;
    gr_optimizer *adam = gr_adam(params, options);
    double loss = 1;

    for (int i = 0; i < 150 && gr_ok(); i++) {
        GR_SCOPE;
        gr_tensor *x = gr_uniform(rng, GR_SHAPE(64, 12, 2), -1, 1), *state = NULL;
        gr_tensor *first = gr_reshape(gr_slice(x, 1, 0, 1), GR_SHAPE(64, 2));
        gr_tensor *y = gr_greater(gr_slice(first, 1, 0, 1), gr_slice(first, 1, 1, 2));
        gr_gru_apply(&layer, x, &state);
        gr_tensor *error = gr_loss_bce_logits(gr_linear_apply(&output, state), y, GR_MEAN);
        gr_backward(error, params);
        gr_step(adam);
        loss = gr_item(error);
    }
    cr_assert(loss < 0.25, "%g", loss);
    gr_optimizer_free(adam);
}

static void expect_broken(gr_recurrent r, const char *message)
{
    expect_message(message, __LINE__);
    EXPECT_SILENT(r.weight_ih);
    EXPECT_SILENT(r.bias_hh);
    EXPECT_SILENT(gr_gru_apply(&r, gr_zeros(GR_SHAPE(4, 3, 2)), NULL));
}

Test(recurrent, failed_constructors)
{
    expect_broken(gr_gru_new(params, "a", 0, 5, rng), "gr_gru_new: inputs: got 0, want 1 or more");
    expect_broken(gr_lstm_new(params, "a", 2, -5, rng),
                  "gr_lstm_new: units: got -5, want 1 or more");
    gr_rnn_new(params, "taken", 2, 5, rng);
    expect_broken(gr_gru_new(params, "taken", 2, 5, rng),
                  "gr_params_group: name: \"taken\" is taken");
    cr_assert_eq(gr_params_count(params), 4);
}

/* What went wrong once is not reported again, and the state says it too. */
Test(recurrent, states_of_failed_calls)
{
    gr_lstm layer = gr_lstm_new(params, "a", 2, 3, rng);
    gr_lstm_state s = {NULL, NULL};

    gr_lstm_apply(&layer, gr_zeros(GR_SHAPE(4, 2)), &s);
    expect_message("gr_lstm_apply: x: got (4,2), want (batch,time,2)", __LINE__);
    EXPECT_SILENT(s.hidden);
    EXPECT_SILENT(s.cell);
}

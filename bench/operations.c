/* Single operations: matrix products, and what a node costs that computes next to nothing. */
#include "bench/bench.h"

/* ---- products of (m,k) and (k,n), either stored transposed ---- */

static void matrices(work *w)
{
    work_input(w, 0, gr_normal(w->rng, GR_SHAPE(w->size[0], w->size[2]), 0, 1));
    work_input(w, 1, gr_normal(w->rng, GR_SHAPE(w->size[2], w->size[1]), 0, 1));
}

static void second_transposed(work *w)
{
    work_input(w, 0, gr_normal(w->rng, GR_SHAPE(w->size[0], w->size[2]), 0, 1));
    work_input(w, 1, gr_normal(w->rng, GR_SHAPE(w->size[1], w->size[2]), 0, 1));
}

static void first_transposed(work *w)
{
    work_input(w, 0, gr_normal(w->rng, GR_SHAPE(w->size[2], w->size[0]), 0, 1));
    work_input(w, 1, gr_normal(w->rng, GR_SHAPE(w->size[2], w->size[1]), 0, 1));
}

static gr_tensor *product(const work *w)
{
    return gr_matmul(w->input[0], w->input[1]);
}

static gr_tensor *product_nt(const work *w)
{
    return gr_matmul(w->input[0], gr_transpose(w->input[1], 0, 1));
}

static gr_tensor *product_tn(const work *w)
{
    return gr_matmul(gr_transpose(w->input[0], 0, 1), w->input[1]);
}

static void eval_step(work *w)
{
    GR_SCOPE;
    gr_tensor *out = w->row->value(w);

    gr_eval(1, &out);
}

static void eval_check(work *w)
{
    GR_SCOPE;
    work_save(w, "gradient", w->row->value(w));
}

static const kind eval_kind = {eval_step, eval_check};

/* ---- nodes: a chain of size[0] additions to one number ---- */

static void one_number(work *w)
{
    work_input(w, 0, gr_normal(w->rng, GR_SHAPE(1), 0, 1));
}

static gr_tensor *additions(const work *w)
{
    gr_tensor *x = w->input[0];

    for (int64_t i = 0; i < w->size[0]; i++) x = gr_add(x, 0.5);
    return x;
}

static void build_step(work *w)
{
    GR_SCOPE;
    w->row->value(w);
}

static const kind build_kind = {build_step, NULL};

const row operation_rows[] = {
    {"gemm", &eval_kind, matrices, product, NULL},
    {"gemm_nt", &eval_kind, second_transposed, product_nt, NULL},
    {"gemm_tn", &eval_kind, first_transposed, product_tn, NULL},
    {"node_build", &build_kind, one_number, additions, NULL},
    {"node_eval", &eval_kind, one_number, additions, NULL},
    {0},
};

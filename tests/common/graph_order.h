/* Scans, sorting and segments in random graphs. */
#ifndef TESTS_COMMON_GRAPH_ORDER_H
#define TESTS_COMMON_GRAPH_ORDER_H

#include "tests/common/graph.h"

static gr_tensor *scanned(graph *g)
{
    int kind = below(g, 4), x = pick_filled(g, kind < 2 ? ALL : FLOATS, 1);

    if (x < 0) {
        return NULL;
    }
    note(g, "scan %d of", kind);
    gr_tensor *t = use(g, x);
    int axis = below(g, g->places[x].shape.rank);
    note(g, " axis %d", axis);
    switch (kind) {
    case 0: return gr_cumsum(t, axis);
    case 1: return gr_cumprod(t, axis);
    case 2: return gr_logcumsumexp(t, axis);
    default: return gr_recurrence(gr_tanh(t), t, axis);
    }
}

static gr_tensor *sorted(graph *g)
{
    int kind = below(g, 4), x = pick_filled(g, kind < 3 ? ALL : FLOATS, 1);
    bool descending = once_in(g, 2);

    if (x < 0) {
        return NULL;
    }
    note(g, "order %d of", kind);
    gr_tensor *t = use(g, x);
    int axis = below(g, g->places[x].shape.rank);
    note(g, " axis %d%s", axis, descending ? ", descending" : "");
    switch (kind) {
    case 0: return gr_sort(t, axis, descending);
    case 1: return gr_ranks(t, axis, descending);
    case 2: return gr_topk(t, 1 + below(g, (int)gr_dim(t, axis)), axis, descending);
    default: return gr_quantile(t, 0.3, axis, once_in(g, 2));
    }
}

static gr_tensor *grouped(graph *g)
{
    typedef gr_tensor *fold(const gr_tensor *, const gr_tensor *, int64_t);
    static fold *const folds[] = {gr_segment_sum, gr_segment_mean, gr_segment_max,
                                  gr_segment_logsumexp, gr_segment_softmax};
    int x = pick_filled(g, FLOATS, 1), kind = below(g, LENGTH(folds)), n = 1 + below(g, 6);

    if (x < 0 || g->places[x].count / g->places[x].shape.dims[0] * n > LARGEST) {
        return NULL;
    }
    note(g, "segments %d of", kind);
    gr_tensor *t = use(g, x), *index = some_index(g, GR_SHAPE(gr_dim(t, 0)), n);
    note(g, ", %d segments", n);
    return folds[kind](t, index, n);
}

#endif

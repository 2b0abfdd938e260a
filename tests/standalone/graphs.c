/* Random graphs, each evaluated in many ways: node after node, lazily in one request or several,
 * looked at on the way, without fusion, by several threads, and every operation alone on plain
 * copies of its operands. All give the same bits; NaNs count as equal, 0 and -0 do not. At the end
 * stand two checksums of all results, the second without what depends on a matrix product: that one
 * is the same for every compiler and every instruction set with fma. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/core/scope.h"
#include "src/eval/eval.h"
#include "tests/common/graph_operations.h"

typedef struct mode {
    const char *name;
    bool eager, alone, unfused;
    bool looking; /* at some numbers while the graph grows */
    int threads;
    int every; /* for one graph in so many */
} mode;

/* The first computes what the others are compared with. */
static const mode modes[] = {
    {"eager", .eager = true, .threads = 1, .every = 1},
    {"each operation alone", .alone = true, .threads = 1, .every = 2},
    {"lazy", .threads = 1, .every = 1},
    {"lazy, looking on the way", .looking = true, .threads = 1, .every = 1},
    {"unfused", .unfused = true, .looking = true, .threads = 1, .every = 1},
    {"2 threads", .threads = 2, .every = 2},
    {"3 threads", .threads = 3, .every = 4},
    {"4 threads", .threads = 4, .every = 4},
    {"7 threads", .threads = 7, .every = 4},
};

enum { PARALLEL_FROM = 1 << 17 };

/* One way of one graph. */
typedef struct run {
    graph *g;
    const mode *mode;
    uint64_t watch; /* numbers drawn for what is looked at when */
    int longest;    /* operations of a round at most */
    int changed;    /* cells listed before this place hold other values by now */
    int place;      /* the first that differs, -1: none */
    int64_t element;
    uint64_t want, got;
    char asked[1000]; /* what was computed and looked at, in this order */
} run;

static struct {
    int64_t graphs, places, elements, nans, infinite;
    uint64_t checksum, without_products;
} total = {.checksum = 1, .without_products = 1};

/* ---- bits ---- */

/* Element i as bits; all NaNs are one. */
static uint64_t bits_of(gr_dtype dtype, const void *data, int64_t i)
{
    uint64_t wide;
    uint32_t narrow;

    if (dtype == GR_F32) {
        memcpy(&narrow, (const float *)data + i, sizeof narrow);
        return isnan(((const float *)data)[i]) ? 0x7fc00000 : narrow;
    }
    memcpy(&wide, (const uint64_t *)data + i, sizeof wide);
    return dtype == GR_F64 && isnan(((const double *)data)[i]) ? 0x7ff8000000000000 : wide;
}

static double number_at(gr_dtype dtype, const void *data, int64_t i)
{
    return dtype == GR_F32   ? (double)((const float *)data)[i]
           : dtype == GR_F64 ? ((const double *)data)[i]
                             : (double)((const int64_t *)data)[i];
}

static uint64_t mix(uint64_t sum, uint64_t bits)
{
    sum = (sum ^ bits) * 0x9e3779b97f4a7c15;
    return sum ^ sum >> 29;
}

static void count_results(const graph *g)
{
    for (int at = 0; at < g->count; at++) {
        const place *p = &g->places[at];
        for (int64_t i = 0; p->want && i < p->count; i++) {
            uint64_t bits = bits_of(p->dtype, p->want, i);
            double x = number_at(p->dtype, p->want, i);
            total.checksum = mix(total.checksum, bits);
            total.without_products = p->product ? total.without_products
                                                : mix(total.without_products, bits);
            total.nans += isnan(x) != 0;
            total.infinite += isinf(x) != 0;
        }
        total.elements += p->count;
    }
    total.places += g->count;
    total.graphs++;
}

/* ---- looking ---- */

static bool is_reference(const run *r)
{
    return r->mode == &modes[0];
}

__attribute__((format(printf, 2, 3))) static void tell(run *r, const char *format, ...)
{
    size_t used = strlen(r->asked);
    va_list list;

    va_start(list, format);
    vsnprintf(r->asked + used, sizeof r->asked - used, format, list);
    va_end(list);
}

static void compare(run *r, int at, const void *data)
{
    const place *p = &r->g->places[at];

    for (int64_t i = 0; i < p->count && r->place < 0; i++) {
        uint64_t want = bits_of(p->dtype, p->want, i), got = bits_of(p->dtype, data, i);
        if (want != got) {
            r->place = at;
            r->element = i;
            r->want = want;
            r->got = got;
        }
    }
}

/* Takes a place's numbers, to keep them or to compare them. */
static void look(run *r, int at)
{
    place *p = &r->g->places[at];
    size_t bytes = (size_t)p->count * gr_dtype_size(p->dtype);

    if (r->place >= 0 || !gr_ok() || (p->cell && at < r->changed)) {
        return;
    }
    if (!is_reference(r) && !r->mode->alone) {
        tell(r, " look n%d", at);
    }
    double item = p->count == 1 && draw(&r->watch) % 2 ? gr_item(p->t) : 0;
    const void *data = gr_data(p->t);
    if (!data) {
        return;
    }
    if (item != 0 && item != number_at(p->dtype, data, 0) && !isnan(item)) {
        gr_fail(GR_ERROR_VALUE, "gr_item", NULL, "got %g, unlike gr_data", item);
    }
    if (!p->want) {
        p->want = malloc(bytes + 1);
        memcpy(p->want, data, bytes);
    }
    compare(r, at, data);
}

/* Computes some of the round's places in one request, then takes the numbers of half of them. */
static void request(run *r, int most)
{
    enum { MANY = 12 };
    gr_tensor *list[MANY];
    int at[MANY], n = 1 + (int)(draw(&r->watch) % (uint64_t)most), present = r->g->count;

    for (int i = 0; i < n; i++) {
        uint64_t back = draw(&r->watch) % (uint64_t)(present - r->g->first);
        at[i] = present - 1 - (int)(i == 0 ? 0 : back);
        list[i] = r->g->places[at[i]].t;
        tell(r, i == 0 ? " eval n%d" : ",n%d", at[i]);
    }
    if (!gr_eval(n, list) && gr_ok()) {
        gr_fail(GR_ERROR_STATE, "gr_eval", NULL, "false without an error");
    }
    for (int i = 0; i < n; i++) {
        if (i == 0 || draw(&r->watch) % 2) {
            look(r, at[i]);
        }
    }
}

static void look_at_all(run *r)
{
    for (int at = r->g->first; at < r->g->count; at++) {
        look(r, at);
    }
}

/* ---- rounds ---- */

static void add_named(graph *g, gr_tensor *t, bool cell, const char *format, const char *name)
{
    if (g->count < PLACES) {
        g->text[0] = 0;
        note(g, format, name);
        add(g, t);
        g->places[g->count - 1].cell = cell;
    }
}

static void add_cells(graph *g, const gr_params *params, const char *format)
{
    g->product = g->learned;
    for (int i = 0; i < gr_params_count(params); i++) {
        add_named(g, gr_params_at(params, i), true, format, gr_params_name(params, i));
    }
}

static void make_cells(graph *g)
{
    gr_shape shape = leaf_shape(g), other = leaf_shape(g);

    gr_param(g->params, "weight", leaf(g, GR_F32, shape));
    gr_param(g->params, "bias", leaf(g, GR_F32, other));
    gr_param(g->params, "scale", leaf(g, GR_F64, GR_SCALAR));
    gr_state(g->params, "average", leaf(g, GR_F32, shape));
}

static gr_optimizer *make_optimizer(graph *g)
{
    gr_sgd_options sgd = {.lr = 0.1, .momentum = once_in(g, 2) ? 0.9 : 0};
    gr_adam_options adam = once_in(g, 2) ? gr_adam_defaults() : gr_adamw_defaults();

    sgd.nesterov = sgd.momentum > 0 && once_in(g, 2);
    sgd.weight_decay = once_in(g, 2) ? 0.01 : 0;
    adam.lr = 0.01;
    return once_in(g, 2) ? gr_sgd(g->params, sgd) : gr_adam(g->params, adam);
}

/* A loss of some tensor and of the cells: (). */
static gr_tensor *some_loss(graph *g)
{
    int y = pick(g, FLOATS);
    gr_tensor *loss = gr_mean(gr_square(gr_params_find(g->params, "bias")), GR_ALL_AXES, false);

    g->text[0] = 0;
    g->product = g->learned;
    if (y >= 0) {
        gr_tensor *t = gr_cast(use(g, y), GR_F32);
        gr_tensor *bounded = gr_tanh(gr_where(gr_equal(t, t), t, 0));
        loss = gr_add(loss, gr_mean(gr_square(bounded), GR_ALL_AXES, false));
    }
    return loss;
}

/* Backward, a state's update, a step; what it has changed becomes places. */
static void train(run *r, gr_optimizer *optimizer)
{
    graph *g = r->g;
    gr_tensor *weight = gr_params_find(g->params, "weight");
    gr_tensor *average = gr_params_find(g->params, "average");
    gr_tensor *loss = some_loss(g), *norm = NULL;

    g->learned = g->product;
    gr_backward(loss, once_in(g, 2) ? g->params : NULL);
    if (once_in(g, 3)) {
        norm = gr_clip_grad_norm(g->params, 0.5);
    }
    bool seen = once_in(g, 3);
    if (seen && gr_grad(weight)) {
        add_named(g, gr_grad(weight), false, "gradient of %s", "weight");
    }
    r->changed = g->count;
    gr_assign(average, gr_add(gr_mul(average, 0.9), gr_mul(weight, 0.1)));
    if (seen && draw(&r->watch) % 2) {
        look(r, g->count - 1);
    }
    tell(r, " step");
    gr_step(optimizer);
    add_named(g, loss, false, "%s", "loss");
    if (norm) {
        add_named(g, norm, false, "%s", "norm");
    }
    int first = g->count;
    add_cells(g, g->params, "%s after the step");
    add_cells(g, gr_optimizer_state(optimizer), "%s after the step");
    for (int at = first; at < g->count; at++) {
        look(r, at);
    }
}

/* What was kept in a round that has ended. */
static void add_kept(run *r)
{
    graph *g = r->g;

    g->first = g->count;
    g->product = true;
    for (int i = 0; i < g->kept; i++) {
        add_named(g, g->kept_as[i], false, "%s, after its scope", "kept");
        look(r, g->count - 1);
    }
    g->kept = 0;
}

static void grow(run *r, int operations_wanted)
{
    graph *g = r->g;
    enum { ROOM = PLACES / 2 - 40 };
    int end = g->first + ROOM;

    for (int i = 0; i < operations_wanted && g->count < end && gr_ok(); i++) {
        int before = g->count;
        if (!graph_grow(g)) {
            continue;
        }
        for (int at = before; g->alone && at < g->count; at++) {
            look(r, at);
            g->places[at].t = copy_of(g, at);
        }
        if (r->mode->looking && draw(&r->watch) % 6 == 0) {
            look(r, g->first + (int)(draw(&r->watch) % (uint64_t)(g->count - g->first)));
        }
    }
}

static void one_round(run *r, int operations_wanted, gr_optimizer *optimizer)
{
    graph *g = r->g;
    bool late = draw(&r->watch) % 3 == 0;
    GR_SCOPE;

    g->derivatives = 0;
    add_cells(g, g->params, "cell %s");
    graph_leaves(g);
    grow(r, operations_wanted);
    if (is_reference(r)) {
        look_at_all(r);
    } else if (!late) {
        request(r, 6);
    }
    if (optimizer && gr_ok()) {
        train(r, optimizer);
    }
    request(r, 12);
    if (is_reference(r) || draw(&r->watch) % 4 == 0) {
        look_at_all(r);
    }
}

/* ---- runs ---- */

static void set_mode(const mode *m)
{
    gr_memory_trim();
    gr__self()->eager = m->eager;
    gr__set_fusing(!m->unfused);
    gr_set_threads(m->threads);
    gr__set_parallel_from(m->threads > 1 ? 1 : PARALLEL_FROM);
}

/* Builds and evaluates the graph once. A run of single operations trains nothing. */
static run run_graph(graph *g, const mode *m, int longest)
{
    run r = {.g = g, .mode = m, .watch = g->seed + (uint64_t)(m - modes), .place = -1};

    set_mode(m);
    graph_begin(g, m->alone);
    GR_SCOPE;
    int length = once_in(g, 4) ? 5 + below(g, 56) : 5 + below(g, 25);
    bool training = once_in(g, 4);
    make_cells(g);
    gr_optimizer *optimizer = make_optimizer(g);
    for (int i = 0; i < (training ? 2 : 1) && !(training && m->alone) && gr_ok(); i++) {
        one_round(&r, length < longest ? length : longest, training ? optimizer : NULL);
        if (gr_ok()) {
            add_kept(&r);
        }
    }
    gr_optimizer_free(optimizer);
    graph_end(g);
    return r;
}

static void report(const run *r)
{
    graph *g = r->g;
    const place *p = &g->places[r->place < 0 ? 0 : r->place];

    printf("seed %" PRIu64 ", %s:\n", g->seed, r->mode->name);
    graph_print(stdout, g);
    printf("asked:%s\n", r->asked);
    if (!gr_ok()) {
        printf("error: %s\n", gr_error_message());
        return;
    }
    double want, got;
    float narrow[2];
    uint32_t half[2] = {(uint32_t)r->want, (uint32_t)r->got};
    memcpy(narrow, half, sizeof narrow);
    memcpy(&want, &r->want, sizeof want);
    memcpy(&got, &r->got, sizeof got);
    printf("n%d, element %lld of %lld: ", r->place, (long long)r->element, (long long)p->count);
    switch (p->dtype) {
    case GR_F32: printf("got %.9g, want %.9g", (double)narrow[1], (double)narrow[0]); break;
    case GR_F64: printf("got %.17g, want %.17g", got, want); break;
    case GR_I64: printf("got %" PRId64 ", want %" PRId64, (int64_t)r->got, (int64_t)r->want); break;
    }
    printf(" (%" PRIx64 ", %" PRIx64 ")\n", r->got, r->want);
}

/* All modes that are this seed's turn; true if they agree. The run that differs is left in *r. */
static bool modes_agree(graph *g, int longest, run *r)
{
    bool good = true;

    for (int i = 0; i < LENGTH(modes) && good; i++) {
        if ((g->seed + (uint64_t)i) % (uint64_t)modes[i].every == 0) {
            *r = run_graph(g, &modes[i], longest);
            good = r->place < 0 && gr_ok();
        }
    }
    return good;
}

/* Looks for fewer operations that differ too, and shows them. */
static void show_smallest(graph *g, run r)
{
    for (int longest = 1; longest < 60; longest++) {
        run shorter;
        graph_forget(g);
        gr_error_clear();
        if (!modes_agree(g, longest, &shorter)) {
            printf("the first %d operations, ", longest);
            report(&shorter);
            return;
        }
    }
    graph_forget(g);
    gr_error_clear();
    modes_agree(g, 60, &r);
    report(&r);
}

static bool check_graph(graph *g)
{
    run r;
    bool good = modes_agree(g, 60, &r);

    if (good) {
        count_results(g);
    } else {
        show_smallest(g, r);
    }
    graph_forget(g);
    return good;
}

/* ---- the program ---- */

/* Memory that nobody has written holds another number in every run. */
static void *allocate(size_t bytes, void *context)
{
    unsigned char *fill = context;
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);

    *fill = *fill == 0x4a ? 0x31 : (unsigned char)(*fill + 1);
    return memory ? memset(memory, *fill, bytes) : NULL;
}

static void release(void *memory, size_t bytes, void *context)
{
    (void)bytes;
    (void)context;
    free(memory);
}

static void print_totals(bool verbose)
{
    for (int i = 0; verbose && i < LENGTH(operations); i++) {
        printf("%10lld %s\n", (long long)applied[i], operations[i].name);
    }
    if (verbose) {
        printf("%.1f elements a tensor, %.1f %% NaN, %.1f %% infinite\n",
               (double)total.elements / (double)total.places,
               100 * (double)total.nans / (double)total.elements,
               100 * (double)total.infinite / (double)total.elements);
    }
    printf("checksum %016" PRIx64 "\n", total.checksum);
    printf("checksum without matrix products %016" PRIx64 "\n", total.without_products);
    printf("graphs: ok, %lld graphs of %.1f tensors\n", (long long)total.graphs,
           (double)total.places / (double)total.graphs);
}

int main(int argc, char **argv)
{
    static graph g;
    static unsigned char fill = 0x31;
    uint64_t seed = 1, graphs = 6000;
    bool verbose = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (i + 1 < argc && strcmp(argv[i], "--graphs") == 0) {
            graphs = strtoull(argv[++i], NULL, 10);
        } else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0) {
            seed = strtoull(argv[++i], NULL, 10);
        } else {
            fprintf(stderr, "usage: graphs [--graphs N] [--seed S] [--verbose]\n");
            return 2;
        }
    }
    gr_set_allocator(allocate, release, &fill);
    for (uint64_t i = 0; i < graphs; i++) {
        g.seed = seed + i;
        if (verbose) {
            printf("seed %" PRIu64 "\n", g.seed);
            fflush(stdout);
        }
        if (!check_graph(&g)) {
            return 1;
        }
    }
    print_totals(verbose);
    gr_thread_end();
    return 0;
}

/* Recomputation in place of memory: a value whose gradient calls the function that made it
 * again. */
#include "autograd/autograd.h"
#include "src/core/params.h"
#include "src/core/scope.h"

static const char function[] = "gr_checkpoint";

/* One call of f, and the last time it was repeated. In the arena of its scope. */
typedef struct record {
    gr_function *f;
    void *context;
    gr_tensor **inputs;
    int n;
    int64_t assignments;             /* of cells, before the call */
    const gr_tensor *const *sources; /* what f read from outside and may have a gradient */
    int count;
    gr__draws draws;
    int64_t scope;             /* the open one, when gradients were made; 0: there are none */
    const gr_tensor *gradient; /* of the result, for which there are those of the sources */
    gr_tensor **gradients;
} record;

/* One of the nodes around the value: its operands 1 and 2 are sources `first` and the next. */
typedef struct tie {
    record *r;
    int first;
} tie;

/* ---- the second call ---- */

/* A cell must have the value that it had. */
static bool cells_are_the_same(const record *r)
{
    for (int i = 0; i < r->count; i++) {
        const gr__cell *cell = gr__captured_cell(r->sources[i]);
        if (cell && cell->assigned > r->assignments) {
            return gr_fail(GR_ERROR_STATE, function, NULL,
                           "\"%s\" has changed since the function was called; take gradients "
                           "before gr_step",
                           cell->name);
        }
    }
    return true;
}

/* Exchanges the states that the generators have now with those noted. */
static void exchange_states(gr__draws *draws)
{
    for (int i = 0; i < draws->count; i++) {
        gr_rng_state now = gr_rng_get_state(draws->rng[i]);
        gr_rng_set_state(draws->rng[i], draws->state[i]);
        draws->state[i] = now;
    }
}

/* f once more, with the history that its gradients need, whoever asks for them. */
static gr_tensor *call_again(record *r)
{
    gr__thread *thread = gr__self();
    gr__draws *draws = thread->draws;
    int no_grad = thread->no_grad;

    thread->no_grad = 0;
    thread->draws = NULL;
    exchange_states(&r->draws);
    gr_tensor *y = (gr_tensor *)(uintptr_t)gr__operand(function, "f",
                                                       r->f(r->inputs, r->n, r->context));
    exchange_states(&r->draws);
    thread->draws = draws;
    thread->no_grad = no_grad;
    return y;
}

/* The serial of the open scope, negative where what is made has no history. */
static int64_t open_scope(void)
{
    const gr__thread *thread = gr__self();
    int64_t serial = thread->scopes[thread->depth].serial;

    return thread->no_grad ? -serial : serial;
}

/* Whether there are gradients for this one of the result. While the scope that was open then is still
 * open, they are alive, and no other tensor can have this one's place. */
static bool has_gradients(const record *r, const gr_tensor *g)
{
    return r->gradient == g && r->scope == open_scope();
}

/* The gradients of all sources from that of the result. */
static bool differentiate(record *r, gr_tensor *g)
{
    const gr_tensor **targets = gr__scope_alloc((size_t)r->count * sizeof *targets);
    gr_tensor **gradients = gr__scope_alloc((size_t)r->count * sizeof *gradients);

    if (!targets || !gradients || !cells_are_the_same(r)) {
        return false;
    }
    for (int i = 0; i < r->count; i++) {
        targets[i] = gr__origin(r->sources[i]);
    }
    gr_tensor *y = call_again(r);
    if (gr__is_error(y)) {
        return false;
    }
    if (y->shape != g->shape || y->dtype != g->dtype) {
        char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];
        return gr_fail(GR_ERROR_STATE, function, "f",
                       "made %s at its second call and %s at its first",
                       gr__shape_text(y->shape, got), gr__shape_text(g->shape, want));
    }
    r->scope = 0;
    if (!gr__vjp_apart(function, y, g, (gr_tensor *const *)targets, r->count, gradients)) {
        return false;
    }
    r->scope = open_scope();
    r->gradient = g;
    r->gradients = gradients;
    return true;
}

static gr_tensor *tie_rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const tie *t = y->detail;

    if (input == 0) {
        return g;
    }
    if (!has_gradients(t->r, g) && !differentiate(t->r, g)) {
        return &gr__error_tensor;
    }
    return t->r->gradients[t->first + input - 1];
}

/* The evaluator reads in[0], the value. */
static const gr__primitive tie_primitive = {
    .name = "gr_checkpoint", .kind = GR__VIEW, .arity = 1, .dtypes = GR__ALL, .rule = tie_rule};

/* ---- the first call ---- */

/* Whether x was computed by nodes made since `first`, not captured by them. */
static bool is_work_since(const gr_tensor *x, int64_t first)
{
    return x->id >= first && gr__origin(x) == x;
}

/* Whether x, read by a node made since `first`, is something else's work and can have a
 * gradient. */
static bool is_source(const gr_tensor *x, int64_t first)
{
    return !is_work_since(x, first) && x->dtype != GR_I64 && !(x->flags & GR__CONSTANT);
}

static bool is_listed(const record *r, const gr_tensor *x)
{
    int i = 0;

    while (i < r->count && gr__origin(r->sources[i]) != gr__origin(x)) {
        i++;
    }
    return i < r->count;
}

/* Lists what the nodes from `first` to `end` have read from outside. */
static bool list_sources(record *r, int64_t first, int64_t end)
{
    gr__thread *thread = gr__self();
    int64_t capacity = 0;
    const gr_tensor **list = NULL;
    bool good = true;

    for (int64_t id = first; id < end && good; id++) {
        for (int i = 0; i < 3 && good; i++) {
            const gr_tensor *x = thread->nodes[id]->in[i].tensor;
            r->sources = list;
            if (!x || !is_source(x, first) || is_listed(r, x)) {
                continue;
            }
            const gr_tensor **grown = gr__grow(list, &capacity, r->count + 1, sizeof *list);
            good = grown || gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory for %d operands",
                                    r->count + 1);
            list = grown ? grown : list;
            if (good) {
                list[r->count++] = x;
            }
        }
    }
    r->sources = good && r->count ? gr__detail(list, (size_t)r->count * sizeof *list) : NULL;
    gr__free(list);
    return good && (r->count == 0 || r->sources);
}

/* The first call: nobody keeps its intermediate values. */
static gr_tensor *call(record *r)
{
    gr__thread *thread = gr__self();
    gr_transient transient = gr_transient_begin();

    r->draws.outer = thread->draws;
    thread->draws = &r->draws;
    gr_tensor *y = r->f(r->inputs, r->n, r->context);
    thread->draws = r->draws.outer;
    gr_transient_end(&transient);
    return (gr_tensor *)(uintptr_t)gr__operand(function, "f", y);
}

/* The value with all its sources tied to it, two by two. */
static gr_tensor *tie_up(record *r, const void *site, const gr_tensor *value)
{
    gr_tensor *y = gr_detach(value);

    for (int i = 0; i < r->count && !gr__is_error(y); i += 2) {
        gr_arg in[3] = {{y, 0}, {r->sources[i], 0}, {NULL, 0}};
        const tie *detail = gr__detail(&(tie){r, i}, sizeof(tie));
        if (!detail) {
            return &gr__error_tensor;
        }
        in[2].tensor = i + 1 < r->count ? r->sources[i + 1] : NULL;
        y = gr__node(&tie_primitive, site, y->shape, (gr_dtype)y->dtype, in, in[2].tensor ? 3 : 2,
                     detail);
    }
    return y;
}

gr_tensor *gr_checkpoint(gr_function *f, void *context, gr_tensor *const *inputs, int n)
{
    gr__thread *thread = gr__self();
    record *r = thread ? gr__scope_alloc(sizeof *r) : NULL;

    if (!gr__at_least(function, "n", n, 0) || !gr__given(function, "f", f, "a function") ||
        (n > 0 && !gr__given(function, "inputs", inputs, "an array")) || !r) {
        return &gr__error_tensor;
    }
    *r = (record){.f = f, .context = context, .n = n, .assignments = gr__assignments()};
    r->inputs = n > 0 ? gr__scope_alloc((size_t)n * sizeof *inputs) : NULL;
    if (n > 0 && !r->inputs) {
        return &gr__error_tensor;
    }
    for (int i = 0; i < n; i++) {
        r->inputs[i] = inputs[i];
    }
    int64_t first = thread->count;
    gr_tensor *value = call(r);
    if (gr__is_error(value) || !is_work_since(value, first) || thread->no_grad) {
        return value;
    }
    if (r->draws.count > GR__MOST_RNGS) {
        return gr__error(GR_ERROR_VALUE, function, "f", "draws from %d generators, want 8 at most",
                         r->draws.count);
    }
    return list_sources(r, first, thread->count) ? tie_up(r, GR__SITE, value) : &gr__error_tensor;
}

/* Threads: several at once build, differentiate and train different graphs over the same parameters
 * and the same tensors of another thread, and get what one thread alone gets, bit for bit. Nothing
 * is left behind. A program of its own, since Criterion does not start under ThreadSanitizer. */
#include <gradus.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 4, ROUNDS = 30, NUMBERS = 64 };

static int failures;

static void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "FAILED: %s; %s\n", what, gr_error_message());
        failures++;
    }
}

static void ignore(gr_code code, const char *message, void *context)
{
    (void)code;
    (void)message;
    (void)context;
}

/* What all threads read. */
typedef struct shared {
    gr_params *params;
    gr_tensor *weight, *bias; /* (8,5), (8) */
    gr_tensor *data;          /* (40,5), of the main thread */
    gr_tensor *view;          /* (5,40), a view of it */
    gr_tensor *pending;       /* without numbers */
} shared;

typedef struct job {
    const shared *shared;
    int number;
    bool good;
    double results[NUMBERS];
} job;

static double total(const gr_tensor *t)
{
    return gr_item(gr_sum(gr_mul(t, t), GR_ALL_AXES, false));
}

/* A graph that depends on the thread's number: gradients by the shared cells, and a model of its
 * own that learns. */
static void work(job *j)
{
    const shared *s = j->shared;
    gr_rng *rng = gr_rng_new((uint64_t)j->number);
    gr_params *mine = gr_params_new();
    gr_linear layer = gr_linear_new(mine, "layer", 8, 3, rng);
    gr_optimizer *sgd = gr_sgd(mine, gr_sgd_defaults());
    int n = 0;

    for (int i = 0; i < ROUNDS; i++) {
        GR_SCOPE;
        gr_tensor *x = i % 2 ? s->data : gr_transpose(s->view, 0, 1),
                  *cells[] = {s->weight, s->bias};
        gr_tensor *h = gr_add(gr_matmul(x, gr_transpose(s->weight, 0, 1)), s->bias), *g[2];
        for (int k = 0; k <= j->number; k++) {
            h = gr_tanh(h);
        }
        gr_tensor *noise = gr_normal(rng, GR_SHAPE(40, 8), 0, 0.1);
        gr_tensor *y = gr_linear_apply(&layer, gr_add(h, noise));
        gr_tensor *loss = gr_mean(gr_mul(y, y), GR_ALL_AXES, false);
        j->good = j->good && gr_gradients(loss, cells, 2, g) && gr_backward(loss, mine) &&
                  gr_step(sgd);
        if (i >= ROUNDS - 10) {
            j->results[n++] = gr_item(loss);
            j->results[n++] = total(g[0]);
            j->results[n++] = total(g[1]);
        }
    }
    gr_optimizer_free(sgd);
    gr_params_free(mine);
    gr_rng_free(rng);
    j->good = j->good && gr_ok();
}

static void *work_apart(void *argument)
{
    job *j = argument;

    work(j);
    if (gr_neg(j->shared->pending)) { /* another thread's, and without numbers */
        j->good = j->good && gr_error_code() == GR_ERROR_STATE &&
                  strcmp(gr_error_message(), "gr_neg: x: this tensor belongs to another thread and "
                                             "waits for its numbers; call gr_eval on it there "
                                             "first") == 0;
        gr_error_clear();
    }
    gr_thread_end();
    return NULL;
}

static shared shared_new(void)
{
    gr_rng *rng = gr_rng_new(1);
    shared s = {.params = gr_params_new()};

    s.weight = gr_param(s.params, "weight", gr_normal(rng, GR_SHAPE(8, 5), 0, 1));
    s.bias = gr_param(s.params, "bias", gr_normal(rng, GR_SHAPE(8), 0, 1));
    s.data = gr_normal(rng, GR_SHAPE(40, 5), 0, 1);
    s.view = gr_transpose(s.data, 0, 1);
    check(gr_eval(2, (gr_tensor *[]){s.data, s.view}), "shared tensors");
    gr_rng_free(rng);
    return s;
}

static void run_together(shared *s, job *jobs)
{
    pthread_t threads[THREADS];
    GR_SCOPE;

    s->pending = gr_mul(s->data, 2);
    for (int i = 0; i < THREADS; i++) {
        jobs[i] = (job){.shared = s, .number = i, .good = true};
        pthread_create(&threads[i], NULL, work_apart, &jobs[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void many_at_once(void)
{
    shared s = shared_new();
    static job alone[THREADS], together[THREADS];

    for (int i = 0; i < THREADS; i++) {
        alone[i] = (job){.shared = &s, .number = i, .good = true};
        work(&alone[i]);
        check(alone[i].good, "a thread alone");
    }
    run_together(&s, together);
    int64_t level = gr_memory_stats().current;
    for (int repeat = 0; repeat < 5; repeat++) {
        run_together(&s, together);
        for (int i = 0; i < THREADS; i++) {
            check(together[i].good, "threads together");
            check(isfinite(alone[i].results[0]), "numbers");
            check(memcmp(together[i].results, alone[i].results, sizeof alone[i].results) == 0,
                  "threads together give other bits than one alone");
        }
    }
    check(gr_memory_stats().current == level, "memory after gr_thread_end");
    check(gr_ok(), "the main thread's errors are its own");
    check(!gr_grad(s.weight) && !gr_grad(s.bias), "gr_gradients leaves no gradient in the cells");
    gr_params_free(s.params);
}

/* Work handed from thread to thread: evaluated, kept tensors. */
typedef struct relay {
    gr_tensor *value;
    double seen;
} relay;

static void *receive(void *argument)
{
    relay *r = argument;
    {
        GR_SCOPE;
        gr_tensor *x = gr_add(r->value, 1), *g, *y = gr_sum(gr_mul(x, x), GR_ALL_AXES, false);
        check(gr_gradients(y, &x, 1, &g), "gradient of what came from another thread");
        r->seen = total(g);
    }
    gr_thread_end();
    return NULL;
}

static void hand_over(void)
{
    relay r = {NULL, 0};
    pthread_t thread;
    {
        GR_SCOPE;
        r.value = gr_keep(gr_flip(gr_arange(GR_F64, 4, 0, 1), GR_AXES(0)));
    }
    pthread_create(&thread, NULL, receive, &r);
    pthread_join(thread, NULL);
    check(r.seen == 4 * (1 + 4 + 9 + 16), "the number that another thread computes");
}

/* A cell trained by one thread after the other. */
typedef struct turn {
    gr_params *params;
    gr_tensor *w;
} turn;

static void *take_turn(void *argument)
{
    turn *t = argument;
    {
        GR_SCOPE;
        gr_tensor *x = gr_arange(GR_F64, 3, 1, 1);
        check(gr_backward(gr_sum(gr_mul(t->w, x), GR_ALL_AXES, false), t->params), "backward");
        check(gr_assign(t->w, gr_mul(t->w, 2)), "assign");
    }
    gr_thread_end();
    return NULL;
}

static void in_turn(void)
{
    turn t = {.params = gr_params_new()};
    pthread_t thread;

    t.w = gr_param(t.params, "w", gr_full(GR_F64, GR_SHAPE(3), 1));
    for (int i = 0; i < 3; i++) {
        pthread_create(&thread, NULL, take_turn, &t);
        pthread_join(thread, NULL);
    }
    GR_SCOPE;
    check(gr_item(gr_sum(t.w, GR_ALL_AXES, false)) == 24, "values");
    check(gr_item(gr_sum(gr_grad(t.w), GR_ALL_AXES, false)) == 18, "gradients");
    gr_params_free(t.params);
}

int main(void)
{
    gr_error_handler(ignore, NULL);
    for (int i = 0; i < 2; i++) {
        many_at_once();
        hand_over();
        in_turn();
    }
    gr_thread_end();
    check(gr_ok(), "no error is left");
    check(gr_memory_stats().current < 1 << 16, "only interned shapes are left");
    printf("threads: %s\n", failures ? "failed" : "ok");
    return failures ? 1 : 0;
}

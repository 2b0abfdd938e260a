/* Long graphs: a million operations in a row, ten thousand sums along a chain, tensors to which ever
 * the same two are added, a tensor with a hundred thousand readers. Nothing recurses, nothing
 * crashes, and nothing grows with the square of the length: four times the length takes about four
 * times the processor's time (a square would take sixteen). */
#include <gradus.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "src/core/scope.h"
#include "src/eval/eval.h"

enum { LONGER = 4, REPEATS = 3 };

static double total(const gr_tensor *t)
{
    return gr_item(gr_sum(t, GR_ALL_AXES, false));
}

/* ---- chains of about n operations, n a multiple of 4: each returns a number that must be 1 ---- */

static double elementwise(int n)
{
    gr_tensor *x = gr_ones(GR_SHAPE(5));

    for (int i = 0; i < n; i++) {
        x = i % 2 ? gr_neg(x) : gr_add(x, 2); /* 3, -3, -1, 1 */
    }
    return total(x) / 5;
}

/* x + x: a walk along every path would double with each step. */
static double doubled(int n)
{
    gr_tensor *x = gr_ones(GR_SHAPE(5));

    for (int i = 0; i < n; i++) {
        x = i % 2 ? gr_mul(x, 0.5) : gr_add(x, x);
    }
    return total(x) / 5;
}

/* Two tensors with n / 2 readers each, and their gradients: sums of n / 2 numbers. */
static double same_two(int n)
{
    gr_tensor *y = gr_ones(GR_SHAPE(5)), *g[2];
    gr_tensor *ab[] = {gr_full(GR_F32, GR_SHAPE(5), 1), gr_full(GR_F32, GR_SHAPE(1), -1)};

    for (int i = 0; i < n; i++) {
        y = gr_add(y, ab[i % 2]);
    }
    gr_gradients(gr_sum(y, GR_ALL_AXES, false), ab, 2, g);
    return total(y) / 5 * total(g[0]) / (2.5 * n) * total(g[1]) / (2.5 * n);
}

/* A number is wanted of every step, and all of them at once. */
static double with_sums(int n)
{
    gr_tensor *x = gr_ones(GR_SHAPE(100)), **sums = malloc((size_t)n * sizeof *sums);
    double all = 0;

    for (int i = 0; i < n; i++) {
        x = gr_sub(2, gr_mul(x, 1));
        sums[i] = gr_sum(x, GR_ALL_AXES, false);
    }
    gr_eval(n, sums);
    for (int i = 0; i < n; i++) {
        all += gr_item(sums[i]);
    }
    free(sums);
    return all / n / 100;
}

/* The same, looking at each number before the next step is made. */
static double looked_at(int n)
{
    gr_tensor *x = gr_ones(GR_SHAPE(10));
    double all = 0;

    for (int i = 0; i < n; i++) {
        x = gr_sub(2, gr_mul(x, 1));
        all += total(x);
    }
    return all / n / 10;
}

static double derivative(int n)
{
    gr_tensor *x = gr_ones(GR_SHAPE(5)), *y = x, *g;

    for (int i = 0; i < n; i++) {
        y = i % 2 ? gr_neg(y) : gr_sub(1, y);
    }
    gr_gradients(gr_sum(y, GR_ALL_AXES, false), &x, 1, &g);
    return total(g) / 5;
}

/* One tensor, itself not yet computed, that n others read. */
static double readers(int n)
{
    gr_tensor *x = gr_neg(gr_ones(GR_SHAPE(5))), **list = malloc((size_t)n * sizeof *list);
    double all = 0;

    for (int i = 0; i < n; i++) {
        list[i] = gr_neg(x);
    }
    gr_eval(n, list);
    for (int i = 0; i < n; i++) {
        all += (double)gr_data_f32(list[i])[4];
    }
    free(list);
    return all / n;
}

/* Nothing is asked for: the scope's end computes what was kept. */
static double kept(int n)
{
    gr_tensor *x;
    {
        GR_SCOPE;
        x = gr_ones(GR_SHAPE(5));
        for (int i = 0; i < n; i++) {
            x = i % 2 ? gr_neg(x) : gr_sub(0, x);
        }
        x = gr_keep(x);
    }
    return total(x) / 5;
}

static const struct {
    const char *name;
    double (*chain)(int n);
    int length;
} chains[] = {
    {"elementwise", elementwise, 250000}, {"doubled", doubled, 250000},
    {"same two", same_two, 250000},       {"with sums", with_sums, 2500},
    {"looked at", looked_at, 2500},       {"derivative", derivative, 100000},
    {"readers", readers, 25000},          {"kept", kept, 100000},
};

/* ---- */

typedef struct cost {
    double seconds, work; /* work: nodes computed for each node made */
    bool right;
} cost;

/* Processor time of the program itself: what the system does for it (fresh pages) grows as it
 * likes. */
static double own_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + 1e-6 * (double)usage.ru_utime.tv_usec;
}

/* The least of a few runs, since the machine is not ours alone. */
static cost measure(double (*chain)(int), int n, int repeats)
{
    cost best = {.seconds = 1e9, .right = true};

    for (int i = 0; i < repeats; i++) {
        GR_SCOPE;
        gr_work before = gr_work_stats();
        double start = own_seconds();
        best.right = chain(n) == 1 && gr_ok() && best.right;
        double seconds = own_seconds() - start;
        gr_work after = gr_work_stats();
        best.seconds = seconds < best.seconds ? seconds : best.seconds;
        best.work = (double)(after.scheduled - before.scheduled) /
                    (double)(after.nodes - before.nodes);
    }
    return best;
}

/* Up to 32 operations may be computed again for each that is looked at: storing is cheaper then. */
static bool check(const char *mode, int i)
{
    int n = chains[i].length;
    cost few = measure(chains[i].chain, n, REPEATS);
    cost many = few;
    if (few.right && few.work <= 32) { /* else it might take for ever */
        many = measure(chains[i].chain, LONGER * n, REPEATS - 1);
    }
    double ratio = many.seconds / (few.seconds + 0.005);
    bool good = few.right && many.right && ratio <= 9 && many.work <= 32;

    printf("%-8s %-12s %8d: %7.3f s, %8d: %7.3f s; %.2f computed for each node%s\n", mode,
           chains[i].name, n, few.seconds, LONGER * n, many.seconds, many.work,
           good                      ? ""
           : few.right && many.right ? "  GROWS TOO FAST"
                                     : "  WRONG");
    return good;
}

int main(void)
{
    static const struct {
        const char *name;
        bool eager, fusing;
    } modes[] = {{"lazy", false, true}, {"unfused", false, false}, {"eager", true, true}};
    bool good = true;

    setvbuf(stdout, NULL, _IOLBF, 0);
    gr_set_threads(1);
    for (int m = 0; m < 3; m++) {
        gr__self()->eager = modes[m].eager;
        gr__set_fusing(modes[m].fusing);
        for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
            good = check(modes[m].name, (int)i) && good;
        }
    }
    gr_thread_end();
    printf("chains: %s\n", good ? "ok" : "failed");
    return good ? 0 : 1;
}

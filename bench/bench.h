#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

/* What the files of the benchmark share: a row of the tables and the work that one of its sizes
 * becomes. Public API only. */

#include <gradus.h>

enum { MAX_INPUTS = 8, MAX_LAYERS = 8, MAX_EXTENTS = 4, NOISE = MAX_INPUTS - 1 };

typedef struct work work;

/* How the values of a group of rows are computed. `step` is what is timed; `check` does the same
 * and saves what came out by work_save, "value" and "gradient"; NULL: nothing to compare. */
typedef struct {
    void (*step)(work *w);
    void (*check)(work *w);
} kind;

typedef struct {
    const char *name;
    const kind *kind;
    void (*prepare)(work *w);           /* makes inputs and parameters for w->size */
    gr_tensor *(*value)(const work *w); /* builds the loss, or whatever is measured */
    double (*loop)(const work *w);      /* the loss as a C loop, gradient in w->gradient; or NULL */
} row;

struct work {
    const row *row;
    int64_t size[MAX_EXTENTS];
    gr_scope scope;               /* owns the inputs */
    gr_tensor *input[MAX_INPUTS]; /* 0 is differentiated; NOISE replaces random numbers, or NULL */
    gr_rng *rng;
    gr_params *params;
    gr_linear layer[MAX_LAYERS];
    gr_conv2d_layer conv[2];
    gr_gru gru;
    gr_optimizer *adam;
    float *gradient;  /* of the C loop */
    char folder[512]; /* where files go; "" for nowhere */
    const char *name; /* before the names of the results */
};

/* Tables of rows; each ends with a row without a name. */
extern const row loss_rows[], step_rows[], operation_rows[];

/* Makes t input number i and writes it to the folder as i.npy. */
void work_input(work *w, int i, gr_tensor *t);
/* Writes t to the folder as name.what.npy. */
void work_save(const work *w, const char *what, const gr_tensor *t);

/* A file of NumPy's format, version 1.0. One that exists is left alone: others may be reading it,
 * and all processes make the same inputs. */
bool npy_write(const char *path, gr_dtype dtype, gr_shape shape, const void *data);

/* C loops over x, y and n values, n a multiple of 16: the mean loss, its gradient in g. */
typedef float plain_loop(int64_t n, const float *x, const float *y, float *g);
plain_loop mse_loop, mae_loop, huber_loop, hinge_loop;

/* What the machine does with `threads`: bytes a second of a = b + s c with arrays of `bytes` in
 * all, and float operations a second of fused multiply-adds on registers. */
double measured_bandwidth(int threads, int64_t bytes);
double measured_flops(int threads);

double seconds_now(void); /* monotonic */

#endif

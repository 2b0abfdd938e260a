/* What an optimizer is made of. A method is one file: its options, the names of its moments, its
 * rule, one const table. The driver (optimizer.c) does the rest and knows no method. */
#ifndef GRADUS_OPTIM_OPTIMIZER_H
#define GRADUS_OPTIM_OPTIMIZER_H

#include <gradus/optim.h>

enum { GR__MAX_MOMENTS = 3 };

/* One cell's step: what the rule reads, and replaces. */
typedef struct gr__update {
    const gr_tensor *p;                        /* value; the rule replaces it by the new one */
    const gr_tensor *moments[GR__MAX_MOMENTS]; /* of p's shape, 0 at first; likewise */
    const gr_tensor *g;                        /* gradient */
    double t;                                  /* this cell's steps, this one included */
    double lr;
} gr__update;

typedef struct gr__method {
    const char *name; /* the public function's, as messages show it */
    int moments;
    const char *moment[GR__MAX_MOMENTS]; /* their names in gr_optimizer_state */
    size_t options_size;
    bool (*check)(const void *options); /* reports what is out of range */
    void (*rule)(const void *options, gr__update *u);
} gr__method;

/* Copies the options. */
gr_optimizer *gr__optimizer_new(const gr__method *method, gr_params *params, double lr,
                                const void *options);

/* True if 0 <= value < upper; upper INFINITY: any finite value from 0 up. Else reports. */
bool gr__check_option(const char *function, const char *name, double value, double upper);

#endif

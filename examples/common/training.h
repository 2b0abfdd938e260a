#ifndef EXAMPLES_TRAINING_H
#define EXAMPLES_TRAINING_H

/* The settings of an example that trains on images of digits, as options:
 *
 *     training s = {.epochs = 10, .batch = 64, .lr = 1e-3};
 *     int status;
 *     if (!training_start(&s, argc, argv, "digits: a network reads digits", &status)) return status;
 */

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t epochs, seed, threads, batch;
    double lr;
    const char *mnist, *out; /* mnist NULL: drawn digits */
} training;

/* The options --epochs --seed --threads --batch --lr --mnist --out over what *t holds; without a
 * number of threads it takes what there is, and without a folder "out". Otherwise as `start`. */
bool training_start(training *t, int argc, char **argv, const char *summary, int *status);

#endif

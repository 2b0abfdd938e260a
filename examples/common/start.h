#ifndef EXAMPLES_START_H
#define EXAMPLES_START_H

/* What every example's main begins with:
 *
 *     int status;
 *     if (!start(argc, argv, "vae: an autoencoder of digits", table, rows, &s.threads, &status)) {
 *         return status;
 *     }
 */

#include <stdbool.h>
#include <stdint.h>

#include "examples/common/options.h"

/* Reads the options; then lets Ctrl-C end a run gently and sets the number of threads, of which
 * there are never more than cores. False, with what main is to return, after --help (0) and after a
 * wrong option (2). */
bool start(int argc, char **argv, const char *summary, const option *table, int n,
           const int64_t *threads, int *status);

#endif

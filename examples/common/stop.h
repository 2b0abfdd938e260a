#ifndef EXAMPLES_STOP_H
#define EXAMPLES_STOP_H

/* Ctrl-C that ends a training loop in good order:
 *
 *     stop_install();
 *     for (int64_t step = 0; step < steps && !stop_requested(); step++) ...
 *
 * The first SIGINT or SIGTERM only asks; a second one kills the program, as without this. */

#include <stdbool.h>

/* Takes over SIGINT and SIGTERM, also when a parent had them ignored. Cannot fail. */
void stop_install(void);

/* Whether a signal has come since. */
bool stop_requested(void);

#endif

#ifndef EXAMPLES_REPORT_H
#define EXAMPLES_REPORT_H

/* One-line error messages of the example programs. */

#include <stdbool.h>

/* Prints "gradus-example: ", the formatted message and a newline to stderr, and remembers the
 * message. Always false, so that a function can fail with `return report_error(...)`. What has
 * reported an error stays silent afterwards: each failure is printed once. */
bool report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The last message, "gradus-example: " included, without the newline; "" if there was none.
 * Valid until the next report. Messages end after 511 bytes. One thread at a time. */
const char *report_last(void);

#endif

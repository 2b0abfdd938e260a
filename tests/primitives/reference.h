/* Reference values: what tools/references computed for the rows of a table. */
#ifndef TESTS_PRIMITIVES_REFERENCE_H
#define TESTS_PRIMITIVES_REFERENCE_H

#include <gradus.h>

typedef struct reference {
    gr_dtype dtype; /* GR_F64 or GR_I64 */
    gr_shape shape;
    int64_t count;
    double *numbers; /* in C order, to be freed */
} reference;

/* The entry of the row's text, white space aside, in the file beside the table
 * (tests/primitives/references/<family>.safetensors). A missing one fails the test. */
reference reference_of(const char *table, const char *text);

#endif

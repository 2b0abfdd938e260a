/* The inputs of a row, as tensors. */
#ifndef TESTS_PRIMITIVES_INPUTS_H
#define TESTS_PRIMITIVES_INPUTS_H

#include "tests/primitives/certify.h"

/* Where an input's numbers are. */
typedef enum placement {
    COPIED,
    STRIDED,       /* their axes in reverse order in memory, a single axis backwards */
    GUARDED_BELOW, /* right behind a page that nobody may touch */
    GUARDED_ABOVE  /* right before one */
} placement;

/* The inputs of one call, with the memory that was borrowed for them. */
typedef struct point {
    gr_tensor *in[MOST_INPUTS];
    void *memory[MOST_INPUTS];
    size_t bytes[MOST_INPUTS];
} point;

gr_dtype input_dtype(const input *in); /* GR_F64 or GR_I64 */

/* The first `count` inputs, random ones and lists in the dtype `floats`. */
point make_point(const row *r, int count, gr_dtype floats, placement where);
void release_point(const point *p, placement where);

#endif

#ifndef EXAMPLES_DIGITS_H
#define EXAMPLES_DIGITS_H

/* Drawn digits: an endless stand-in for MNIST whose true factors of variation are known. As there,
 * an image is 28 x 28, ink is 1 on a ground of 0, the figure fits a box of about 20 x 20 pixels and
 * its centre of mass lies near the middle.
 *
 *     float   *pixels = malloc(12000 * DIGITS_PIXELS * sizeof *pixels);
 *     int64_t *labels = malloc(12000 * sizeof *labels);
 *     digits_draw(42, 12000, pixels, labels, NULL);
 *
 * Image i depends on (seed, i) only, so a longer run starts with the images of a shorter one. Take
 * another seed for a test set. */

#include <stdbool.h>
#include <stdint.h>

enum { DIGITS_SIDE = 28, DIGITS_PIXELS = DIGITS_SIDE * DIGITS_SIDE };

/* What an image was drawn from; every factor is uniform in its range and independent of the
 * others. Besides them, hidden from the label: the way of writing the digit, and a small shift of
 * every control point. */
typedef struct {
    int64_t label;  /* 0..9 */
    double angle;   /* radians, -0.26..0.26 (15 degrees), positive turns clockwise */
    double shift_x; /* pixels, -1..1, of the centre of mass from the middle; right */
    double shift_y; /* the same, down */
    double scale;   /* 0.85..1.05, longer side of the figure in units of 20 pixels */
    double shear;   /* -0.1..0.3, run to the right per unit of height */
    double width;   /* pixels, 1.6..3.6, of the stroke */
} digits_factors;

/* Draws images 0 .. n-1 of the seed, in parallel.
 * pixels: (n, 28, 28), in [0, 1]. labels: (n), or NULL. factors: (n), or NULL. The caller owns all.
 * False, with a report, if n < 0 or pixels is NULL; then nothing is written. */
bool digits_draw(uint64_t seed, int64_t n, float *pixels, int64_t *labels, digits_factors *factors);

/* Draws image i of the seed alone. pixels: (28, 28). Cannot fail. */
digits_factors digits_draw_one(uint64_t seed, int64_t i, float *pixels);

#endif

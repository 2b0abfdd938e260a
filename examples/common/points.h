#ifndef EXAMPLES_POINTS_H
#define EXAMPLES_POINTS_H

/* Classes of points in the plane. Point i depends on (seed, i) only; its class is i modulo the
 * number of classes, so that every run of points is balanced. */

#include <stdbool.h>
#include <stdint.h>

/* Two half circles of radius 1 that reach into each other, class 0 above.
 * xy: (n, 2), in about [-1, 2] x [-0.5, 1], each coordinate with normal noise of that deviation.
 * label: (n), or NULL. */
void points_moons(uint64_t seed, int64_t n, double noise, float *xy, int64_t *label);

/* The same for a data set by name:
 *     moons    as above
 *     circles  radius 1 (class 0) around radius 0.5
 *     xor      the square [-1, 1]^2; class 1 where x y < 0
 *     blobs    two normal clouds of deviation 0.3 around (-0.6, -0.6) and (0.6, 0.6)
 *     spiral   two arms of 1.75 turns, radius 0 to 1
 *     spiral3  three arms of 0.64 turns, radius 0 to 1
 * False, with a report that lists the names, if there is none of that name. */
bool points_make(const char *name, uint64_t seed, int64_t n, double noise, float *xy,
                 int64_t *label);

/* How many classes the data set has; 0 if there is none of that name. */
int points_classes(const char *name);

#endif

/* Points in the plane: a table of generators, one function each. Uses dice.h and libm only. */

#include "points.h"

#include "dice.h"
#include "report.h"

#include <string.h>

static const double TURN = 6.283185307179586;

/* Where a point of that class lies before noise. */
typedef void generator(dice *d, int64_t class, double *x, double *y);

static void moons(dice *d, int64_t class, double *x, double *y)
{
    double angle = dice_uniform(d, 0, TURN / 2);
    *x = class ? 1 - cos(angle) : cos(angle);
    *y = class ? 0.5 - sin(angle) : sin(angle);
}

static void circles(dice *d, int64_t class, double *x, double *y)
{
    double angle = dice_uniform(d, 0, TURN), radius = class ? 0.5 : 1;
    *x = radius * cos(angle);
    *y = radius * sin(angle);
}

static void xor_square(dice *d, int64_t class, double *x, double *y)
{
    *x = dice_uniform(d, -1, 1);
    *y = dice_uniform(d, 0, 1);
    if ((*x < 0) != (class == 1)) *y = -*y;
}

static void blobs(dice *d, int64_t class, double *x, double *y)
{
    double middle = class ? 0.6 : -0.6;
    *x = middle + 0.3 * dice_normal(d);
    *y = middle + 0.3 * dice_normal(d);
}

static void spiral_arm(dice *d, double turns, double start, double *x, double *y)
{
    double radius = dice_uniform(d, 0, 1), angle = TURN * (start + turns * radius);
    *x = radius * sin(angle);
    *y = radius * cos(angle);
}

static void spiral(dice *d, int64_t class, double *x, double *y)
{
    spiral_arm(d, 1.75, (double)class / 2, x, y);
}

static void spiral3(dice *d, int64_t class, double *x, double *y)
{
    spiral_arm(d, 0.64, (double)class / 3, x, y);
}

static const struct {
    const char *name;
    int classes;
    generator *generate;
} sets[] = {
    {"moons", 2, moons}, {"circles", 2, circles}, {"xor", 2, xor_square},
    {"blobs", 2, blobs}, {"spiral", 2, spiral},   {"spiral3", 3, spiral3},
};

static void generate(generator *g, int classes, uint64_t seed, int64_t n, double noise, float *xy,
                     int64_t *label)
{
    for (int64_t i = 0; i < n; i++) {
        dice d = dice_at(seed, (uint64_t)i);
        double x, y;
        g(&d, i % classes, &x, &y);
        xy[2 * i] = (float)(x + noise * dice_normal(&d));
        xy[2 * i + 1] = (float)(y + noise * dice_normal(&d));
        if (label) label[i] = i % classes;
    }
}

void points_moons(uint64_t seed, int64_t n, double noise, float *xy, int64_t *label)
{
    generate(moons, 2, seed, n, noise, xy, label);
}

static int find(const char *name)
{
    for (int i = 0; i < (int)(sizeof sets / sizeof *sets); i++) {
        if (strcmp(sets[i].name, name) == 0) return i;
    }
    return -1;
}

bool points_make(const char *name, uint64_t seed, int64_t n, double noise, float *xy,
                 int64_t *label)
{
    int i = find(name);
    if (i < 0) {
        return report_error("points_make: got '%s', want moons, circles, xor, blobs, spiral or "
                            "spiral3",
                            name);
    }
    generate(sets[i].generate, sets[i].classes, seed, n, noise, xy, label);
    return true;
}

int points_classes(const char *name)
{
    int i = find(name);
    return i < 0 ? 0 : sets[i].classes;
}

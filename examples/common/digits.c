/* Drawn digits: a template of pen strokes, bent and placed at random, then inked by distance.
 * Uses dice.h and libm only. */

#include "digits.h"

#include "dice.h"
#include "report.h"

#include <math.h>
#include <string.h>

enum {
    TEMPLATE_POINTS = 20,
    SEGMENT_STEPS = 8, /* straight pieces per spline segment */
    CURVE_POINTS = TEMPLATE_POINTS * SEGMENT_STEPS,
};

/* A way of writing a digit: points that the pen passes, in percent of a box, x to the right and y
 * down, up to the first {0, 0}. A repeated point is a corner; UP lifts the pen; a stroke that ends
 * where it started is a smooth loop. */
typedef struct {
    int digit;
    signed char points[TEMPLATE_POINTS][2];
} template;

#define UP \
    { \
        -1, -1 \
    }

/* clang-format off */
static const template templates[] = {
    {0, {{52, 0}, {24, 14}, {10, 50}, {24, 86}, {52, 100}, {80, 86}, {90, 50}, {78, 14}, {52, 0}}},
    {0, {{66, 8}, {40, 4}, {18, 35}, {16, 72}, {36, 98}, {64, 88}, {82, 50}, {74, 14}, {50, 2}}},
    {1, {{52, 1}, {50, 50}, {48, 100}}},
    {1, {{34, 20}, {54, 1}, {54, 1}, {52, 50}, {52, 100}}},
    {2, {{14, 24}, {30, 4}, {60, 2}, {80, 22}, {70, 50}, {40, 78}, {12, 98}, {12, 98}, {50, 96}, {88, 96}}},
    {2, {{14, 20}, {38, 2}, {70, 6}, {78, 30}, {56, 64}, {26, 94}, {10, 90}, {22, 76}, {52, 88}, {92, 94}}},
    {3, {{14, 12}, {40, 1}, {74, 10}, {72, 34}, {40, 47}, {40, 47}, {78, 58}, {82, 84}, {52, 100}, {10, 90}}},
    {3, {{16, 6}, {48, 1}, {74, 16}, {46, 44}, {76, 62}, {70, 92}, {36, 100}, {8, 92}}},
    {4, {{22, 4}, {12, 52}, {12, 52}, {50, 54}, {88, 48}, UP, {74, 2}, {70, 50}, {66, 100}}},
    {4, {{16, 6}, {18, 42}, {44, 54}, {78, 42}, UP, {82, 2}, {78, 42}, {68, 100}}},
    {4, {{64, 1}, {8, 62}, {8, 62}, {90, 60}, UP, {64, 1}, {62, 50}, {60, 100}}},
    {5, {{86, 2}, {30, 4}, {30, 4}, {22, 44}, {22, 44}, {56, 40}, {82, 62}, {70, 92}, {40, 100}, {8, 88}}},
    {5, {{28, 6}, {24, 40}, {56, 44}, {76, 68}, {60, 96}, {14, 94}, UP, {28, 6}, {88, 1}}},
    {6, {{62, 1}, {34, 26}, {18, 62}, {28, 94}, {56, 99}, {74, 78}, {58, 58}, {34, 62}, {20, 80}}},
    {6, {{46, 1}, {24, 36}, {18, 76}, {42, 100}, {70, 88}, {66, 64}, {42, 60}, {22, 78}}},
    {7, {{10, 8}, {84, 4}, {84, 4}, {60, 50}, {44, 100}}},
    {7, {{12, 18}, {18, 4}, {50, 6}, {82, 4}, {82, 4}, {58, 46}, {42, 100}, UP, {36, 52}, {80, 50}}},
    {8, {{76, 16}, {50, 1}, {26, 18}, {44, 44}, {72, 70}, {62, 96}, {32, 98}, {24, 74}, {50, 48}, {74, 28}, {76, 16}}},
    {8, {{50, 1}, {28, 20}, {50, 44}, {74, 22}, {50, 1}, UP, {50, 44}, {20, 72}, {48, 100}, {80, 74}, {50, 44}}},
    {9, {{76, 18}, {50, 2}, {22, 24}, {36, 48}, {68, 38}, {76, 18}, {76, 18}, {74, 60}, {68, 100}}},
    {9, {{76, 14}, {48, 1}, {24, 24}, {42, 46}, {70, 34}, {76, 14}, {76, 14}, {74, 52}, {58, 88}, {28, 98}}},
};
/* clang-format on */

enum { TEMPLATES = sizeof templates / sizeof *templates };

static const double MIDDLE = DIGITS_SIDE / 2.0;

typedef struct {
    double x, y;
} point;

/* The pen's path in small straight pieces; pen_down[i] inks the piece from i - 1 to i. A pen
 * presses unevenly: the width changes along the path from 1 - press to 1 + press times. */
typedef struct {
    int n;
    double press;
    bool pen_down[CURVE_POINTS];
    point at[CURVE_POINTS];
} curve;

static const template *pick_template(dice *d, int64_t digit)
{
    int first = 0, n = 0;
    for (int i = 0; i < TEMPLATES; i++) {
        if (templates[i].digit == digit && n++ == 0) first = i;
    }
    return &templates[first + (int)dice_uniform(d, 0, n)];
}

/* A template's point in units of the box, moved at random: the same point by the same amount,
 * wherever in the template it stands, so that joints and loops stay closed. */
static point jittered(const signed char *p, uint64_t seed)
{
    dice d = dice_at(seed, (uint64_t)(p[0] * 128 + p[1]));
    double x = p[0] / 100.0 + 0.03 * dice_normal(&d);
    double y = p[1] / 100.0 + 0.03 * dice_normal(&d);
    return (point){x, y};
}

static bool same(const signed char *a, const signed char *b)
{
    return a[0] == b[0] && a[1] == b[1];
}

/* Between b (t = 0) and c (t = 1) on the spline through a, b, c, d (Catmull and Rom, 1974). */
static point spline(point a, point b, point c, point d, double t)
{
    double wa = t * (-0.5 + t * (1 - 0.5 * t)), wb = 1 + t * t * (-2.5 + 1.5 * t);
    double wc = t * (0.5 + t * (2 - 1.5 * t)), wd = t * t * (-0.5 + 0.5 * t);
    return (point){wa * a.x + wb * b.x + wc * c.x + wd * d.x,
                   wa * a.y + wb * b.y + wc * c.y + wd * d.y};
}

/* Adds the stroke through p[0 .. n-1]. */
static void add_stroke(curve *c, const signed char (*p)[2], int n, uint64_t seed)
{
    bool loop = n > 2 && same(p[0], p[n - 1]);
    for (int i = 0; i + 1 < n; i++) {
        if (same(p[i], p[i + 1])) continue;
        int before = i > 0 ? i - 1 : loop ? n - 2 : 0;
        int after = i + 2 < n ? i + 2 : loop ? 1 : n - 1;
        point q[4] = {jittered(p[before], seed), jittered(p[i], seed), jittered(p[i + 1], seed),
                      jittered(p[after], seed)};
        for (int step = i > 0; step <= SEGMENT_STEPS; step++) {
            c->pen_down[c->n] = i > 0 || step > 0;
            c->at[c->n++] = spline(q[0], q[1], q[2], q[3], (double)step / SEGMENT_STEPS);
        }
    }
}

static void trace(curve *c, const template *t, uint64_t seed)
{
    static const signed char up[2] = UP, end[2] = {0, 0};
    int start = 0;
    for (int i = 0; i <= TEMPLATE_POINTS; i++) {
        bool ends = i == TEMPLATE_POINTS || same(t->points[i], end);
        if (!ends && !same(t->points[i], up)) continue;
        add_stroke(c, t->points + start, i - start, seed);
        start = i + 1;
        if (ends) break;
    }
}

/* Applies shear, aspect and rotation about the origin. */
static void bend(curve *c, const digits_factors *f, double aspect)
{
    double cosine = cos(f->angle), sine = sin(f->angle);
    for (int i = 0; i < c->n; i++) {
        double x = aspect * c->at[i].x - f->shear * c->at[i].y, y = c->at[i].y;
        c->at[i] = (point){cosine * x - sine * y, sine * x + cosine * y};
    }
}

/* Scales the curve to its size in pixels, with its box in the middle of the image. */
static void place(curve *c, const digits_factors *f)
{
    point low = c->at[0], high = c->at[0];
    for (int i = 1; i < c->n; i++) {
        low = (point){fmin(low.x, c->at[i].x), fmin(low.y, c->at[i].y)};
        high = (point){fmax(high.x, c->at[i].x), fmax(high.y, c->at[i].y)};
    }
    double scale = (20 * f->scale - f->width) / fmax(high.x - low.x, high.y - low.y);
    for (int i = 0; i < c->n; i++) {
        c->at[i].x = MIDDLE + scale * (c->at[i].x - (low.x + high.x) / 2);
        c->at[i].y = MIDDLE + scale * (c->at[i].y - (low.y + high.y) / 2);
    }
}

/* Moves the curve so that the mass centre of its ink, as drawn in pixels, comes to (x, y). */
static void move_centre(curve *c, const float *pixels, double x, double y)
{
    double mass = 0, mass_x = 0, mass_y = 0;
    for (int i = 0; i < DIGITS_PIXELS; i++) {
        mass += pixels[i];
        mass_x += pixels[i] * (i % DIGITS_SIDE + 0.5);
        mass_y += pixels[i] * (i / DIGITS_SIDE + 0.5);
    }
    for (int i = 0; i < c->n; i++) {
        c->at[i].x += x - mass_x / mass;
        c->at[i].y += y - mass_y / mass;
    }
}

static double distance(point p, point a, point b)
{
    double dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
    double t = square > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / square : 0;
    t = fmin(fmax(t, 0), 1);
    double ex = p.x - a.x - t * dx, ey = p.y - a.y - t * dy;
    return sqrt(ex * ex + ey * ey);
}

static int clamp_pixel(double x)
{
    return (int)fmin(fmax(x, 0), DIGITS_SIDE - 1);
}

/* Inks the piece from a to b with a pen of that radius and an edge that fades over 2 * SOFT. */
static void ink_piece(float *pixels, point a, point b, double radius)
{
    static const double SOFT = 0.65;
    double far = radius + SOFT;
    int left = clamp_pixel(fmin(a.x, b.x) - far), right = clamp_pixel(fmax(a.x, b.x) + far);
    int top = clamp_pixel(fmin(a.y, b.y) - far), bottom = clamp_pixel(fmax(a.y, b.y) + far);
    for (int row = top; row <= bottom; row++) {
        for (int col = left; col <= right; col++) {
            double inside = radius - distance((point){col + 0.5, row + 0.5}, a, b);
            double t = fmin(fmax((inside + SOFT) / (2 * SOFT), 0), 1);
            float grey = (float)(t * t * (3 - 2 * t));
            float *pixel = &pixels[row * DIGITS_SIDE + col];
            if (grey > *pixel) *pixel = grey;
        }
    }
}

static void ink(const curve *c, double width, float *pixels)
{
    memset(pixels, 0, DIGITS_PIXELS * sizeof *pixels);
    for (int i = 1; i < c->n; i++) {
        double radius = width / 2 * (1 + c->press * (2.0 * i / c->n - 1));
        if (c->pen_down[i]) ink_piece(pixels, c->at[i - 1], c->at[i], radius);
    }
}

digits_factors digits_draw_one(uint64_t seed, int64_t i, float *pixels)
{
    dice d = dice_at(seed, (uint64_t)i);
    digits_factors f = {.label = (int64_t)dice_uniform(&d, 0, 10)};
    f.angle = dice_uniform(&d, -0.26, 0.26);
    f.shift_x = dice_uniform(&d, -1, 1);
    f.shift_y = dice_uniform(&d, -1, 1);
    f.scale = dice_uniform(&d, 0.85, 1.05);
    f.shear = dice_uniform(&d, -0.1, 0.3);
    f.width = dice_uniform(&d, 1.6, 3.6);
    const template *t = pick_template(&d, f.label);
    curve c = {.press = dice_uniform(&d, -0.2, 0.2)};
    trace(&c, t, dice_bits(&d));
    bend(&c, &f, dice_uniform(&d, 0.75, 1.15));
    place(&c, &f);
    ink(&c, f.width, pixels);
    move_centre(&c, pixels, MIDDLE + f.shift_x, MIDDLE + f.shift_y);
    ink(&c, f.width, pixels);
    return f;
}

bool digits_draw(uint64_t seed, int64_t n, float *pixels, int64_t *labels, digits_factors *factors)
{
    if (n < 0) return report_error("digits_draw: n: got %lld, want 0 or more", (long long)n);
    if (!pixels) return report_error("digits_draw: pixels: got NULL, want (n, 28, 28) floats");
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        digits_factors f = digits_draw_one(seed, i, pixels + i * DIGITS_PIXELS);
        if (labels) labels[i] = f.label;
        if (factors) factors[i] = f;
    }
    return true;
}

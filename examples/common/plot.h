#ifndef EXAMPLES_PLOT_H
#define EXAMPLES_PLOT_H

/* Pictures of training: curves, grids of images, decision boundaries. Each is saved as PNG or SVG,
 * by the ending of the path, from one drawing. A picture that cannot be saved reports the reason,
 * `gradus-example: plot_save: out/loss.png: Permission denied`, and leaves no file and no earlier
 * picture damaged. Texts are UTF-8; NULL is no text.
 *
 *     plot loss = {.title = "VAE on drawn digits", .x_label = "step", .y_label = "nats"};
 *     plot_add(&loss, "train", step, value);
 *     plot_save(&loss, "out/loss.png");
 *     plot_free(&loss);
 */

#include <stdbool.h>
#include <stdint.h>

enum { PLOT_SERIES = 8 };

typedef struct {
    char name[48];
    int64_t n, capacity;
    double *xy; /* (n, 2) */
} plot_series;

/* Curves over common axes. All zero is an empty plot. The texts stay the caller's and must live
 * until the last plot_save; the series belong to the plot. */
typedef struct {
    const char *title, *x_label, *y_label;
    bool log_y;          /* values that are not positive are gaps */
    double y_min, y_max; /* equal: chosen from the data */
    int n_series;
    plot_series series[PLOT_SERIES];
} plot;

/* Appends the point (x, y) to the curve of that name, which is made when first used; curves take
 * their colours in that order. The name is copied and shown in the legend; "" shows none. A
 * coordinate that is not finite makes a gap.
 * False, with a report, if there are PLOT_SERIES others already or memory is short. */
bool plot_add(plot *p, const char *name, double x, double y);

/* Appends n points. x: (n), or NULL for 0, 1, 2, ...; y: (n). Fails as plot_add does. */
bool plot_add_all(plot *p, const char *name, int64_t n, const double *x, const double *y);

/* Saves 800 x 500 pixels. False, with a report, if it cannot. */
bool plot_save(const plot *p, const char *path);

/* Frees the curves and leaves the plot empty, texts and options kept. */
void plot_free(plot *p);

/* Saves a grid of grey images, 0 black and 1 white, clamped (NaN is black), each pixel scale
 * times as large, with gaps of one pixel of theirs.
 * pixels: (rows * cols, h, w). row_labels: (rows), written to the left, or NULL.
 * False, with a report, if a size is not positive, the picture is wider or higher than 32767, or
 * it cannot be saved. */
bool image_grid_save(const char *path, int rows, int cols, int h, int w, const float *pixels,
                     int scale, const char *const *row_labels);

/* Classes in the plane: the probability of class 1 as background, its 0.5 contour, and points. */
typedef struct {
    const char *title, *x_label, *y_label;
    double x0, x1, y0, y1; /* what is shown; x0 < x1, y0 < y1 */
    int nx, ny;            /* at least 2, unless values is NULL */
    const float *values;   /* (ny, nx), values[j][i] at x0 + i (x1 - x0) / (nx - 1), likewise y; or
                              NULL for no background */
    int64_t n;
    const float *points;   /* (n, 2) */
    const int64_t *labels; /* (n), 0 blue, 1 vermilion, more as in the legend of a plot; or NULL */
} field;

/* Saves 640 x 640 pixels. False, with a report, if the ranges are empty or it cannot. */
bool field_save(const field *f, const char *path);

#endif

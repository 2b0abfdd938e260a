#ifndef EXAMPLES_CANVAS_H
#define EXAMPLES_CANVAS_H

/* What the pictures of plot.h share: a page that becomes a PNG or SVG file, colours, text, images
 * and axes. Lengths are in pixels, y down. */

#include <cairo.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double red, green, blue; /* 0..1 */
} canvas_colour;

typedef void canvas_draw(cairo_t *cr, const void *what);

/* Calls draw(cr, what) on a white page and saves it, as PNG or SVG by the ending of the path. The
 * file appears whole or not at all: it is written beside its place and then renamed.
 * False, with a report in the name of `who`, if the page or the file cannot be made. */
bool canvas_save(const char *who, const char *path, double width, double height, canvas_draw *draw,
                 const void *what);

/* Colours that colour-blind readers tell apart (Okabe and Ito, 2008), in turn for i = 0, 1, ... */
canvas_colour canvas_palette(int64_t i);

void canvas_set(cairo_t *cr, canvas_colour colour);

/* Writes text with its baseline at y; anchor 0, 0.5, 1 puts its left end, middle or right end at
 * x. Returns its width. NULL is no text. */
double canvas_text(cairo_t *cr, double x, double y, double size, double anchor, const char *text);

/* Paints an image, (height, width) pixels of 0xRRGGBB from the top row down, into the rectangle at
 * (left, top). smooth interpolates between the pixels. */
void canvas_image(cairo_t *cr, int width, int height, const uint32_t *pixels, bool smooth,
                  const double rectangle[4]);

enum { CANVAS_TICKS = 16 };

/* Round numbers within [low, high], about `want` of them, at most CANVAS_TICKS, rising: multiples
 * of 1, 2 or 5 times a power of ten; with log_scale (0 < low) powers of ten, or their multiples by
 * 1, 2 and 5, or multiples as before, where there are few. Returns how many. Wants low < high. */
int canvas_ticks(double low, double high, int want, bool log_scale, double ticks[CANVAS_TICKS]);

/* A rectangle on the page and the range of numbers it shows. */
typedef struct {
    double left, top, width, height;
    double x0, x1, y0, y1; /* x0 < x1, y0 < y1; log_y: 0 < y0 */
    bool log_y;
    const char *title, *x_label, *y_label; /* NULL: none */
} canvas_axes;

/* Where a number lies on the page. */
double canvas_x(const canvas_axes *a, double x);
double canvas_y(const canvas_axes *a, double y);

/* Grid lines lie under the data, all else over it. */
void canvas_axes_grid(cairo_t *cr, const canvas_axes *a);
void canvas_axes_frame(cairo_t *cr, const canvas_axes *a);

/* Keeps what is drawn until cairo_reset_clip inside the rectangle and `spill` pixels around it. */
void canvas_axes_clip(cairo_t *cr, const canvas_axes *a, double spill);

#endif

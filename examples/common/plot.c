/* The pictures of plot.h, drawn with canvas.h. */

#include "plot.h"

#include "canvas.h"
#include "report.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Curves. */

enum { MARKED_POINTS = 25 }; /* a curve of so few shows each */

static plot_series *find_series(plot *p, const char *name)
{
    for (int i = 0; i < p->n_series; i++) {
        if (strncmp(p->series[i].name, name, sizeof p->series[i].name - 1) == 0) {
            return &p->series[i];
        }
    }
    if (p->n_series == PLOT_SERIES) return NULL;
    plot_series *s = &p->series[p->n_series++];
    *s = (plot_series){.n = 0};
    snprintf(s->name, sizeof s->name, "%s", name);
    return s;
}

bool plot_add(plot *p, const char *name, double x, double y)
{
    plot_series *s = find_series(p, name);
    if (!s) return report_error("plot_add: %s: want at most %d curves", name, (int)PLOT_SERIES);
    if (s->n == s->capacity) {
        int64_t capacity = s->capacity ? 2 * s->capacity : 64;
        double *grown = realloc(s->xy, (size_t)capacity * 2 * sizeof *grown);
        if (!grown) return report_error("plot_add: %s: out of memory", name);
        s->xy = grown;
        s->capacity = capacity;
    }
    s->xy[2 * s->n] = x;
    s->xy[2 * s->n + 1] = y;
    s->n++;
    return true;
}

bool plot_add_all(plot *p, const char *name, int64_t n, const double *x, const double *y)
{
    for (int64_t i = 0; i < n; i++) {
        if (!plot_add(p, name, x ? x[i] : (double)i, y[i])) return false;
    }
    return true;
}

static bool visible(const plot *p, const double *xy)
{
    return isfinite(xy[0]) && isfinite(xy[1]) && (!p->log_y || xy[1] > 0);
}

/* The smallest ranges that hold every visible point. */
static void fit(const plot *p, canvas_axes *a)
{
    a->x0 = a->y0 = DBL_MAX;
    a->x1 = a->y1 = -DBL_MAX;
    for (int i = 0; i < p->n_series; i++) {
        for (int64_t k = 0; k < p->series[i].n; k++) {
            const double *xy = p->series[i].xy + 2 * k;
            if (!visible(p, xy)) continue;
            a->x0 = fmin(a->x0, xy[0]);
            a->x1 = fmax(a->x1, xy[0]);
            a->y0 = fmin(a->y0, xy[1]);
            a->y1 = fmax(a->y1, xy[1]);
        }
    }
}

/* Makes a range that is empty or a point a proper one, and gives a proper one a margin. */
static void widen(double *low, double *high, double margin)
{
    if (*low > *high) {
        *low = 0, *high = 1;
    } else if (*high - *low < 1e-12 * fmax(fabs(*low), fabs(*high)) || *low == *high) {
        double around = *low != 0 ? 0.1 * fabs(*low) : 1;
        *low -= around, *high += around;
    } else {
        double more = margin * (*high - *low);
        *low -= more, *high += more;
    }
}

static canvas_axes plot_axes(const plot *p)
{
    canvas_axes a = {.left = 76, .top = 66, .width = 700, .height = 378, .log_y = p->log_y};
    a.title = p->title;
    a.x_label = p->x_label;
    a.y_label = p->y_label;
    fit(p, &a);
    widen(&a.x0, &a.x1, 0);
    if (p->y_min < p->y_max && (!p->log_y || p->y_min > 0)) {
        a.y0 = p->y_min;
        a.y1 = p->y_max;
    } else if (!p->log_y) {
        widen(&a.y0, &a.y1, 0.04);
    } else if (a.y0 > a.y1) {
        a.y0 = 1, a.y1 = 10;
    } else {
        double margin = fmax(0.04 * (log(a.y1) - log(a.y0)), 0.05);
        a.y0 = fmax(a.y0 * exp(-margin), DBL_MIN);
        a.y1 = fmin(a.y1 * exp(margin), DBL_MAX);
    }
    return a;
}

static void draw_markers(cairo_t *cr, const canvas_axes *a, const plot *p, const plot_series *s)
{
    for (int64_t k = 0; k < s->n; k++) {
        const double *xy = s->xy + 2 * k;
        if (!visible(p, xy)) continue;
        cairo_new_sub_path(cr);
        cairo_arc(cr, canvas_x(a, xy[0]), canvas_y(a, xy[1]), 3, 0, 2 * M_PI);
    }
    cairo_fill(cr);
}

/* A point without neighbours becomes a dot: a line to itself with round ends. */
static void draw_curve(cairo_t *cr, const canvas_axes *a, const plot *p, const plot_series *s)
{
    bool pen_down = false;
    for (int64_t k = 0; k < s->n; k++) {
        const double *xy = s->xy + 2 * k;
        if (!visible(p, xy)) {
            pen_down = false;
            continue;
        }
        double x = canvas_x(a, xy[0]), y = canvas_y(a, xy[1]);
        if (!pen_down) cairo_move_to(cr, x, y);
        cairo_line_to(cr, x, y);
        pen_down = true;
    }
    cairo_stroke(cr);
}

static void draw_legend(cairo_t *cr, const canvas_axes *a, const plot *p)
{
    double x = a->left;
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    for (int i = 0; i < p->n_series; i++) {
        if (!p->series[i].name[0]) continue;
        canvas_set(cr, canvas_palette(i));
        cairo_move_to(cr, x + 2, 46);
        cairo_rel_line_to(cr, 18, 0);
        cairo_stroke(cr);
        x += 28 + canvas_text(cr, x + 28, 50, 12, 0, p->series[i].name) + 22;
    }
}

static void draw_plot(cairo_t *cr, const void *what)
{
    const plot *p = what;
    canvas_axes a = plot_axes(p);
    canvas_axes_grid(cr, &a);
    canvas_axes_frame(cr, &a);
    cairo_set_line_width(cr, 2);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    draw_legend(cr, &a, p);
    canvas_axes_clip(cr, &a, 4);
    for (int i = 0; i < p->n_series; i++) {
        canvas_set(cr, canvas_palette(i));
        draw_curve(cr, &a, p, &p->series[i]);
        if (p->series[i].n <= MARKED_POINTS) draw_markers(cr, &a, p, &p->series[i]);
    }
    cairo_reset_clip(cr);
}

bool plot_save(const plot *p, const char *path)
{
    return canvas_save("plot_save", path, 800, 500, draw_plot, p);
}

void plot_free(plot *p)
{
    for (int i = 0; i < p->n_series; i++) {
        free(p->series[i].xy);
    }
    p->n_series = 0;
}

/* Grids of images. */

typedef struct {
    int rows, cols, h, w, scale;
    double margin; /* for the row labels */
    const char *const *row_labels;
    uint32_t *sheet; /* (sheet_h, sheet_w), 0xRRGGBB */
    int sheet_h, sheet_w;
} grid;

static uint32_t mix(canvas_colour from, canvas_colour to, double t)
{
    uint32_t red = (uint32_t)lrint(255 * (from.red + t * (to.red - from.red)));
    uint32_t green = (uint32_t)lrint(255 * (from.green + t * (to.green - from.green)));
    uint32_t blue = (uint32_t)lrint(255 * (from.blue + t * (to.blue - from.blue)));
    return red << 16 | green << 8 | blue;
}

static double clamp01(double v)
{
    return v > 0 ? fmin(v, 1) : 0; /* NaN too is 0 */
}

static const canvas_colour black = {0, 0, 0}, white = {1, 1, 1};

/* Copies image i of the grid to its place on the sheet. */
static void lay_image(const grid *g, int64_t i, const float *image)
{
    int64_t top = i / g->cols * (g->h + 1), left = i % g->cols * (g->w + 1);
    uint32_t *corner = g->sheet + top * g->sheet_w + left;
    for (int y = 0; y < g->h; y++) {
        for (int x = 0; x < g->w; x++) {
            corner[(int64_t)y * g->sheet_w + x] = mix(black, white, clamp01(image[y * g->w + x]));
        }
    }
}

static void draw_grid(cairo_t *cr, const void *what)
{
    const grid *g = what;
    double s = g->scale, edge[4] = {g->margin, 0, s * g->sheet_w, s * g->sheet_h};
    canvas_image(cr, g->sheet_w, g->sheet_h, g->sheet, false, edge);
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    for (int row = 0; g->row_labels && row < g->rows; row++) {
        double middle = s * (row * (g->h + 1) + g->h / 2.0);
        canvas_text(cr, g->margin - 10, middle + 4, 12, 1, g->row_labels[row]);
    }
}

/* Room for the widest label, by the width of a letter: the page is sized before it exists. */
static double label_margin(int rows, const char *const *row_labels)
{
    size_t longest = 0;
    for (int row = 0; row_labels && row < rows; row++) {
        size_t n = row_labels[row] ? strlen(row_labels[row]) : 0;
        if (n > longest) longest = n;
    }
    return longest ? 20 + 7.5 * (double)longest : 0;
}

bool image_grid_save(const char *path, int rows, int cols, int h, int w, const float *pixels,
                     int scale, const char *const *row_labels)
{
    if (rows < 1 || cols < 1 || h < 1 || w < 1 || scale < 1) {
        return report_error("image_grid_save: %s: got %d x %d images of %d x %d times %d, want 1 "
                            "or more of each",
                            path, rows, cols, h, w, scale);
    }
    double width = ((double)cols * (w + 1.0) - 1) * scale + label_margin(rows, row_labels);
    double height = ((double)rows * (h + 1.0) - 1) * scale;
    if (width > 32767 || height > 32767) {
        return report_error("image_grid_save: %s: got %.0f x %.0f pixels, want at most 32767", path,
                            width, height);
    }
    grid g = {rows, cols, h, w, scale, label_margin(rows, row_labels), row_labels, NULL, 0, 0};
    g.sheet_h = rows * (h + 1) - 1;
    g.sheet_w = cols * (w + 1) - 1;
    size_t size = (size_t)g.sheet_h * (size_t)g.sheet_w * sizeof *g.sheet;
    g.sheet = malloc(size);
    if (!g.sheet) return report_error("image_grid_save: %s: out of memory", path);
    memset(g.sheet, 0xff, size);
    for (int64_t i = 0; i < (int64_t)rows * cols; i++) {
        lay_image(&g, i, pixels + i * h * w);
    }
    bool ok = canvas_save("image_grid_save", path, width, height, draw_grid, &g);
    free(g.sheet);
    return ok;
}

/* Decision boundaries. */

typedef struct {
    const field *of;
    uint32_t *image; /* (ny, nx), top row first; NULL without a background */
    canvas_axes axes;
} field_page;

static void paint_background(const field *f, uint32_t *image)
{
    for (int j = 0; j < f->ny; j++) {
        for (int i = 0; i < f->nx; i++) {
            double v = clamp01(f->values[(int64_t)j * f->nx + i]);
            image[(int64_t)(f->ny - 1 - j) * f->nx + i] = mix(white, canvas_palette(v > 0.5),
                                                              0.5 * fabs(2 * v - 1));
        }
    }
}

/* The image's pixels stand around the grid's points, so it reaches half a step past the axes. */
static void draw_background(cairo_t *cr, const field_page *page)
{
    const field *f = page->of;
    const canvas_axes *a = &page->axes;
    double dx = a->width / (f->nx - 1), dy = a->height / (f->ny - 1);
    canvas_image(cr, f->nx, f->ny, page->image, true,
                 (double[]){a->left - dx / 2, a->top - dy / 2, a->width + dx, a->height + dy});
}

/* Adds the contour through the grid's cell (i, j): where the sign of value - 1/2 changes along an
 * edge, interpolated. In a saddle the sign in the middle says which corners belong together. */
static void add_contour(cairo_t *cr, const field *f, const canvas_axes *a, int i, int j)
{
    static const int corner[5][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
    double v[5], cross[4][2];
    int n = 0;
    for (int k = 0; k < 5; k++) {
        v[k] = f->values[(int64_t)(j + corner[k][1]) * f->nx + i + corner[k][0]] - 0.5;
        if (!isfinite(v[k])) return;
    }
    for (int k = 0; k < 4; k++) {
        if ((v[k] < 0) == (v[k + 1] < 0)) continue;
        double t = v[k] / (v[k] - v[k + 1]);
        double x = i + corner[k][0] + t * (corner[k + 1][0] - corner[k][0]);
        double y = j + corner[k][1] + t * (corner[k + 1][1] - corner[k][1]);
        cross[n][0] = a->left + a->width * x / (f->nx - 1);
        cross[n][1] = a->top + a->height * (1 - y / (f->ny - 1));
        n++;
    }
    int first = n == 4 && (v[0] + v[1] + v[2] + v[3] < 0) != (v[0] < 0) ? 1 : 0;
    for (int k = 0; k < n; k += 2) {
        const double *from = cross[first + k], *to = cross[(first + k + 1) % n];
        cairo_move_to(cr, from[0], from[1]);
        cairo_line_to(cr, to[0], to[1]);
    }
}

static void draw_contour(cairo_t *cr, const field_page *page)
{
    for (int j = 0; j + 1 < page->of->ny; j++) {
        for (int i = 0; i + 1 < page->of->nx; i++) {
            add_contour(cr, page->of, &page->axes, i, j);
        }
    }
    cairo_set_source_rgb(cr, 0.2, 0.2, 0.2);
    cairo_set_line_width(cr, 1.5);
    cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
    cairo_stroke(cr);
}

static void draw_points(cairo_t *cr, const field_page *page)
{
    const field *f = page->of;
    cairo_set_line_width(cr, 1);
    for (int64_t i = 0; i < f->n; i++) {
        double x = canvas_x(&page->axes, f->points[2 * i]);
        double y = canvas_y(&page->axes, f->points[2 * i + 1]);
        if (!isfinite(x) || !isfinite(y)) continue;
        cairo_new_sub_path(cr);
        cairo_arc(cr, x, y, 3.5, 0, 2 * M_PI);
        canvas_set(cr, canvas_palette(f->labels ? f->labels[i] : 0));
        cairo_fill_preserve(cr);
        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_stroke(cr);
    }
}

static void draw_field(cairo_t *cr, const void *what)
{
    const field_page *page = what;
    canvas_axes_clip(cr, &page->axes, 0);
    if (page->image) draw_background(cr, page);
    canvas_axes_grid(cr, &page->axes);
    if (page->image) draw_contour(cr, page);
    draw_points(cr, page);
    cairo_reset_clip(cr);
    canvas_axes_frame(cr, &page->axes);
}

bool field_save(const field *f, const char *path)
{
    if (!(f->x0 < f->x1 && f->y0 < f->y1) || (f->values && (f->nx < 2 || f->ny < 2))) {
        return report_error(
            "field_save: %s: got %d x %d values over [%g, %g] x [%g, %g], want 2 or "
            "more over proper ranges",
            path, f->nx, f->ny, f->x0, f->x1, f->y0, f->y1);
    }
    field_page page = {.of = f, .axes = {.left = 70, .top = 46, .width = 546, .height = 538}};
    page.axes.x0 = f->x0, page.axes.x1 = f->x1, page.axes.y0 = f->y0, page.axes.y1 = f->y1;
    page.axes.title = f->title, page.axes.x_label = f->x_label, page.axes.y_label = f->y_label;
    if (f->values) {
        page.image = malloc((size_t)f->nx * (size_t)f->ny * sizeof *page.image);
        if (!page.image) return report_error("field_save: %s: out of memory", path);
        paint_background(f, page.image);
    }
    bool ok = canvas_save("field_save", path, 640, 640, draw_field, &page);
    free(page.image);
    return ok;
}

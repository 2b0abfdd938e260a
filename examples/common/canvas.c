/* Pages, text, images and axes on cairo. Knows no kind of plot. */

#include "canvas.h"

#include "report.h"

#include <cairo-svg.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const canvas_colour ink = {0.2, 0.2, 0.2}, faint = {0.88, 0.88, 0.88};

/* Saving. */

typedef struct {
    FILE *file;
    int error; /* errno of the first failed write */
} sink;

static cairo_status_t sink_write(void *closure, const unsigned char *bytes, unsigned n)
{
    sink *s = closure;
    if (fwrite(bytes, 1, n, s->file) == n) return CAIRO_STATUS_SUCCESS;
    s->error = errno;
    return CAIRO_STATUS_WRITE_ERROR;
}

static bool ends_in(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n > m && strcasecmp(path + n - m, ending) == 0;
}

/* Draws the page and streams it into the sink. */
static cairo_status_t render(sink *s, bool svg, double width, double height, canvas_draw *draw,
                             const void *what)
{
    cairo_surface_t *page = svg ? cairo_svg_surface_create_for_stream(sink_write, s, width, height)
                                : cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)width,
                                                             (int)height);
    cairo_t *cr = cairo_create(page);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    draw(cr, what);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    if (!svg && !status) status = cairo_surface_write_to_png_stream(page, sink_write, s);
    cairo_surface_finish(page);
    if (!status) status = cairo_surface_status(page);
    cairo_surface_destroy(page);
    return status;
}

bool canvas_save(const char *who, const char *path, double width, double height, canvas_draw *draw,
                 const void *what)
{
    char part[PATH_MAX];
    bool svg = ends_in(path, ".svg");
    if (!svg && !ends_in(path, ".png")) {
        return report_error("%s: %s: want a name that ends in .png or .svg", who, path);
    }
    int length = snprintf(part, sizeof part, "%s.%ld.part", path, (long)getpid());
    if (length >= (int)sizeof part) {
        return report_error("%s: %s: %s", who, path, strerror(ENAMETOOLONG));
    }
    sink s = {.file = fopen(part, "wb")};
    if (!s.file) return report_error("%s: %s: %s", who, path, strerror(errno));

    cairo_status_t status = render(&s, svg, width, height, draw, what);
    if (!s.error && (fflush(s.file) || fsync(fileno(s.file)))) s.error = errno;
    if (fclose(s.file) && !s.error) s.error = errno;
    if (!status && !s.error && rename(part, path)) s.error = errno;
    if (!status && !s.error) return true;
    unlink(part);
    return report_error("%s: %s: %s", who, path,
                        s.error ? strerror(s.error) : cairo_status_to_string(status));
}

/* Colours, text, images. */

canvas_colour canvas_palette(int64_t i)
{
    static const canvas_colour colours[] = {
        {0.000, 0.447, 0.698}, {0.835, 0.369, 0.000}, {0.000, 0.620, 0.451}, {0.800, 0.475, 0.655},
        {0.902, 0.624, 0.000}, {0.337, 0.706, 0.914}, {0.000, 0.000, 0.000}, {0.941, 0.894, 0.259},
    };
    return colours[(uint64_t)i % (sizeof colours / sizeof *colours)];
}

void canvas_set(cairo_t *cr, canvas_colour colour)
{
    cairo_set_source_rgb(cr, colour.red, colour.green, colour.blue);
}

double canvas_text(cairo_t *cr, double x, double y, double size, double anchor, const char *text)
{
    cairo_text_extents_t extents;
    if (!text) return 0;
    cairo_set_font_size(cr, size);
    cairo_text_extents(cr, text, &extents);
    cairo_move_to(cr, x - anchor * extents.x_advance, y);
    cairo_show_text(cr, text);
    return extents.x_advance;
}

void canvas_image(cairo_t *cr, int width, int height, const uint32_t *pixels, bool smooth,
                  const double rectangle[4])
{
    cairo_surface_t *image = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    unsigned char *bytes = cairo_image_surface_get_data(image);
    int stride = cairo_image_surface_get_stride(image);
    for (int row = 0; bytes && row < height; row++) {
        memcpy(bytes + (size_t)row * (size_t)stride, pixels + (size_t)row * (size_t)width,
               (size_t)width * sizeof *pixels);
    }
    cairo_surface_mark_dirty(image);
    cairo_save(cr);
    cairo_translate(cr, rectangle[0], rectangle[1]);
    cairo_scale(cr, rectangle[2] / width, rectangle[3] / height);
    cairo_set_source_surface(cr, image, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr),
                             smooth ? CAIRO_FILTER_BILINEAR : CAIRO_FILTER_NEAREST);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_rectangle(cr, 0, 0, width, height);
    cairo_fill(cr);
    cairo_restore(cr);
    cairo_surface_destroy(image);
}

/* Axes. */

/* 1, 2 or 5 times a power of ten, about the given size. */
static double round_step(double size)
{
    double power = pow(10, floor(log10(size))), digit = size / power;
    return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
}

static int linear_ticks(double low, double high, int want, double *ticks)
{
    double step = round_step((high - low) / want), slack = 1e-9 * (high - low);
    int n = 0;
    for (double k = ceil((low - slack) / step); k * step <= high + slack && n < CANVAS_TICKS; k++) {
        ticks[n++] = k == 0 ? 0 : k * step; /* no -0 */
    }
    return n;
}

/* The first `multiples` of 1, 2, 5 times 10^k, with every stride-th k. */
static int decade_ticks(double low, double high, int multiples, int stride, double *ticks)
{
    static const double digits[] = {1, 2, 5};
    int n = 0;
    for (int k = (int)floor(log10(low)); k <= log10(high) && n < CANVAS_TICKS; k++) {
        for (int i = 0; k % stride == 0 && i < multiples && n < CANVAS_TICKS; i++) {
            double tick = digits[i] * pow(10, k);
            if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks[n++] = tick;
        }
    }
    return n;
}

int canvas_ticks(double low, double high, int want, bool log_scale, double ticks[CANVAS_TICKS])
{
    if (!log_scale) return linear_ticks(low, high, want, ticks);
    int stride = (int)ceil((log10(high) - log10(low)) / (want + 2));
    int n = decade_ticks(low, high, 1, stride < 1 ? 1 : stride, ticks);
    if (n < 3) n = decade_ticks(low, high, 3, 1, ticks);
    return n < 3 ? linear_ticks(low, high, want, ticks) : n;
}

/* Cairo's coordinates end at some millions of pixels: what lies far outside stays nearer. */
static double reach(double position)
{
    return fmin(fmax(position, -1e5), 1e5);
}

double canvas_x(const canvas_axes *a, double x)
{
    return reach(a->left + a->width * (x - a->x0) / (a->x1 - a->x0));
}

double canvas_y(const canvas_axes *a, double y)
{
    double t = a->log_y ? (log(y) - log(a->y0)) / (log(a->y1) - log(a->y0))
                        : (y - a->y0) / (a->y1 - a->y0);
    return reach(a->top + a->height * (1 - t));
}

static int x_ticks(const canvas_axes *a, double *ticks)
{
    return canvas_ticks(a->x0, a->x1, (int)fmax(a->width / 90, 2), false, ticks);
}

static int y_ticks(const canvas_axes *a, double *ticks)
{
    return canvas_ticks(a->y0, a->y1, (int)fmax(a->height / 60, 2), a->log_y, ticks);
}

/* Grid lines stand on pixel centres, so that one pixel of width stays one pixel. */
static double crisp(double position)
{
    return floor(position) + 0.5;
}

void canvas_axes_grid(cairo_t *cr, const canvas_axes *a)
{
    double ticks[CANVAS_TICKS];
    canvas_set(cr, faint);
    cairo_set_line_width(cr, 1);
    for (int i = 0, n = x_ticks(a, ticks); i < n; i++) {
        cairo_move_to(cr, crisp(canvas_x(a, ticks[i])), a->top);
        cairo_rel_line_to(cr, 0, a->height);
    }
    for (int i = 0, n = y_ticks(a, ticks); i < n; i++) {
        cairo_move_to(cr, a->left, crisp(canvas_y(a, ticks[i])));
        cairo_rel_line_to(cr, a->width, 0);
    }
    cairo_stroke(cr);
}

/* As many decimals as the distance to the next tick needs; 0: no equal distances. */
static void tick_text(char text[32], double tick, double distance)
{
    double decimals = fmax(0, ceil(-log10(distance) - 1e-9));
    if (fabs(tick) >= 1e6 || decimals > 4) {
        snprintf(text, 32, "%.4g", tick);
    } else {
        snprintf(text, 32, "%.*f", (int)decimals, tick);
    }
}

static void tick_texts(cairo_t *cr, const canvas_axes *a)
{
    double ticks[CANVAS_TICKS];
    char text[32];
    int n = x_ticks(a, ticks);
    for (int i = 0; i < n; i++) {
        tick_text(text, ticks[i], n > 1 ? ticks[1] - ticks[0] : a->x1 - a->x0);
        canvas_text(cr, canvas_x(a, ticks[i]), a->top + a->height + 18, 12, 0.5, text);
    }
    n = y_ticks(a, ticks);
    for (int i = 0; i < n; i++) {
        tick_text(text, ticks[i],
                  a->log_y ? ticks[i]
                  : n > 1  ? ticks[1] - ticks[0]
                           : a->y1 - a->y0);
        canvas_text(cr, a->left - 8, canvas_y(a, ticks[i]) + 4, 12, 1, text);
    }
}

void canvas_axes_frame(cairo_t *cr, const canvas_axes *a)
{
    canvas_set(cr, ink);
    cairo_set_line_width(cr, 1);
    cairo_move_to(cr, crisp(a->left), a->top);
    cairo_line_to(cr, crisp(a->left), crisp(a->top + a->height));
    cairo_line_to(cr, a->left + a->width, crisp(a->top + a->height));
    cairo_stroke(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    tick_texts(cr, a);
    canvas_text(cr, a->left + a->width / 2, a->top + a->height + 42, 13, 0.5, a->x_label);
    cairo_save(cr);
    cairo_translate(cr, 20, a->top + a->height / 2);
    cairo_rotate(cr, -M_PI / 2);
    canvas_text(cr, 0, 0, 13, 0.5, a->y_label);
    cairo_restore(cr);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    canvas_text(cr, a->left, 28, 16, 0, a->title);
}

void canvas_axes_clip(cairo_t *cr, const canvas_axes *a, double spill)
{
    cairo_rectangle(cr, a->left - spill, a->top - spill, a->width + 2 * spill,
                    a->height + 2 * spill);
    cairo_clip(cr);
}

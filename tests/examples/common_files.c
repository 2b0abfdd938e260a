/* Pictures and folders: what is drawn where, and failures that leave nothing behind. */

#include "examples/common/canvas.h"
#include "examples/common/folder.h"
#include "examples/common/plot.h"
#include "examples/common/report.h"

#include <cairo.h>
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static char folder[] = "/tmp/gradus-common-XXXXXX";
static char path[128], want[256];

/* Each test has a folder of its own. */
static void enter(void)
{
    cr_redirect_stderr();
    cr_assert(mkdtemp(folder));
}

static void leave(void)
{
    rmdir(folder);
}

/* Only an empty folder can be removed. */
static void assert_nothing_left(void)
{
    cr_assert_eq(rmdir(folder), 0, "%s is not empty", folder);
    cr_assert_eq(mkdir(folder, 0755), 0);
}

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void assert_report(const char *format, const char *detail)
{
    snprintf(want, sizeof want, format, path, detail);
    cr_assert_str_eq(report_last(), want);
}

/* Takes away the right to write into the folder, and root's right to do so all the same. */
static void forbid_writing(void)
{
    chmod(folder, 0555);
    if (geteuid() == 0) cr_assert_eq(seteuid(NOBODY), 0);
}

static void allow_writing(void)
{
    if (getuid() == 0) cr_assert_eq(seteuid(0), 0);
    chmod(folder, 0755);
}

static cairo_surface_t *load(const char *name, int width, int height)
{
    cairo_surface_t *image = cairo_image_surface_create_from_png(in_folder(name));
    cr_assert_eq(cairo_surface_status(image), CAIRO_STATUS_SUCCESS);
    cr_assert_eq(cairo_image_surface_get_width(image), width);
    cr_assert_eq(cairo_image_surface_get_height(image), height);
    unlink(path);
    return image;
}

static unsigned pixel(cairo_surface_t *image, int x, int y)
{
    const unsigned char *bytes = cairo_image_surface_get_data(image);
    unsigned colour;
    memcpy(&colour, bytes + y * cairo_image_surface_get_stride(image) + 4 * x, sizeof colour);
    return colour & 0xffffff;
}

TestSuite(common_files, .init = enter, .fini = leave);

/* A curve that is constant lies in the middle of the axes; its colour is the palette's first. */
Test(common_files, curve_lies_where_its_numbers_say)
{
    plot p = {.title = "constant", .x_label = "x", .y_label = "y"};
    cr_assert(plot_add_all(&p, "five", 3, NULL, (double[]){5, 5, 5}));
    cr_assert(plot_save(&p, in_folder("a.png")));
    cairo_surface_t *image = load("a.png", 800, 500);
    cr_assert_eq(pixel(image, 400, 255), 0x0072b2);
    cr_assert_eq(pixel(image, 400, 240), 0xffffff);
    cr_assert_eq(pixel(image, 2, 2), 0xffffff);
    cairo_surface_destroy(image);
    plot_free(&p);
    cr_assert_eq(p.n_series, 0);
}

/* log y from 1 to 100: 10 is half-way. NaN and what is not positive are gaps. */
Test(common_files, curve_on_a_log_axis_with_gaps)
{
    plot p = {.log_y = true, .y_min = 1, .y_max = 100};
    const double x[] = {0, 1, 2, 3, 4, 5, 6}, y[] = {10, 10, NAN, 10, -10, 10, 10};
    cr_assert(plot_add_all(&p, "", 7, x, y));
    cr_assert(plot_save(&p, in_folder("a.png")));
    cairo_surface_t *image = load("a.png", 800, 500);
    cr_assert_eq(pixel(image, 76 + 50, 255), 0x0072b2);
    cr_assert_neq(pixel(image, 76 + 250, 255), 0x0072b2);
    cr_assert_neq(pixel(image, 76 + 450, 255), 0x0072b2);
    cr_assert_eq(pixel(image, 76 + 650, 255), 0x0072b2);
    cairo_surface_destroy(image);
    plot_free(&p);
}

/* Losses that explode: any finite number can be drawn, and the sanitizers stay silent. */
Test(common_files, extreme_numbers)
{
    const double y[] = {1, 1e300, -DBL_MAX, DBL_MAX, 5e-324, INFINITY, NAN, 3};
    for (int log_y = 0; log_y < 2; log_y++) {
        plot all = {.log_y = log_y}, window = {.log_y = log_y, .y_min = 1, .y_max = 2};
        cr_assert(plot_add_all(&all, "", 8, y, y) && plot_add_all(&window, "", 8, NULL, y));
        cr_assert(plot_save(&all, in_folder("a.png")) && plot_save(&window, path));
        unlink(path);
        plot_free(&all);
        plot_free(&window);
    }
}

Test(common_files, svg_is_whole)
{
    char text[65536] = "";
    plot p = {.title = "\u2212ELBO & <KL>"};
    cr_assert(plot_add(&p, "a", 1, 2));
    cr_assert(plot_save(&p, in_folder("a.svg")));
    FILE *file = fopen(path, "rb");
    cr_assert_gt(fread(text, 1, sizeof text - 1, file), 0);
    fclose(file);
    cr_assert_eq(strncmp(text, "<?xml", 5), 0);
    cr_assert_str_eq(text + strlen(text) - 7, "</svg>\n");
    unlink(path);
    plot_free(&p);
}

Test(common_files, too_many_curves)
{
    plot p = {0};
    for (int i = 0; i < PLOT_SERIES; i++)
        cr_assert(plot_add(&p, (char[]){(char)('a' + i), 0}, 1, 2));
    cr_assert_not(plot_add(&p, "z", 1, 2));
    cr_assert_str_eq(report_last(), "gradus-example: plot_add: z: want at most 8 curves");
    cr_assert(plot_add(&p, "c", 3, 4));
    plot_free(&p);
}

/* Two rows of one 2 x 3 image at scale 2: a gap of one image pixel between them. */
Test(common_files, image_grid_is_exact)
{
    const float images[] = {0, 0.2f, 1, 0.4f, 2, -1, 1, 1, 1, NAN, 0.6f, 0.8f};
    const unsigned grey[5][3] = {
        {0, 51, 255}, {102, 255, 0}, {255, 255, 255}, {255, 255, 255}, {0, 153, 204}};
    cr_assert(image_grid_save(in_folder("g.png"), 2, 1, 2, 3, images, 2, NULL));
    cairo_surface_t *image = load("g.png", 6, 10);
    for (int y = 0; y < 10; y++) {
        for (int x = 0; x < 6; x++) {
            cr_assert_eq(pixel(image, x, y), grey[y / 2][x / 2] * 0x010101, "(%d, %d)", x, y);
        }
    }
    cairo_surface_destroy(image);
}

/* Probability rises with x from 0 to 1: blue, then the dark contour in the middle, then orange.
 * A point of class 0 stands at (0.75, 0.25). */
Test(common_files, field_has_two_sides_a_contour_and_points)
{
    const float values[] = {0, 1, 0, 1}, point[] = {0.75f, 0.25f};
    field f = {.x1 = 1, .y1 = 1, .nx = 2, .ny = 2, .values = values};
    f.n = 1, f.points = point, f.labels = (int64_t[]){0};
    cr_assert(field_save(&f, in_folder("f.png")));
    cairo_surface_t *image = load("f.png", 640, 640);
    unsigned left = pixel(image, 80, 300), right = pixel(image, 600, 300);
    cr_assert((left & 255) > (left >> 16) + 40, "left %06x", left);
    cr_assert((right >> 16) > (right & 255) + 40, "right %06x", right);
    cr_assert_lt(pixel(image, 70 + 273, 300) >> 16, 0x80);
    cr_assert_eq(pixel(image, 70 + 409, 46 + 403), 0x0072b2);
    cairo_surface_destroy(image);
}

/* Row 0 of the values lies at the bottom. */
Test(common_files, field_stands_upright)
{
    const float values[] = {0.95f, 0.95f, 0.95f, 0.55f, 0.55f, 0.55f};
    const field f = {.x1 = 1, .y1 = 1, .nx = 3, .ny = 2, .values = values};
    cr_assert(field_save(&f, in_folder("f.png")));
    cairo_surface_t *image = load("f.png", 640, 640);
    unsigned top = pixel(image, 300, 60), bottom = pixel(image, 300, 570);
    cr_assert((top & 255) > (bottom & 255) + 40, "top %06x, bottom %06x", top, bottom);
    cairo_surface_destroy(image);
}

Test(common_files, ticks_are_round_numbers)
{
    static const struct {
        double low, high;
        int want;
        bool log;
        int n;
        double first, second, last;
    } rows[] = {
        {0, 1, 5, false, 6, 0, 0.2, 1},           {-0.31, 0.44, 4, false, 4, -0.2, 0, 0.4},
        {3, 6990, 7, false, 6, 1000, 2000, 6000}, {1e-9, 9e-9, 4, false, 4, 2e-9, 4e-9, 8e-9},
        {0.0005, 3, 6, true, 4, 0.001, 0.01, 1},  {90, 420, 6, true, 7, 100, 150, 400},
        {90, 900, 6, true, 3, 100, 200, 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double t[CANVAS_TICKS];
        int n = canvas_ticks(rows[i].low, rows[i].high, rows[i].want, rows[i].log, t);
        cr_assert_eq(n, rows[i].n, "row %zu: %d ticks", i, n);
        cr_assert_float_eq(t[0], rows[i].first, 1e-12);
        cr_assert_float_eq(t[1], rows[i].second, 1e-12);
        cr_assert_float_eq(t[n - 1], rows[i].last, 1e-12);
    }
}

Test(common_files, unwritable_folder)
{
    plot p = {.title = "loss"};
    forbid_writing();
    cr_assert_not(plot_save(&p, in_folder("loss.png")));
    assert_report("gradus-example: plot_save: %s: %s", "Permission denied");
    cr_assert_not(folder_make(in_folder("a/b")));
    snprintf(path, sizeof path, "%s/a", folder);
    assert_report("gradus-example: folder_make: %s: %s", "Permission denied");
    snprintf(path, sizeof path, "%s", folder);
    cr_assert_not(folder_make(folder));
    assert_report("gradus-example: folder_make: %s: %s", "Permission denied");
    allow_writing();
    assert_nothing_left();
}

/* The disk fills up after 64 bytes: the earlier picture stays, and nothing else. */
static void check_full_disk(const char *name)
{
    char text[8] = "";
    struct rlimit limit;
    plot p = {.title = "loss"};
    FILE *file = fopen(in_folder(name), "w");
    cr_assert(file);
    fputs("before", file);
    fclose(file);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    struct rlimit small = {64, limit.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    cr_assert_not(plot_save(&p, path));
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_report("gradus-example: plot_save: %s: %s", "File too large");
    file = fopen(path, "r");
    cr_assert(file && fread(text, 1, sizeof text - 1, file) == 6);
    cr_assert_str_eq(text, "before");
    fclose(file);
    unlink(path);
    assert_nothing_left();
}

Test(common_files, full_disk_png)
{
    check_full_disk("loss.png");
}

Test(common_files, full_disk_svg)
{
    check_full_disk("loss.svg");
}

Test(common_files, wrong_arguments)
{
    plot p = {0};
    field f = {.x0 = 1, .x1 = 1, .y1 = 1};
    cr_assert_not(plot_save(&p, in_folder("loss.jpg")));
    assert_report("gradus-example: plot_save: %s: %s", "want a name that ends in .png or .svg");
    cr_assert_not(plot_save(&p, in_folder("none/loss.png")));
    assert_report("gradus-example: plot_save: %s: %s", "No such file or directory");
    cr_assert_not(image_grid_save(in_folder("g.png"), 2, 0, 28, 28, NULL, 1, NULL));
    assert_report("gradus-example: image_grid_save: %s: got 2 x 0 images of 28 x 28 %s",
                  "times 1, want 1 or more of each");
    cr_assert_not(image_grid_save(in_folder("g.png"), 2, 2000, 28, 28, NULL, 1, NULL));
    assert_report("gradus-example: image_grid_save: %s: got 57999 x 57 pixels, %s",
                  "want at most 32767");
    cr_assert_not(field_save(&f, in_folder("f.png")));
    assert_report("gradus-example: field_save: %s: got 0 x 0 values over [1, 1] x [0, 1], %s",
                  "want 2 or more over proper ranges");
    snprintf(want, sizeof want, "%s/loss.png", folder);
    cr_assert_eq(mkdir(want, 0755), 0);
    cr_assert_not(plot_save(&p, in_folder("loss.png")));
    assert_report("gradus-example: plot_save: %s: %s", "Is a directory");
    rmdir(path);
    assert_nothing_left();
}

Test(common_files, folders_are_made_down_to_the_last)
{
    struct stat status;
    cr_assert(folder_make(in_folder("a//b/c/")));
    cr_assert(folder_make(in_folder("a/b/c")));
    cr_assert(stat(path, &status) == 0 && S_ISDIR(status.st_mode));
    cr_assert_eq(rmdir(path) | rmdir(in_folder("a/b")) | rmdir(in_folder("a")), 0);
    cr_assert(folder_make("/tmp"));
    cr_assert_not(folder_make(""));
    cr_assert_str_eq(report_last(), "gradus-example: folder_make: : No such file or directory");
}

Test(common_files, folder_in_the_way_is_a_file)
{
    fclose(fopen(in_folder("a"), "w"));
    cr_assert_not(folder_make(path));
    assert_report("gradus-example: folder_make: %s: %s", "Not a directory");
    snprintf(path, sizeof path, "%s/a/b", folder);
    cr_assert_not(folder_make(path));
    unlink(in_folder("a"));
    assert_report("gradus-example: folder_make: %s: %s", "Not a directory");
}

/* Loads digits; the rest is in the header. */
#include "examples/common/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "examples/common/digits.h"
#include "examples/common/report.h"

enum { DRAWN_TRAIN = 9000, DRAWN_TEST = 1000, LONGEST_PATH = 4096 };

/* The file of that name, plain or compressed; false if there is none. */
static bool find_file(char *path, const char *folder, const char *name)
{
    static const char *const endings[] = {"", ".gz"};

    for (int i = 0; i < 2; i++) {
        int length = snprintf(path, LONGEST_PATH, "%s/%s%s", folder, name, endings[i]);
        if (length < LONGEST_PATH && access(path, F_OK) == 0) {
            return true;
        }
    }
    return false;
}

/* Images (n, 784) and labels (n) of one pair of files; false if it is missing or unreadable. */
static bool read_pair(const char *folder, const char *part, gr_tensor **pixels, gr_tensor **labels)
{
    char path[LONGEST_PATH], name[64];

    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    if (!find_file(path, folder, name)) {
        return report_error("images_load: %s: no file %s or %s.gz", folder, name, name);
    }
    gr_tensor *read = gr_idx_read(path, GR_F32, 1.0 / 255);
    if (gr_is_error(read)) {
        return false;
    }
    if (gr_rank(read) != 3 || gr_dim(read, 1) * gr_dim(read, 2) != DIGITS_PIXELS) {
        return report_error("images_load: %s: got another shape, want (n,28,28)", path);
    }
    *pixels = gr_reshape(read, GR_SHAPE(-1, DIGITS_PIXELS));
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    if (!find_file(path, folder, name)) {
        return report_error("images_load: %s: no file %s or %s.gz", folder, name, name);
    }
    *labels = gr_idx_read(path, GR_I64, 1);
    if (gr_ok() && gr_count(*labels) != gr_dim(*pixels, 0)) {
        return report_error("images_load: %s: got %lld labels for %lld images", path,
                            (long long)gr_count(*labels), (long long)gr_dim(*pixels, 0));
    }
    return gr_ok();
}

static bool load_mnist(image_set *set, const char *folder)
{
    char path[LONGEST_PATH];

    set->name = "MNIST";
    if (!read_pair(folder, "t10k", &set->test, &set->test_labels)) {
        return false;
    }
    if (find_file(path, folder, "train-images-idx3-ubyte")) {
        return read_pair(folder, "train", &set->train, &set->train_labels);
    }
    int64_t n = gr_dim(set->test, 0), split = n - n / 10;
    set->train = gr_slice(set->test, 0, 0, split);
    set->train_labels = gr_slice(set->test_labels, 0, 0, split);
    set->test = gr_slice(set->test, 0, split, n);
    set->test_labels = gr_slice(set->test_labels, 0, split, n);
    return gr_ok();
}

static bool draw(int64_t n, uint64_t seed, gr_tensor **pixels, gr_tensor **labels)
{
    float *p = malloc((size_t)n * DIGITS_PIXELS * sizeof *p);
    int64_t *l = malloc((size_t)n * sizeof *l);
    bool good = p && l && digits_draw(seed, n, p, l, NULL);

    if (good) {
        *pixels = gr_from_data(GR_F32, GR_SHAPE(n, DIGITS_PIXELS), p);
        *labels = gr_from_data(GR_I64, GR_SHAPE(n), l);
        good = gr_ok();
    } else if (!p || !l) {
        report_error("images_load: no memory for %lld images", (long long)n);
    }
    free(p);
    free(l);
    return good;
}

bool images_load(image_set *set, const char *mnist, uint64_t seed)
{
    if (mnist && *mnist) {
        return load_mnist(set, mnist);
    }
    set->name = "drawn digits";
    return draw(DRAWN_TRAIN, 2 * seed, &set->train, &set->train_labels) &&
           draw(DRAWN_TEST, 2 * seed + 1, &set->test, &set->test_labels);
}

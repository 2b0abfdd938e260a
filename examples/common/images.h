#ifndef EXAMPLES_IMAGES_H
#define EXAMPLES_IMAGES_H

/* Digits to train on: real MNIST files where the user has them, drawn ones otherwise. */

#include <gradus.h>
#include <stdint.h>

/* Tensors of the scope in which they were loaded. */
typedef struct {
    const char *name;        /* for titles: "MNIST" or "drawn digits" */
    gr_tensor *train;        /* (N, 784), grey levels 0 to 1, f32 */
    gr_tensor *train_labels; /* (N), i64 */
    gr_tensor *test;         /* (M, 784) */
    gr_tensor *test_labels;  /* (M) */
} image_set;

/* mnist NULL: 9,000 and 1,000 drawn digits that depend on the seed alone. Else the IDX files in
 * that folder, plain or .gz, under their usual names: the 60,000 and 10,000 images if the training
 * files are there, else the first 9,000 and the last 1,000 of the test files. False, with a
 * report, if they cannot be read. */
bool images_load(image_set *set, const char *mnist, uint64_t seed);

#endif

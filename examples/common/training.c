/* Settings of a training on images. */
#include "examples/common/training.h"

#include <gradus.h>

#include "examples/common/start.h"

bool training_start(training *t, int argc, char **argv, const char *summary, int *status)
{
    const option table[] = {
        {"epochs", .integer = &t->epochs, .min = 1, .max = 10000, .help = "passes over the images"},
        {"seed", .integer = &t->seed, .min = 0, .max = 1e15, .help = "of weights, order and noise"},
        {"threads", .integer = &t->threads, .min = 1, .max = 1024,
         .help = "at most; never more than cores"},
        {"batch", .integer = &t->batch, .min = 1, .max = 60000, .help = "images a step"},
        {"lr", .number = &t->lr, .min = 0, .max = 1,
         .help = "learning rate of Adam at the beginning"},
        {"mnist", .text = &t->mnist, .help = "folder of MNIST files; drawn digits without it"},
        {"out", .text = &t->out, .help = "folder of pictures and model"},
    };

    t->threads = t->threads ? t->threads : gr_threads();
    t->out = t->out ? t->out : "out";
    return start(argc, argv, summary, table, sizeof table / sizeof *table, &t->threads, status);
}

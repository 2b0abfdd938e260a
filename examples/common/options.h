#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

/* The command line of an example, from a table:
 *
 *     int64_t     steps = 1000;
 *     double      lr    = 1e-3;
 *     const char *out   = "out/vae";
 *     bool        quiet = false;
 *     const option table[] = {
 *         {"steps", .integer = &steps, .min = 1, .max = 1e6, .help = "training steps"},
 *         {"lr", .number = &lr, .min = 0, .max = 1, .help = "learning rate of Adam"},
 *         {"out", .text = &out, .help = "folder of the pictures"},
 *         {"quiet", .flag = &quiet, .help = "no progress line"},
 *     };
 *     switch (options_parse(argc, argv, "vae: an autoencoder of digits", table, 4)) {
 *     case OPTIONS_RUN: break;
 *     case OPTIONS_HELP: return 0;
 *     case OPTIONS_ERROR: return 2;
 *     }
 *
 * The command then takes `--steps 500`, `--steps=500`, `--quiet` and `--help`. */

#include <stdbool.h>
#include <stdint.h>

/* Exactly one of the four pointers is set and says what kind of value is wanted. What it points to
 * holds the default, which --help shows. */
typedef struct {
    const char *name;  /* without the dashes */
    int64_t *integer;  /* decimal */
    double *number;    /* finite */
    const char **text; /* any; points into argv afterwards */
    bool *flag;        /* takes no value, becomes true */
    double min, max;   /* of integer and number, both included; equal: no limits */
    const char *help;
} option;

typedef enum { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_ERROR } options_result;

/* Reads argv[1 .. argc-1] into the variables of the table, n rows. summary is "program: what it
 * does"; the program's name stands in messages.
 * --help, wherever it stands, prints the table to stdout, changes nothing, and gives OPTIONS_HELP.
 * The first wrong argument is reported and gives OPTIONS_ERROR; the variables before it are set.
 * The last of several values counts. */
options_result options_parse(int argc, char **argv, const char *summary, const option *table,
                             int n);

#endif

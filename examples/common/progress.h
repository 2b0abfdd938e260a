#ifndef EXAMPLES_PROGRESS_H
#define EXAMPLES_PROGRESS_H

/* A progress line for long loops:
 *
 *     progress p = progress_begin(stderr, steps);
 *     for (int64_t step = 1; step <= steps; step++) {
 *         ...
 *         progress_update(&p, step, "epoch  3/10", "loss 0.1234");
 *     }
 *     progress_end(&p);
 *
 * On a terminal one line is redrawn, at most ten times a second:
 *     epoch  3/10  [=======>            ]  37%  ETA 1:05  loss 0.1234
 * Elsewhere (a file, a pipe) a plain line appears at most every five seconds, and one at the
 * end. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
    FILE *stream;
    bool terminal, drawn;
    int64_t total, done;
    double started, shown; /* seconds of the monotonic clock */
    char head[96], tail[160];
} progress;

/* Starts the clock. total: how many steps make 100 %, at least 1. The stream must outlive the
 * progress and stays the caller's; a failure to write to it is ignored. */
progress progress_begin(FILE *stream, int64_t total);

/* Notes that `done` of the steps are done, and shows it if it is time to. head stands before the
 * bar, tail after it; both are copied (up to 95 and 159 bytes) and may be "". */
void progress_update(progress *p, int64_t done, const char *head, const char *tail);

/* Prints a line of its own above the bar, without a newline in the text: a result of an epoch. */
void progress_note(progress *p, const char *text);

/* Shows the last state with the time it took in place of the time left, and ends the line. */
void progress_end(progress *p);

/* The line as text, without newline: head, bar (only if columns > 0), share, time left, or taken
 * if `ended`, and tail, cut to fewer than `columns` characters of UTF-8 (0: whole) and size - 1
 * bytes. The time left is "-:--" until something is done. Returns line. */
char *progress_line(char *line, size_t size, int columns, const progress *p, double seconds,
                    bool ended);

#endif

/* The progress line: its text as a function of the state, then a file and a terminal. */

#define _XOPEN_SOURCE 600 /* posix_openpt */

#include "examples/common/progress.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static progress state(int64_t done, int64_t total, const char *head, const char *tail)
{
    progress p = {.total = total, .done = done};
    snprintf(p.head, sizeof p.head, "%s", head);
    snprintf(p.tail, sizeof p.tail, "%s", tail);
    return p;
}

static const struct {
    const char *head, *tail;
    int64_t done, total;
    int columns;
    double seconds;
    bool ended;
    const char *line;
} lines[] = {
    {"epoch  3/10", "loss 0.12", 37, 100, 80, 38, false,
     "epoch  3/10  [=======>            ]   37%  ETA 1:05  loss 0.12"},
    {"epoch  3/10", "loss 0.12", 37, 100, 0, 38, false, "epoch  3/10   37%  ETA 1:05  loss 0.12"},
    {"", "", 0, 7, 80, 3, false, "[>                   ]    0%  ETA -:--"},
    {"", "x", 7, 7, 80, 61.2, false, "[====================]  100%  ETA 0:00  x"},
    {"", "x", 7, 7, 80, 3725, true, "[====================]  100%  in 62:05  x"},
    {"stopped", "", 2, 8, 0, 9, true, "stopped   25%  in 0:09"},
    {"", "", 999999, 1000000, 0, 100, false, " 99%  ETA 0:00"},
    {"", "", 9, 7, 0, 5, true, "100%  in 0:05"},
    {"", "", -1, 0, 0, 5, false, "  0%  ETA -:--"},
    {"epoch  3/10", "loss 0.12", 37, 100, 20, 38, false, "epoch  3/10  [====="},
    {"\u03b2 = \u00bd", "", 1, 2, 6, 1, false, "\u03b2 = \u00bd"},
    {"\u03b2 = \u00bd", "", 1, 2, 5, 1, false, "\u03b2 = "},
    {"\u03b2 = \u00bd", "", 1, 2, 1, 1, false, ""},
};

Test(common_progress, line)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char line[256];
        progress p = state(lines[i].done, lines[i].total, lines[i].head, lines[i].tail);
        progress_line(line, sizeof line, lines[i].columns, &p, lines[i].seconds, lines[i].ended);
        cr_expect_str_eq(line, lines[i].line, "row %zu: '%s'", i, line);
    }
}

Test(common_progress, line_keeps_to_its_buffer)
{
    char line[16];
    memset(line, '#', sizeof line);
    progress p = state(1, 2, "epoch", "a tail that is too long");
    progress_line(line, 12, 0, &p, 4, false);
    cr_assert_str_eq(line, "epoch   50%");
    cr_assert_eq(line[12], '#');
}

Test(common_progress, a_file_gets_notes_and_one_line_at_the_end)
{
    char text[256] = "";
    FILE *file = tmpfile();
    progress p = progress_begin(file, 50);
    for (int64_t i = 1; i <= 50; i++) progress_update(&p, i, "step", "loss 1");
    progress_note(&p, "epoch 1: 0.25");
    progress_end(&p);
    rewind(file);
    cr_assert_gt(fread(text, 1, sizeof text - 1, file), 0);
    cr_assert_str_eq(text, "epoch 1: 0.25\nstep  100%  in 0:00  loss 1\n");
    fclose(file);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of many quick updates the first is drawn, then at most ten a second, and the end. */
Test(common_progress, a_terminal_line_is_redrawn_within_its_width)
{
    static const char first[] = "\rstep  [>                   ] \033[K";
    static const char last[] = "\rstep  [====================] \033[K\r\n";
    char text[4096] = "";
    size_t used = 0;
    int master = posix_openpt(O_RDWR | O_NOCTTY), redraws = 0;
    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    FILE *terminal = fdopen(open(ptsname(master), O_RDWR | O_NOCTTY), "r+");
    cr_assert(terminal);
    struct winsize size = {.ws_row = 24, .ws_col = 30};
    cr_assert_eq(ioctl(master, TIOCSWINSZ, &size), 0);

    double started = now();
    progress p = progress_begin(terminal, 50);
    for (int64_t i = 1; i <= 50; i++) progress_update(&p, i, "step", "loss 1");
    progress_end(&p);
    double seconds = now() - started;
    while (!strchr(text, '\n')) {
        ssize_t n = read(master, text + used, sizeof text - 1 - used);
        cr_assert_gt(n, 0);
        used += (size_t)n;
    }
    for (const char *at = text; (at = strstr(at, "\rstep")); at++) redraws++;
    cr_assert_eq(strncmp(text, first, strlen(first)), 0);
    cr_assert_str_eq(text + used - strlen(last), last);
    cr_assert(redraws >= 2 && redraws <= 2 + 10 * seconds, "%d in %g s", redraws, seconds);
    fclose(terminal);
    close(master);
}

/* A progress line: first the line as text, then the terminal and the clock. */

#include "progress.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 20, LINE_SIZE = 512 };

static const double TERMINAL_PAUSE = 0.1, PLAIN_PAUSE = 5; /* seconds between two lines */

static void append(char *line, size_t size, const char *text)
{
    size_t used = strlen(line);
    snprintf(line + used, size - used, "%s%s", used && *text ? "  " : "", text);
}

/* Cuts the line to `columns` characters; the bytes 10xxxxxx of UTF-8 continue one. */
static void clip(char *line, int columns)
{
    for (; *line; line++) {
        if ((*line & 0xc0) != 0x80 && columns-- == 0) *line-- = '\0';
    }
}

static void format_bar(char text[BAR_WIDTH + 3], double share)
{
    int full = (int)(share * BAR_WIDTH);
    text[0] = '[';
    memset(text + 1, ' ', BAR_WIDTH);
    memset(text + 1, '=', (size_t)full);
    if (full < BAR_WIDTH) text[1 + full] = '>';
    memcpy(text + 1 + BAR_WIDTH, "]", 2);
}

static void format_time(char text[32], const char *label, double seconds)
{
    long long s = llrint(seconds);
    snprintf(text, 32, "%s %lld:%02lld", label, s / 60, s % 60);
}

char *progress_line(char *line, size_t size, int columns, const progress *p, double seconds,
                    bool ended)
{
    char bar[BAR_WIDTH + 3], percent[8], duration[32] = "ETA -:--";
    int64_t total = p->total > 1 ? p->total : 1;
    int64_t done = p->done < 0 ? 0 : p->done > total ? total : p->done;
    double share = (double)done / (double)total;
    format_bar(bar, share);
    snprintf(percent, sizeof percent, "%3d%%", (int)(100 * share));
    if (ended) {
        format_time(duration, "in", seconds);
    } else if (done > 0) {
        format_time(duration, "ETA", seconds * (1 / share - 1));
    }
    line[0] = '\0';
    append(line, size, p->head);
    append(line, size, columns > 0 ? bar : "");
    append(line, size, percent);
    append(line, size, duration);
    append(line, size, p->tail);
    if (columns > 0) clip(line, columns - 1);
    return line;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int terminal_columns(FILE *stream)
{
    struct winsize size;
    return ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void show(progress *p, double time, bool ended)
{
    char line[LINE_SIZE];
    int columns = p->terminal ? terminal_columns(p->stream) : 0;
    progress_line(line, sizeof line, columns, p, time - p->started, ended);
    if (p->terminal) {
        fprintf(p->stream, "\r%s\033[K%s", line, ended ? "\n" : "");
    } else {
        fprintf(p->stream, "%s\n", line);
    }
    fflush(p->stream);
    p->shown = time;
    p->drawn = true;
}

progress progress_begin(FILE *stream, int64_t total)
{
    progress p = {.stream = stream, .total = total, .started = now()};
    p.terminal = isatty(fileno(stream));
    p.shown = p.terminal ? p.started - TERMINAL_PAUSE : p.started;
    return p;
}

void progress_update(progress *p, int64_t done, const char *head, const char *tail)
{
    double time = now();
    p->done = done;
    snprintf(p->head, sizeof p->head, "%s", head);
    snprintf(p->tail, sizeof p->tail, "%s", tail);
    if (time - p->shown >= (p->terminal ? TERMINAL_PAUSE : PLAIN_PAUSE)) show(p, time, false);
}

void progress_note(progress *p, const char *text)
{
    if (p->terminal) {
        fprintf(p->stream, "\r%s\033[K\n", text);
        if (p->drawn) show(p, now(), false);
    } else {
        fprintf(p->stream, "%s\n", text);
        fflush(p->stream);
    }
}

void progress_end(progress *p)
{
    show(p, now(), true);
}

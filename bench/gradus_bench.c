/* gradus-bench THREADS: measures Gradus for bench/run.py, which asks over stdin, one line a
 * question, and reads one line, "ok ..." or "error ...", from stdout:
 *
 *     prepare WHO ROW FOLDER EXTENT...   makes the inputs and writes them to FOLDER ("-": nowhere)
 *     check WHO NAME                     computes once, writes FOLDER/NAME.value.npy, .gradient.npy
 *     run WHO N                          N times; answers nanoseconds in all, and CPU nanoseconds
 *     memory                             bytes that one computation takes beyond its inputs
 *     bandwidth BYTES                    bytes a second
 *     flops                              float operations a second
 *
 * A row is prepared before it is checked, and checked before it is run.
 * WHO is gradus, or c_loop for the plain loop over the same inputs, prepared after gradus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/bench.h"

enum { ANSWER = 128 };

void work_input(work *w, int i, gr_tensor *t)
{
    char path[sizeof w->folder + 32];

    w->input[i] = t;
    if (!w->folder[0]) return;
    snprintf(path, sizeof path, "%s/%d.npy", w->folder, i);
    if (!npy_write(path, gr_dtype_of(t), gr_shape_of(t), gr_data(t))) {
        gr_fail(GR_ERROR_FILE, "work_input", NULL, "%s cannot be written", path);
    }
}

void work_save(const work *w, const char *what, const gr_tensor *t)
{
    char path[sizeof w->folder + 160];

    if (!w->folder[0]) return;
    snprintf(path, sizeof path, "%s/%.64s.%.64s.npy", w->folder, w->name, what);
    if (!npy_write(path, gr_dtype_of(t), gr_shape_of(t), gr_data(t))) {
        gr_fail(GR_ERROR_FILE, "work_save", NULL, "%s cannot be written", path);
    }
}

static const row *find_row(const char *name)
{
    static const row *const tables[] = {loss_rows, step_rows, operation_rows};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        for (const row *r = tables[i]; r->name; r++) {
            if (strcmp(r->name, name) == 0) return r;
        }
    }
    return NULL;
}

/* ---- preparing ---- */

static void drop(work *w)
{
    if (w->row) {
        gr_optimizer_free(w->adam);
        gr_params_free(w->params);
        gr_scope_end(&w->scope);
        gr_rng_free(w->rng);
        free(w->gradient);
        gr_memory_trim();
    }
    memset(w, 0, sizeof *w);
}

/* Initial weights, as p0.npy, p1.npy, ... */
static void save_params(work *w)
{
    char name[16];

    for (int i = 0; i < gr_params_count(w->params); i++) {
        snprintf(name, sizeof name, "p%d", i);
        w->name = name;
        work_save(w, "weight", gr_params_at(w->params, i));
    }
}

static bool prepare_gradus(work *w, const row *r, const char *folder, const int64_t *size)
{
    drop(w);
    memcpy(w->size, size, sizeof w->size);
    snprintf(w->folder, sizeof w->folder, "%s", strcmp(folder, "-") == 0 ? "" : folder);
    w->row = r;
    w->scope = gr_scope_begin();
    w->rng = gr_rng_new(20240229);
    r->prepare(w);
    for (int i = 0; i < MAX_INPUTS; i++) {
        if (w->input[i]) gr_eval(1, &w->input[i]);
    }
    if (w->params) save_params(w);
    return gr_ok();
}

static bool prepare_loop(work *w)
{
    if (!w->row->loop) return false;
    w->gradient = aligned_alloc(64, (size_t)w->size[0] * sizeof *w->gradient);
    return w->gradient && memset(w->gradient, 0, (size_t)w->size[0] * sizeof *w->gradient);
}

/* The next word of a line, "" when there is none; NULL goes on with the same line. */
static const char *word(char *line)
{
    const char *next = strtok(line, " ");

    return next ? next : "";
}

static bool prepare(work *w, char *words, char *answer)
{
    const char *who = word(words);
    const row *r = find_row(word(NULL));
    const char *folder = word(NULL);
    int64_t size[MAX_EXTENTS] = {0};

    (void)answer;
    if (!r || !folder[0]) return gr_fail(GR_ERROR_VALUE, "prepare", NULL, "no such row");
    if (strcmp(who, "c_loop") == 0) return w->row == r && prepare_loop(w);
    for (int i = 0; i < MAX_EXTENTS; i++) size[i] = atoll(word(NULL));
    return prepare_gradus(w, r, folder, size);
}

/* ---- working ---- */

static bool is_loop(const char *who)
{
    return strcmp(who, "c_loop") == 0;
}

static bool check(work *w, char *words, char *answer)
{
    bool loop = is_loop(word(words));

    (void)answer;
    w->name = word(NULL);
    if (!loop && w->row->kind->check) w->row->kind->check(w);
    if (loop) {
        GR_SCOPE;
        float loss = (float)w->row->loop(w);
        work_save(w, "value", gr_from_f32(GR_SCALAR, &loss));
        work_save(w, "gradient", gr_from_f32(gr_shape_of(w->input[0]), w->gradient));
    }
    return gr_ok();
}

static void repeat(work *w, bool loop, int64_t times)
{
    for (int64_t i = 0; i < times; i++) {
        if (loop) {
            w->row->loop(w);
        } else {
            w->row->kind->step(w);
        }
    }
}

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* An eighth more comes first, untimed, to warm caches and threads. */
static bool run(work *w, char *words, char *answer)
{
    bool loop = is_loop(word(words));
    int64_t times = atoll(word(NULL));

    repeat(w, loop, times / 8 + 1);
    double cpu = cpu_seconds(), start = seconds_now();
    repeat(w, loop, times);
    double wall = seconds_now() - start;
    snprintf(answer, ANSWER, "%.0f %.0f", wall * 1e9, (cpu_seconds() - cpu) * 1e9);
    return gr_ok();
}

static bool memory(work *w, char *words, char *answer)
{
    int64_t before = gr_memory_stats().current;

    (void)words;
    gr_memory_reset_peak();
    repeat(w, false, 1);
    snprintf(answer, ANSWER, "%lld", (long long)(gr_memory_stats().peak - before));
    return gr_ok();
}

static bool bandwidth(work *w, char *words, char *answer)
{
    (void)w;
    return snprintf(answer, ANSWER, "%.6g", measured_bandwidth(gr_threads(), atoll(words))) > 0;
}

static bool flops(work *w, char *words, char *answer)
{
    (void)w, (void)words;
    return snprintf(answer, ANSWER, "%.6g", measured_flops(gr_threads())) > 0;
}

static bool obey(work *w, const char *name, char *words, char *answer)
{
    static const struct {
        const char *name;
        bool (*act)(work *w, char *words, char *answer);
        bool prepared; /* needs a row */
    } commands[] = {
        {"prepare", prepare, false},     {"check", check, true},  {"run", run, true},
        {"bandwidth", bandwidth, false}, {"flops", flops, false}, {"memory", memory, true},
    };

    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0 && (w->row || !commands[i].prepared)) {
            return commands[i].act(w, words, answer);
        }
    }
    return gr_fail(GR_ERROR_VALUE, "gradus-bench", NULL, "%s: not now", name);
}

int main(int argc, char **argv)
{
    work current = {0};
    char line[1024], answer[ANSWER];

    gr_set_threads(argc > 1 ? atoi(argv[1]) : 1);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = answer[0] = 0;
        size_t length = strcspn(line, " ");
        char *words = line + length + (line[length] == ' ');
        line[length] = 0;
        if (obey(&current, line, words, answer)) {
            printf("ok %s\n", answer);
        } else {
            printf("error %s\n", gr_ok() ? "not offered" : gr_error_message());
            gr_error_clear();
        }
        fflush(stdout);
    }
    drop(&current);
    gr_thread_end();
    return 0;
}

/* Running programs: tile after tile, tasks of tiles shared out to threads. What a task is depends on
 * sizes only, never on the number of threads. */
#include <omp.h>
#include <string.h>

#include "src/core/alloc.h"
#include "src/eval/program.h"

/* ---- instructions ---- */

void gr__do_map(const gr__instruction *in, const gr__frame *f)
{
    in->map(f->at[in->out], f->at[in->in[0]], f->at[in->in[1]], f->at[in->in[2]],
            f->counts[in->grain]);
}

void gr__do_source(const gr__instruction *in, const gr__frame *f)
{
    in->source(f->at[in->out], f->at[in->in[0]], f->firsts[in->grain], f->counts[in->grain]);
}

void gr__do_load(const gr__instruction *in, const gr__frame *f)
{
    gr__load_copy(in->load, f->firsts[in->grain], f->counts[in->grain], f->at[in->out]);
}

void gr__do_repeat(const gr__instruction *in, const gr__frame *f)
{
    in->repeat(f->at[in->out], f->at[in->in[0]], f->counts[in->grain], in->times);
}

void gr__do_fill(const gr__instruction *in, const gr__frame *f)
{
    in->repeat(f->at[in->out], f->at[in->in[0]], 1, f->counts[in->grain]);
}

void gr__do_rows(const gr__instruction *in, const gr__frame *f)
{
    in->reduce->rows(f->at[in->out], f->at[in->in[0]], f->counts[in->grain], in->times);
}

void gr__do_long_rows(const gr__instruction *in, const gr__frame *f)
{
    size_t size = in->size;
    const char *x = f->at[in->in[0]];
    char *out = f->at[in->out];

    for (int64_t i = 0; i < f->counts[in->grain]; i++, x += (size_t)in->times * size) {
        double partial[GR__LONGEST_ROW / GR__BLOCK]; /* room for any dtype */
        int64_t whole = in->times / GR__BLOCK, rest = in->times % GR__BLOCK;
        in->reduce->rows(partial, x, whole, GR__BLOCK);
        if (rest > 0) {
            in->reduce->block((char *)partial + (size_t)whole * size,
                              x + (size_t)(whole * GR__BLOCK) * size, rest);
        }
        in->reduce->tree(partial, whole + (rest > 0));
        memcpy(out + (size_t)i * size, partial, size);
    }
}

void gr__do_stream(const gr__instruction *in, const gr__frame *f)
{
    in->stream(f->at[in->out], f->at[in->in[0]], (size_t)f->counts[in->grain] * in->size);
}

void gr__do_rowwise(const gr__instruction *in, const gr__frame *f)
{
    in->row(f->at[in->out], f->at[in->in[0]], f->at[in->in[1]], f->counts[in->grain], in->times);
}

void gr__do_tile(const gr__instruction *in, const gr__frame *f)
{
    in->reduce->block(f->at[in->out], f->at[in->in[0]], f->elements);
}

/* Row i of a block of rows goes to lane i % GR__LANES; neighbouring lanes lie together, as
 * neighbouring rows do. */
void gr__do_columns(const gr__instruction *in, const gr__frame *f)
{
    size_t row = (size_t)in->times * in->size;
    int64_t lane = f->first / in->times % GR__LANES, rows = f->elements / in->times;
    char *lanes = f->at[in->out];
    const char *x = f->at[in->in[0]];

    while (rows > 0) {
        int64_t take = rows < GR__LANES - lane ? rows : GR__LANES - lane;
        in->reduce->fold(lanes + (size_t)lane * row, x, take * in->times);
        x += (size_t)take * row;
        rows -= take;
        lane = 0;
    }
}

/* ---- tiles and tasks ---- */

static void set_tile(const gr__program *p, gr__frame *f, int64_t tile, int64_t *firsts,
                     int64_t *counts)
{
    f->first = tile * p->tile;
    int64_t end = p->elements;
    if (p->span) {
        int64_t each = (p->span + p->tile - 1) / p->tile;
        f->first = tile / each * p->span + tile % each * p->tile;
        end = (tile / each + 1) * p->span;
    }
    f->elements = end - f->first < p->tile ? end - f->first : p->tile;
    firsts[0] = f->first;
    counts[0] = f->elements;
    for (int i = 1; i < p->grain_count; i++) {
        firsts[i] = f->first / p->groups[i];
        counts[i] = f->elements / p->groups[i];
    }
}

static void move_slots(const gr__program *p, const gr__frame *f, int64_t tile)
{
    for (int i = 0; i < p->stride_count; i++) {
        const gr__stride *s = &p->strides[i];
        int64_t first = s->grain == GR__EACH_TILE ? tile : f->firsts[s->grain];
        first = s->period > 0 ? first % s->period : first;
        f->at[s->slot] = (char *)p->slots[s->slot] + first * (int64_t)s->size;
    }
}

static size_t slots_bytes(const gr__program *p)
{
    return ((size_t)p->slot_count * sizeof(void *) + 63) / 64 * 64;
}

static void start_task(const gr__program *p, gr__frame *f, char *memory)
{
    memcpy(f->at, p->slots, (size_t)p->slot_count * sizeof(void *));
    for (int i = 0; i < p->register_count; i++) {
        f->at[p->registers[i].slot] = memory + slots_bytes(p) + p->registers[i].offset;
    }
    for (int i = 0; i < p->finish_count; i++) {
        if (p->finishes[i].lanes) {
            p->finishes[i].kernel->start(f->at[p->finishes[i].lanes], GR__LANES * p->columns);
        }
    }
}

static void end_task(const gr__program *p, const gr__frame *f, int64_t task)
{
    for (int i = 0; i < p->finish_count; i++) {
        const gr__finish *end = &p->finishes[i];
        size_t row = (size_t)p->columns * end->size;
        char *lanes = f->at[end->lanes];
        for (int half = GR__LANES / 2; end->lanes && half > 0; half /= 2) {
            end->kernel->fold(lanes, lanes + (size_t)half * row, half * p->columns);
        }
        if (end->lanes) {
            memcpy((char *)p->slots[end->partial] + (size_t)task * row, lanes, row);
        }
    }
}

/* After instruction i: its share of the tile after the next, so that memory and arithmetic overlap.
 * (The next tile is too near: that saved nothing. Inlined, because gcc takes a function that only
 * prefetches for one that does nothing.) */
static inline __attribute__((always_inline)) void fetch_ahead(const gr__program *p,
                                                              const gr__frame *f, int i)
{
    enum { LINE = 64 };

    for (int j = 0; j < p->stride_count; j++) {
        const gr__stride *s = &p->strides[j];
        const char *from = (const char *)f->at[s->slot] + 2 * f->elements * s->size + s->ahead * i;
        for (int64_t at = 0; at < s->ahead; at += LINE) {
            __builtin_prefetch(from + at);
        }
    }
}

static void run_task(const gr__program *p, int64_t task, char *memory)
{
    int64_t firsts[GR__GRAINS], counts[GR__GRAINS];
    gr__frame f = {.at = (void **)(void *)memory, .firsts = firsts, .counts = counts};
    int64_t tile = task * p->tiles_per_task, end = tile + p->tiles_per_task;

    start_task(p, &f, memory);
    set_tile(p, &f, 0, firsts, counts);
    for (int i = 0; i < p->once_count; i++) {
        p->once[i].run(&p->once[i], &f);
    }
    for (end = end < p->tiles ? end : p->tiles; tile < end; tile++) {
        set_tile(p, &f, tile, firsts, counts);
        move_slots(p, &f, tile);
        for (int i = 0; i < p->code_count; i++) {
            p->code[i].run(&p->code[i], &f);
            if (p->fetches) {
                fetch_ahead(p, &f, i);
            }
        }
    }
    if (p->streams) {
        gr__kernels_in_use()->fence();
    }
    end_task(p, &f, task);
}

/* ---- after the last tile ---- */

static void finish(const gr__program *p, const gr__finish *end)
{
    size_t size = end->size, row = (size_t)end->results * size;
    char *out = p->slots[end->out], *all = p->slots[end->partial];

    if (end->blocks == 1) {
        return;
    }
    if (!end->lanes) {
        for (int64_t i = 0; i < end->results; i++) {
            char *partial = all + (size_t)(i * end->blocks) * size;
            end->kernel->tree(partial, end->blocks);
            memcpy(out + (size_t)i * size, partial, size);
        }
    } else {
        gr__fold_tree(end->kernel, all, end->blocks, row, end->results);
        memcpy(out, all, row);
    }
}

static size_t memory_of(const gr__program *p)
{
    return (slots_bytes(p) + (size_t)p->register_bytes + 63) / 64 * 64;
}

static bool reserve(gr__room *room, size_t bytes)
{
    if (bytes > room->thread_bytes) {
        gr__free(room->threads);
        room->threads = gr__alloc(bytes);
        room->thread_bytes = room->threads ? bytes : 0;
    }
    return bytes <= room->thread_bytes;
}

/* Task t of all programs together. */
static void run_any(gr__program *const *programs, int n, int64_t t, char *memory)
{
    int i = 0;

    while (i + 1 < n && t >= programs[i + 1]->first_task) {
        i++;
    }
    run_task(programs[i], t - programs[i]->first_task, memory);
}

/* Additions within a cache that take as long as an element operation over whole arrays. */
enum { ADDITIONS = 8 };

bool gr__run_programs(gr__program *const *programs, int n, gr__room *room)
{
    int64_t tasks = 0, work = 0;
    size_t most = 0;

    for (int i = 0; i < n; i++) {
        programs[i]->first_task = tasks;
        tasks += programs[i]->tasks;
        work += programs[i]->work;
        most = memory_of(programs[i]) > most ? memory_of(programs[i]) : most;
    }
    int threads = gr__threads_for(work / ADDITIONS);
    threads = tasks < threads ? (int)tasks : threads;
    if (!reserve(room, most * (size_t)threads)) {
        return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for %d threads", threads);
    }
    char *memory = room->threads;
    if (threads == 1) {
        for (int64_t t = 0; t < tasks; t++) {
            run_any(programs, n, t, memory);
        }
    } else {
#pragma omp parallel for num_threads(threads) schedule(static)
        for (int64_t t = 0; t < tasks; t++) {
            run_any(programs, n, t, memory + most * (size_t)omp_get_thread_num());
        }
    }
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < programs[i]->finish_count; j++) {
            finish(programs[i], &programs[i]->finishes[j]);
        }
    }
    return true;
}

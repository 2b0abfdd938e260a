/* Reductions along any axes, in an order that depends on the logical shape and the axes alone: the
 * elements of one result, in logical order, go in blocks of GR__BLOCK; within a block to lane
 * i % GR__LANES; the lanes are folded by halving, the blocks as a tree of neighbours.
 *
 * Where the last axis is kept, many results advance together, a lane being a row of them; else one
 * result at a time. Both take the same order, so both give the same bits. */
#include <string.h>

#include "src/eval/eval.h"

enum { COLUMNS = 64 }; /* results that advance together */

typedef struct reduction {
    const gr__reduce_kernel *kernel;
    const char *base;
    size_t size;
    gr__load outer;  /* the kept axes, without the columns */
    gr__load inner;  /* the reduced axes */
    int64_t columns; /* results along the last kept axis, 1 where that is reduced */
    int64_t stride;  /* between them */
    int64_t results, length, blocks;
    char *partial; /* blocks x results */
} reduction;

/* Offset, in elements, of element n of the plan's axes. */
static int64_t offset_of(const gr__load *load, int64_t n)
{
    int64_t at = 0;

    for (int i = load->rank - 1; i >= 0; i--) {
        at += n % load->dims[i] * load->strides[i];
        n /= load->dims[i];
    }
    return at;
}

static void fold_lanes(const reduction *r, char *lanes, size_t row, int64_t width)
{
    for (int half = GR__LANES / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) {
            r->kernel->fold(lanes + (size_t)i * row, lanes + (size_t)(i + half) * row, width);
        }
    }
}

static void block_of_one(const reduction *r, const char *x, int64_t first, int64_t n, char *out)
{
    double room[GR__BLOCK]; /* for any dtype */
    gr__load load = r->inner;

    load.base = x;
    r->kernel->block(out, gr__load_block(&load, first, n, room), n);
}

static void block_of_columns(const reduction *r, const char *x, int64_t first, int64_t n,
                             int64_t width, char *out)
{
    double lanes[GR__LANES * COLUMNS]; /* room for any dtype */
    double scratch[COLUMNS];
    gr__load row = {.size = r->size, .rank = 1, .dims = {width}, .strides = {r->stride}};
    size_t bytes = (size_t)width * r->size;

    r->kernel->start(lanes, GR__LANES * width);
    for (int64_t i = 0; i < n; i++) {
        row.base = x + offset_of(&r->inner, first + i) * (int64_t)r->size;
        r->kernel->fold((char *)lanes + (size_t)(i % GR__LANES) * bytes,
                        gr__load_block(&row, 0, width, scratch), width);
    }
    fold_lanes(r, (char *)lanes, bytes, width);
    memcpy(out, lanes, bytes);
}

/* Task t: some columns of one place of the outer axes, one block. */
static void run_task(const reduction *r, int64_t t)
{
    int64_t groups = (r->columns + COLUMNS - 1) / COLUMNS;
    int64_t block = t % r->blocks, group = t / r->blocks % groups, outer = t / r->blocks / groups;
    int64_t column = group * COLUMNS, first = block * GR__BLOCK;
    int64_t width = r->columns - column < COLUMNS ? r->columns - column : COLUMNS;
    int64_t n = r->length - first < GR__BLOCK ? r->length - first : GR__BLOCK;
    int64_t at = offset_of(&r->outer, outer) + column * r->stride;
    const char *x = r->base + at * (int64_t)r->size;
    char *out = r->partial + (size_t)(block * r->results + outer * r->columns + column) * r->size;

    if (r->columns == 1) {
        block_of_one(r, x, first, n, out);
    } else {
        block_of_columns(r, x, first, n, width, out);
    }
}

static void run_tasks(const reduction *r)
{
    int64_t groups = (r->columns + COLUMNS - 1) / COLUMNS;
    int64_t tasks = r->results / r->columns * groups * r->blocks;
    int threads = gr__threads_for(r->results * r->length);

#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t t = 0; t < tasks; t++) {
        run_task(r, t);
    }
    gr__fold_tree(r->kernel, r->partial, r->blocks, (size_t)r->results * r->size, r->results);
}

void gr__fold_tree(const gr__reduce_kernel *kernel, void *rows, int64_t n, size_t row,
                   int64_t width)
{
    char *at = rows;

    for (int64_t step = 1; step < n; step *= 2) {
        for (int64_t b = 0; b + step < n; b += 2 * step) {
            kernel->fold(at + (size_t)b * row, at + (size_t)(b + step) * row, width);
        }
    }
}

/* Sorts the operand's axes into kept and reduced ones. */
static reduction plan(const gr_tensor *node)
{
    const gr_tensor *x = node->in[0].tensor;
    gr__layout layout = gr__layout_of(x);
    const gr__shape *shape = x->shape;
    int mask = ((const gr__reduced *)node->detail)->mask, kept = 0, reduced = 0;
    int64_t dims[2][GR_MAX_RANK], strides[2][GR_MAX_RANK];
    const gr__reduce_kernel *kernels = gr__slots(gr__kernels_in_use(), node->op->kernel);
    reduction r = {
        .kernel = &kernels[node->dtype],
        .base = gr__base(x),
        .size = gr_dtype_size((gr_dtype)x->dtype),
        .columns = 1,
        .length = 1,
        .results = node->shape->count,
    };

    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] == 1) {
            continue;
        }
        int which = mask >> i & 1, *n = which ? &reduced : &kept;
        dims[which][*n] = shape->dims[i];
        strides[which][(*n)++] = layout.strides[i];
        r.length *= which ? shape->dims[i] : 1;
        r.columns = which ? 1 : shape->dims[i];
        r.stride = layout.strides[i];
    }
    kept -= r.columns > 1;
    r.blocks = (r.length + GR__BLOCK - 1) / GR__BLOCK;
    r.outer = gr__load_plan(r.base, r.size, kept, dims[0], strides[0]);
    r.inner = gr__load_plan(r.base, r.size, reduced, dims[1], strides[1]);
    return r;
}

/* Partial results for the blocks of each result; one block needs none. */
static bool reduce_blocks(const gr_tensor *node, reduction *r, gr__buffer *out)
{
    size_t row = (size_t)r->results * r->size;

    r->partial = r->blocks == 1 ? out->data : gr__alloc((size_t)r->blocks * row);
    if (!r->partial) {
        return gr__fail_at(node, GR_ERROR_MEMORY, NULL, "no memory for partial results");
    }
    run_tasks(r);
    if (r->blocks > 1) {
        memcpy(out->data, r->partial, row);
        gr__free(r->partial);
    }
    return true;
}

gr__buffer *gr__run_reduce(gr_tensor *node)
{
    gr__buffer *out = gr__buffer_for(node);

    if (!out) {
        return NULL;
    }
    reduction r = plan(node);
    if (r.results == 0 || r.length == 0) {
        r.kernel->start(out->data, r.results);
    } else if (!reduce_blocks(node, &r, out)) {
        gr__buffer_drop(out);
        return NULL;
    }
    return out;
}

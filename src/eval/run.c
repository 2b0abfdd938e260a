/* One node's computation, by its kind. */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "src/core/scope.h"
#include "src/eval/eval.h"

/* Blocks that one thread takes at a time. */
enum { CHUNK = 16 * GR__BLOCK };

bool gr__fail_at(const gr_tensor *node, gr_code code, const char *argument, const char *text)
{
    Dl_info info;

    if (!node->site || !dladdr(node->site, &info) || !info.dli_fname) {
        return gr_fail(code, node->op->name, argument, "%s", text);
    }
    if (info.dli_sname) {
        return gr_fail(code, node->op->name, argument, "%s (made in %s)", text, info.dli_sname);
    }
    return gr_fail(code, node->op->name, argument, "%s (made at %s+0x%zx, which addr2line names)",
                   text, info.dli_fname,
                   (size_t)((const char *)node->site - (const char *)info.dli_fbase));
}

bool gr__give_buffer(gr_tensor *node)
{
    size_t bytes = (size_t)node->shape->count * gr_dtype_size((gr_dtype)node->dtype);
    char text[64];

    node->buffer = gr__buffer_new(bytes);
    if (node->buffer) {
        return true;
    }
    snprintf(text, sizeof text, "no memory for %zu bytes", bytes);
    return gr__fail_at(node, GR_ERROR_MEMORY, NULL, text);
}

const void *gr__slot(const gr_tensor *node, gr_dtype dtype, size_t size)
{
    return (const char *)gr__kernels_in_use() + node->op->kernel + (size_t)dtype * size;
}

/* ---- MAP ---- */

typedef struct map {
    gr__map_kernel *kernel;
    char *out;
    size_t out_size;
    int64_t count;
    int operands;
    gr__load load[3];
} map;

/* A number in an operand's dtype. */
static void store_number(gr__block_room *room, gr_dtype dtype, double number)
{
    switch (dtype) {
    case GR_F32: room->f32[0] = (float)number; break;
    case GR_F64: room->f64[0] = number; break;
    default: room->i64[0] = (int64_t)number; break;
    }
}

static gr__load load_tensor(const gr_tensor *t, const gr__shape *shape)
{
    gr__layout layout = gr__layout_of(t);
    int64_t strides[GR_MAX_RANK];
    int shift = shape->rank - t->shape->rank;

    for (int i = 0; i < shape->rank; i++) {
        bool repeats = i < shift || t->shape->dims[i - shift] == 1;
        strides[i] = repeats ? 0 : layout.strides[i - shift];
    }
    return gr__load_plan(gr__base(t), gr_dtype_size((gr_dtype)t->dtype), shape->rank, shape->dims,
                         strides);
}

static void map_chunk(const map *m, int64_t first, int64_t n)
{
    gr__block_room room[3];
    const void *block[3] = {NULL, NULL, NULL};

    for (int i = 0; i < m->operands; i++) {
        if (m->load[i].rank == 0) { /* the same for every block */
            block[i] = gr__load_block(&m->load[i], 0, n < GR__BLOCK ? n : GR__BLOCK, &room[i]);
        }
    }
    for (int64_t end = first + n; first < end; first += GR__BLOCK) {
        int64_t length = end - first < GR__BLOCK ? end - first : GR__BLOCK;
        for (int i = 0; i < m->operands; i++) {
            if (m->load[i].rank > 0) {
                block[i] = gr__load_block(&m->load[i], first, length, &room[i]);
            }
        }
        m->kernel(m->out + (size_t)first * m->out_size, block[0], block[1], block[2], length);
    }
}

static void map_all(const map *m)
{
    int64_t chunks = (m->count + CHUNK - 1) / CHUNK;
    int threads = gr__threads_for(m->count);

    if (threads == 1 || chunks <= 1) {
        map_chunk(m, 0, m->count);
        return;
    }
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = i * CHUNK, left = m->count - first;
        map_chunk(m, first, left < CHUNK ? left : CHUNK);
    }
}

static bool run_map(gr_tensor *node)
{
    gr__block_room number[3];
    gr_dtype dtype = (gr_dtype)node->dtype;

    if (!gr__give_buffer(node)) {
        return false;
    }
    map m = {.kernel = *(gr__map_kernel *const *)gr__slot(node, dtype, sizeof(gr__map_kernel *)),
             .out = gr__base(node),
             .out_size = gr_dtype_size(dtype),
             .count = node->shape->count,
             .operands = node->op->arity};
    for (int i = 0; i < m.operands; i++) {
        if (node->in[i].tensor) {
            m.load[i] = load_tensor(node->in[i].tensor, node->shape);
        } else {
            store_number(&number[i], dtype, node->in[i].number);
            m.load[i] = (gr__load){.base = (const char *)&number[i], .size = m.out_size};
        }
    }
    if (m.count > 0) {
        map_all(&m);
    }
    return true;
}

/* ---- SOURCE ---- */

static bool run_source(gr_tensor *node)
{
    gr_dtype dtype = (gr_dtype)node->dtype;
    gr__source_kernel *kernel = *(gr__source_kernel *const *)gr__slot(node, dtype,
                                                                      sizeof(gr__source_kernel *));

    if (!gr__give_buffer(node)) {
        return false;
    }
    char *out = gr__base(node);
    size_t size = gr_dtype_size(dtype);
    int64_t count = node->shape->count, chunks = (count + CHUNK - 1) / CHUNK;
    const void *detail = node->detail;
    int threads = gr__threads_for(count);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = i * CHUNK, left = count - first;
        kernel(out + (size_t)first * size, detail, first, left < CHUNK ? left : CHUNK);
    }
    return true;
}

/* ---- VIEW ---- */

/* The operand's numbers in a contiguous buffer: its own, held once more, or a copy. */
static gr__buffer *contiguous(const gr_tensor *t, const gr_tensor *reader)
{
    size_t size = gr_dtype_size((gr_dtype)t->dtype), bytes = (size_t)t->shape->count * size;
    gr__buffer *buffer = gr__buffer_new(bytes);

    if (!buffer) {
        gr__fail_at(reader, GR_ERROR_MEMORY, NULL, "no memory for a contiguous copy");
        return NULL;
    }
    const gr__kernels *kernels = gr__kernels_in_use();
    map m = {.kernel = kernels->cast[t->dtype][t->dtype],
             .out = buffer->data,
             .out_size = size,
             .count = t->shape->count,
             .operands = 1,
             .load = {load_tensor(t, t->shape)}};
    if (m.count > 0) {
        map_all(&m);
    }
    return buffer;
}

static bool run_view(gr_tensor *node)
{
    const gr_tensor *x = node->in[0].tensor;
    gr__layout from = gr__layout_of(x), to = from;
    gr__buffer *buffer = gr__buffer_hold(x->buffer);

    if (node->op->layout && !node->op->layout(node, &from, &to)) {
        gr__buffer_drop(buffer);
        buffer = contiguous(x, node);
        from = (gr__layout){0};
        memcpy(from.strides, x->shape->strides, sizeof from.strides);
        if (!buffer || !node->op->layout(node, &from, &to)) {
            gr__buffer_drop(buffer);
            return false;
        }
    }
    if (to.offset != 0 ||
        memcmp(to.strides, node->shape->strides, (size_t)node->shape->rank * sizeof(int64_t))) {
        gr__layout *layout = gr__arena_alloc(node->arena, sizeof *layout);
        if (!layout) {
            gr__buffer_drop(buffer);
            return false;
        }
        *layout = to;
        node->layout = layout;
    }
    node->buffer = buffer;
    return true;
}

/* ---- OPAQUE ---- */

static bool run_opaque(gr_tensor *node)
{
    gr__array in[3];
    int64_t work = node->shape->count;

    if (!gr__give_buffer(node)) {
        return false;
    }
    for (int i = 0; i < node->op->arity; i++) {
        in[i] = gr__array_of(node->in[i].tensor);
        work += in[i].count;
    }
    gr__array out = gr__array_of(node);
    gr__fault fault = {.found = false};
    gr_dtype dtype = node->op->arity > 0 ? in[0].dtype : out.dtype;
    gr__opaque_kernel *const *slot = gr__slot(node, dtype, sizeof(gr__opaque_kernel *));
    (*slot)(&out, in, node->detail, gr__threads_for(work), &fault);
    if (fault.found) {
        node->flags |= GR__ERROR;
        return gr__fail_at(node, GR_ERROR_VALUE, fault.argument, fault.text);
    }
    return true;
}

static bool run_leaf(gr_tensor *node)
{
    return node->buffer != NULL;
}

bool gr__run(gr_tensor *node)
{
    static bool (*const by_kind[])(gr_tensor *) = {
        [GR__LEAF] = run_leaf, [GR__MAP] = run_map,       [GR__REDUCE] = gr__run_reduce,
        [GR__VIEW] = run_view, [GR__SOURCE] = run_source, [GR__OPAQUE] = run_opaque,
    };

    if (by_kind[node->op->kind](node)) {
        return true;
    }
    gr__buffer_drop(node->buffer);
    node->buffer = NULL;
    return false;
}

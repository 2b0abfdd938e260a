/* One node's computation by itself, over whole arrays: layouts of views, kernels that see whole
 * arrays, reductions along axes that lie apart, and empty tensors. */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "src/core/scope.h"
#include "src/eval/eval.h"

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

gr__buffer *gr__buffer_for(const gr_tensor *node)
{
    size_t bytes = (size_t)node->shape->count * gr_dtype_size((gr_dtype)node->dtype);
    gr__buffer *buffer = gr__buffer_new(bytes);
    char text[64];

    if (!buffer) {
        snprintf(text, sizeof text, "no memory for %zu bytes", bytes);
        gr__fail_at(node, GR_ERROR_MEMORY, NULL, text);
    }
    return buffer;
}

void gr__store_number(void *to, gr_dtype dtype, double number)
{
    switch (dtype) {
    case GR_F32: *(float *)to = (float)number; break;
    case GR_F64: *(double *)to = number; break;
    default: *(int64_t *)to = (int64_t)number; break;
    }
}

/* ---- VIEW ---- */

/* Elements that one thread copies at a time. */
enum { CHUNK = 16 * GR__BLOCK };

/* The operand's numbers in a contiguous buffer. */
static gr__buffer *contiguous(const gr_tensor *t, const gr_tensor *reader)
{
    size_t size = gr_dtype_size((gr_dtype)t->dtype);
    int64_t count = t->shape->count, chunks = (count + CHUNK - 1) / CHUNK;
    gr__buffer *buffer = gr__buffer_new((size_t)count * size);

    if (!buffer) {
        gr__fail_at(reader, GR_ERROR_MEMORY, NULL, "no memory for a contiguous copy");
        return NULL;
    }
    gr__layout layout = gr__layout_of(t);
    gr__load load = gr__load_plan(gr__base(t), size, t->shape->rank, t->shape->dims,
                                  layout.strides);
    int threads = gr__threads_for(count);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < chunks; i++) {
        int64_t first = i * CHUNK, n = count - first < CHUNK ? count - first : CHUNK;
        gr__load_copy(&load, first, n, (char *)buffer->data + (size_t)first * size);
    }
    return buffer;
}

static gr__buffer *run_view(gr_tensor *node)
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
            return NULL;
        }
    }
    if (to.offset != 0 ||
        memcmp(to.strides, node->shape->strides, (size_t)node->shape->rank * sizeof(int64_t))) {
        gr__layout *layout = gr__arena_alloc(node->arena, sizeof *layout);
        if (!layout) {
            gr__buffer_drop(buffer);
            return NULL;
        }
        *layout = to;
        node->layout = layout;
    }
    return buffer;
}

/* ---- OPAQUE ---- */

/* Runs the kernel on memory that is there. */
static bool run_kernel(gr_tensor *node, void *data, gr__buffer *scratch, int threads)
{
    gr__array out, in[4];
    gr__fault fault = {.found = false};
    int arity = node->op->arity;

    for (int i = 0; i < arity; i++) {
        gr__describe(&in[i], node->in[i].tensor, gr__base(node->in[i].tensor));
    }
    in[arity] = (gr__array){.data = scratch ? scratch->data : NULL,
                            .count = scratch ? (int64_t)scratch->bytes : 0};
    gr__describe(&out, node, data);
    gr_dtype dtype = arity > 0 ? in[0].dtype : out.dtype;
    gr__opaque_kernel *const *kernels = gr__slots(gr__kernels_in_use(), node->op->kernel);
    gr__opaque_kernel *kernel = node->op->run ? node->op->run : kernels[dtype];
    kernel(&out, in, node->detail, threads, &fault);
    if (fault.found) {
        node->flags |= GR__ERROR;
        gr__fail_at(node, GR_ERROR_VALUE, fault.argument, fault.text);
    }
    return !fault.found;
}

static gr__buffer *run_opaque(gr_tensor *node)
{
    gr__buffer *buffer = gr__buffer_for(node), *scratch = NULL;
    int64_t work = node->shape->count;
    bool good = buffer != NULL;

    for (int i = 0; i < node->op->arity; i++) {
        work += node->in[i].tensor->shape->count;
    }
    int threads = gr__threads_for(work);
    size_t bytes = good && node->op->scratch ? node->op->scratch(node, threads) : 0;
    if (bytes > 0) {
        scratch = gr__buffer_new(bytes);
        good = scratch || gr__fail_at(node, GR_ERROR_MEMORY, NULL, "no working memory");
    }
    good = good && run_kernel(node, buffer->data, scratch, threads);
    gr__buffer_drop(scratch);
    if (!good) {
        gr__buffer_drop(buffer);
    }
    return good ? buffer : NULL;
}

gr__buffer *gr__run_onto(gr_tensor *node)
{
    gr__buffer *buffer = gr__buffer_hold(node->in[0].tensor->buffer);

    run_kernel(node, buffer->data, NULL, gr__threads_for(node->in[1].tensor->shape->count));
    return buffer;
}

/* A map or a source by itself is empty. */
static gr__buffer *run_empty(gr_tensor *node)
{
    return gr__buffer_for(node);
}

gr__buffer *gr__run(gr_tensor *node)
{
    static gr__buffer *(*const by_kind[])(gr_tensor *) = {
        [GR__MAP] = run_empty,    [GR__REDUCE] = gr__run_reduce, [GR__VIEW] = run_view,
        [GR__SOURCE] = run_empty, [GR__OPAQUE] = run_opaque,
    };

    return by_kind[node->op->kind](node);
}

/* Values: making nodes, capturing operands, asking and looking. Numbers are computed only through
 * the public gr_eval. */
#include "src/core/tensor.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/core/params.h"
#include "src/core/scope.h"

static const char *const dtype_names[] = {"f32", "f64", "i64"};
static const size_t dtype_sizes[] = {sizeof(float), sizeof(double), sizeof(int64_t)};

static const gr__shape scalar_shape = {.count = 1};
static const gr__primitive error_primitive = {.name = "error", .kind = GR__LEAF};

gr_tensor gr__error_tensor = {
    .op = &error_primitive, .shape = &scalar_shape, .flags = GR__ERROR | GR__CONSTANT};

static const gr_tensor no_tensor = {
    .op = &error_primitive, .shape = &scalar_shape, .flags = GR__ERROR | GR__CONSTANT};

const gr_tensor *gr_no_tensor(void)
{
    return &no_tensor;
}

const gr__primitive gr__leaf_primitive = {.name = "tensor", .kind = GR__LEAF, .dtypes = GR__ALL};

const gr__primitive gr__captured_primitive = {
    .name = "cell", .kind = GR__VIEW, .arity = 1, .dtypes = GR__ALL};

static const gr__primitive foreign_primitive = {
    .name = "tensor", .kind = GR__LEAF, .dtypes = GR__ALL};

const char *gr_dtype_name(gr_dtype dtype)
{
    return (unsigned)dtype <= GR_I64 ? dtype_names[dtype] : "unknown dtype";
}

size_t gr_dtype_size(gr_dtype dtype)
{
    return (unsigned)dtype <= GR_I64 ? dtype_sizes[dtype] : 0;
}

bool gr_set_default_dtype(gr_dtype dtype)
{
    gr__thread *thread = gr__self();

    if (dtype != GR_F32 && dtype != GR_F64) {
        return gr_fail(GR_ERROR_DTYPE, "gr_set_default_dtype", "dtype", "got %s, want f32 or f64",
                       gr_dtype_name(dtype));
    }
    if (thread) {
        thread->default_dtype = dtype;
    }
    return thread != NULL;
}

gr_dtype gr_default_dtype(void)
{
    gr__thread *thread = gr__self();

    return thread ? thread->default_dtype : GR_F32;
}

gr_work gr_work_stats(void)
{
    gr__thread *thread = gr__self();

    return thread ? thread->work : (gr_work){0};
}

/* ---- making nodes ---- */

gr_tensor *gr__error(gr_code code, const char *function, const char *argument, const char *format,
                     ...)
{
    char text[448];
    va_list list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    gr_fail(code, function, argument, "%s", text);
    return &gr__error_tensor;
}

gr_tensor *gr_error_tensor(void)
{
    return &gr__error_tensor;
}

gr_tensor *gr__node(const gr__primitive *op, const void *site, const gr__shape *shape,
                    gr_dtype dtype, const gr_arg *in, int inputs, const void *detail)
{
    gr__thread *thread = gr__self();

    for (int i = 0; i < inputs; i++) {
        if (in[i].tensor && gr__is_error(in[i].tensor)) {
            return &gr__error_tensor;
        }
    }
    gr_tensor *node = thread && shape ? gr__scope_node(thread, thread->depth) : NULL;
    if (!node) {
        return &gr__error_tensor;
    }
    node->op = op;
    node->shape = shape;
    node->dtype = (uint8_t)dtype;
    node->site = site;
    node->detail = detail;
    for (int i = 0; i < inputs; i++) {
        node->in[i].tensor = in[i].tensor; /* whole, it would wait for the parts to be written */
        node->in[i].number = in[i].number;
        if (in[i].tensor) {
            ((gr_tensor *)(uintptr_t)in[i].tensor)->flags |= GR__READ;
        }
    }
    node->flags = (uint8_t)((thread->no_grad ? GR__CONSTANT : 0) |
                            (thread->transient ? GR__TRANSIENT : 0));
    if (thread->eager) {
        gr_eval(1, &node);
    }
    return node;
}

gr_tensor *gr__leaf(const gr__shape *shape, gr_dtype dtype, gr__buffer *buffer,
                    const gr__layout *layout)
{
    gr__thread *thread = gr__self();
    gr_tensor *node = thread ? gr__scope_node(thread, thread->depth) : NULL;

    if (!node) {
        gr__buffer_drop(buffer);
        return &gr__error_tensor;
    }
    node->op = &gr__leaf_primitive;
    node->shape = shape;
    node->dtype = (uint8_t)dtype;
    node->buffer = buffer;
    node->layout = layout;
    return node;
}

/* t, if it may be looked at; else the error tensor, after reporting. Captures nothing. */
static const gr_tensor *live(const char *function, const char *argument, const gr_tensor *t)
{
    if (!t || t == &no_tensor) {
        return gr__error(GR_ERROR_VALUE, function, argument, "got NULL, want a tensor");
    }
    if (gr__is_stale(t)) {
        return gr__error(GR_ERROR_STALE, function, argument,
                         "this tensor's scope has ended; keep it with gr_keep");
    }
    return t;
}

/* Another thread's numbers, or a gradient that a cell holds, as a node of this thread. */
static const gr_tensor *capture_foreign(const char *function, const char *argument,
                                        const gr_tensor *t)
{
    if (gr__is_pending(t)) {
        return gr__error(GR_ERROR_STATE, function, argument,
                         "this tensor belongs to another thread and waits for its numbers; call "
                         "gr_eval on it there first");
    }
    gr__layout *layout = NULL;
    if (t->layout) {
        layout = gr__scope_alloc(sizeof *layout);
        if (!layout) {
            return &gr__error_tensor;
        }
        *layout = *t->layout;
    }
    gr_tensor *node = gr__leaf(t->shape, t->dtype, gr__buffer_hold(t->buffer), layout);
    if (!gr__is_error(node)) {
        node->op = &foreign_primitive;
        node->detail = t->arena ? t : NULL;
    }
    return node;
}

const gr_tensor *gr__operand(const char *function, const char *argument, const gr_tensor *t)
{
    t = live(function, argument, t);
    if (gr__is_error(t)) {
        return t;
    }
    if (t->arena && t->arena->thread == gr__self()) {
        return t;
    }
    gr__cell *cell = gr__as_cell(t);
    return cell ? gr__cell_value(function, argument, cell) : capture_foreign(function, argument, t);
}

gr__cell *gr__captured_cell(const gr_tensor *node)
{
    return node->op == &gr__captured_primitive ? (gr__cell *)(uintptr_t)node->detail : NULL;
}

const gr_tensor *gr__origin(const gr_tensor *node)
{
    bool captured = node->op == &gr__captured_primitive || node->op == &foreign_primitive;

    return captured && node->detail ? node->detail : node;
}

/* ---- where the numbers are ---- */

gr__layout gr__layout_of(const gr_tensor *t)
{
    gr__layout layout = {0};

    if (t->layout) {
        return *t->layout;
    }
    memcpy(layout.strides, t->shape->strides, sizeof layout.strides);
    return layout;
}

bool gr__is_contiguous(const gr_tensor *t)
{
    for (int i = 0; t->layout && i < t->shape->rank; i++) {
        if (t->shape->dims[i] != 1 && t->layout->strides[i] != t->shape->strides[i]) {
            return false;
        }
    }
    return true;
}

void *gr__base(const gr_tensor *t)
{
    size_t offset = t->layout ? (size_t)t->layout->offset * dtype_sizes[t->dtype] : 0;

    return (char *)t->buffer->data + offset;
}

void gr__describe(gr__array *array, const gr_tensor *t, void *data)
{
    const int64_t *strides = t->layout ? t->layout->strides : t->shape->strides;

    array->data = data;
    array->dtype = (gr_dtype)t->dtype;
    array->rank = t->shape->rank;
    array->count = t->shape->count;
    memcpy(array->dims, t->shape->dims, sizeof array->dims);
    memcpy(array->strides, strides, sizeof array->strides);
}

/* Copies the elements in logical order. */
static void copy_elements(char *out, const gr_tensor *t)
{
    const gr__shape *shape = t->shape;
    gr__layout layout = gr__layout_of(t);
    size_t size = dtype_sizes[t->dtype];
    const char *base = gr__base(t);
    int64_t index[GR_MAX_RANK] = {0};

    if (gr__is_contiguous(t)) {
        memcpy(out, base, (size_t)shape->count * size);
        return;
    }
    int64_t at = 0;
    for (int64_t n = 0; n < shape->count; n++) {
        memcpy(out + (size_t)n * size, base + at * (int64_t)size, size);
        for (int i = shape->rank - 1; i >= 0; i--) {
            at += layout.strides[i];
            if (++index[i] < shape->dims[i]) {
                break;
            }
            at -= index[i] * layout.strides[i];
            index[i] = 0;
        }
    }
}

gr__buffer *gr__own_buffer(const gr_tensor *t)
{
    size_t bytes = (size_t)t->shape->count * dtype_sizes[t->dtype];
    bool whole = !t->layout || (gr__is_contiguous(t) && t->layout->offset == 0);

    if (whole && !t->buffer->borrowed && t->buffer->bytes == bytes) {
        return gr__buffer_hold(t->buffer);
    }
    gr__buffer *buffer = gr__buffer_new(bytes);
    if (!buffer) {
        gr_fail(GR_ERROR_MEMORY, t->op->name, NULL, "no memory for %zu bytes", bytes);
        return NULL;
    }
    if (t->shape->count > 0) {
        copy_elements(buffer->data, t);
    }
    return buffer;
}

/* ---- tensors from numbers ---- */

const gr__shape *gr__checked_shape(const char *function, gr_dtype dtype, gr_shape shape)
{
    if ((unsigned)dtype > GR_I64) {
        gr_fail(GR_ERROR_DTYPE, function, "dtype", "got %d, want GR_F32, GR_F64 or GR_I64",
                (int)dtype);
        return NULL;
    }
    return gr__shape_of(function, "shape", shape.rank, shape.dims);
}

static gr_tensor *copy_of(const char *function, gr_dtype dtype, gr_shape shape, const void *data)
{
    const gr__shape *s = gr__checked_shape(function, dtype, shape);

    if (!s) {
        return &gr__error_tensor;
    }
    if (!data && s->count > 0) {
        return gr__error(GR_ERROR_VALUE, function, "data", "got NULL, want %lld elements",
                         (long long)s->count);
    }
    size_t bytes = (size_t)s->count * dtype_sizes[dtype];
    gr__buffer *buffer = gr__buffer_new(bytes);
    if (!buffer) {
        return gr__error(GR_ERROR_MEMORY, function, NULL, "no memory for %zu bytes", bytes);
    }
    if (bytes > 0) {
        memcpy(buffer->data, data, bytes);
    }
    return gr__leaf(s, dtype, buffer, NULL);
}

gr_tensor *gr_from_data(gr_dtype dtype, gr_shape shape, const void *data)
{
    return copy_of("gr_from_data", dtype, shape, data);
}

gr_tensor *gr_from_f32(gr_shape shape, const float *data)
{
    return copy_of("gr_from_f32", GR_F32, shape, data);
}

gr_tensor *gr_from_f64(gr_shape shape, const double *data)
{
    return copy_of("gr_from_f64", GR_F64, shape, data);
}

gr_tensor *gr_from_i64(gr_shape shape, const int64_t *data)
{
    return copy_of("gr_from_i64", GR_I64, shape, data);
}

gr_tensor *gr_borrow(gr_dtype dtype, gr_shape shape, const void *data)
{
    const gr__shape *s = gr__checked_shape("gr_borrow", dtype, shape);

    if (!s) {
        return &gr__error_tensor;
    }
    if (!data && s->count > 0) {
        return gr__error(GR_ERROR_VALUE, "gr_borrow", "data", "got NULL, want %lld elements",
                         (long long)s->count);
    }
    gr__buffer *buffer = gr__buffer_borrow(data, (size_t)s->count * dtype_sizes[dtype]);
    if (!buffer) {
        return gr__error(GR_ERROR_MEMORY, "gr_borrow", NULL, "no memory for a tensor");
    }
    return gr__leaf(s, dtype, buffer, NULL);
}

/* ---- asking ---- */

gr_dtype gr_dtype_of(const gr_tensor *t)
{
    return (gr_dtype)live("gr_dtype_of", "t", t)->dtype;
}

gr_shape gr_shape_of(const gr_tensor *t)
{
    const gr__shape *s = live("gr_shape_of", "t", t)->shape;
    gr_shape shape = {.rank = s->rank};

    memcpy(shape.dims, s->dims, sizeof shape.dims);
    return shape;
}

int gr_rank(const gr_tensor *t)
{
    return live("gr_rank", "t", t)->shape->rank;
}

int64_t gr_count(const gr_tensor *t)
{
    return live("gr_count", "t", t)->shape->count;
}

int64_t gr_dim(const gr_tensor *t, int axis)
{
    const gr__shape *s = live("gr_dim", "t", t)->shape;

    axis = gr__axis("gr_dim", "axis", axis, s->rank);
    return axis < 0 ? -1 : s->dims[axis];
}

bool gr_is_error(const gr_tensor *t)
{
    return gr__is_error(live("gr_is_error", "t", t));
}

bool gr_check_operand(const char *function, const char *argument, const gr_tensor *t)
{
    return !gr__is_error(live(function, argument, t));
}

bool gr_same_shape(gr_shape a, gr_shape b)
{
    bool same = a.rank == b.rank;

    for (int i = 0; i < a.rank && i < GR_MAX_RANK && same; i++) {
        same = a.dims[i] == b.dims[i];
    }
    return same;
}

/* ---- looking ---- */

/* t as a node with numbers, or the error tensor. */
static const gr_tensor *computed(const char *function, const gr_tensor *t)
{
    gr_tensor *node = (gr_tensor *)(uintptr_t)gr__operand(function, "t", t);

    return !gr__is_error(node) && gr_eval(1, &node) ? node : &gr__error_tensor;
}

double gr_item(const gr_tensor *t)
{
    const gr_tensor *node = computed("gr_item", t);
    char text[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return NAN;
    }
    if (node->shape->count != 1) {
        gr_fail(GR_ERROR_SHAPE, "gr_item", "t", "got %s, want one element",
                gr__shape_text(node->shape, text));
        return NAN;
    }
    const void *base = gr__base(node);
    switch ((gr_dtype)node->dtype) {
    case GR_F32: return (double)*(const float *)base;
    case GR_F64: return *(const double *)base;
    default: return (double)*(const int64_t *)base;
    }
}

const void *gr_data(const gr_tensor *t)
{
    const gr_tensor *node = computed("gr_data", t);

    if (gr__is_error(node)) {
        return NULL;
    }
    if (!gr__is_contiguous(node)) {
        gr__buffer *copy = gr__own_buffer(node);
        if (!copy) {
            return NULL;
        }
        node = gr__leaf(node->shape, node->dtype, copy, NULL);
    }
    return gr__is_error(node) ? NULL : gr__base(node);
}

static const void *data_of(const char *function, const gr_tensor *t, gr_dtype dtype)
{
    const gr_tensor *node = live(function, "t", t);

    if (gr__is_error(node)) {
        return NULL;
    }
    if (node->dtype != dtype) {
        gr_fail(GR_ERROR_DTYPE, function, "t", "got %s, want %s; convert with gr_cast",
                gr_dtype_name((gr_dtype)node->dtype), gr_dtype_name(dtype));
        return NULL;
    }
    return gr_data(t);
}

const float *gr_data_f32(const gr_tensor *t)
{
    return data_of("gr_data_f32", t, GR_F32);
}

const double *gr_data_f64(const gr_tensor *t)
{
    return data_of("gr_data_f64", t, GR_F64);
}

const int64_t *gr_data_i64(const gr_tensor *t)
{
    return data_of("gr_data_i64", t, GR_I64);
}

/* A user's own primitives: a descriptor made at run time around a forward function and a rule. */
#include <stdio.h>
#include <string.h>

#include <gradus/primitive.h>

#include "autograd/autograd.h"
#include "src/kernels/nest.h"

struct gr_primitive {
    gr__primitive op;
    gr_forward *forward;
    gr_derivative *derivative;
    void *context;
    char name[64];
};

/* What a constructor that failed returns; never applied. */
static gr_primitive error_primitive;

/* ---- the numbers ---- */

static size_t bytes_of(const gr_tensor *t)
{
    return (size_t)t->shape->count * gr_dtype_size((gr_dtype)t->dtype);
}

/* Room for copies of the inputs that are not contiguous. */
static size_t scratch(const gr_tensor *node, int threads)
{
    size_t bytes = 0;

    (void)threads;
    for (int i = 0; i < node->op->arity; i++) {
        bytes += gr__is_contiguous(node->in[i].tensor) ? 0 : bytes_of(node->in[i].tensor);
    }
    return bytes;
}

static bool in_c_order(const gr__array *a)
{
    int64_t stride = 1;
    bool good = true;

    for (int i = a->rank - 1; i >= 0; i--) {
        good = good && (a->dims[i] == 1 || a->strides[i] == stride);
        stride *= a->dims[i];
    }
    return good || a->count == 0;
}

/* Copies the elements in C order; returns the end. */
static char *copy(char *to, const gr__array *a)
{
    gr__nest n = gr__nest_of(a->rank, a->dims, a->strides, a->strides);
    size_t size = gr_dtype_size(a->dtype);

    for (int64_t row = 0; row < n.rows; row++) {
        gr__piece p = gr__nest_piece(&n, n.width, row);
        const char *from = (const char *)a->data + p.offset[0] * (int64_t)size;
        for (int64_t i = 0; i < n.width; i++, to += size) {
            memcpy(to, from + i * n.step[0] * (int64_t)size, size);
        }
    }
    return to;
}

/* An array as a forward function sees it; `data` in C order. */
static gr_array shown(const gr__array *a, const void *data)
{
    gr_array s = {.dtype = a->dtype, .count = a->count, .data = data};

    s.shape.rank = a->rank;
    memcpy(s.shape.dims, a->dims, sizeof s.shape.dims);
    return s;
}

static void run(const gr__array *out, const gr__array *in, const void *detail, int threads,
                gr__fault *fault)
{
    const gr_primitive *p = detail;
    gr_array inputs[3], result = shown(out, out->data);
    char *copies = in[p->op.arity].data;

    (void)threads;
    for (int i = 0; i < p->op.arity; i++) {
        bool ordered = in_c_order(&in[i]);
        inputs[i] = shown(&in[i], ordered ? in[i].data : copies);
        copies = ordered ? copies : copy(copies, &in[i]);
    }
    const char *wrong = p->forward(out->data, &result, inputs, p->context);
    if (wrong) {
        fault->found = true;
        snprintf(fault->text, sizeof fault->text, "%s", wrong);
    }
}

/* ---- the rule ---- */

static gr_tensor *rule(const gr_tensor *y, int input, gr_tensor *g)
{
    const gr_primitive *p = y->detail;
    gr_tensor *inputs[3];

    if (!p->derivative) {
        return gr__error(GR_ERROR_STATE, p->name, NULL,
                         "has no derivative; give gr_primitive_new one, or cut the gradient off "
                         "with gr_detach");
    }
    for (int i = 0; i < p->op.arity; i++) {
        inputs[i] = (gr_tensor *)(uintptr_t)y->in[i].tensor;
    }
    return p->derivative(y, inputs, input, g, p->context);
}

/* ---- public ---- */

gr_primitive *gr_primitive_new(const char *name, int inputs, gr_forward *forward,
                               gr_derivative *derivative, void *context)
{
    const char *function = "gr_primitive_new";

    if (!gr__given(function, "name", name, "a name") ||
        !gr__given(function, "forward", forward, "a function")) {
        return &error_primitive;
    }
    if (inputs < 1 || inputs > 3) {
        gr_fail(GR_ERROR_VALUE, function, "inputs", "got %d, want 1 to 3", inputs);
        return &error_primitive;
    }
    gr_primitive *p = gr__alloc(sizeof *p);
    if (!p) {
        gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory for a primitive");
        return &error_primitive;
    }
    *p = (gr_primitive){
        .op = {.kind = GR__OPAQUE, .dtypes = GR__ALL, .run = run, .scratch = scratch, .rule = rule},
        .forward = forward,
        .derivative = derivative,
        .context = context,
    };
    snprintf(p->name, sizeof p->name, "%s", name);
    p->op.name = p->name;
    p->op.arity = (uint8_t)inputs;
    return p;
}

void gr_primitive_free(gr_primitive *primitive)
{
    if (primitive != &error_primitive) {
        gr__free(primitive);
    }
}

gr_tensor *gr_apply(const gr_primitive *primitive, gr_tensor *const *inputs, gr_dtype dtype,
                    gr_shape shape)
{
    static const char *const names[] = {"inputs[0]", "inputs[1]", "inputs[2]"};
    const gr_primitive *p = primitive;
    gr_arg in[3];

    if (!gr__given("gr_apply", "primitive", p, "a primitive") ||
        !gr__given("gr_apply", "inputs", inputs, "an array") || p == &error_primitive) {
        return &gr__error_tensor;
    }
    for (int i = 0; i < p->op.arity; i++) {
        in[i] = (gr_arg){gr__operand(p->name, names[i], inputs[i]), 0};
        if (gr__is_error(in[i].tensor)) {
            return &gr__error_tensor;
        }
    }
    const gr__shape *s = gr__checked_shape(p->name, dtype, shape);
    return s ? gr__node(&p->op, GR__SITE, s, dtype, in, p->op.arity, p) : &gr__error_tensor;
}

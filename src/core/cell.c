/* Cells: what they hold, how they are assigned, the gradients left for them. */
#include "src/core/params.h"

#include "src/core/scope.h"

const gr__primitive gr__cell_primitive = {.name = "cell", .kind = GR__LEAF, .dtypes = GR__ALL};

/* ---- one thread at a time ---- */

void gr__release_cells(gr__cell *const *cells, int n)
{
    for (int i = 0; i < n; i++) {
        atomic_store(&cells[i]->owner->writer, NULL);
    }
}

bool gr__claim_cells(const char *function, gr__cell *const *cells, int n)
{
    const gr__thread *me = gr__self();

    for (int i = 0; i < n; i++) {
        const gr__thread *writer = NULL;
        if (!atomic_compare_exchange_strong(&cells[i]->owner->writer, &writer, me) &&
            writer != me) {
            gr__release_cells(cells, i);
            return gr_fail(GR_ERROR_STATE, function, NULL,
                           "another thread is changing the set of \"%s\"; one at a time may",
                           cells[i]->name);
        }
    }
    return true;
}

/* ---- values ---- */

static _Atomic(int64_t) assignments;

int64_t gr__assignments(void)
{
    return atomic_load_explicit(&assignments, memory_order_relaxed);
}

static void note_assignment(gr__cell *cell)
{
    cell->assigned = atomic_fetch_add_explicit(&assignments, 1, memory_order_relaxed) + 1;
}

bool gr__cell_is_ours(const char *function, const char *argument, const gr__cell *cell)
{
    if (!cell->pending || cell->pending->arena->thread == gr__self()) {
        return true;
    }
    return gr_fail(GR_ERROR_STATE, function, argument,
                   "another thread has assigned \"%s\" a value that waits for its numbers; call "
                   "gr_eval on the cell there first",
                   cell->name);
}

const gr_tensor *gr__cell_value(const char *function, const char *argument, const gr__cell *cell)
{
    gr__thread *thread = gr__self();
    const gr__thread *writer = atomic_load_explicit(&cell->owner->writer, memory_order_acquire);

    if (writer && writer != thread) {
        return gr__error(GR_ERROR_STATE, function, argument,
                         "\"%s\" is read while another thread changes its set", cell->name);
    }
    if (!gr__cell_is_ours(function, argument, cell)) {
        return &gr__error_tensor;
    }
    gr_tensor *node = thread ? gr__scope_node(thread, thread->depth) : NULL;
    if (!node) {
        return &gr__error_tensor;
    }
    node->op = &gr__captured_primitive;
    node->shape = cell->tensor.shape;
    node->dtype = cell->tensor.dtype;
    node->detail = cell;
    node->flags = (uint8_t)((thread->no_grad ? GR__CONSTANT : 0) |
                            (thread->transient ? GR__TRANSIENT : 0));
    if (cell->pending) {
        node->in[0].tensor = cell->pending;
        cell->pending->flags |= GR__READ;
    } else {
        node->buffer = gr__buffer_hold(cell->tensor.buffer);
    }
    return node;
}

/* Drops the thread's note of a cell that no longer waits for numbers. */
static void settle(gr__cell *cell)
{
    if (!cell->pending && (!cell->gradient || cell->gradient == &cell->held)) {
        gr__forget_cell(cell);
    }
}

static void take_buffer(gr__cell *cell, gr__buffer *buffer)
{
    gr__buffer_drop(cell->tensor.buffer);
    cell->tensor.buffer = buffer;
    cell->pending = NULL;
    settle(cell);
}

bool gr__cell_adopt(gr__cell *cell)
{
    gr__buffer *buffer = gr__own_buffer(cell->pending);

    if (buffer) {
        take_buffer(cell, buffer);
    }
    return buffer != NULL;
}

/* The cell behind a tensor, or NULL: silently for an error tensor. */
static gr__cell *cell_of(const char *function, const gr_tensor *t)
{
    if (!gr_check_operand(function, "cell", t)) {
        return NULL;
    }
    gr__cell *cell = gr__as_cell(t);
    if (!cell) {
        gr_fail(GR_ERROR_VALUE, function, "cell",
                "got an ordinary tensor, want a cell made by gr_param or gr_state");
    }
    return cell;
}

/* The value as a node that may be assigned to the cell, or the error tensor. */
static gr_tensor *assignable(const char *function, const gr_tensor *cell, const gr_tensor *value)
{
    const gr__cell *c = cell_of(function, cell);
    const gr_tensor *node = c ? gr__operand(function, "value", value) : &gr__error_tensor;
    char got[GR_SHAPE_TEXT], want[GR_SHAPE_TEXT];

    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    if (node->shape != cell->shape) {
        return gr__error(GR_ERROR_SHAPE, function, "value", "got %s, want %s as \"%s\"",
                         gr__shape_text(node->shape, got), gr__shape_text(cell->shape, want),
                         c->name);
    }
    if (node->dtype != cell->dtype) {
        return gr__error(GR_ERROR_DTYPE, function, "value", "got %s, want %s as \"%s\"",
                         gr_dtype_name((gr_dtype)node->dtype), gr_dtype_name((gr_dtype)cell->dtype),
                         c->name);
    }
    return (gr_tensor *)(uintptr_t)node;
}

bool gr_assign(gr_tensor *cell, const gr_tensor *value)
{
    gr_tensor *node = assignable("gr_assign", cell, value);
    gr__cell *c = gr__is_error(node) ? NULL : gr__as_cell(cell);

    if (!c || !gr__claim_cells("gr_assign", &c, 1)) {
        return false;
    }
    bool noted = gr__note_cell("gr_assign", c);
    if (noted) {
        c->pending = node;
        note_assignment(c);
    }
    gr__release_cells(&c, 1);
    return noted;
}

/* Storage for every value, all of it or none: after this nothing can fail. */
static bool own_all(int n, gr_tensor *const *values, gr__buffer **buffers)
{
    for (int i = 0; i < n; i++) {
        buffers[i] = gr__own_buffer(values[i]);
        if (!buffers[i]) {
            while (i > 0) {
                gr__buffer_drop(buffers[--i]);
            }
            return false;
        }
    }
    return true;
}

/* Values that were assigned earlier and have their numbers by now. */
static void adopt_ready(gr__thread *thread)
{
    for (int64_t i = thread->cell_count - 1; i >= 0; i--) {
        gr__cell *cell = thread->cells[i];
        if (cell->pending && cell->pending->buffer) {
            gr__cell_adopt(cell);
        }
    }
}

static void mark_cells(int n, gr__cell *const *cells, uint32_t mark)
{
    for (int i = 0; i < n; i++) {
        cells[i]->tensor.mark = mark;
    }
}

/* Lets the evaluator know what is to become of the cells: where nobody else holds a cell's memory,
 * it may write the new value into the old one's place, when nothing can fail any more. */
static void announce(int n, gr__cell *const *cells, gr_tensor *const *values)
{
    for (int i = 0; i < n; i++) {
        values[i]->flags |= GR__UPDATE;
        cells[i]->update = values[i];
    }
}

static void withdraw(int n, gr__cell *const *cells, gr_tensor *const *values)
{
    for (int i = 0; i < n; i++) {
        values[i]->flags &= (uint8_t)~GR__UPDATE;
        cells[i]->update = NULL;
    }
}

/* Phase 1 of gr_assign_all: everything that can fail. values[i] becomes the node for cells[i], and
 * buffers[i] its numbers, in storage of their own. */
static bool compute_all(int n, gr__cell *const *cells, gr_tensor *const *values,
                        gr__buffer **buffers)
{
    int64_t count = 0, capacity = 0;
    gr_tensor **list = gr__grow(NULL, &capacity, n > 0 ? n : 1, sizeof *list);
    bool ready = list != NULL;

    if (!list) {
        gr_fail(GR_ERROR_MEMORY, "gr_assign_all", NULL, "no memory for %d values", n);
    }
    for (; ready && count < n; count++) {
        list[count] = assignable("gr_assign_all", &cells[count]->tensor, values[count]);
        ready = !gr__is_error(list[count]);
    }
    mark_cells(n, cells, 1); /* their gradients are consumed */
    ready = ready && gr__pending_leaves(&list, &count, &capacity);
    mark_cells(n, cells, 0);
    if (ready) {
        announce(n, cells, list);
        gr_eval((int)count, list);
        for (int i = 0; i < n; i++) {
            ready = ready && list[i]->buffer;
        }
        withdraw(n, cells, list);
    }
    ready = ready && own_all(n, list, buffers);
    gr__free(list);
    return ready;
}

bool gr_assign_all(int n, gr_tensor *const *cells, gr_tensor *const *values)
{
    size_t room = (size_t)(n > 0 ? n : 1);
    gr__buffer **buffers = gr__alloc(room * sizeof *buffers);
    gr__cell **targets = buffers ? gr__alloc(room * sizeof *targets) : NULL;
    bool ready = targets != NULL;

    if (!ready) {
        gr_fail(GR_ERROR_MEMORY, "gr_assign_all", NULL, "no memory for %d values", n);
    }
    for (int i = 0; ready && i < n; i++) {
        targets[i] = cell_of("gr_assign_all", cells[i]);
        ready = targets[i] != NULL;
    }
    if (ready && gr__claim_cells("gr_assign_all", targets, n)) {
        ready = compute_all(n, targets, values, buffers);
        for (int i = 0; ready && i < n; i++) { /* phase 2: nothing can fail */
            take_buffer(targets[i], buffers[i]);
            note_assignment(targets[i]);
        }
        gr__release_cells(targets, n);
    } else {
        ready = false;
    }
    if (ready) {
        gr__thread *thread = gr__self();
        thread->flushed = thread->count;
        adopt_ready(thread);
    }
    gr__free(targets);
    gr__free(buffers);
    return ready;
}

/* ---- gradients ---- */

gr_tensor *gr_grad(const gr_tensor *cell)
{
    const gr__cell *c = cell_of("gr_grad", cell);

    if (!c) {
        return &gr__error_tensor;
    }
    if (!c->gradient) {
        return NULL;
    }
    gr_tensor *g = (gr_tensor *)(uintptr_t)gr__operand("gr_grad", "cell", c->gradient);
    if (!gr__is_error(g)) {
        g->flags &= (uint8_t)~GR__TRANSIENT; /* it has a name now */
    }
    return g;
}

bool gr__cell_set_gradient(gr__cell *cell, gr_tensor *gradient)
{
    if (gradient && !gr__note_cell("gr_set_grad", cell)) {
        return false;
    }
    if (cell->gradient == &cell->held) {
        gr__buffer_drop(cell->held.buffer);
        cell->held.buffer = NULL;
    }
    cell->gradient = gradient;
    settle(cell);
    return true;
}

bool gr_set_grad(gr_tensor *cell, const gr_tensor *gradient)
{
    gr__cell *c = cell_of("gr_set_grad", cell);

    if (c && !c->trained) {
        return gr_fail(GR_ERROR_VALUE, "gr_set_grad", "cell",
                       "\"%s\" is made by gr_state, want a cell made by gr_param", c->name);
    }
    if (!c || !gradient) {
        return c && gr__cell_set_gradient(c, NULL);
    }
    gr_tensor *node = assignable("gr_set_grad", cell, gradient);
    return !gr__is_error(node) && gr__cell_set_gradient(c, node);
}

bool gr__cell_hold_gradient(gr__cell *cell)
{
    const gr_tensor *node = cell->gradient;
    gr__buffer *buffer = node->buffer ? gr__own_buffer(node) : NULL;

    if (!buffer) {
        return false;
    }
    gr__buffer_drop(cell->held.buffer);
    cell->held = (gr_tensor){
        .op = &gr__leaf_primitive, .shape = node->shape, .dtype = node->dtype, .buffer = buffer};
    cell->gradient = &cell->held;
    settle(cell);
    return true;
}

/* Cells: named tensors that change, and the sets that list them. */
#include "src/core/params.h"

#include <stdio.h>
#include <string.h>

#include "src/core/scope.h"

typedef struct entry {
    gr__cell *cell;
    char *name; /* seen from the set that lists it */
} entry;

struct gr_params {
    _Atomic(const gr__thread *) writer; /* who changes cells of this set at this moment */
    gr_params *parent;
    char *name; /* within the parent */
    entry *entries;
    int64_t count, capacity;
    gr_params **groups;
    int64_t group_count, group_capacity;
};

const gr__primitive gr__cell_primitive = {.name = "cell", .kind = GR__LEAF, .dtypes = GR__ALL};

/* What a failed constructor returns. */
static gr_params error_params;

static bool usable(const char *function, const gr_params *params)
{
    if (!params) {
        return gr_fail(GR_ERROR_VALUE, function, "params", "got NULL, want a gr_params");
    }
    return params != &error_params;
}

/* ---- sets ---- */

gr_params *gr_params_new(void)
{
    gr_params *params = gr__alloc(sizeof *params);

    if (!params) {
        gr_fail(GR_ERROR_MEMORY, "gr_params_new", NULL, "no memory for a set of parameters");
        return &error_params;
    }
    memset(params, 0, sizeof *params);
    return params;
}

gr_params *gr_params_group(gr_params *parent, const char *name)
{
    if (!usable("gr_params_group", parent)) {
        return &error_params;
    }
    if (!name || !*name) {
        gr_fail(GR_ERROR_VALUE, "gr_params_group", "name", "got none, want a name");
        return &error_params;
    }
    for (int64_t i = 0; i < parent->group_count; i++) {
        if (strcmp(parent->groups[i]->name, name) == 0) {
            gr_fail(GR_ERROR_VALUE, "gr_params_group", "name", "\"%s\" is taken", name);
            return &error_params;
        }
    }
    gr_params **groups = gr__grow(parent->groups, &parent->group_capacity, parent->group_count + 1,
                                  sizeof(gr_params *));
    if (groups) {
        parent->groups = groups;
        gr_params *group = gr__alloc(sizeof *group);
        char *copy = group ? gr__strdup(name) : NULL;
        if (copy) {
            memset(group, 0, sizeof *group);
            group->parent = parent;
            group->name = copy;
            return groups[parent->group_count++] = group;
        }
        gr__free(group);
    }
    gr_fail(GR_ERROR_MEMORY, "gr_params_group", NULL, "no memory for \"%s\"", name);
    return &error_params;
}

static void cell_free(gr__cell *cell)
{
    gr__forget_cell(cell);
    gr__buffer_drop(cell->tensor.buffer);
    gr__buffer_drop(cell->held.buffer);
    gr__free(cell->name);
    gr__free(cell);
}

static void set_free(gr_params *params)
{
    for (int64_t i = 0; i < params->count; i++) { /* while the groups' cells still exist */
        if (params->entries[i].cell->owner == params) {
            cell_free(params->entries[i].cell);
        }
        gr__free(params->entries[i].name);
    }
    for (int64_t i = 0; i < params->group_count; i++) {
        set_free(params->groups[i]);
    }
    gr__free(params->entries);
    gr__free(params->groups);
    gr__free(params->name);
    gr__free(params);
}

void gr_params_free(gr_params *params)
{
    if (!params || params == &error_params) {
        return;
    }
    if (params->parent) {
        gr_fail(GR_ERROR_STATE, "gr_params_free", "params",
                "the group \"%s\" is freed with the set it belongs to", params->name);
        return;
    }
    set_free(params);
}

/* ---- cells ---- */

static bool list_cell(gr_params *params, gr__cell *cell, char *name)
{
    entry *entries = name ? gr__grow(params->entries, &params->capacity, params->count + 1,
                                     sizeof *entries)
                          : NULL;

    if (!entries) {
        gr__free(name);
        return false;
    }
    params->entries = entries;
    entries[params->count++] = (entry){cell, name};
    return true;
}

static char *joined(const char *group, const char *name)
{
    size_t size = strlen(group) + strlen(name) + 2;
    char *text = gr__alloc(size);

    if (text) {
        snprintf(text, size, "%s.%s", group, name);
    }
    return text;
}

/* Lists the cell in its set and, under longer names, in all sets around it: in all or in none. */
static bool list_everywhere(gr_params *params, gr__cell *cell)
{
    char *name = gr__strdup(cell->name);

    for (gr_params *set = params; set; set = set->parent) {
        char *longer = name && set->parent ? joined(set->name, name) : NULL;
        if (!list_cell(set, cell, name) || (set->parent && !longer)) {
            gr__free(longer);
            for (gr_params *s = params; s; s = s->parent) {
                if (s->count > 0 && s->entries[s->count - 1].cell == cell) {
                    gr__free(s->entries[--s->count].name);
                }
            }
            return false;
        }
        name = longer;
    }
    return true;
}

static gr__cell *cell_new(gr_params *params, const char *name, const gr_tensor *value, bool trained)
{
    gr__cell *cell = gr__alloc(sizeof *cell);
    gr__buffer *buffer = cell ? gr__own_buffer(value) : NULL;
    char *copy = buffer ? gr__strdup(name) : NULL;

    if (cell) {
        *cell = (gr__cell){.name = copy, .owner = params, .trained = trained};
        cell->tensor.op = &gr__cell_primitive;
        cell->tensor.shape = value->shape;
        cell->tensor.dtype = value->dtype;
        cell->tensor.buffer = buffer;
        if (copy && list_everywhere(params, cell)) {
            return cell;
        }
        cell_free(cell);
    }
    gr_fail(GR_ERROR_MEMORY, trained ? "gr_param" : "gr_state", NULL, "no memory for \"%s\"", name);
    return NULL;
}

static gr_tensor *add_cell(const char *function, gr_params *params, const char *name,
                           const gr_tensor *value, bool trained)
{
    if (!usable(function, params)) {
        return &gr__error_tensor;
    }
    if (!name || !*name) {
        return gr__error(GR_ERROR_VALUE, function, "name", "got none, want a name");
    }
    if (gr_params_find(params, name)) {
        return gr__error(GR_ERROR_VALUE, function, "name", "\"%s\" is taken", name);
    }
    gr_tensor *node = (gr_tensor *)(uintptr_t)gr__operand(function, "value", value);
    if (gr__is_error(node)) {
        return &gr__error_tensor;
    }
    if (trained && node->dtype == GR_I64) {
        return gr__error(GR_ERROR_DTYPE, function, "value",
                         "got i64, want f32 or f64; gr_state takes what is not trained");
    }
    gr__cell *cell = gr_eval(1, &node) ? cell_new(params, name, node, trained) : NULL;
    return cell ? &cell->tensor : &gr__error_tensor;
}

gr_tensor *gr_param(gr_params *params, const char *name, const gr_tensor *value)
{
    return add_cell("gr_param", params, name, value, true);
}

gr_tensor *gr_state(gr_params *params, const char *name, const gr_tensor *value)
{
    return add_cell("gr_state", params, name, value, false);
}

/* ---- listing ---- */

int gr_params_count(const gr_params *params)
{
    return usable("gr_params_count", params) ? (int)params->count : 0;
}

static const entry *entry_at(const char *function, const gr_params *params, int index)
{
    if (!usable(function, params)) {
        return NULL;
    }
    if (index < 0 || index >= params->count) {
        gr_fail(GR_ERROR_VALUE, function, "index", "got %d, want 0 to %d", index,
                (int)params->count - 1);
        return NULL;
    }
    return &params->entries[index];
}

gr_tensor *gr_params_at(const gr_params *params, int index)
{
    const entry *e = entry_at("gr_params_at", params, index);

    return e ? &e->cell->tensor : &gr__error_tensor;
}

const char *gr_params_name(const gr_params *params, int index)
{
    const entry *e = entry_at("gr_params_name", params, index);

    return e ? e->name : "";
}

gr_tensor *gr_params_find(const gr_params *params, const char *name)
{
    for (int64_t i = 0; usable("gr_params_find", params) && name && i < params->count; i++) {
        if (strcmp(params->entries[i].name, name) == 0) {
            return &params->entries[i].cell->tensor;
        }
    }
    return NULL;
}

int64_t gr_params_elements(const gr_params *params)
{
    int64_t elements = 0;

    for (int64_t i = 0; usable("gr_params_elements", params) && i < params->count; i++) {
        const gr__cell *cell = params->entries[i].cell;
        elements += cell->trained ? cell->tensor.shape->count : 0;
    }
    return elements;
}

bool gr_is_trained(const gr_tensor *cell)
{
    const gr__cell *c = cell ? gr__as_cell(cell) : NULL;

    return c && c->trained;
}

bool gr__is_trained_in(const gr__cell *cell, const gr_params *params)
{
    const gr_params *set = cell->owner;

    while (params && set && set != params) {
        set = set->parent;
    }
    return cell->trained && set;
}

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

const gr_tensor *gr__cell_value(const gr__cell *cell)
{
    gr__thread *thread = gr__self();
    const gr__thread *writer = atomic_load_explicit(&cell->owner->writer, memory_order_acquire);

    if (writer && writer != thread) {
        return gr__error(GR_ERROR_STATE, "gr_param", NULL,
                         "\"%s\" is read while another thread changes its set", cell->name);
    }
    gr_tensor *node = thread ? gr__scope_node(thread, thread->depth) : NULL;
    if (!node) {
        return &gr__error_tensor;
    }
    node->op = &gr__captured_primitive;
    node->shape = cell->tensor.shape;
    node->dtype = cell->tensor.dtype;
    node->detail = cell;
    node->flags = thread->no_grad ? GR__CONSTANT : 0;
    if (cell->pending) {
        node->in[0].tensor = cell->pending;
    } else {
        node->buffer = gr__buffer_hold(cell->tensor.buffer);
    }
    return node;
}

static void take_buffer(gr__cell *cell, gr__buffer *buffer)
{
    gr__buffer_drop(cell->tensor.buffer);
    cell->tensor.buffer = buffer;
    cell->pending = NULL;
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
    gr__cell *cell = t ? gr__as_cell(t) : NULL;

    if (!cell && !(t && gr__is_error(t))) {
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
                         gr_dtype_name((gr_dtype)node->dtype),
                         gr_dtype_name((gr_dtype)cell->dtype), c->name);
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
    bool noted = gr__note_cell(c);
    if (noted) {
        c->pending = node;
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
    for (int64_t i = 0; i < thread->cell_count; i++) {
        gr__cell *cell = thread->cells[i];
        if (cell->pending && cell->pending->buffer) {
            gr__cell_adopt(cell);
        }
    }
}

/* Phase 1 of gr_assign_all: everything that can fail. values[i] becomes the node for cells[i], and
 * buffers[i] its numbers, in storage of their own. */
static bool compute_all(int n, gr__cell *const *cells, gr_tensor *const *values,
                        gr__buffer **buffers)
{
    int64_t count = 0, capacity = 0;
    gr_tensor **list = gr__grow(NULL, &capacity, n, sizeof *list);
    bool ready = list != NULL;

    if (!list) {
        gr_fail(GR_ERROR_MEMORY, "gr_assign_all", NULL, "no memory for %d values", n);
    }
    for (; ready && count < n; count++) {
        list[count] = assignable("gr_assign_all", &cells[count]->tensor, values[count]);
        ready = !gr__is_error(list[count]);
    }
    ready = ready && gr__pending_leaves(&list, &count, &capacity);
    if (ready) {
        gr_eval((int)count, list);
        for (int i = 0; i < n; i++) {
            ready = ready && list[i]->buffer;
        }
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
    return c->gradient ? (gr_tensor *)(uintptr_t)gr__operand("gr_grad", "cell", c->gradient) : NULL;
}

bool gr__cell_set_gradient(gr__cell *cell, gr_tensor *gradient)
{
    if (gradient && !gr__note_cell(cell)) {
        return false;
    }
    if (cell->gradient == &cell->held) {
        gr__buffer_drop(cell->held.buffer);
        cell->held.buffer = NULL;
    }
    cell->gradient = gradient;
    return true;
}

bool gr_set_grad(gr_tensor *cell, const gr_tensor *gradient)
{
    gr__cell *c = cell ? gr__as_cell(cell) : NULL;

    if (!gradient && c) {
        return gr__cell_set_gradient(c, NULL);
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
    cell->held = (gr_tensor){.op = &gr__leaf_primitive,
                             .shape = node->shape,
                             .dtype = node->dtype,
                             .buffer = buffer};
    cell->gradient = &cell->held;
    return true;
}

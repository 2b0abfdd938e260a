/* Sets of parameters: which cells there are, under which names. */
#include "src/core/params.h"

#include <stdio.h>
#include <string.h>

#include "src/core/scope.h"

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

gr_params *gr_error_params(void)
{
    return &error_params;
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

/* Nodes of open scopes keep the numbers they captured, but not the cells. */
static void orphan_captures(const gr_params *params)
{
    gr__thread *thread = gr__self();

    for (int64_t i = 0; thread && i < thread->count; i++) {
        const gr__cell *cell = gr__captured_cell(thread->nodes[i]);
        const gr_params *set = cell ? cell->owner : NULL;
        while (set && set != params) {
            set = set->parent;
        }
        if (set) {
            thread->nodes[i]->detail = NULL;
        }
    }
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
    orphan_captures(params);
    set_free(params);
}

/* ---- cells ---- */

static bool list_cell(gr_params *params, gr__cell *cell, char *name)
{
    gr__entry *entries = name ? gr__grow(params->entries, &params->capacity, params->count + 1,
                                         sizeof *entries)
                              : NULL;

    if (!entries) {
        gr__free(name);
        return false;
    }
    params->entries = entries;
    entries[params->count++] = (gr__entry){cell, name};
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

/* Whether a cell of that name would share it with another one, in its set or in one around it. */
static bool is_taken(const gr_params *params, const char *name)
{
    bool taken = gr_params_find(params, name) != NULL;
    char *longer = !taken && params->parent ? joined(params->name, name) : NULL;

    taken = taken || (longer && is_taken(params->parent, longer));
    gr__free(longer);
    return taken;
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
    if (is_taken(params, name)) {
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

static const gr__entry *entry_at(const char *function, const gr_params *params, int index)
{
    if (!usable(function, params)) {
        return NULL;
    }
    if (params->count == 0) {
        gr_fail(GR_ERROR_VALUE, function, "index", "got %d, but the set is empty", index);
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
    const gr__entry *e = entry_at("gr_params_at", params, index);

    return e ? &e->cell->tensor : &gr__error_tensor;
}

const char *gr_params_name(const gr_params *params, int index)
{
    const gr__entry *e = entry_at("gr_params_name", params, index);

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
    const gr__cell *c = cell && !gr__is_stale(cell) ? gr__as_cell(cell) : NULL;

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

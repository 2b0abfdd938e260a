/* Writing a pass's program. Values live in registers, pieces of memory as long as a tile; what is
 * stored is written where it belongs at once, and read from there. What does not depend on the
 * element is computed here and now, and is a number to the program. */
#include "src/eval/program.h"

#include <string.h>

#include "src/core/params.h"

enum {
    TILE = GR__BLOCK,        /* elements of a tile, about */
    LONGEST_WISH = 2 * TILE, /* the longest pattern that tiles are cut to */
    STREAMED = 1 << 24,      /* bytes from which a value goes past the caches */
    NUMBER = 0               /* the group of what is one number for the whole domain */
};

/* What an operand is: a value of the pass, a tensor in memory, a number. */
typedef enum source { A_VALUE, A_LOAD, A_NUMBER } source;

typedef struct reference {
    source source;
    int32_t index;
} reference;

typedef struct value {
    gr__item *item;
    reference in[3];
    int32_t root;        /* itself, or what it is another shape of */
    int32_t uses;        /* of a root: readers to come */
    int64_t group;       /* elements of the domain for one number */
    int64_t wide_group;  /* the same for a copy spread over more numbers; NUMBER: there is none */
    uint16_t slot, wide; /* of the two */
    int arity;
    bool kept, failed;
    bool borrowed; /* the slot is a load's */
    bool streamed; /* it is kept, in memory of its own that no cache holds */
} value;

/* How a tensor in memory reaches the tiles. */
typedef enum pattern {
    IN_PLACE, /* one element after the other */
    SINGLE,   /* one number */
    GROUPED,  /* each element several times in a row */
    PERIODIC, /* the same run of elements again and again */
    SCATTERED /* anything else */
} pattern;

typedef struct load {
    const gr_tensor *tensor;
    const gr__item *item;   /* NULL: it had its numbers before */
    const gr__shape *shape; /* that it is broadcast to */
    gr__load *plan;         /* where the pattern does not say all */
    pattern pattern;
    int64_t each;        /* elements of the domain for one of shape */
    int64_t length;      /* of a group or period, in elements of the domain */
    int64_t group;       /* once it has a slot */
    int32_t reads, last; /* how often, and by which value at last */
    uint16_t slot;
    bool free; /* its memory may go to a value, as far as the load itself shows */
} load;

typedef struct writer {
    gr__plan *plan;
    int32_t k;
    const gr__pass *pass;
    gr__program *program;
    value *values;
    load *loads;
    gr__load *plans;
    uint16_t *free;  /* registers that nobody needs */
    double *numbers; /* of the program's own, of any dtype */
    int32_t value_count, load_count, plan_count, free_count, number_count;
    const gr__kernels *kernels;
    size_t register_size;
} writer;

/* What an instruction reads. */
typedef struct operand {
    uint16_t slot;
    int64_t group;
} operand;

/* ---- slots ---- */

static uint16_t new_slot(writer *w, const void *address)
{
    w->program->slots[w->program->slot_count] = (void *)(uintptr_t)address;
    return (uint16_t)w->program->slot_count++;
}

static uint16_t new_register(writer *w, size_t bytes)
{
    gr__program *p = w->program;
    uint16_t slot = new_slot(w, NULL);

    p->registers[p->register_count++] = (gr__register){slot, p->register_bytes};
    p->register_bytes += (int64_t)bytes;
    return slot;
}

static uint16_t take_register(writer *w)
{
    return w->free_count > 0 ? w->free[--w->free_count] : new_register(w, w->register_size);
}

static void give_back(writer *w, uint16_t slot)
{
    if (slot != 0 && !w->program->slots[slot]) {
        w->free[w->free_count++] = slot;
    }
}

static uint8_t grain_of(gr__program *p, int64_t group)
{
    int i = 0;

    while (i < p->grain_count && p->groups[i] != group) {
        i++;
    }
    if (i == p->grain_count) {
        p->groups[p->grain_count++] = group;
    }
    return (uint8_t)i;
}

static uint16_t moving_slot(writer *w, const void *base, size_t size, uint8_t grain, int64_t period)
{
    gr__program *p = w->program;
    uint16_t slot = new_slot(w, base);

    p->strides[p->stride_count++] = (gr__stride){.base = (char *)(uintptr_t)base,
                                                 .period = period,
                                                 .size = (uint32_t)size,
                                                 .slot = slot,
                                                 .grain = grain};
    return slot;
}

static gr__instruction *new_instruction(writer *w)
{
    return &w->program->code[w->program->code_count++];
}

/* ---- references: what the live nodes of the pass read ---- */

static size_t size_of(const gr_tensor *t)
{
    return t->dtype == GR_F32 ? sizeof(float) : sizeof(double);
}

static gr__load plan_of(const gr_tensor *t, const gr__shape *shape)
{
    gr__layout layout = gr__layout_of(t);
    int64_t strides[GR_MAX_RANK];
    int shift = shape->rank - t->shape->rank;

    for (int i = 0; i < shape->rank; i++) {
        bool repeats = i < shift || t->shape->dims[i - shift] == 1;
        strides[i] = repeats ? 0 : layout.strides[i - shift];
    }
    return gr__load_plan(gr__base(t), size_of(t), shape->rank, shape->dims, strides);
}

/* Finds out what the operand looks like from the shape it is broadcast to. */
static void recognise(writer *w, load *l)
{
    const gr_tensor *t = l->tensor;

    if (t->shape->count == 1) {
        l->pattern = SINGLE;
        return;
    }
    if (t->shape->count == l->shape->count && gr__is_contiguous(t)) {
        l->pattern = IN_PLACE;
        return;
    }
    gr__load *plan = l->plan = &w->plans[w->plan_count++];
    *plan = plan_of(t, l->shape);
    int last = plan->rank - 1;
    if (plan->rank == 0) {
        l->pattern = SINGLE;
    } else if (plan->rank == 1 && plan->strides[0] == 1) {
        l->pattern = IN_PLACE;
    } else if (plan->rank == 2 && plan->strides[1] == 0 && plan->strides[0] == 1) {
        l->pattern = GROUPED;
        l->length = l->each * plan->dims[last];
    } else if (plan->strides[0] == 0) {
        l->pattern = PERIODIC;
        l->length = l->each * (l->shape->count / plan->dims[0]);
    }
}

static reference find_load(writer *w, const gr_tensor *t, const gr__shape *shape)
{
    for (int i = w->load_count - 1; i >= 0; i--) {
        if (w->loads[i].tensor == t && w->loads[i].shape == shape) {
            return (reference){A_LOAD, i};
        }
    }
    load *l = &w->loads[w->load_count];
    *l = (load){.tensor = t,
                .shape = shape,
                .pattern = SCATTERED,
                .each = w->pass->elements / shape->count};
    if (t->buffer) {
        recognise(w, l);
    }
    return (reference){A_LOAD, w->load_count++};
}

/* The shape in which a node wants to see an operand that lies in memory. */
static const gr__shape *wanted_shape(const gr_tensor *node, const gr_tensor *t)
{
    bool same = gr__reads_as_is(node) || node->shape->count == t->shape->count;

    return same ? t->shape : node->shape;
}

static void refer(writer *w, const gr__member *member, value *v)
{
    const gr_tensor *node = v->item->node;
    int32_t here = (int32_t)(v - w->values);

    for (int i = 0; i < v->arity; i++) {
        const gr_tensor *t = node->in[i].tensor;
        if (!t) {
            v->in[i] = (reference){A_NUMBER, i};
        } else if (member->inside >> i & 1) {
            v->in[i] = (reference){A_VALUE, gr__read_by(w->plan, v->item, i)->place};
            value *root = &w->values[w->values[v->in[i].index].root];
            root->uses++;
            if (root->in[0].source == A_LOAD && root->item->node->op->kind == GR__VIEW) {
                w->loads[root->in[0].index].last = here;
            }
        } else {
            v->in[i] = find_load(w, t, wanted_shape(node, t));
            w->loads[v->in[i].index].item = gr__read_by(w->plan, v->item, i);
            w->loads[v->in[i].index].reads++;
            w->loads[v->in[i].index].last = here;
        }
        size_t size = size_of(t ? t : node);
        w->register_size = size > w->register_size ? size : w->register_size;
    }
    size_t size = size_of(node);
    w->register_size = size > w->register_size ? size : w->register_size;
}

static void list_values(writer *w)
{
    for (int32_t e = w->pass->first; e >= 0; e = w->plan->members[e].next) {
        const gr__member *member = &w->plan->members[e];
        if (!member->live) {
            continue;
        }
        gr__item *item = &w->plan->items[member->item];
        int32_t index = w->value_count++;
        value *v = &w->values[index];
        *v = (value){
            .item = item, .root = index, .wide_group = NUMBER, .arity = item->node->op->arity};
        v->kept = item->home == w->k && gr__is_kept(item) && item->node->op->kind != GR__VIEW;
        refer(w, member, v);
        if (item->node->op->kind == GR__VIEW && v->in[0].source == A_VALUE) {
            v->root = w->values[v->in[0].index].root;
        }
        item->place = index;
    }
}

/* ---- the tile ---- */

/* The unit of which tiles hold a whole number, made a multiple of `length` if that goes well. */
static int64_t with_pattern(const gr__pass *pass, int64_t unit, int64_t length)
{
    int64_t both = length > unit ? length : unit;
    bool nested = both % length == 0 && both % unit == 0;

    return nested && both <= LONGEST_WISH && (!pass->columns || both == unit) ? both : unit;
}

/* A long period is cut into even pieces. */
static int64_t piece_of(int64_t period)
{
    int64_t pieces = (period + TILE - 1) / TILE;

    return period % pieces == 0 ? period / pieces : TILE;
}

static int64_t choose_tile(const writer *w)
{
    const gr__pass *pass = w->pass;
    int64_t unit = pass->columns ? pass->columns : pass->row, period = 0;

    if (pass->span) {
        return TILE;
    }
    for (int i = 0; i < w->load_count; i++) {
        const load *l = &w->loads[i];
        if (l->pattern == GROUPED || l->pattern == PERIODIC) {
            unit = with_pattern(pass, unit, l->length);
            period = l->length > LONGEST_WISH && l->pattern == PERIODIC ? l->length : period;
        }
    }
    int64_t goal = pass->row > 1 ? 2 * TILE : TILE; /* the fewer tiles, the less is done by rows */
    int64_t times = goal / unit > 1 ? goal / unit : 1;
    while (pass->columns && (times & (times - 1)) != 0) { /* to divide a block of rows */
        times &= times - 1;
    }
    int64_t tile = unit == 1 && period ? piece_of(period) : unit * times;
    return tile < pass->elements ? tile : pass->elements;
}

/* ---- operands ---- */

/* A register that a load fills, at the beginning of a task or for each tile. */
static uint16_t filled_register(writer *w, const load *l, bool once)
{
    gr__program *p = w->program;
    gr__instruction in = {.run = gr__do_load,
                          .load = l->plan,
                          .out = new_register(w, w->register_size),
                          .grain = grain_of(p, l->each)};

    if (once) {
        p->once[p->once_count++] = in;
    } else {
        *new_instruction(w) = in;
    }
    return in.out;
}

static void place_load(writer *w, load *l)
{
    const gr__program *p = w->program;
    const gr_tensor *t = l->tensor;
    bool run = l->plan && l->plan->rank == 2 && l->plan->strides[1] == 1;
    uint8_t grain = grain_of(w->program, l->each);

    l->group = l->each;
    if (l->pattern == SINGLE) {
        l->slot = new_slot(w, gr__base(t));
        l->group = NUMBER;
    } else if (l->pattern == IN_PLACE) {
        l->slot = moving_slot(w, gr__base(t), size_of(t), grain, 0);
    } else if (l->pattern == GROUPED && p->tile % l->length == 0) {
        l->slot = moving_slot(w, gr__base(t), size_of(t), grain_of(w->program, l->length), 0);
        l->group = l->length;
    } else if (l->pattern == PERIODIC && run && l->length % p->tile == 0) {
        l->slot = moving_slot(w, gr__base(t), size_of(t), grain, l->length / l->each);
    } else {
        l->slot = filled_register(w, l, l->pattern == PERIODIC && p->tile % l->length == 0);
    }
}

/* A number, in the dtype of the node. */
static uint16_t number_slot(writer *w, gr_dtype dtype, double number)
{
    double *room = &w->numbers[w->number_count++];

    gr__store_number(room, dtype, number);
    return new_slot(w, room);
}

static operand operand_of(writer *w, const value *v, int i)
{
    reference r = v->in[i];

    if (r.source == A_NUMBER) {
        const gr_tensor *node = v->item->node;
        return (operand){number_slot(w, (gr_dtype)node->dtype, node->in[r.index].number), NUMBER};
    }
    if (r.source == A_LOAD) {
        load *l = &w->loads[r.index];
        if (l->slot == 0) {
            place_load(w, l);
        }
        return (operand){l->slot, l->group};
    }
    const value *root = &w->values[w->values[r.index].root];
    return (operand){root->slot, root->group};
}

/* Spreads the operand's numbers over smaller groups. */
static void repeat(writer *w, gr_dtype dtype, operand o, uint16_t out, int64_t group)
{
    bool fill = o.group == NUMBER;

    *new_instruction(w) = (gr__instruction){.run = fill ? gr__do_fill : gr__do_repeat,
                                            .repeat = w->kernels->repeat[dtype],
                                            .times = fill ? 0 : o.group / group,
                                            .out = out,
                                            .in = {o.slot},
                                            .grain = grain_of(w->program, fill ? group : o.group)};
}

/* The operand with one number for each `group` elements: itself, or spread over a register. */
static uint16_t spread(writer *w, const value *v, int i, operand o, int64_t group, gr_dtype dtype)
{
    value *root = v->in[i].source == A_VALUE ? &w->values[w->values[v->in[i].index].root] : NULL;

    if (o.group == group) {
        return o.slot;
    }
    if (root && root->wide && root->wide_group == group) {
        return root->wide;
    }
    uint16_t slot = take_register(w);
    repeat(w, dtype, o, slot, group);
    if (root) {
        give_back(w, root->wide);
        root->wide = slot;
        root->wide_group = group;
    }
    return slot;
}

/* After an instruction has read operand i. */
static void consume(writer *w, reference r)
{
    value *root = r.source == A_VALUE ? &w->values[w->values[r.index].root] : NULL;

    if (root && --root->uses == 0) {
        give_back(w, root->borrowed ? 0 : root->slot);
        give_back(w, root->wide);
    }
}

/* ---- results ---- */

/* Whether a load's memory may go to a value: nobody reads it any more but this pass, nobody holds it
 * but its node, or the cell that is to have the value. */
static bool is_free(const writer *w, const load *l)
{
    const gr_tensor *t = l->tensor;
    const gr__item *item = l->pattern == IN_PLACE ? l->item : NULL;
    bool unnamed = (t->flags & (GR__TRANSIENT | GR__REQUESTED | GR__WANTED)) == GR__TRANSIENT;

    if (!item || !unnamed || l->reads != item->loads || !t->buffer || t->layout ||
        t->buffer->borrowed || t->buffer->bytes != (size_t)t->shape->count * size_of(t)) {
        return false;
    }
    int holders = atomic_load_explicit(&t->buffer->holders, memory_order_relaxed);
    return gr__captured_cell(t)
               ? w->pass->late && holders == 2
               : t->op->kind != GR__VIEW && t->op->kind != GR__LEAF && holders == 1;
}

/* Whether v may be that value: the pass reads the load at no later one, and a cell's memory is for
 * its own new value alone. */
static bool may_take_over(const writer *w, const load *l, const value *v)
{
    const gr_tensor *t = l->tensor, *node = v->item->node;
    const gr__cell *cell = gr__captured_cell(t);

    return l->last <= (int32_t)(v - w->values) && size_of(t) == size_of(node) &&
           t->shape->count == node->shape->count && (!cell || cell->update == node);
}

/* A load whose memory v may have; the old value of its own cell before all others. */
static load *donor(writer *w, const value *v)
{
    load *found = NULL;

    for (int i = 0; i < w->load_count; i++) {
        load *l = &w->loads[i];
        bool fits = l->free && may_take_over(w, l, v);
        found = fits && (!found || gr__captured_cell(l->tensor)) ? l : found;
    }
    return found;
}

/* Memory for a value that is kept: that of an operand where nobody misses it, else new. */
static bool give_memory(writer *w, value *v)
{
    gr_tensor *node = v->item->node;
    load *l = donor(w, v);

    if (l) {
        v->item->buffer = gr__buffer_hold(l->tensor->buffer);
        l->free = false;
        return true;
    }
    v->streamed = node->shape->count >= STREAMED / (int64_t)size_of(node);
    v->item->buffer = gr__buffer_for(node);
    return v->item->buffer != NULL;
}

/* Elements of the domain for each number of the node's own. */
static int64_t own_group(const writer *w, const gr_tensor *node)
{
    int64_t count = node->shape->count;

    return count == w->pass->elements ? 1 : w->pass->elements / count;
}

/* Where an instruction writes v's numbers, one for each `group` elements: to memory if that is what
 * is kept, else to a register. */
static uint16_t result_slot(writer *w, value *v, int64_t group)
{
    gr_tensor *node = v->item->node;

    v->group = group;
    if (v->kept && group == own_group(w, node) && !v->streamed) {
        v->slot = moving_slot(w, v->item->buffer->data, size_of(node), grain_of(w->program, group),
                              0);
    } else {
        v->slot = take_register(w);
    }
    return v->slot;
}

/* What is kept and is not yet where it belongs: it has fewer numbers than its node, or is so large
 * that it goes past the caches. */
static void keep(writer *w, const value *v)
{
    const gr_tensor *node = v->item->node;
    int64_t own = v->kept ? own_group(w, node) : 0;

    if (!v->kept || (v->group == own && !v->streamed)) {
        return;
    }
    uint8_t grain = grain_of(w->program, own);
    uint16_t slot = moving_slot(w, v->item->buffer->data, size_of(node), grain, 0);
    if (v->group != own) {
        repeat(w, (gr_dtype)node->dtype, (operand){v->slot, v->group}, slot, own);
        return;
    }
    w->program->streams = true;
    *new_instruction(w) = (gr__instruction){.run = gr__do_stream,
                                            .stream = w->kernels->stream,
                                            .detail = (const void *)(uintptr_t)size_of(node),
                                            .out = slot,
                                            .in = {v->slot},
                                            .grain = grain};
}

/* ---- each kind ---- */

/* The node's slots in the table of kernels. */
static const void *slots_of(const writer *w, const gr_tensor *node)
{
    return (const char *)w->kernels + node->op->kernel;
}

static gr__map_kernel *map_kernel(const writer *w, const gr_tensor *node, int form)
{
    gr__map_kernel *const *slots = slots_of(w, node);

    return slots[form * GR__DTYPES + node->dtype];
}

static gr__source_kernel *source_kernel(const writer *w, const gr_tensor *node)
{
    gr__source_kernel *const *slots = slots_of(w, node);

    return slots[node->dtype];
}

/* One number for the whole domain. */
static void evaluate(writer *w, value *v, const operand *o)
{
    gr_tensor *node = v->item->node;
    void **slots = w->program->slots;

    v->group = NUMBER;
    v->slot = number_slot(w, (gr_dtype)node->dtype, 0);
    if (node->op->kind == GR__SOURCE) {
        source_kernel(w, node)(slots[v->slot], node->detail, 0, 1);
        return;
    }
    map_kernel(w, node, 0)(slots[v->slot], slots[o[0].slot], slots[o[1].slot], slots[o[2].slot], 1);
}

/* About how many additions more than one the kernel takes: functions of one float are series. */
static uint8_t more_than_one(const gr_tensor *node)
{
    return node->op->arity == 1 && node->op->dtypes == GR__FLOATS ? 7 : 0;
}

/* Makes the operands what the kernel takes: as many numbers as the result has, or, in some places,
 * one number; returns its form. */
static int shape_operands(writer *w, const value *v, operand *o, int64_t group)
{
    const gr_tensor *node = v->item->node;
    int arity = v->arity, form = 0;

    for (int i = 0; i < arity; i++) {
        if (o[i].group == group) {
            continue;
        }
        bool number = o[i].group == NUMBER || o[i].group == w->program->tile;
        int bit = i == arity - 1 ? GR__NUMBER_B : i == arity - 2 ? GR__NUMBER_A : 0;
        if (number && bit && !(arity == 2 && form)) {
            form |= bit;
        } else {
            const gr_tensor *t = node->in[i].tensor;
            o[i].slot = spread(w, v, i, o[i], group, (gr_dtype)(t ? t : node)->dtype);
            o[i].group = group;
        }
    }
    return form;
}

static void write_map(writer *w, value *v)
{
    const gr_tensor *node = v->item->node;
    operand o[3] = {{0}};
    int64_t group = NUMBER;

    for (int i = 0; i < v->arity; i++) {
        o[i] = operand_of(w, v, i);
        bool finer = o[i].group != NUMBER && (group == NUMBER || o[i].group < group);
        group = finer ? o[i].group : group;
    }
    if (group == NUMBER) {
        evaluate(w, v, o);
    } else {
        int form = shape_operands(w, v, o, group);
        bool resized = node->in[0].tensor && size_of(node->in[0].tensor) != size_of(node);
        for (int i = 0; i < v->arity && !resized; i++) { /* the result may lie on these */
            if (o[i].group == group) {
                consume(w, v->in[i]);
                v->in[i].source = A_NUMBER;
            }
        }
        uint16_t out = result_slot(w, v, group);
        *new_instruction(w) = (gr__instruction){.run = gr__do_map,
                                                .map = map_kernel(w, node, form),
                                                .more = more_than_one(node),
                                                .out = out,
                                                .in = {o[0].slot, o[1].slot, o[2].slot},
                                                .grain = grain_of(w->program, group)};
    }
    keep(w, v);
}

static void write_source(writer *w, value *v)
{
    const gr_tensor *node = v->item->node;
    int64_t own = w->pass->elements / node->shape->count;

    if (node->shape->count == 1 || (node->op->uniform && node->op->uniform(node))) {
        evaluate(w, v, NULL);
        keep(w, v);
        return;
    }
    uint16_t out = result_slot(w, v, own);
    *new_instruction(w) = (gr__instruction){.run = gr__do_source,
                                            .source = source_kernel(w, node),
                                            .detail = node->detail,
                                            .out = out,
                                            .grain = grain_of(w->program, own)};
    keep(w, v);
}

/* Runs of `length` elements that lie within a tile. */
static void write_rows(writer *w, value *v, gr__instruction in, int64_t each, int64_t length)
{
    in.run = length > GR__BLOCK ? gr__do_long_rows : gr__do_rows;
    in.times = length;
    in.out = result_slot(w, v, each * length);
    in.grain = grain_of(w->program, each * length);
    in.detail = (const void *)(uintptr_t)size_of(v->item->node);
    *new_instruction(w) = in;
    keep(w, v);
}

/* Partial results, if there is more than one for a result. */
static bool partials(writer *w, value *v, gr__finish finish)
{
    finish.out = v->item->buffer->data;
    finish.size = size_of(v->item->node);
    finish.partial = finish.out;
    if (finish.blocks > 1) {
        finish.partial = gr__alloc((size_t)(finish.results * finish.blocks) * finish.size);
        if (!finish.partial) {
            return gr__fail_at(v->item->node, GR_ERROR_MEMORY, NULL, "no memory to reduce");
        }
    }
    w->program->finishes[w->program->finish_count++] = finish;
    return true;
}

/* Runs of elements that many tiles share: one partial result a tile. */
static bool write_span(writer *w, value *v, gr__instruction in)
{
    int64_t span = w->pass->span;
    gr__finish finish = {.kernel = in.reduce,
                         .results = w->pass->elements / span,
                         .blocks = (span + GR__BLOCK - 1) / GR__BLOCK};

    if (!partials(w, v, finish)) {
        return false;
    }
    const gr__finish *made = &w->program->finishes[w->program->finish_count - 1];
    in.run = gr__do_tile;
    in.out = moving_slot(w, made->partial, made->size, GR__EACH_TILE, 0);
    *new_instruction(w) = in;
    return true;
}

static bool write_columns(writer *w, value *v, gr__instruction in)
{
    int64_t columns = w->pass->columns, rows = w->pass->elements / columns;
    size_t size = size_of(v->item->node);
    gr__finish finish = {.kernel = in.reduce,
                         .results = columns,
                         .blocks = (rows + GR__BLOCK - 1) / GR__BLOCK,
                         .lanes = new_register(w, GR__LANES * (size_t)columns * size)};

    if (!partials(w, v, finish)) {
        return false;
    }
    in.run = gr__do_columns;
    in.out = finish.lanes;
    in.times = columns;
    in.detail = (const void *)(uintptr_t)size;
    *new_instruction(w) = in;
    return true;
}

static bool write_reduce(writer *w, value *v)
{
    gr_tensor *node = v->item->node;
    const gr_tensor *t = node->in[0].tensor;
    gr__axes_order order = gr__order_of(node);
    int64_t each = w->pass->elements / t->shape->count;
    operand o = operand_of(w, v, 0);
    gr__instruction in = {.reduce = (const gr__reduce_kernel *)slots_of(w, node) + node->dtype,
                          .in = {spread(w, v, 0, o, each, (gr_dtype)t->dtype)}};

    if (order.trailing && w->pass->row % (each * order.length) == 0) {
        write_rows(w, v, in, each, order.length);
        return true;
    }
    return order.trailing ? write_span(w, v, in) : write_columns(w, v, in);
}

/* One index in each row. */
static void write_rowwise(writer *w, value *v)
{
    gr_tensor *node = v->item->node;
    int64_t index = w->pass->elements / node->in[1].tensor->shape->count;
    int64_t out = w->pass->elements / node->shape->count;
    int64_t each = w->pass->elements / node->in[0].tensor->shape->count;
    operand x = operand_of(w, v, 0), at = operand_of(w, v, 1);
    gr__instruction in = {
        .run = gr__do_rowwise,
        .row = ((gr__row_kernel *const *)(const void *)((const char *)w->kernels +
                                                        node->op->row))[node->dtype],
        .in = {spread(w, v, 0, x, each, (gr_dtype)node->dtype), spread(w, v, 1, at, index, GR_I64)},
        .times = index / (each < out ? each : out),
        .grain = grain_of(w->program, index)};

    in.out = result_slot(w, v, out);
    *new_instruction(w) = in;
    keep(w, v);
}

/* The same value under another shape. */
static void write_view(writer *w, value *v)
{
    if (v->in[0].source == A_LOAD) {
        operand o = operand_of(w, v, 0);
        v->group = o.group;
        v->slot = o.slot;
        v->borrowed = true;
    }
}

/* ---- the whole ---- */

/* Whether the operands are there; an error among them becomes the node's own. */
static bool operands_good(const writer *w, const value *v)
{
    bool good = true;

    for (int i = 0; w->plan->trouble && i < v->arity; i++) {
        const gr_tensor *t = v->item->node->in[i].tensor;
        if (t && gr__is_error(t)) {
            v->item->node->flags |= GR__ERROR;
        }
        good = good && (v->in[i].source != A_VALUE || !w->values[v->in[i].index].failed) &&
               (v->in[i].source != A_LOAD || t->buffer);
    }
    return good && !gr__is_error(v->item->node);
}

static bool write_value(writer *w, value *v)
{
    if (!operands_good(w, v) || (v->kept && !give_memory(w, v))) {
        return false;
    }
    switch (v->item->node->op->kind) {
    case GR__MAP: write_map(w, v); return true;
    case GR__SOURCE: write_source(w, v); return true;
    case GR__REDUCE: return write_reduce(w, v);
    case GR__OPAQUE: write_rowwise(w, v); return true;
    default: write_view(w, v); return true;
    }
}

static void write_values(writer *w)
{
    for (int32_t i = 0; i < w->value_count; i++) {
        value *v = &w->values[i];
        v->failed = !write_value(w, v);
        w->plan->trouble = w->plan->trouble || v->failed;
        if (v->failed && v->kept) {
            v->item->failed = true;
            gr__buffer_drop(v->item->buffer);
            v->item->buffer = NULL;
        }
        for (int j = 0; j < v->arity; j++) {
            consume(w, v->in[j]);
        }
        if (v->uses == 0 && v->root == i && !v->borrowed) {
            give_back(w, v->slot);
        }
    }
}

static int64_t count_live(const gr__plan *plan, const gr__pass *pass)
{
    int64_t n = 0;

    for (int32_t e = pass->first; e >= 0; e = plan->members[e].next) {
        n += plan->members[e].live;
    }
    return n;
}

/* Cuts a piece off the room. */
static void *cut(char **room, size_t bytes)
{
    void *piece = *room;

    *room += (bytes + 7) & ~(size_t)7;
    return piece;
}

/* Room for the program of n values, of which each has at most three operands. */
static bool take_room(writer *w, gr__room *room, size_t n)
{
    size_t each = 3 * sizeof(gr__instruction) + 8 * sizeof(gr__instruction) +
                  5 * sizeof(gr__stride) + 8 * sizeof(gr__register) + 13 * sizeof(void *) +
                  sizeof(gr__finish) + sizeof(value) + 3 * sizeof(load) + 3 * sizeof(gr__load) +
                  8 * sizeof(uint16_t) + 4 * sizeof(double);
    char *at = gr__room_take(room, sizeof(gr__program) + n * each);
    gr__program *p = (gr__program *)(void *)at;

    if (!at) {
        return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for a program");
    }
    *p = (gr__program){.elements = w->pass->elements,
                       .span = w->pass->span,
                       .columns = w->pass->columns,
                       .groups = {1},
                       .grain_count = 1};
    w->program = p;
    at += sizeof *p;
    w->values = cut(&at, n * sizeof *w->values);
    p->code = cut(&at, 8 * n * sizeof *p->code);
    p->slots = cut(&at, 13 * n * sizeof *p->slots);
    p->strides = cut(&at, 5 * n * sizeof *p->strides);
    p->registers = cut(&at, 8 * n * sizeof *p->registers);
    p->once = cut(&at, 3 * n * sizeof *p->once);
    p->finishes = cut(&at, n * sizeof *p->finishes);
    w->loads = cut(&at, 3 * n * sizeof *w->loads);
    w->plans = cut(&at, 3 * n * sizeof *w->plans);
    w->numbers = cut(&at, 4 * n * sizeof *w->numbers);
    w->free = cut(&at, 8 * n * sizeof *w->free);
    return true;
}

static void divide_work(gr__program *p, const gr__pass *pass)
{
    enum { TILES_PER_TASK = 16 };

    p->tiles = (p->elements + p->tile - 1) / p->tile;
    if (pass->span) {
        p->tiles = p->elements / pass->span * ((pass->span + p->tile - 1) / p->tile);
    }
    p->tiles_per_task = TILES_PER_TASK;
    if (pass->columns) {
        p->tiles_per_task = GR__BLOCK * pass->columns / p->tile;
    }
    p->tasks = (p->tiles + p->tiles_per_task - 1) / p->tiles_per_task;
    for (int i = 0; i < p->code_count; i++) {
        p->work += p->elements / p->groups[p->code[i].grain] * (1 + p->code[i].more);
    }
}

bool gr__write_program(gr__plan *plan, int32_t k, gr__room *room, gr__program **program)
{
    const gr__pass *pass = &plan->passes[k];
    size_t n = (size_t)count_live(plan, pass);
    writer w = {.plan = plan, .k = k, .pass = pass, .kernels = gr__kernels_in_use()};

    *program = NULL;
    if (n == 0) {
        return true;
    }
    if (!take_room(&w, room, n)) {
        return false;
    }
    gr__program *p = w.program;
    new_slot(&w, NULL);
    list_values(&w);
    p->tile = choose_tile(&w);
    w.register_size = ((size_t)p->tile * w.register_size + 127) / 64 * 64;
    for (int i = 0; i < w.load_count; i++) {
        w.loads[i].free = is_free(&w, &w.loads[i]);
    }
    write_values(&w);
    divide_work(p, pass);
    *program = p->code_count > 0 ? p : NULL;
    return true;
}

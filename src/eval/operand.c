/* What the values of a pass read, and how it reaches the tiles. */
#include "src/eval/writer.h"

enum { LONGEST_WISH = 2 * GR__TILE /* the longest pattern that tiles are cut to */ };

/* ---- references: what the live nodes of the pass read ---- */

gr__load gr__load_of(const gr_tensor *t, const gr__shape *shape)
{
    gr__layout layout = gr__layout_of(t);
    int64_t strides[GR_MAX_RANK];
    int shift = shape->rank - t->shape->rank;

    for (int i = 0; i < shape->rank; i++) {
        bool repeats = i < shift || t->shape->dims[i - shift] == 1;
        strides[i] = repeats ? 0 : layout.strides[i - shift];
    }
    return gr__load_plan(gr__base(t), gr__size_of(t), shape->rank, shape->dims, strides);
}

/* Finds out what the operand looks like from the shape it is broadcast to. */
static void recognise(gr__writer *w, gr__input *input, bool uniform)
{
    const gr_tensor *t = input->tensor;

    if (t->shape->count == 1 || uniform) {
        input->pattern = GR__SINGLE;
        return;
    }
    if (t->shape->count == input->shape->count && gr__is_contiguous(t)) {
        input->pattern = GR__IN_PLACE;
        return;
    }
    gr__load *load = input->load = &w->program->loads[w->program->load_count++];
    *load = gr__load_of(t, input->shape);
    int last = load->rank - 1;
    if (load->rank == 0) {
        input->pattern = GR__SINGLE;
    } else if (load->rank == 1 && load->strides[0] == 1) {
        input->pattern = GR__IN_PLACE;
    } else if (load->rank == 2 && load->strides[1] == 0 && load->strides[0] == 1) {
        input->pattern = GR__GROUPED;
        input->length = input->each * load->dims[last];
    } else if (load->strides[0] == 0) {
        input->pattern = GR__PERIODIC;
        input->length = input->each * (input->shape->count / load->dims[0]);
    }
}

static gr__input *find_input(gr__writer *w, const gr_tensor *t, const gr__shape *shape,
                             const gr__item *origin)
{
    for (int i = w->input_count - 1; i >= 0; i--) {
        if (w->inputs[i].tensor == t && w->inputs[i].shape == shape) {
            return &w->inputs[i];
        }
    }
    gr__input *input = &w->inputs[w->input_count];
    *input = (gr__input){.tensor = t,
                         .shape = shape,
                         .pattern = GR__SCATTERED,
                         .each = w->pass->elements / shape->count};
    if (t->buffer) {
        recognise(w, input, origin && origin->uniform);
    } else {
        w->plan->trouble = true;
    }
    w->input_count++;
    return input;
}

/* The shape in which a node wants to see an operand that lies in memory. */
static const gr__shape *wanted_shape(const gr_tensor *node, const gr_tensor *t)
{
    bool same = gr__reads_as_is(node) || node->shape->count == t->shape->count;

    return same ? t->shape : node->shape;
}

/* The first reader's operand says which tensor it is; that of any other is the same. */
static void note_reader(gr__writer *w, gr__input *input, int32_t item, int16_t operand)
{
    gr__program *p = w->program;

    if (input->reads == 0) {
        input->item = item;
        input->operand = operand;
    } else {
        p->twins[p->twin_count++] = (gr__twin){.items = {input->item, item},
                                               .operands = {input->operand, operand}};
    }
}

static void refer(gr__writer *w, const gr__member *member, gr__value *v)
{
    const gr_tensor *node = v->item->node;
    int32_t here = (int32_t)(v - w->values);

    for (int i = 0; i < v->arity; i++) {
        const gr_tensor *t = node->in[i].tensor;
        if (!t) {
            v->in[i] = (gr__reference){GR__A_NUMBER, i};
        } else if (member->inside >> i & 1) {
            v->in[i] = (gr__reference){GR__A_VALUE, gr__read_by(w->plan, v->item, i)->place};
            gr__value *root = gr__root_of(w, v->in[i]);
            root->uses++;
            if (root->in[0].source == GR__AN_INPUT && root->item->node->op->kind == GR__VIEW) {
                w->inputs[root->in[0].index].last = here;
            }
        } else {
            const gr__item *origin = gr__read_by(w->plan, v->item, i);
            gr__input *input = find_input(w, t, wanted_shape(node, t), origin);
            v->in[i] = (gr__reference){GR__AN_INPUT, (int32_t)(input - w->inputs)};
            note_reader(w, input, (int32_t)(v->item - w->plan->items), (int16_t)i);
            input->reads++;
            input->last = here;
        }
        size_t size = gr__size_of(t ? t : node);
        w->register_size = size > w->register_size ? size : w->register_size;
    }
    size_t size = gr__size_of(node);
    w->register_size = size > w->register_size ? size : w->register_size;
}

void gr__list_values(gr__writer *w)
{
    for (int32_t e = w->pass->first; e >= 0; e = w->plan->members[e].next) {
        const gr__member *member = &w->plan->members[e];
        if (!member->live) {
            continue;
        }
        gr__item *item = &w->plan->items[member->item];
        int32_t index = w->value_count++;
        gr__value *v = &w->values[index];
        *v = (gr__value){
            .item = item, .root = index, .wide_group = GR__NUMBER, .arity = item->node->op->arity};
        v->kept = item->home == w->k && gr__is_kept(item) && item->node->op->kind != GR__VIEW;
        refer(w, member, v);
        if (item->node->op->kind == GR__VIEW && v->in[0].source == GR__A_VALUE) {
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
    int64_t pieces = (period + GR__TILE - 1) / GR__TILE;

    return period % pieces == 0 ? period / pieces : GR__TILE;
}

int64_t gr__choose_tile(const gr__writer *w)
{
    const gr__pass *pass = w->pass;
    int64_t unit = pass->columns ? pass->columns : pass->row, period = 0;

    if (pass->span) {
        return GR__TILE;
    }
    for (int i = 0; i < w->input_count; i++) {
        const gr__input *input = &w->inputs[i];
        if (input->pattern == GR__GROUPED || input->pattern == GR__PERIODIC) {
            unit = with_pattern(pass, unit, input->length);
            period = input->length > LONGEST_WISH && input->pattern == GR__PERIODIC ? input->length
                                                                                    : period;
        }
    }
    int64_t goal = pass->row > 1 ? 2 * GR__TILE
                                 : GR__TILE; /* the fewer tiles, the less is done by rows */
    int64_t times = goal / unit > 1 ? goal / unit : 1;
    while (pass->columns && (times & (times - 1)) != 0) { /* to divide a block of rows */
        times &= times - 1;
    }
    int64_t tile = unit == 1 && period ? piece_of(period) : unit * times;
    return tile < pass->elements ? tile : pass->elements;
}

/* ---- operands ---- */

/* A register that an input fills, at the beginning of a task or for each tile. */
static uint16_t filled_register(gr__writer *w, const gr__input *input, bool once)
{
    gr__program *p = w->program;
    gr__instruction in = {.run = gr__do_load,
                          .load = input->load,
                          .out = gr__new_register(w, w->register_size),
                          .grain = gr__grain_of(p, input->each)};

    if (once) {
        p->once[p->once_count++] = in;
    } else {
        *gr__new_instruction(w) = in;
    }
    return in.out;
}

static void place_input(gr__writer *w, gr__input *input)
{
    const gr__program *p = w->program;
    const gr_tensor *t = input->tensor;
    bool run = input->load && input->load->rank == 2 && input->load->strides[1] == 1;
    uint8_t grain = gr__grain_of(w->program, input->each);

    input->group = input->each;
    if (input->pattern == GR__SINGLE) {
        input->slot = gr__new_slot(w);
        input->group = GR__NUMBER;
    } else if (input->pattern == GR__IN_PLACE) {
        input->slot = gr__moving_slot(w, gr__size_of(t), grain, 0);
        gr__stride *stride = &w->program->strides[w->program->stride_count - 1];
        stride->read = input->each == 1;
    } else if (input->pattern == GR__GROUPED && p->tile % input->length == 0) {
        input->slot = gr__moving_slot(w, gr__size_of(t), gr__grain_of(w->program, input->length),
                                      0);
        input->group = input->length;
    } else if (input->pattern == GR__PERIODIC && run && input->length % p->tile == 0) {
        input->slot = gr__moving_slot(w, gr__size_of(t), grain, input->length / input->each);
    } else {
        input->slot = filled_register(
            w, input, input->pattern == GR__PERIODIC && p->tile % input->length == 0);
    }
}

gr__numbers gr__numbers_of(gr__writer *w, const gr__value *v, int i)
{
    gr__reference r = v->in[i];

    if (r.source == GR__A_NUMBER) {
        gr__numbers number = {gr__number_slot(w), GR__NUMBER};
        gr__note_given(w, v, r.index, number.slot);
        return number;
    }
    if (r.source == GR__AN_INPUT) {
        gr__input *input = &w->inputs[r.index];
        if (input->slot == 0) {
            place_input(w, input);
        }
        return (gr__numbers){input->slot, input->group};
    }
    const gr__value *root = gr__root_of(w, r);
    return (gr__numbers){root->slot, root->group};
}

void gr__write_repeat(gr__writer *w, gr_dtype dtype, gr__numbers o, uint16_t out, int64_t group)
{
    bool fill = o.group == GR__NUMBER;

    *gr__new_instruction(w) = (gr__instruction){
        .run = fill ? gr__do_fill : gr__do_repeat,
        .repeat = w->kernels->repeat[dtype],
        .times = fill ? 0 : o.group / group,
        .out = out,
        .in = {o.slot},
        .grain = gr__grain_of(w->program, fill ? group : o.group)};
}

uint16_t gr__spread(gr__writer *w, const gr__value *v, int i, gr__numbers o, int64_t group,
                    gr_dtype dtype)
{
    gr__value *root = gr__root_of(w, v->in[i]);

    if (o.group == group) {
        return o.slot;
    }
    if (root && root->wide && root->wide_group == group) {
        return root->wide;
    }
    uint16_t slot = gr__take_register(w);
    gr__write_repeat(w, dtype, o, slot, group);
    if (root) {
        gr__give_back(w, root->wide);
        root->wide = slot;
        root->wide_group = group;
    }
    return slot;
}

void gr__consume(gr__writer *w, gr__reference r)
{
    gr__value *root = gr__root_of(w, r);

    if (root && --root->uses == 0) {
        gr__give_back(w, root->borrowed ? 0 : root->slot);
        gr__give_back(w, root->wide);
    }
}

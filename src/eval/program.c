/* Writing a pass's program. Values live in registers, pieces of memory as long as a tile; what is
 * stored is written where it belongs at once, and read from there. What does not depend on the
 * element is computed here and now, and is a number to the program. */
#include "src/core/params.h"
#include "src/eval/writer.h"

enum { STREAMED = 1 << 24 /* bytes from which a value goes past the caches */ };

/* ---- results ---- */

/* Whether an input's memory may go to a value: nobody reads it any more but this pass, nobody holds it
 * but its node, or the cell that is to have the value. */
static bool is_free(const gr__writer *w, const gr__input *input)
{
    const gr_tensor *t = input->tensor;
    const gr__item *item = input->pattern == GR__IN_PLACE ? input->item : NULL;
    bool unnamed = (t->flags & (GR__TRANSIENT | GR__REQUESTED | GR__WANTED)) == GR__TRANSIENT;

    if (!item || !unnamed || input->reads != item->loads || !t->buffer || t->layout ||
        t->buffer->borrowed || t->buffer->bytes != (size_t)t->shape->count * gr__size_of(t)) {
        return false;
    }
    int holders = atomic_load_explicit(&t->buffer->holders, memory_order_relaxed);
    return gr__captured_cell(t)
               ? w->pass->late && holders == 2
               : t->op->kind != GR__VIEW && t->op->kind != GR__LEAF && holders == 1;
}

/* Whether v may be that value: the pass reads the input at no later one, and a cell's memory is for
 * its own new value alone. */
static bool may_take_over(const gr__writer *w, const gr__input *input, const gr__value *v)
{
    const gr_tensor *t = input->tensor, *node = v->item->node;
    const gr__cell *cell = gr__captured_cell(t);

    return input->last <= (int32_t)(v - w->values) && gr__size_of(t) == gr__size_of(node) &&
           t->shape->count == node->shape->count && (!cell || cell->update == node);
}

/* An input whose memory v may have; the old value of its own cell before all others. */
static gr__input *donor(gr__writer *w, const gr__value *v)
{
    gr__input *found = NULL;

    for (int i = 0; i < w->input_count; i++) {
        gr__input *input = &w->inputs[i];
        bool fits = input->free && may_take_over(w, input, v);
        found = fits && (!found || gr__captured_cell(input->tensor)) ? input : found;
    }
    return found;
}

/* Memory for a value that is kept: that of an operand where nobody misses it, else new. */
static bool give_memory(gr__writer *w, gr__value *v)
{
    gr_tensor *node = v->item->node;
    gr__input *input = donor(w, v);

    if (input) {
        v->item->buffer = gr__buffer_hold(input->tensor->buffer);
        input->free = false;
        return true;
    }
    v->streamed = node->shape->count >= STREAMED / (int64_t)gr__size_of(node);
    v->item->buffer = gr__buffer_for(node);
    return v->item->buffer != NULL;
}

/* Elements of the domain for each number of the node's own. */
static int64_t own_group(const gr__writer *w, const gr_tensor *node)
{
    int64_t count = node->shape->count;

    return count == w->pass->elements ? 1 : w->pass->elements / count;
}

/* Where an instruction writes v's numbers, one for each `group` elements: to memory if that is what
 * is kept, else to a register. */
static uint16_t result_slot(gr__writer *w, gr__value *v, int64_t group)
{
    gr_tensor *node = v->item->node;

    v->group = group;
    if (v->kept && group == own_group(w, node) && !v->streamed) {
        v->slot = gr__moving_slot(w, v->item->buffer->data, gr__size_of(node),
                                  gr__grain_of(w->program, group), 0);
    } else {
        v->slot = gr__take_register(w);
    }
    return v->slot;
}

/* What is kept and is not yet where it belongs: it has fewer numbers than its node, or is so large
 * that it goes past the caches. */
static void keep(gr__writer *w, const gr__value *v)
{
    const gr_tensor *node = v->item->node;
    int64_t own = v->kept ? own_group(w, node) : 0;

    if (!v->kept || (v->group == own && !v->streamed)) {
        return;
    }
    uint8_t grain = gr__grain_of(w->program, own);
    uint16_t slot = gr__moving_slot(w, v->item->buffer->data, gr__size_of(node), grain, 0);
    if (v->group != own) {
        gr__write_repeat(w, (gr_dtype)node->dtype, (gr__numbers){v->slot, v->group}, slot, own);
        return;
    }
    w->program->streams = true;
    *gr__new_instruction(w) = (gr__instruction){.run = gr__do_stream,
                                                .stream = w->kernels->stream,
                                                .size = gr__size_of(node),
                                                .out = slot,
                                                .in = {v->slot},
                                                .grain = grain};
}

/* ---- each kind ---- */

static gr__map_kernel *map_kernel(const gr__writer *w, const gr_tensor *node, int form)
{
    gr__map_kernel *const *kernels = gr__slots(w->kernels, node->op->kernel);

    return kernels[form * GR__DTYPES + node->dtype];
}

static gr__source_kernel *source_kernel(const gr__writer *w, const gr_tensor *node)
{
    gr__source_kernel *const *kernels = gr__slots(w->kernels, node->op->kernel);

    return kernels[node->dtype];
}

/* One number for the whole domain. */
static void evaluate(gr__writer *w, gr__value *v, const gr__numbers *o)
{
    gr_tensor *node = v->item->node;
    void **slots = w->program->slots;

    v->group = GR__NUMBER;
    v->slot = gr__number_slot(w, (gr_dtype)node->dtype, 0);
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
static int shape_operands(gr__writer *w, const gr__value *v, gr__numbers *o, int64_t group)
{
    const gr_tensor *node = v->item->node;
    int arity = v->arity, form = 0;

    for (int i = 0; i < arity; i++) {
        if (o[i].group == group) {
            continue;
        }
        bool number = o[i].group == GR__NUMBER || o[i].group == w->program->tile;
        int bit = i == arity - 1 ? GR__NUMBER_B : i == arity - 2 ? GR__NUMBER_A : 0;
        if (number && bit && !(arity == 2 && form)) {
            form |= bit;
        } else {
            const gr_tensor *t = node->in[i].tensor;
            o[i].slot = gr__spread(w, v, i, o[i], group, (gr_dtype)(t ? t : node)->dtype);
            o[i].group = group;
        }
    }
    return form;
}

static bool write_map(gr__writer *w, gr__value *v)
{
    const gr_tensor *node = v->item->node;
    gr__numbers o[3] = {{0}};
    int64_t group = GR__NUMBER;

    for (int i = 0; i < v->arity; i++) {
        o[i] = gr__numbers_of(w, v, i);
        bool finer = o[i].group != GR__NUMBER && (group == GR__NUMBER || o[i].group < group);
        group = finer ? o[i].group : group;
    }
    if (group == GR__NUMBER) {
        evaluate(w, v, o);
    } else {
        int form = shape_operands(w, v, o, group);
        bool resized = node->in[0].tensor && gr__size_of(node->in[0].tensor) != gr__size_of(node);
        for (int i = 0; i < v->arity && !resized; i++) { /* the result may lie on these */
            if (o[i].group == group) {
                gr__consume(w, v->in[i]);
                v->in[i].source = GR__A_NUMBER;
            }
        }
        uint16_t out = result_slot(w, v, group);
        *gr__new_instruction(w) = (gr__instruction){.run = gr__do_map,
                                                    .map = map_kernel(w, node, form),
                                                    .more = more_than_one(node),
                                                    .out = out,
                                                    .in = {o[0].slot, o[1].slot, o[2].slot},
                                                    .grain = gr__grain_of(w->program, group)};
    }
    keep(w, v);
    return true;
}

static bool write_source(gr__writer *w, gr__value *v)
{
    const gr_tensor *node = v->item->node;
    int64_t own = w->pass->elements / node->shape->count;

    if (node->shape->count == 1 || (node->op->uniform && node->op->uniform(node))) {
        evaluate(w, v, NULL);
        keep(w, v);
        return true;
    }
    uint16_t out = result_slot(w, v, own);
    *gr__new_instruction(w) = (gr__instruction){.run = gr__do_source,
                                                .source = source_kernel(w, node),
                                                .detail = node->detail,
                                                .out = out,
                                                .grain = gr__grain_of(w->program, own)};
    keep(w, v);
    return true;
}

/* Runs of `length` elements that lie within a tile. */
static void write_rows(gr__writer *w, gr__value *v, gr__instruction in, int64_t each,
                       int64_t length)
{
    in.run = length > GR__BLOCK ? gr__do_long_rows : gr__do_rows;
    in.times = length;
    in.out = result_slot(w, v, each * length);
    in.grain = gr__grain_of(w->program, each * length);
    in.size = gr__size_of(v->item->node);
    *gr__new_instruction(w) = in;
    keep(w, v);
}

/* Partial results, if there is more than one for a result. */
static bool partials(gr__writer *w, gr__value *v, gr__finish finish)
{
    finish.out = v->item->buffer->data;
    finish.size = gr__size_of(v->item->node);
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
static bool write_span(gr__writer *w, gr__value *v, gr__instruction in)
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
    in.out = gr__moving_slot(w, made->partial, made->size, GR__EACH_TILE, 0);
    *gr__new_instruction(w) = in;
    return true;
}

static bool write_columns(gr__writer *w, gr__value *v, gr__instruction in)
{
    int64_t columns = w->pass->columns, rows = w->pass->elements / columns;
    size_t size = gr__size_of(v->item->node);
    gr__finish finish = {.kernel = in.reduce,
                         .results = columns,
                         .blocks = (rows + GR__BLOCK - 1) / GR__BLOCK,
                         .lanes = gr__new_register(w, GR__LANES * (size_t)columns * size)};

    if (!partials(w, v, finish)) {
        return false;
    }
    in.run = gr__do_columns;
    in.out = finish.lanes;
    in.times = columns;
    in.size = size;
    *gr__new_instruction(w) = in;
    return true;
}

static bool write_reduce(gr__writer *w, gr__value *v)
{
    gr_tensor *node = v->item->node;
    const gr_tensor *t = node->in[0].tensor;
    gr__axes_order order = gr__order_of(node);
    int64_t each = w->pass->elements / t->shape->count;
    gr__numbers o = gr__numbers_of(w, v, 0);
    gr__instruction in = {
        .reduce = (const gr__reduce_kernel *)gr__slots(w->kernels, node->op->kernel) + node->dtype,
        .in = {gr__spread(w, v, 0, o, each, (gr_dtype)t->dtype)}};

    if (order.trailing && w->pass->row % (each * order.length) == 0) {
        write_rows(w, v, in, each, order.length);
        return true;
    }
    return order.trailing ? write_span(w, v, in) : write_columns(w, v, in);
}

/* One index in each row. */
static bool write_rowwise(gr__writer *w, gr__value *v)
{
    gr_tensor *node = v->item->node;
    int64_t index = w->pass->elements / node->in[1].tensor->shape->count;
    int64_t out = w->pass->elements / node->shape->count;
    int64_t each = w->pass->elements / node->in[0].tensor->shape->count;
    gr__numbers x = gr__numbers_of(w, v, 0), at = gr__numbers_of(w, v, 1);
    gr__row_kernel *const *rows = gr__slots(w->kernels, node->op->row);
    gr__instruction in = {.run = gr__do_rowwise,
                          .row = rows[node->dtype],
                          .in = {gr__spread(w, v, 0, x, each, (gr_dtype)node->dtype),
                                 gr__spread(w, v, 1, at, index, GR_I64)},
                          .times = index / (each < out ? each : out),
                          .grain = gr__grain_of(w->program, index)};

    in.out = result_slot(w, v, out);
    *gr__new_instruction(w) = in;
    keep(w, v);
    return true;
}

/* The same value under another shape. */
static bool write_view(gr__writer *w, gr__value *v)
{
    if (v->in[0].source == GR__AN_INPUT) {
        gr__numbers o = gr__numbers_of(w, v, 0);
        v->group = o.group;
        v->slot = o.slot;
        v->borrowed = true;
    }
    return true;
}

/* ---- the whole ---- */

/* Whether the operands are there; an error among them becomes the node's own. */
static bool operands_good(const gr__writer *w, const gr__value *v)
{
    bool good = true;

    for (int i = 0; w->plan->trouble && i < v->arity; i++) {
        const gr_tensor *t = v->item->node->in[i].tensor;
        if (t && gr__is_error(t)) {
            v->item->node->flags |= GR__ERROR;
        }
        good = good && (v->in[i].source != GR__A_VALUE || !w->values[v->in[i].index].failed) &&
               (v->in[i].source != GR__AN_INPUT || t->buffer);
    }
    return good && !gr__is_error(v->item->node);
}

static bool write_value(gr__writer *w, gr__value *v)
{
    static bool (*const write[])(gr__writer *, gr__value *) = {
        [GR__MAP] = write_map,        [GR__SOURCE] = write_source, [GR__REDUCE] = write_reduce,
        [GR__OPAQUE] = write_rowwise, [GR__VIEW] = write_view,
    };

    if (!operands_good(w, v) || (v->kept && !give_memory(w, v))) {
        return false;
    }
    return write[v->item->node->op->kind](w, v);
}

static void write_values(gr__writer *w)
{
    for (int32_t i = 0; i < w->value_count; i++) {
        gr__value *v = &w->values[i];
        v->failed = !write_value(w, v);
        w->plan->trouble = w->plan->trouble || v->failed;
        if (v->failed && v->kept) {
            v->item->failed = true;
            gr__buffer_drop(v->item->buffer);
            v->item->buffer = NULL;
        }
        for (int j = 0; j < v->arity; j++) {
            gr__consume(w, v->in[j]);
        }
        if (v->uses == 0 && v->root == i && !v->borrowed) {
            gr__give_back(w, v->slot);
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

/* Cuts a piece off the room, of which only the size counts if base is NULL. */
static void *cut(char *base, size_t *at, size_t count, size_t size)
{
    void *piece = base ? base + *at : NULL;

    *at += (count * size + 7) & ~(size_t)7;
    return piece;
}

/* The room for n values, of which each has at most three operands; returns its bytes. */
static size_t lay_out(gr__writer *w, char *base, size_t n)
{
    size_t at = 0;
    gr__program p = {.elements = w->pass->elements,
                     .span = w->pass->span,
                     .columns = w->pass->columns,
                     .groups = {1},
                     .grain_count = 1};

    w->program = cut(base, &at, 1, sizeof p);
    w->values = cut(base, &at, n, sizeof *w->values);
    w->inputs = cut(base, &at, 3 * n, sizeof *w->inputs);
    w->plans = cut(base, &at, 3 * n, sizeof *w->plans);
    w->numbers = cut(base, &at, 4 * n, sizeof *w->numbers);
    w->free = cut(base, &at, 8 * n, sizeof *w->free);
    p.code = cut(base, &at, 8 * n, sizeof *p.code);
    p.once = cut(base, &at, 3 * n, sizeof *p.once);
    p.slots = cut(base, &at, 13 * n, sizeof *p.slots);
    p.strides = cut(base, &at, 5 * n, sizeof *p.strides);
    p.registers = cut(base, &at, 8 * n, sizeof *p.registers);
    p.finishes = cut(base, &at, n, sizeof *p.finishes);
    if (base) {
        *w->program = p;
    }
    return at;
}

static bool take_room(gr__writer *w, gr__room *room, size_t n)
{
    char *base = gr__room_take(room, lay_out(w, NULL, n));

    if (!base) {
        return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for a program");
    }
    lay_out(w, base, n);
    return true;
}

/* Shares out to the instructions what they fetch of the tile after the next. */
static void plan_fetches(gr__program *p)
{
    int64_t line = 64;

    for (int i = 0; i < p->stride_count && p->code_count > 0; i++) {
        gr__stride *s = &p->strides[i];
        int64_t share = s->far ? p->tile * s->size / p->code_count : 0;
        s->ahead = (share + line - 1) / line * line;
        p->fetches = p->fetches || s->far;
    }
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
    gr__writer w = {.plan = plan, .k = k, .pass = pass, .kernels = gr__kernels_in_use()};

    *program = NULL;
    if (n == 0) {
        return true;
    }
    if (!take_room(&w, room, n)) {
        return false;
    }
    gr__program *p = w.program;
    gr__new_slot(&w, NULL);
    gr__list_values(&w);
    p->tile = gr__choose_tile(&w);
    w.register_size = ((size_t)p->tile * w.register_size + 127) / 64 * 64;
    for (int i = 0; i < w.input_count; i++) {
        w.inputs[i].free = is_free(&w, &w.inputs[i]);
    }
    write_values(&w);
    divide_work(p, pass);
    plan_fetches(p);
    *program = p->code_count > 0 ? p : NULL;
    return true;
}

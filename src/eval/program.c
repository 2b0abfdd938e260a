/* Writing a pass's program. Values live in registers, pieces of memory as long as a tile; what is
 * stored is written where it belongs at once, and read from there. What does not depend on the
 * element is a number to the program, computed before its tiles. */
#include <string.h>

#include "src/eval/writer.h"

enum {
    STREAMED = 1 << 24, /* bytes from which a value goes past the caches */
    FAR = 9 << 19       /* bytes of inputs together from which they are in no cache */
};

/* ---- results ---- */

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
        v->memory = gr__moving_slot(w, gr__size_of(node), gr__grain_of(w->program, group), 0);
        v->slot = v->memory;
    } else {
        v->slot = gr__take_register(w);
    }
    return v->slot;
}

/* What is kept and is not yet where it belongs: it has fewer numbers than its node, or is so large
 * that it goes past the caches. */
static void keep(gr__writer *w, gr__value *v)
{
    const gr_tensor *node = v->item->node;
    int64_t own = v->kept ? own_group(w, node) : 0;

    if (!v->kept || (v->group == own && !v->streamed)) {
        return;
    }
    uint8_t grain = gr__grain_of(w->program, own);
    uint16_t slot = v->memory = gr__moving_slot(w, gr__size_of(node), grain, 0);
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

/* The slot of a source's detail. */
static uint16_t detail_slot(gr__writer *w, const gr__value *v)
{
    uint16_t slot = gr__new_slot(w);

    gr__note_given(w, v, GR__ITS_DETAIL, slot);
    return slot;
}

/* One number for the whole domain: computed before there are tiles. */
static void evaluate(gr__writer *w, gr__value *v, const gr__numbers *o)
{
    gr_tensor *node = v->item->node;
    gr__instruction *in = &w->program->before[w->program->before_count++];

    v->group = GR__NUMBER;
    v->slot = gr__number_slot(w);
    *in = (gr__instruction){.out = v->slot};
    if (node->op->kind == GR__SOURCE) {
        in->run = gr__do_source;
        in->source = source_kernel(w, node);
        in->in[0] = detail_slot(w, v);
        return;
    }
    in->run = gr__do_map;
    in->map = map_kernel(w, node, 0);
    for (int i = 0; i < v->arity; i++) {
        in->in[i] = o[i].slot;
    }
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

static void write_map(gr__writer *w, gr__value *v)
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
}

static void write_source(gr__writer *w, gr__value *v)
{
    const gr_tensor *node = v->item->node;
    int64_t own = w->pass->elements / node->shape->count;

    if (node->shape->count == 1 || v->item->uniform) {
        evaluate(w, v, NULL);
        keep(w, v);
        return;
    }
    uint16_t out = result_slot(w, v, own);
    *gr__new_instruction(w) = (gr__instruction){.run = gr__do_source,
                                                .source = source_kernel(w, node),
                                                .in = {detail_slot(w, v)},
                                                .out = out,
                                                .grain = gr__grain_of(w->program, own)};
    keep(w, v);
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

/* A reduction that ends after the last tile; partial results, if there are several for a result, go
 * to slot `partial`. */
static void finish_later(gr__writer *w, gr__value *v, gr__finish finish)
{
    gr__program *p = w->program;

    finish.size = gr__size_of(v->item->node);
    finish.out = v->memory = gr__new_slot(w);
    p->finishes[p->finish_count++] = finish;
}

/* Runs of elements that many tiles share: one partial result a tile. */
static void write_span(gr__writer *w, gr__value *v, gr__instruction in)
{
    int64_t span = w->pass->span;

    in.run = gr__do_tile;
    in.out = gr__moving_slot(w, gr__size_of(v->item->node), GR__EACH_TILE, 0);
    *gr__new_instruction(w) = in;
    finish_later(w, v,
                 (gr__finish){.kernel = in.reduce,
                              .results = w->pass->elements / span,
                              .blocks = (span + GR__BLOCK - 1) / GR__BLOCK,
                              .partial = in.out});
}

static void write_columns(gr__writer *w, gr__value *v, gr__instruction in)
{
    int64_t columns = w->pass->columns, rows = w->pass->elements / columns;

    in.run = gr__do_columns;
    in.size = gr__size_of(v->item->node);
    in.out = gr__new_register(w, GR__LANES * (size_t)columns * in.size);
    in.times = columns;
    *gr__new_instruction(w) = in;
    finish_later(w, v,
                 (gr__finish){.kernel = in.reduce,
                              .results = columns,
                              .blocks = (rows + GR__BLOCK - 1) / GR__BLOCK,
                              .lanes = in.out,
                              .partial = gr__new_slot(w)});
}

static void write_reduce(gr__writer *w, gr__value *v)
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
    } else if (order.trailing) {
        write_span(w, v, in);
    } else {
        write_columns(w, v, in);
    }
}

/* One index in each row. */
static void write_rowwise(gr__writer *w, gr__value *v)
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
}

/* The same value under another shape. */
static void write_view(gr__writer *w, gr__value *v)
{
    if (v->in[0].source == GR__AN_INPUT) {
        gr__numbers o = gr__numbers_of(w, v, 0);
        v->group = o.group;
        v->slot = o.slot;
        v->borrowed = true;
    }
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
    static void (*const write[])(gr__writer *, gr__value *) = {
        [GR__MAP] = write_map,        [GR__SOURCE] = write_source, [GR__REDUCE] = write_reduce,
        [GR__OPAQUE] = write_rowwise, [GR__VIEW] = write_view,
    };
    const gr_tensor *node = v->item->node;

    if (!operands_good(w, v)) {
        return false;
    }
    v->streamed = v->kept && node->shape->count >= STREAMED / (int64_t)gr__size_of(node);
    write[node->op->kind](w, v);
    return true;
}

static void write_values(gr__writer *w)
{
    for (int32_t i = 0; i < w->value_count; i++) {
        gr__value *v = &w->values[i];
        v->failed = !write_value(w, v);
        w->plan->trouble = w->plan->trouble || v->failed;
        v->item->failed = v->item->failed || (v->failed && v->kept);
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
    w->is_register = cut(base, &at, 14 * n + 1, sizeof *w->is_register);
    w->free = cut(base, &at, 8 * n, sizeof *w->free);
    w->number_slots = cut(base, &at, 4 * n, sizeof *w->number_slots);
    p.before = cut(base, &at, n, sizeof *p.before);
    p.once = cut(base, &at, 3 * n, sizeof *p.once);
    p.code = cut(base, &at, 8 * n, sizeof *p.code);
    p.strides = cut(base, &at, 5 * n, sizeof *p.strides);
    p.registers = cut(base, &at, 8 * n, sizeof *p.registers);
    p.finishes = cut(base, &at, n, sizeof *p.finishes);
    p.givens = cut(base, &at, 4 * n, sizeof *p.givens);
    p.twins = cut(base, &at, 3 * n, sizeof *p.twins);
    p.loads = cut(base, &at, 3 * n, sizeof *p.loads);
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

/* Inputs that no cache holds are fetched two tiles ahead; each instruction has its share of that. */
static void plan_fetches(gr__program *p)
{
    int64_t line = 64, bytes = 0;

    for (int i = 0; i < p->stride_count; i++) {
        bytes += p->strides[i].read ? p->elements * p->strides[i].size : 0;
    }
    p->fetches = bytes >= FAR && p->code_count > 0;
    for (int i = 0; i < p->stride_count && p->fetches; i++) {
        gr__stride *s = &p->strides[i];
        int64_t share = s->read ? p->tile * s->size / p->code_count : 0;
        s->ahead = (share + line - 1) / line * line;
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

/* ---- packing: only what the program needs, side by side ---- */

static void *pack(char *base, size_t *at, const void *from, int32_t count, size_t size)
{
    void *to = cut(base, at, (size_t)count, size);

    if (base && count > 0) {
        memcpy(to, from, (size_t)count * size);
    }
    return to;
}

static void pack_inputs(const gr__writer *w, gr__program *p)
{
    for (int i = 0; i < w->input_count; i++) {
        const gr__input *input = &w->inputs[i];
        const gr__item *origin = gr__read_by(w->plan, &w->plan->items[input->item], input->operand);
        if (input->slot != 0) {
            p->inputs[p->input_count++] = (gr__input_place){
                .shape = input->shape,
                .load = input->load ? p->loads + (input->load - w->program->loads) : NULL,
                .item = input->item,
                .operand = input->operand,
                .slot = w->is_register[input->slot] ? 0 : input->slot,
                .origin = origin ? (int32_t)(origin - w->plan->items) : GR__NONE,
                .reads = input->reads,
                .last = input->last,
                .single = input->pattern == GR__SINGLE,
                .in_order = input->pattern == GR__IN_PLACE,
            };
        }
    }
}

static void pack_results(const gr__writer *w, gr__program *p)
{
    for (int i = 0; i < w->value_count; i++) {
        const gr__value *v = &w->values[i];
        if (v->memory != 0) {
            p->results[p->result_count++] = (gr__result_place){
                .item = (int32_t)(v->item - w->plan->items), .value = i, .slot = v->memory};
        }
    }
}

/* Instructions that load read the packed loads. */
static void point_to_loads(const gr__program *old, gr__program *p, gr__instruction *code, int32_t n)
{
    for (int i = 0; i < n; i++) {
        if (code[i].run == gr__do_load) {
            code[i].load = p->loads + (code[i].load - old->loads);
        }
    }
}

/* Lays the packed program out from base; returns its bytes. */
static size_t pack_program(const gr__writer *w, char *base)
{
    const gr__program *old = w->program;
    gr__program packed = *old, *p = &packed;
    size_t at = 0;
    gr__program *home = cut(base, &at, 1, sizeof *home);

    p->before = pack(base, &at, old->before, old->before_count, sizeof *p->before);
    p->once = pack(base, &at, old->once, old->once_count, sizeof *p->once);
    p->code = pack(base, &at, old->code, old->code_count, sizeof *p->code);
    p->strides = pack(base, &at, old->strides, old->stride_count, sizeof *p->strides);
    p->registers = pack(base, &at, old->registers, old->register_count, sizeof *p->registers);
    p->finishes = pack(base, &at, old->finishes, old->finish_count, sizeof *p->finishes);
    p->givens = pack(base, &at, old->givens, old->given_count, sizeof *p->givens);
    p->twins = pack(base, &at, old->twins, old->twin_count, sizeof *p->twins);
    p->loads = pack(base, &at, old->loads, old->load_count, sizeof *p->loads);
    p->slots = cut(base, &at, (size_t)old->slot_count, sizeof *p->slots);
    p->numbers = cut(base, &at, (size_t)old->number_count, sizeof *p->numbers);
    p->inputs = cut(base, &at, (size_t)w->input_count, sizeof *p->inputs);
    p->results = cut(base, &at, (size_t)w->value_count, sizeof *p->results);
    if (base) {
        memset(p->slots, 0, (size_t)old->slot_count * sizeof *p->slots);
        for (int i = 0; i < p->number_count; i++) {
            p->slots[w->number_slots[i]] = &p->numbers[i];
        }
        point_to_loads(old, p, p->once, p->once_count);
        point_to_loads(old, p, p->code, p->code_count);
        pack_inputs(w, p);
        pack_results(w, p);
        *home = packed;
    }
    return at;
}

bool gr__write_program(gr__plan *plan, int32_t k, gr__room *scratch, gr__program **program)
{
    const gr__pass *pass = &plan->passes[k];
    size_t n = (size_t)count_live(plan, pass);
    gr__writer w = {.plan = plan, .k = k, .pass = pass, .kernels = gr__kernels_in_use()};

    *program = NULL;
    gr__room_reset(scratch);
    if (n == 0) {
        return true;
    }
    if (!take_room(&w, scratch, n)) {
        return false;
    }
    gr__program *p = w.program;
    gr__new_slot(&w);
    gr__list_values(&w);
    p->tile = gr__choose_tile(&w);
    w.register_size = ((size_t)p->tile * w.register_size + 127) / 64 * 64;
    write_values(&w);
    divide_work(p, pass);
    plan_fetches(p);
    if (p->code_count > 0) {
        char *base = gr__room_take(&plan->room, pack_program(&w, NULL));
        if (!base) {
            return gr_fail(GR_ERROR_MEMORY, "gr_eval", NULL, "no memory for a program");
        }
        pack_program(&w, base);
        *program = (gr__program *)(void *)base;
    }
    return true;
}

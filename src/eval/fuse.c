/* Cutting a schedule into passes over memory.
 *
 * Nodes are taken in creation order; each joins a pass of one of its operands, or the last pass over
 * as many elements, or opens one. A pass can only use values of its own and what earlier passes have
 * stored, so passes run in the order they were opened. Where a node reads a value of another pass,
 * the value is computed once more if that is cheap, else stored: with one reader up to 24
 * operations, with several up to 3, counted from what lies in memory. (Counted per operation, a
 * chain of 10,000 with a sum at each step would run 50 million instructions.) */
#include "src/eval/plan.h"

enum {
    MOST_MEMBERS = 96,  /* of a pass that still takes nodes */
    COPY_ONE = 24,      /* cost up to which a value with one reader is computed there */
    COPY_SEVERAL = 3,   /* the same with several readers */
    MOST_COLUMNS = 4096 /* columns that are reduced side by side */
};

bool gr__in_order(const gr__shape *from, const gr__shape *to)
{
    if (from == to || from->count == to->count || from->count == 1) {
        return true;
    }
    int i = from->rank - 1, shift = to->rank - from->rank;
    while (i >= 0 && from->dims[i] == 1) {
        i--;
    }
    for (; i >= 0 && from->dims[i] == to->dims[i + shift]; i--) {
    }
    int64_t before = 1;
    for (int k = 0; k <= i + shift; k++) {
        before *= to->dims[k];
    }
    return i < 0 && before == 1;
}

/* ---- passes ---- */

static int32_t *recent(gr__plan *plan, int64_t elements)
{
    return &plan->recent[(uint64_t)elements * UINT64_C(0x9E3779B97F4A7C15) >> 58];
}

static int32_t last_pass(gr__plan *plan, int64_t elements)
{
    int32_t k = *recent(plan, elements);

    return k >= 0 && plan->passes[k].elements == elements ? k : GR__NONE;
}

static int32_t open_pass(gr__plan *plan, int64_t elements, bool alone)
{
    gr__pass *passes = gr__grow(plan->passes, &plan->pass_capacity, plan->pass_count + 1,
                                sizeof *passes);

    if (!passes) {
        plan->complete = false;
        return GR__NONE;
    }
    plan->passes = passes;
    int32_t k = (int32_t)plan->pass_count++;
    passes[k] = (gr__pass){
        .elements = elements, .row = 1, .first = GR__NONE, .last = GR__NONE, .alone = alone};
    if (!alone && plan->fusing) {
        *recent(plan, elements) = k;
    }
    return k;
}

static void append(gr__plan *plan, int32_t k, const gr__item *item)
{
    gr__member *members = gr__grow(plan->members, &plan->member_capacity, plan->member_count + 1,
                                   sizeof *members);

    if (!members) {
        plan->complete = false;
        return;
    }
    plan->members = members;
    int32_t e = (int32_t)plan->member_count++;
    gr__pass *pass = &plan->passes[k];
    members[e] = (gr__member){
        .item = (int32_t)(item - plan->items), .next = GR__NONE, .previous = pass->last};
    if (pass->last >= 0) {
        members[pass->last].next = e;
    } else {
        pass->first = e;
    }
    pass->last = e;
    pass->count++;
}

static void settle(gr__plan *plan, gr__item *item, int32_t k, bool inside)
{
    item->home = k;
    item->inside = inside;
    append(plan, k, item);
}

/* ---- values of other passes ---- */

/* Whether o, read by a node of so many elements, may be computed where it is read. */
static bool may_copy(const gr__item *o, int64_t count)
{
    int64_t own = o->node->shape->count;
    int limit = own == 1 || o->uniform || o->uses <= 1 ? COPY_ONE : COPY_SEVERAL;

    return o->inside && o->cost <= limit && (own == count || own == 1 || o->uniform);
}

/* Whether pass k can have the value of o for a node. */
static bool reachable(const gr__plan *plan, const gr__item *o, const gr_tensor *node, int32_t k)
{
    if (o->home < k) {
        return true;
    }
    if (o->home == k) {
        return o->inside && (o->uniform || gr__in_order(o->node->shape, node->shape));
    }
    return plan->fusing && o->ready <= k && may_copy(o, node->shape->count);
}

static void provide(gr__plan *plan, gr__item *o, int64_t count, int32_t k);

static void copy(gr__plan *plan, gr__item *o, int32_t k)
{
    const gr_tensor *node = o->node;

    for (int i = 0; i < node->op->arity; i++) {
        gr__item *x = gr__read_by(plan, o, i);
        if (x) {
            provide(plan, x, node->shape->count, k);
        }
    }
    o->copied = k;
    append(plan, k, o);
}

/* Makes o's value available in pass k to a node of so many elements. What is copied costs at most
 * COPY_ONE, so this goes no deeper. */
static void provide(gr__plan *plan, gr__item *o, int64_t count, int32_t k)
{
    if (o->home < 0 || o->home == k || o->copied == k) {
        return;
    }
    bool there = o->stored && o->home < k;
    if (plan->fusing && !there && o->ready <= k && may_copy(o, count)) {
        copy(plan, o, k);
    } else {
        o->stored = true;
    }
}

/* What the node costs, and from which pass on, if it is computed where it is read. */
static void estimate(const gr__plan *plan, gr__item *item)
{
    const gr_tensor *node = item->node;
    int cost = node->op->kind == GR__VIEW ? 0 : node->op->cost ? node->op->cost : 1;

    item->ready = 0;
    for (int i = 0; i < node->op->arity; i++) {
        const gr__item *x = gr__read_by(plan, item, i);
        if (!x || x->home < 0) {
            continue;
        }
        bool copies = !x->stored && may_copy(x, node->shape->count) && x->ready != GR__NEVER;
        int32_t ready = copies ? x->ready : x->home + 1;
        item->ready = ready > item->ready ? ready : item->ready;
        cost += copies ? x->cost : 0;
    }
    item->cost = (uint8_t)(cost < UINT8_MAX ? cost : UINT8_MAX);
}

/* ---- each kind ---- */

/* Runs by itself, over whole arrays. */
static void place_alone(gr__plan *plan, gr__item *item)
{
    const gr_tensor *node = item->node;

    for (int i = 0; i < node->op->arity; i++) {
        gr__item *x = gr__read_by(plan, item, i);
        if (x) {
            x->stored = true;
        }
    }
    int32_t k = open_pass(plan, node->shape->count, true);
    if (k >= 0) {
        item->ready = GR__NEVER;
        settle(plan, item, k, false);
    }
}

/* Whether a pass has room for a node over so many elements. */
static bool has_room(const gr__pass *pass, int64_t count)
{
    return !pass->alone && pass->count < MOST_MEMBERS &&
           (pass->elements == count || pass->elements % count == 0);
}

static bool may_join(const gr__plan *plan, const gr__item *item, int32_t k)
{
    const gr_tensor *node = item->node;

    if (!has_room(&plan->passes[k], node->shape->count)) {
        return false;
    }
    for (int i = 0; i < node->op->arity; i++) {
        const gr__item *x = gr__read_by(plan, item, i);
        if (x && !reachable(plan, x, node, k)) {
            return false;
        }
    }
    return true;
}

/* The pass of an operand that can take the node, the latest first (what is one number can be had
 * anywhere); else the last one over as many elements; else a new one. */
static int32_t pass_for(gr__plan *plan, const gr__item *item)
{
    const gr_tensor *node = item->node;
    int32_t below = GR__NEVER;

    for (int tries = plan->fusing ? node->op->arity : 0; tries > 0; tries--) {
        int32_t k = GR__NONE;
        for (int i = 0; i < node->op->arity; i++) {
            const gr__item *x = gr__read_by(plan, item, i);
            bool inside = x && x->inside && !x->uniform && x->home < below && x->home > k;
            k = inside ? x->home : k;
        }
        if (k < 0) {
            break;
        }
        if (may_join(plan, item, k)) {
            return k;
        }
        below = k;
    }
    int32_t k = last_pass(plan, node->shape->count);
    return k >= 0 && may_join(plan, item, k) ? k : open_pass(plan, node->shape->count, false);
}

/* Whether the node's elements are one number because its operands' are. */
static bool is_uniform(const gr__plan *plan, const gr__item *item)
{
    const gr_tensor *node = item->node;
    bool uniform = node->op->kind != GR__SOURCE || (node->op->uniform && node->op->uniform(node));

    for (int i = 0; i < node->op->arity && uniform; i++) {
        const gr_tensor *t = node->in[i].tensor;
        const gr__item *x = gr__read_by(plan, item, i);
        uniform = !t || (x && x->home >= 0 ? x->uniform : t->shape->count == 1);
    }
    return uniform;
}

static void place_map(gr__plan *plan, gr__item *item)
{
    const gr_tensor *node = item->node;

    if (node->shape->count == 0) {
        place_alone(plan, item);
        return;
    }
    int32_t k = pass_for(plan, item);
    for (int i = 0; i < node->op->arity && k >= 0; i++) {
        gr__item *x = gr__read_by(plan, item, i);
        if (x) {
            provide(plan, x, node->shape->count, k);
        }
    }
    estimate(plan, item);
    item->uniform = is_uniform(plan, item);
    if (k >= 0) {
        settle(plan, item, k, plan->fusing);
    }
}

gr__axes_order gr__order_of(const gr_tensor *reduction)
{
    const gr__shape *shape = reduction->in[0].tensor->shape;
    int mask = ((const gr__reduced *)reduction->detail)->mask;
    int changes = 0, first = -1, last = -1;
    gr__axes_order a = {.length = 1, .kept = 1};

    for (int i = 0; i < shape->rank; i++) {
        if (shape->dims[i] == 1) {
            continue;
        }
        int reduced = mask >> i & 1;
        *(reduced ? &a.length : &a.kept) *= shape->dims[i];
        changes += last >= 0 && reduced != last;
        first = first < 0 ? reduced : first;
        last = reduced;
    }
    a.trailing = a.length == 1 || (changes <= 1 && last == 1);
    a.leading = changes == 1 && last == 0;
    return a;
}

/* Lets pass k reduce runs of `row` elements within its tiles. */
static bool add_row(gr__pass *pass, int64_t row)
{
    int64_t both = row > pass->row ? row : pass->row;
    bool nested = both % row == 0 && both % pass->row == 0;

    if (row > GR__LONGEST_ROW || !nested || (pass->span && GR__BLOCK % both != 0) ||
        (pass->columns && pass->columns % both != 0)) {
        return false;
    }
    pass->row = both;
    return true;
}

/* Lets it reduce runs of `span` elements tile by tile; tiles are then blocks. */
static bool add_span(gr__pass *pass, int64_t span)
{
    bool fits = pass->span ? pass->span == span : GR__BLOCK % pass->row == 0;

    if (!fits || pass->columns || span % pass->row != 0) {
        return false;
    }
    pass->span = span;
    return true;
}

static bool add_columns(gr__pass *pass, int64_t columns)
{
    bool fits = pass->columns ? pass->columns == columns : columns % pass->row == 0;

    if (!fits || pass->span || columns > MOST_COLUMNS) {
        return false;
    }
    pass->columns = columns;
    return true;
}

/* Whether the pass can reduce what has so many elements; *inside: the result is a value of the pass.
 * Without `inside` it has to be. */
static bool add_reduction(gr__pass *pass, int64_t elements, const gr__axes_order *a, bool *inside)
{
    int64_t each = pass->elements / elements;
    bool row = a->trailing && add_row(pass, each * a->length);

    if (row || !inside) {
        return row;
    }
    *inside = false;
    return each == 1 && ((a->trailing && add_span(pass, a->length)) ||
                         (a->leading && add_columns(pass, a->kept)));
}

/* The pass that does it for a node: its operand's, the last over as many elements, or a new one. */
static int32_t reducing_pass(gr__plan *plan, const gr__item *item, int64_t elements,
                             const gr__axes_order *a, bool *inside)
{
    const gr_tensor *t = item->node->in[0].tensor;
    const gr__item *x = gr__read_by(plan, item, 0);
    int32_t tries[] = {x && x->inside ? x->home : GR__NONE, last_pass(plan, elements)};

    for (int i = 0; i < 2; i++) {
        int32_t k = tries[i];
        if (k >= 0 && has_room(&plan->passes[k], elements) && (!x || reachable(plan, x, t, k)) &&
            add_reduction(&plan->passes[k], elements, a, inside)) {
            return k;
        }
    }
    int32_t k = open_pass(plan, elements, false);
    if (k >= 0) {
        add_reduction(&plan->passes[k], elements, a, inside);
    }
    return k;
}

/* Gives it a place there. */
static void settle_reduced(gr__plan *plan, gr__item *item, int32_t k, bool inside)
{
    gr__item *x = gr__read_by(plan, item, 0);

    item->ready = GR__NEVER;
    if (k >= 0) {
        if (x) {
            provide(plan, x, item->node->in[0].tensor->shape->count, k);
        }
        item->stored = !inside;
        settle(plan, item, k, inside && plan->fusing);
    }
}

static void place_reduce(gr__plan *plan, gr__item *item)
{
    int64_t elements = item->node->in[0].tensor->shape->count;
    gr__axes_order a = gr__order_of(item->node);
    bool computed = gr__read_by(plan, item, 0) != NULL, inside = true;

    if (elements == 0 || (!a.trailing && (!a.leading || !computed || a.kept > MOST_COLUMNS))) {
        place_alone(plan, item);
        return;
    }
    int32_t k = reducing_pass(plan, item, elements, &a, &inside);
    settle_reduced(plan, item, k, inside);
}

/* One index in each row of the last axis can be done tile by tile. */
static void place_opaque(gr__plan *plan, gr__item *item)
{
    int64_t length = plan->fusing ? item->like.trait : 0;

    if (length == 0) {
        place_alone(plan, item);
        return;
    }
    int64_t rows = item->node->in[1].tensor->shape->count;
    gr__axes_order a = {.length = length, .kept = rows, .trailing = true};
    int32_t k = reducing_pass(plan, item, rows * length, &a, NULL);
    settle_reduced(plan, item, k, true);
}

/* A view of a value in order is that value under another shape. Any other takes a layout as soon as
 * its operand is stored; at once if it is. */
static void place_view(gr__plan *plan, gr__item *item)
{
    gr_tensor *node = item->node;
    const gr_tensor *t = node->in[0].tensor;
    gr__item *x = gr__read_by(plan, item, 0);
    bool ordered = !node->op->layout || node->op->in_order;

    if (!x || x->home < 0) { /* it could not be laid out at once, or its operand is an error */
        item->home = GR__NONE;
        item->failed = !gr__compute(plan->thread, node);
        plan->trouble = true;
        return;
    }
    bool inside = x->inside && ordered && (x->uniform || gr__in_order(t->shape, node->shape));
    estimate(plan, item);
    item->uniform = inside && x->uniform;
    item->stored = !inside;
    x->stored = x->stored || !inside;
    settle(plan, item, x->home, inside);
}

/* ---- what is needed ---- */

/* Whether operand x of a node is a value of the pass k that is looked at. */
static bool used_inside(const gr__item *x, const gr_tensor *node, int32_t k, int32_t e)
{
    return x->inside && x->seen == k && x->place < e &&
           (gr__reads_as_is(node) || x->uniform || gr__in_order(x->node->shape, node->shape));
}

/* Whether a member is needed; if so, so are its operands. A view that is kept needs its operand in
 * memory, whether or not the pass uses it too. */
static void need(gr__plan *plan, int32_t k, int32_t e)
{
    gr__member *member = &plan->members[e];
    const gr__item *item = &plan->items[member->item];
    const gr_tensor *node = item->node;
    bool kept = item->home == k && gr__is_kept(item), view = node->op->kind == GR__VIEW;

    member->live = (member->live || (kept && !view)) && item->place == e;
    if (kept && view) {
        gr__read_by(plan, item, 0)->loads++;
    }
    for (int i = 0; member->live && i < node->op->arity; i++) {
        gr__item *x = gr__read_by(plan, item, i);
        bool inside = x && used_inside(x, node, k, e);
        if (inside) {
            plan->members[x->place].live = true;
        } else if (x) {
            x->loads++;
        }
        member->inside |= (uint8_t)(inside << i);
    }
}

/* Backwards, so that a node's readers come before it: what nobody loads need not be stored, and what
 * nobody uses need not be computed. */
static void find_needs(gr__plan *plan)
{
    for (int32_t k = (int32_t)plan->pass_count - 1; k >= 0; k--) {
        const gr__pass *pass = &plan->passes[k];
        for (int32_t e = pass->first; e >= 0; e = plan->members[e].next) {
            gr__item *item = &plan->items[plan->members[e].item];
            item->place = item->seen == k ? item->place : e;
            item->seen = k;
        }
        for (int32_t e = pass->last; e >= 0; e = plan->members[e].previous) {
            need(plan, k, e);
        }
    }
}

/* ---- updates ---- */

/* Whether one of the operands of a pass's live members waits for a pass that is late. */
static bool waits_for_late(const gr__plan *plan, const gr__pass *pass)
{
    for (int32_t e = pass->first; e >= 0; e = plan->members[e].next) {
        const gr__member *member = &plan->members[e];
        const gr__item *item = &plan->items[member->item];
        for (int i = 0; member->live && i < item->node->op->arity; i++) {
            const gr__item *x = gr__read_by(plan, item, i);
            if (x && !(member->inside >> i & 1) && x->home >= 0 && plan->passes[x->home].late) {
                return true;
            }
        }
    }
    return false;
}

static bool has_update(const gr__plan *plan, const gr__pass *pass)
{
    for (int32_t e = pass->first; e >= 0; e = plan->members[e].next) {
        const gr__member *member = &plan->members[e];
        if (member->live && plan->items[member->item].node->flags & GR__UPDATE) {
            return true;
        }
    }
    return false;
}

/* Whether the layout of one of the pass's views may need a copy of numbers. */
static bool may_copy_view(const gr__plan *plan, const gr__pass *pass)
{
    for (int32_t e = pass->first; e >= 0; e = plan->members[e].next) {
        const gr__item *item = &plan->items[plan->members[e].item];
        const gr_tensor *node = item->node;
        bool view = node->op->kind == GR__VIEW && gr__is_kept(item);
        if (view && (!item->inside || node->shape->count != node->in[0].tensor->shape->count)) {
            return true;
        }
    }
    return false;
}

/* Passes with new values of cells run after everything that can fail, if nothing else waits for
 * them and they cannot fail themselves. Else no pass is late, and none writes into a cell. */
static void find_late(gr__plan *plan)
{
    bool simple = true, any = false;

    for (int64_t k = 0; k < plan->pass_count && simple; k++) {
        gr__pass *pass = &plan->passes[k];
        simple = !any || !waits_for_late(plan, pass);
        pass->late = has_update(plan, pass);
        any = any || pass->late;
        simple = simple && (!pass->late || (!pass->alone && !pass->span && !pass->columns &&
                                            !may_copy_view(plan, pass)));
    }
    for (int64_t k = 0; k < plan->pass_count && !simple; k++) {
        plan->passes[k].late = false;
    }
}

void gr__fuse(gr__plan *plan)
{
    static void (*const place[])(gr__plan *, gr__item *) = {
        [GR__MAP] = place_map,    [GR__REDUCE] = place_reduce, [GR__VIEW] = place_view,
        [GR__SOURCE] = place_map, [GR__OPAQUE] = place_opaque,
    };

    for (int i = 0; i < (int)(sizeof plan->recent / sizeof *plan->recent); i++) {
        plan->recent[i] = GR__NONE;
    }
    for (int64_t i = 0; i < plan->item_count && plan->complete; i++) {
        gr__item *item = &plan->items[i];
        if (item->node->buffer) {
            item->home = GR__NONE;
        } else {
            place[item->node->op->kind](plan, item);
        }
    }
    if (plan->complete) {
        find_needs(plan);
    }
    if (plan->complete && plan->updates) {
        find_late(plan);
    }
}

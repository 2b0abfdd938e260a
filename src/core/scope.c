/* Scopes: which nodes live, in which memory, and what happens to what outlives them. Numbers are
 * computed only through the public gr_eval. */
#include "src/core/scope.h"

#include <stdlib.h>
#include <string.h>

#include "src/core/params.h"
#include "src/core/poison.h"

enum { SMALLEST_CHUNK = 1 << 15, LARGEST_CHUNK = 1 << 20 };

_Thread_local gr__thread *gr__current;

/* ---- arenas ---- */

/* Each is twice as large as the one before it, `previous`, and holds at least `bytes`. */
static gr__chunk *chunk_new(size_t previous, size_t bytes)
{
    size_t size = 2 * previous < LARGEST_CHUNK ? 2 * previous : LARGEST_CHUNK;
    size = size > bytes ? size : bytes;
    gr__chunk *chunk = gr__alloc(sizeof *chunk + 64 + size);

    if (chunk) {
        *chunk = (gr__chunk){.size = size};
    }
    return chunk;
}

static char *chunk_bytes(gr__chunk *chunk)
{
    return (char *)chunk + 64;
}

void *gr__arena_alloc(gr__arena *arena, size_t bytes)
{
    gr__chunk *chunk = arena->current;

    bytes = (bytes + 15) & ~(size_t)15;
    while (chunk->used + bytes > chunk->size) {
        if (!chunk->next && !(chunk->next = chunk_new(chunk->size, bytes))) {
            gr_fail(GR_ERROR_MEMORY, "gr_scope_begin", NULL, "no memory for more tensors");
            return NULL;
        }
        chunk = arena->current = chunk->next;
    }
    void *memory = chunk_bytes(chunk) + chunk->used;
    chunk->used += bytes;
    return memory;
}

static gr__arena *arena_new(gr__thread *thread)
{
    gr__arena *arena = gr__alloc(sizeof *arena);
    gr__chunk *chunk = arena ? chunk_new(SMALLEST_CHUNK / 2, 0) : NULL;

    if (!chunk) {
        gr__free(arena);
        return NULL;
    }
    *arena = (gr__arena){.thread = thread, .chunks = chunk, .current = chunk};
    return arena;
}

static void arena_open(gr__arena *arena)
{
    for (gr__chunk *c = arena->chunks; c; c = c->next) {
        GR__UNPOISON(chunk_bytes(c), c->size);
        c->used = 0;
    }
    arena->current = arena->chunks;
}

static void arena_close(gr__arena *arena)
{
    arena->generation++;
    for (gr__chunk *c = arena->chunks; c; c = c->next) {
        GR__POISON(chunk_bytes(c), c->used);
    }
}

static void arena_free(gr__arena *arena)
{
    for (gr__chunk *c = arena ? arena->chunks : NULL; c;) {
        gr__chunk *next = c->next;
        GR__UNPOISON(chunk_bytes(c), c->size);
        gr__free(c);
        c = next;
    }
    gr__free(arena);
}

static void arenas_free(const gr__scope *scope)
{
    for (int i = 0; i < GR__TURNS; i++) {
        arena_free(scope->arenas[i]);
    }
}

bool gr__is_stale(const gr_tensor *t)
{
    return GR__IS_POISONED((void *)(uintptr_t)t) ||
           (t->arena && t->generation != t->arena->generation);
}

/* ---- the thread ---- */

static bool scope_open(gr__thread *thread)
{
    gr__scope *scopes = gr__grow(thread->scopes, &thread->scope_capacity, thread->depth + 2,
                                 sizeof *scopes);

    if (!scopes) {
        return false;
    }
    thread->scopes = scopes;
    if (thread->depth + 1 == thread->scopes_ready) {
        gr__scope made = {.turn = 0};
        for (int i = 0; i < GR__TURNS; i++) {
            made.arenas[i] = arena_new(thread);
            if (!made.arenas[i]) {
                arenas_free(&made);
                return false;
            }
        }
        scopes[thread->scopes_ready++] = made;
    }
    gr__scope *scope = &scopes[++thread->depth];
    scope->serial = ++thread->serials;
    scope->first = thread->count;
    scope->turn = (scope->turn + 1) % GR__TURNS;
    arena_open(scope->arenas[scope->turn]);
    return true;
}

gr__thread *gr__begin_thread(void)
{
    gr__thread *thread = gr__alloc(sizeof *thread);
    if (thread) {
        *thread = (gr__thread){.depth = -1};
        const char *eager = getenv("GRADUS_EAGER");
        thread->eager = eager && strcmp(eager, "1") == 0;
        if (scope_open(thread)) {
            return gr__current = thread;
        }
        gr__free(thread->scopes);
        gr__free(thread);
    }
    gr_fail(GR_ERROR_MEMORY, "gr_scope_begin", NULL, "no memory for the thread's root scope");
    return NULL;
}

static gr__arena *arena_at(const gr__thread *thread, int64_t depth)
{
    const gr__scope *scope = &thread->scopes[depth];

    return scope->arenas[scope->turn];
}

static bool list_node(gr__thread *thread, gr_tensor *node)
{
    gr_tensor **nodes = gr__grow(thread->nodes, &thread->capacity, thread->count + 1,
                                 sizeof *nodes);

    if (!nodes) {
        return gr_fail(GR_ERROR_MEMORY, "gr_scope_begin", NULL, "no memory for more tensors");
    }
    thread->nodes = nodes;
    node->id = thread->count;
    nodes[thread->count++] = node;
    return true;
}

gr_tensor *gr__scope_node(gr__thread *thread, int64_t depth)
{
    gr__arena *arena = arena_at(thread, depth);
    gr_tensor *node = gr__arena_alloc(arena, sizeof *node);

    if (!node) {
        return NULL;
    }
    memset(node, 0, sizeof *node);
    node->arena = arena;
    node->generation = arena->generation;
    thread->work.nodes++;
    return list_node(thread, node) ? node : NULL;
}

void *gr__scope_alloc(size_t bytes)
{
    gr__thread *thread = gr__self();

    return thread ? gr__arena_alloc(arena_at(thread, thread->depth), bytes) : NULL;
}

/* ---- cells that wait for numbers ---- */

bool gr__note_cell(const char *function, gr__cell *cell)
{
    gr__thread *thread = gr__self();

    if (!thread || cell->noting == thread) {
        return thread != NULL;
    }
    if (cell->noting) {
        return gr_fail(GR_ERROR_STATE, function, "cell",
                       "another thread has left \"%s\" a gradient or a value that waits for its "
                       "numbers; end its scope first",
                       cell->name);
    }
    gr__cell **cells = gr__grow(thread->cells, &thread->cell_capacity, thread->cell_count + 1,
                                sizeof *cells);
    if (!cells) {
        return gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory to note a cell");
    }
    thread->cells = cells;
    cell->noting = thread;
    cell->noted = thread->cell_count;
    cells[thread->cell_count++] = cell;
    return true;
}

void gr__forget_cell(gr__cell *cell)
{
    if (gr__current && cell->noting == gr__current) {
        gr__cell *last = gr__current->cells[--gr__current->cell_count];
        gr__current->cells[cell->noted] = last;
        last->noted = cell->noted;
        cell->noting = NULL;
    }
}

/* ---- leaving a scope ---- */

typedef struct node_list {
    gr_tensor **nodes;
    int64_t count, capacity;
    bool complete; /* false: memory ran out */
} node_list;

static void append(node_list *list, gr_tensor *node)
{
    gr_tensor **nodes = gr__grow(list->nodes, &list->capacity, list->count + 1, sizeof *nodes);

    if (nodes) {
        list->nodes = nodes;
        nodes[list->count++] = node;
    } else {
        list->complete = gr_fail(GR_ERROR_MEMORY, "gr_scope_end", NULL,
                                 "no memory to leave a scope");
    }
}

static bool in_arena(const gr_tensor *node, const gr__arena *arena)
{
    return node && node->arena == arena;
}

static node_list survivors(const gr__thread *thread, int64_t first, const gr__arena *arena)
{
    node_list list = {.complete = true};

    for (int64_t i = first; i < thread->count; i++) {
        if (thread->nodes[i]->arena != arena) {
            append(&list, thread->nodes[i]);
        }
    }
    for (int64_t i = 0; i < thread->cell_count; i++) {
        const gr__cell *cell = thread->cells[i];
        if (in_arena(cell->pending, arena)) {
            append(&list, cell->pending);
        }
        if (in_arena(cell->gradient, arena)) {
            append(&list, cell->gradient);
        }
    }
    return list;
}

/* A kept node becomes a plain value in its own scope, or an error tensor. */
static void detach_kept(gr_tensor *node)
{
    gr__buffer *own = node->buffer ? gr__own_buffer(node) : NULL;

    gr__buffer_drop(node->buffer);
    node->buffer = own;
    node->layout = NULL;
    node->op = &gr__leaf_primitive;
    node->in[0] = (gr_arg){0};
    if (!own) {
        node->flags |= GR__ERROR;
    }
}

/* Assignments and gradients whose scope ends become plain numbers; what could not be computed
 * leaves the cell's value as it was, and no gradient. */
static void settle_cells(gr__thread *thread, const gr__arena *arena)
{
    for (int64_t i = thread->cell_count - 1; i >= 0; i--) {
        gr__cell *cell = thread->cells[i];
        if (in_arena(cell->pending, arena) && !(cell->pending->buffer && gr__cell_adopt(cell))) {
            cell->pending = NULL;
        }
        if (in_arena(cell->gradient, arena) && !gr__cell_hold_gradient(cell)) {
            gr__cell_set_gradient(cell, NULL);
        }
    }
}

static void scope_close(gr__thread *thread)
{
    gr__arena *arena = arena_at(thread, thread->depth);
    int64_t first = thread->scopes[thread->depth].first;
    node_list list = survivors(thread, first, arena);

    if (list.count > 0 && list.complete) {
        gr_eval((int)list.count, list.nodes);
    }
    gr__free(list.nodes);
    settle_cells(thread, arena);

    int64_t end = thread->count, kept = first;
    for (int64_t i = first; i < end; i++) {
        gr_tensor *node = thread->nodes[i];
        if (node->arena != arena) {
            detach_kept(node);
        }
    }
    for (int64_t i = first; i < end; i++) {
        gr_tensor *node = thread->nodes[i];
        if (node->arena == arena) {
            gr__buffer_drop(node->buffer);
        } else {
            node->id = kept;
            thread->nodes[kept++] = node;
        }
    }
    thread->count = kept;
    thread->flushed = thread->flushed < first ? thread->flushed : first;
    arena_close(arena);
    thread->depth--;
}

gr_scope gr_scope_begin(void)
{
    gr__thread *thread = gr__self();

    if (thread && !scope_open(thread)) {
        gr_fail(GR_ERROR_MEMORY, "gr_scope_begin", NULL, "no memory for another scope");
        return (gr_scope){0};
    }
    return thread ? (gr_scope){(int)thread->depth, thread->serials} : (gr_scope){0};
}

void gr_scope_end(gr_scope *scope)
{
    bool open = gr__current && scope->depth > 0 && gr__current->depth >= scope->depth &&
                gr__current->scopes[scope->depth].serial == scope->serial;
    while (open && gr__current->depth >= scope->depth) {
        scope_close(gr__current);
    }
    scope->depth = 0;
}

gr_no_grad gr_no_grad_begin(void)
{
    gr__thread *thread = gr__self();

    return (gr_no_grad){thread ? thread->no_grad++ : 0};
}

void gr_no_grad_end(gr_no_grad *no_grad)
{
    if (gr__current) {
        gr__current->no_grad = no_grad->previous;
    }
}

gr_transient gr_transient_begin(void)
{
    gr__thread *thread = gr__self();

    return (gr_transient){thread ? thread->transient++ : 0};
}

void gr_transient_end(gr_transient *transient)
{
    if (gr__current) {
        gr__current->transient = transient->previous;
    }
}

void gr_thread_end(void)
{
    if (!gr__current) {
        return;
    }
    while (gr__current->depth >= 0) {
        scope_close(gr__current);
    }
    for (int64_t i = 0; i < gr__current->scopes_ready; i++) {
        arenas_free(&gr__current->scopes[i]);
    }
    if (gr__current->workspace) {
        gr__current->workspace_free(gr__current->workspace);
    }
    gr__free(gr__current->scopes);
    gr__free(gr__current->nodes);
    gr__free(gr__current->cells);
    gr__free(gr__current);
    gr__current = NULL;
}

/* ---- keeping ---- */

static gr_tensor *keep_rule(const gr_tensor *node, int input, gr_tensor *gradient)
{
    (void)node;
    (void)input;
    return gradient;
}

static const gr__primitive keep_primitive = {
    .name = "gr_keep",
    .kind = GR__VIEW,
    .arity = 1,
    .dtypes = GR__ALL,
    .rule = keep_rule,
};

gr_tensor *gr_keep(const gr_tensor *t)
{
    gr__thread *thread = gr__self();
    const gr_tensor *x = gr__operand("gr_keep", "t", t);

    if (!thread || gr__is_error(x)) {
        return &gr__error_tensor;
    }
    gr_tensor *node = gr__scope_node(thread, thread->depth > 0 ? thread->depth - 1 : 0);
    if (!node) {
        return &gr__error_tensor;
    }
    node->op = &keep_primitive;
    node->shape = x->shape;
    node->dtype = x->dtype;
    node->site = GR__SITE;
    node->in[0].tensor = x;
    ((gr_tensor *)(uintptr_t)x)->flags |= GR__READ;
    node->flags = thread->no_grad ? GR__CONSTANT : 0;
    return node;
}

/* ---- what a flush finds ---- */

static bool add_leaf(gr_tensor ***list, int64_t *count, int64_t *capacity, gr_tensor *node)
{
    gr_tensor **grown = gr__grow(*list, capacity, *count + 1, sizeof *grown);

    if (!grown) {
        return gr_fail(GR_ERROR_MEMORY, "gr_step", NULL, "no memory for a schedule");
    }
    *list = grown;
    grown[(*count)++] = node;
    return true;
}

bool gr__pending_leaves(gr_tensor ***list, int64_t *count, int64_t *capacity)
{
    gr__thread *thread = gr__self();
    int64_t first = thread ? thread->flushed : 0, end = thread ? thread->count : 0;
    bool complete = true;

    for (int64_t i = first; i < end && complete; i++) {
        gr_tensor *node = thread->nodes[i];
        bool leaf = !(node->flags & (GR__READ | GR__TRANSIENT));
        if (gr__is_pending(node) && (leaf || node->flags & GR__WANTED)) {
            complete = add_leaf(list, count, capacity, node);
        }
    }
    for (int64_t i = 0; thread && i < thread->cell_count && complete; i++) {
        gr__cell *cell = thread->cells[i];
        if (cell->pending) {
            complete = add_leaf(list, count, capacity, cell->pending);
        }
        if (complete && cell->gradient && !cell->tensor.mark) {
            complete = add_leaf(list, count, capacity, cell->gradient);
        }
    }
    return complete;
}

/* Memory for programs: taken piece by piece, given back at once, kept for the next schedule. */
#include "src/core/alloc.h"
#include "src/eval/program.h"

enum { SMALLEST_CHUNK = 1 << 16, HEADER = 64 };

typedef struct gr__room_chunk {
    struct gr__room_chunk *next;
    size_t size, used; /* of the bytes behind the header */
} gr__room_chunk;

static gr__room_chunk *chunk_new(size_t bytes)
{
    size_t size = bytes > SMALLEST_CHUNK ? bytes : SMALLEST_CHUNK;
    gr__room_chunk *chunk = gr__alloc(HEADER + size);

    if (chunk) {
        *chunk = (gr__room_chunk){.size = size};
    }
    return chunk;
}

void *gr__room_take(gr__room *room, size_t bytes)
{
    gr__room_chunk *chunk = room->current;

    bytes = (bytes + 63) & ~(size_t)63;
    while (!chunk || chunk->used + bytes > chunk->size) {
        gr__room_chunk **next = chunk ? &chunk->next : &room->chunks;
        if (!*next && !(*next = chunk_new(bytes))) {
            return NULL;
        }
        chunk = room->current = *next;
    }
    void *memory = (char *)chunk + HEADER + chunk->used;
    chunk->used += bytes;
    return memory;
}

void gr__room_reset(gr__room *room)
{
    for (gr__room_chunk *c = room->chunks; c; c = c->next) {
        c->used = 0;
    }
    room->current = room->chunks;
}

void gr__room_free(gr__room *room)
{
    for (gr__room_chunk *c = room->chunks; c;) {
        gr__room_chunk *next = c->next;
        gr__free(c);
        c = next;
    }
    gr__free(room->threads);
    *room = (gr__room){0};
}

/* A pass made ready to run: instructions over tiles of its domain. */
#ifndef GRADUS_EVAL_PROGRAM_H
#define GRADUS_EVAL_PROGRAM_H

#include "src/eval/plan.h"

typedef struct gr__instruction gr__instruction;

/* One thread's view of one tile. Counts and firsts go by grain: how many numbers the tile has of a
 * value with one for each `group` of elements, and which is the first. */
typedef struct gr__frame {
    void **at;               /* by slot: where a value is for this tile */
    int64_t first, elements; /* of the domain */
    const int64_t *firsts, *counts;
} gr__frame;

/* Slot 0 is NULL: an operand that a kernel does not have. */
struct gr__instruction {
    void (*run)(const gr__instruction *, const gr__frame *);
    union {
        gr__map_kernel *map;
        gr__source_kernel *source;
        const gr__reduce_kernel *reduce;
        gr__repeat_kernel *repeat;
        gr__row_kernel *row;
        gr__stream_kernel *stream;
        const gr__load *load;
    };
    union {
        const void *detail; /* of a source */
        size_t size;        /* of a number */
    };
    int64_t times;       /* repetitions of a number, or elements that become one */
    uint16_t out, in[3]; /* slots */
    uint8_t grain;       /* in which it counts */
    uint8_t more;        /* additions that take as long, less one */
};

/* A slot that moves along memory from tile to tile. */
typedef struct gr__stride {
    char *base;
    int64_t period; /* > 0: it begins again after so many numbers */
    uint32_t size;  /* of a number */
    uint16_t slot;
    uint8_t grain;
    bool far;      /* read from memory that no cache holds */
    int64_t ahead; /* bytes of a tile to come that each instruction fetches then */
} gr__stride;

enum { GR__GRAINS = 32, GR__EACH_TILE = 255 /* the grain of one number a tile */ };

typedef struct gr__register {
    uint16_t slot;
    int64_t offset; /* in a thread's memory */
} gr__register;

/* A reduction that ends after the last tile. */
typedef struct gr__finish {
    const gr__reduce_kernel *kernel;
    char *out, *partial; /* results x blocks, or blocks x columns */
    size_t size;
    int64_t results, blocks;
    uint16_t lanes; /* slot of the lanes of columns; 0: results are runs of tiles */
} gr__finish;

typedef struct gr__program {
    int64_t elements, tile, span, columns;
    int64_t tiles, tiles_per_task, tasks, first_task;
    int64_t work; /* additions that take as long */
    int64_t groups[GR__GRAINS];
    gr__instruction *once; /* at the beginning of a task */
    gr__instruction *code; /* for each tile */
    gr__stride *strides;
    gr__register *registers;
    void **slots; /* NULL for a register */
    gr__finish *finishes;
    int32_t once_count, code_count, stride_count, register_count, slot_count, finish_count;
    int32_t grain_count;
    bool streams;           /* some memory is written past the caches */
    bool fetches;           /* some memory is fetched before its tile comes */
    int64_t register_bytes; /* of a thread */
} gr__program;

/* ---- room.c: memory for programs and their threads, kept from schedule to schedule ---- */

typedef struct gr__room {
    struct gr__room_chunk *chunks, *current;
    char *threads;
    size_t thread_bytes; /* of all threads together */
} gr__room;

void *gr__room_take(gr__room *room, size_t bytes); /* 64-byte aligned; NULL: no memory */
void gr__room_reset(gr__room *room);               /* all that was taken is free again */
void gr__room_free(gr__room *room);

/* ---- program.c ---- */

/* Writes the program of pass k: gives stored nodes their buffers, and evaluates what is one number
 * for the whole domain. What cannot be computed is marked failed after reporting, or becomes an
 * error tensor. *program is NULL if nothing is left to run. False, reported: no memory for it. */
bool gr__write_program(gr__plan *plan, int32_t k, gr__room *room, gr__program **program);

/* ---- run.c ---- */

/* What instructions do: `times` is noted where it is used, `size` likewise. */
typedef void gr__do(const gr__instruction *, const gr__frame *);
gr__do gr__do_map, gr__do_source, gr__do_load;
gr__do gr__do_repeat;    /* each number `times` over */
gr__do gr__do_fill;      /* one number, as often as the result has numbers */
gr__do gr__do_rows;      /* runs of `times` <= GR__BLOCK numbers to one each */
gr__do gr__do_long_rows; /* the same for longer runs; with `size` */
gr__do gr__do_stream;    /* to memory, past the caches; with `size` */
gr__do gr__do_rowwise;   /* an index for each row of `times` */
gr__do gr__do_tile;      /* the tile to one number */
gr__do gr__do_columns;   /* rows of `times` numbers into lanes; with `size` */

/* Runs programs that do not wait for each other, in one parallel region if that pays. False,
 * reported, if there is no memory for the threads: nothing has run. */
bool gr__run_programs(gr__program *const *programs, int n, gr__room *room);

#endif

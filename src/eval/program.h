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
    size_t size;         /* of a number */
    int64_t times;       /* repetitions of a number, or elements that become one */
    uint16_t out, in[3]; /* slots */
    uint8_t grain;       /* in which it counts */
    uint8_t more;        /* additions that take as long, less one */
};

/* A slot that moves along memory from tile to tile. */
typedef struct gr__stride {
    int64_t period; /* > 0: it begins again after so many numbers */
    uint32_t size;  /* of a number */
    uint16_t slot;
    uint8_t grain;
    bool read;     /* an input, element after element */
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
    size_t size;
    int64_t results, blocks;
    uint16_t out, partial; /* slots of the results; of results x blocks, or blocks x columns */
    uint16_t lanes;        /* of the lanes of columns; 0: results are runs of tiles */
} gr__finish;

/* ---- what is not known before the program is to run: where things are ---- */

/* An item's operand that is a number, or (operand < 0) its detail. */
typedef struct gr__given {
    int32_t item;
    int16_t operand;
    uint16_t slot;
} gr__given;

/* A tensor in memory. */
typedef struct gr__input_place {
    const gr__shape *shape; /* that it is broadcast to */
    gr__load *load;         /* how it lies there; NULL: in order, or it is one number */
    int32_t item;           /* the operand ... */
    int16_t operand;
    uint16_t slot;  /* 0: the load alone reads it */
    int32_t origin; /* the item that it is; GR__NONE: it had its numbers before */
    int32_t reads;  /* of the origin's loads */
    int32_t last;   /* value that reads it at last */
    bool single;    /* one number, whatever its shape */
    bool in_order;  /* a value may lie where it lies */
    bool taken;     /* and does */
} gr__input_place;

/* Two operands that are the same tensor, which is read once. */
typedef struct gr__twin {
    int32_t items[2];
    int16_t operands[2];
} gr__twin;

/* The memory of a value that is kept. */
typedef struct gr__result_place {
    int32_t item, value;
    uint16_t slot;
} gr__result_place;

typedef struct gr__program {
    int64_t elements, tile, span, columns;
    int64_t tiles, tiles_per_task, tasks, first_task;
    int64_t work; /* additions that take as long */
    int64_t groups[GR__GRAINS];
    gr__instruction *before; /* over numbers, when places are known */
    gr__instruction *once;   /* at the beginning of a task */
    gr__instruction *code;   /* for each tile */
    gr__stride *strides;
    gr__register *registers;
    void **slots; /* where each is, or begins; NULL for a register */
    gr__finish *finishes;
    gr__given *givens;
    gr__input_place *inputs;
    gr__result_place *results;
    gr__twin *twins;
    gr__load *loads;
    double *numbers; /* of any dtype */
    int32_t before_count, once_count, code_count, stride_count, register_count, slot_count;
    int32_t finish_count, given_count, input_count, result_count, twin_count, load_count;
    int32_t number_count;
    int32_t grain_count;
    bool streams;           /* some memory is written past the caches */
    bool fetches;           /* some memory is fetched before its tile comes */
    int64_t register_bytes; /* of a thread */
} gr__program;

/* ---- program.c ---- */

/* Writes the program of pass k into the plan's room; *program is NULL if nothing is left to run. What
 * cannot be computed is marked failed, or becomes an error tensor. False, reported: no memory. */
bool gr__write_program(gr__plan *plan, int32_t k, gr__room *scratch, gr__program **program);

/* ---- bind.c ---- */

/* Whether a program written for an earlier schedule of the plan reads what lies as it did then. */
bool gr__fits(const gr__plan *plan, const gr__program *p);

/* Says where everything is: gives the items that are kept their buffers, and computes what is one
 * number for the whole domain. Late: the program writes new values of cells. False, reported: no
 * memory. */
bool gr__bind(gr__plan *plan, gr__program *p, bool late);

/* Whether a node that is computed alone may have its first operand's memory: it works onto that, and
 * is the last to read it. */
bool gr__may_work_onto(const gr__plan *plan, const gr__item *item);

/* After it has run, or could not. */
void gr__unbind(gr__program *p);

/* ---- run.c ---- */

/* What instructions do: `times` is noted where it is used, `size` likewise; a source has its detail
 * in its first operand. */
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

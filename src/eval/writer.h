/* Between slot.c, operand.c and program.c: a pass's program while it is written. Where things are is
 * not known yet: slots say what they stand for. */
#ifndef GRADUS_EVAL_WRITER_H
#define GRADUS_EVAL_WRITER_H

#include "src/eval/program.h"

enum {
    GR__TILE = GR__BLOCK, /* elements of a tile, about */
    GR__NUMBER = 0        /* the group of what is one number for the whole domain */
};

/* What an operand is: a value of the pass, a tensor in memory, a number. */
typedef struct gr__reference {
    enum { GR__A_VALUE, GR__AN_INPUT, GR__A_NUMBER } source;
    int32_t index;
} gr__reference;

typedef struct gr__value {
    gr__item *item;
    gr__reference in[3];
    int32_t root;        /* itself, or what it is another shape of */
    int32_t uses;        /* of a root: readers to come */
    int64_t group;       /* elements of the domain for one number */
    int64_t wide_group;  /* of a copy spread over more numbers; GR__NUMBER: there is none */
    uint16_t slot, wide; /* of the two */
    uint16_t memory;     /* of a value that is kept */
    int arity;
    bool kept, failed;
    bool borrowed; /* the slot is an input's */
    bool streamed; /* it is kept, in memory that no cache holds */
} gr__value;

/* How a tensor in memory reaches the tiles. */
typedef enum gr__pattern {
    GR__IN_PLACE, /* one element after the other */
    GR__SINGLE,   /* one number */
    GR__GROUPED,  /* each element several times in a row */
    GR__PERIODIC, /* the same run of elements again and again */
    GR__SCATTERED /* anything else */
} gr__pattern;

typedef struct gr__input {
    const gr_tensor *tensor;
    int32_t item;           /* operand of this one ... */
    int16_t operand;        /* ... in this place */
    const gr__shape *shape; /* that it is broadcast to */
    gr__load *load;         /* where the pattern does not say all */
    gr__pattern pattern;
    int64_t each;        /* elements of the domain for one of shape */
    int64_t length;      /* of a group or period, in elements of the domain */
    int64_t group;       /* once it has a slot */
    int32_t reads, last; /* how often, and by which value at last */
    uint16_t slot;       /* 0: nothing has asked for it */
} gr__input;

typedef struct gr__writer {
    gr__plan *plan;
    int32_t k;
    const gr__pass *pass;
    gr__program *program;
    gr__value *values;
    gr__input *inputs;
    bool *is_register;      /* by slot */
    uint16_t *free;         /* registers that nobody needs */
    uint16_t *number_slots; /* of the program's numbers */
    int32_t value_count, input_count, free_count;
    const gr__kernels *kernels;
    size_t register_size;
} gr__writer;

/* Numbers as an instruction reads them: one for each `group` elements. */
typedef struct gr__numbers {
    uint16_t slot;
    int64_t group;
} gr__numbers;

static inline size_t gr__size_of(const gr_tensor *t)
{
    return t->dtype == GR_F32 ? sizeof(float) : sizeof(double);
}

/* The value that an operand is, under whatever shape; NULL: it is none. */
static inline gr__value *gr__root_of(const gr__writer *w, gr__reference r)
{
    return r.source == GR__A_VALUE ? &w->values[w->values[r.index].root] : NULL;
}

/* ---- slot.c ---- */

uint16_t gr__new_slot(gr__writer *w);
uint16_t gr__new_register(gr__writer *w, size_t bytes);

/* A slot that moves from tile to tile over numbers of `size` bytes; period > 0: it begins again
 * after so many. */
uint16_t gr__moving_slot(gr__writer *w, size_t size, uint8_t grain, int64_t period);

/* A number of the program's own. */
uint16_t gr__number_slot(gr__writer *w);

/* What the item's operand says, a number; or its detail. */
enum { GR__ITS_DETAIL = -1 };
void gr__note_given(gr__writer *w, const gr__value *v, int operand, uint16_t slot);

/* A register as long as a tile, until it is given back. */
uint16_t gr__take_register(gr__writer *w);
void gr__give_back(gr__writer *w, uint16_t slot);

/* The grain of values with one number for each `group` elements. */
uint8_t gr__grain_of(gr__program *p, int64_t group);

gr__instruction *gr__new_instruction(gr__writer *w);

/* ---- operand.c ---- */

/* How t lies in memory, seen from the shape it is broadcast to. */
gr__load gr__load_of(const gr_tensor *t, const gr__shape *shape);

/* Lists the pass's live members as values, and what they read as references and inputs. */
void gr__list_values(gr__writer *w);

/* Elements of a tile, so that rows lie within it and patterns repeat with it. */
int64_t gr__choose_tile(const gr__writer *w);

/* Operand i of v, as it is; or with one number for each `group` elements. */
gr__numbers gr__numbers_of(gr__writer *w, const gr__value *v, int i);
uint16_t gr__spread(gr__writer *w, const gr__value *v, int i, gr__numbers o, int64_t group,
                    gr_dtype dtype);

/* Spreads numbers over smaller groups, into `out`. */
void gr__write_repeat(gr__writer *w, gr_dtype dtype, gr__numbers o, uint16_t out, int64_t group);

/* After an instruction has read an operand. */
void gr__consume(gr__writer *w, gr__reference r);

#endif

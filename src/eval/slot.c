/* The slots of a program: registers, memory that moves with the tiles, numbers. */
#include "src/eval/writer.h"

uint16_t gr__new_slot(gr__writer *w, const void *address)
{
    w->program->slots[w->program->slot_count] = (void *)(uintptr_t)address;
    return (uint16_t)w->program->slot_count++;
}

uint16_t gr__new_register(gr__writer *w, size_t bytes)
{
    gr__program *p = w->program;
    uint16_t slot = gr__new_slot(w, NULL);

    p->registers[p->register_count++] = (gr__register){slot, p->register_bytes};
    p->register_bytes += (int64_t)bytes;
    return slot;
}

uint16_t gr__take_register(gr__writer *w)
{
    return w->free_count > 0 ? w->free[--w->free_count] : gr__new_register(w, w->register_size);
}

void gr__give_back(gr__writer *w, uint16_t slot)
{
    if (slot != 0 && !w->program->slots[slot]) {
        w->free[w->free_count++] = slot;
    }
}

uint8_t gr__grain_of(gr__program *p, int64_t group)
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

uint16_t gr__moving_slot(gr__writer *w, const void *base, size_t size, uint8_t grain,
                         int64_t period)
{
    gr__program *p = w->program;
    uint16_t slot = gr__new_slot(w, base);

    p->strides[p->stride_count++] = (gr__stride){.base = (char *)(uintptr_t)base,
                                                 .period = period,
                                                 .size = (uint32_t)size,
                                                 .slot = slot,
                                                 .grain = grain};
    return slot;
}

uint16_t gr__number_slot(gr__writer *w, gr_dtype dtype, double number)
{
    double *room = &w->numbers[w->number_count++];

    gr__store_number(room, dtype, number);
    return gr__new_slot(w, room);
}

gr__instruction *gr__new_instruction(gr__writer *w)
{
    return &w->program->code[w->program->code_count++];
}

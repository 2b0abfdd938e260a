/* The slots of a program: registers, memory that moves with the tiles, numbers. */
#include "src/eval/writer.h"

uint16_t gr__new_slot(gr__writer *w)
{
    w->is_register[w->program->slot_count] = false;
    return (uint16_t)w->program->slot_count++;
}

uint16_t gr__new_register(gr__writer *w, size_t bytes)
{
    gr__program *p = w->program;
    uint16_t slot = gr__new_slot(w);

    w->is_register[slot] = true;
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
    if (w->is_register[slot]) {
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

uint16_t gr__moving_slot(gr__writer *w, size_t size, uint8_t grain, int64_t period)
{
    gr__program *p = w->program;
    uint16_t slot = gr__new_slot(w);

    p->strides[p->stride_count++] = (gr__stride){
        .period = period, .size = (uint32_t)size, .slot = slot, .grain = grain};
    return slot;
}

uint16_t gr__number_slot(gr__writer *w)
{
    uint16_t slot = gr__new_slot(w);

    w->number_slots[w->program->number_count++] = slot;
    return slot;
}

void gr__note_given(gr__writer *w, const gr__value *v, int operand, uint16_t slot)
{
    gr__program *p = w->program;

    p->givens[p->given_count++] = (gr__given){
        .item = (int32_t)(v->item - w->plan->items), .operand = (int16_t)operand, .slot = slot};
}

gr__instruction *gr__new_instruction(gr__writer *w)
{
    return &w->program->code[w->program->code_count++];
}

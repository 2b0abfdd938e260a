#ifndef EXAMPLES_DICE_H
#define EXAMPLES_DICE_H

/* Random numbers for the data generators: a stream for every (seed, index), so that item i of a
 * data set depends on nothing else and any thread may draw it. The generator is SplitMix64
 * (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014): a counter that grows
 * by an odd constant, passed through a mixing function that maps 64 bits onto 64 bits one to
 * one. */

#include <math.h>
#include <stdint.h>

typedef struct {
    uint64_t counter;
} dice;

static inline uint64_t dice_mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The next 64 random bits. */
static inline uint64_t dice_bits(dice *d)
{
    return dice_mix(d->counter += 0x9e3779b97f4a7c15u);
}

/* The stream of (seed, index). */
static inline dice dice_at(uint64_t seed, uint64_t index)
{
    dice d = {dice_mix(seed ^ 0x6a09e667f3bcc909u)};
    d.counter = dice_mix(dice_bits(&d) ^ index);
    return d;
}

/* Uniform in [low, high). */
static inline double dice_uniform(dice *d, double low, double high)
{
    return low + (high - low) * (double)(dice_bits(d) >> 11) * 0x1p-53;
}

/* Normal with mean 0 and deviation 1 (Box and Muller, 1958). */
static inline double dice_normal(dice *d)
{
    double radius = sqrt(-2 * log(1 - dice_uniform(d, 0, 1)));
    return radius * cos(dice_uniform(d, 0, 6.283185307179586));
}

#endif

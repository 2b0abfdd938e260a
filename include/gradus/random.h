/* Random tensors.
 *
 * A gr_rng is a counter-based generator (Philox 4x32-10; Salmon et al., "Parallel random numbers:
 * as easy as 1, 2, 3", 2011). A random tensor reserves its counters when it is made, so its numbers
 * depend on the seed and on the order of the calls, never on when they are computed or by how many
 * threads. One rng belongs to one thread; gr_rng_split makes others. */
#ifndef GRADUS_RANDOM_H
#define GRADUS_RANDOM_H

#include <gradus/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gr_rng gr_rng;

GR_API gr_rng *gr_rng_new(uint64_t seed);
GR_API void gr_rng_free(gr_rng *rng);

/* An rng of its own whose stream is independent of `rng`'s and of every other split's. Advances
 * rng by one counter. To be freed by the caller. */
GR_API gr_rng *gr_rng_split(gr_rng *rng);

/* The whole state of an rng, to be saved and restored: the key and the next counter. */
typedef struct gr_rng_state {
    uint64_t key;
    uint64_t counter;
} gr_rng_state;

GR_API gr_rng_state gr_rng_get_state(const gr_rng *rng);
GR_API void gr_rng_set_state(gr_rng *rng, gr_rng_state state);

/* Default dtype; gradients do not flow into them. */
GR_API gr_tensor *gr_uniform(gr_rng *rng, gr_shape shape, double low, double high); /* [low,high) */
GR_API gr_tensor *gr_normal(gr_rng *rng, gr_shape shape, double mean, double std);
GR_API gr_tensor *gr_bernoulli(gr_rng *rng, gr_shape shape, double p); /* 1 with probability p */
GR_API gr_tensor *gr_rademacher(gr_rng *rng, gr_shape shape);          /* -1 or 1, evenly */

/* GR_I64: independent integers in [low, high); a random order of 0 .. n-1, shape (n). */
GR_API gr_tensor *gr_integers(gr_rng *rng, gr_shape shape, int64_t low, int64_t high);
GR_API gr_tensor *gr_permutation(gr_rng *rng, int64_t n);

#ifdef __cplusplus
}
#endif
#endif

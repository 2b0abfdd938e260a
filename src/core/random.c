/* The generator's state, and the making of random tensors: checks, and the counters that each one
 * reserves. The numbers are the kernels'. */
#include <gradus/random.h>

#include <float.h>
#include <math.h>

#include "src/core/scope.h"
#include "src/kernels/kernels.h"
#include "src/kernels/philox.h"

struct gr_rng {
    gr_rng_state state;
};

/* What a constructor that failed returns; never written. */
static gr_rng error_rng;

/* An rng whose key is two words of a counter that no tensor draws from. */
static gr_rng *new_rng(const char *function, uint64_t key, uint64_t counter, uint64_t stream)
{
    gr_rng *rng = gr__alloc(sizeof *rng);
    gr__words x = gr__philox(key, counter, stream);

    if (!rng) {
        gr_fail(GR_ERROR_MEMORY, function, NULL, "no memory for an rng");
        return &error_rng;
    }
    rng->state = (gr_rng_state){.key = x.w[0] | (uint64_t)x.w[1] << 32, .counter = 0};
    return rng;
}

/* False for NULL, reported, and for the error object, whose failure has been. */
static bool usable(const char *function, const gr_rng *rng)
{
    if (!rng) return gr_fail(GR_ERROR_VALUE, function, "rng", "got NULL, want an rng");
    return rng != &error_rng;
}

/* To stand before the counter changes. */
static void note(gr_rng *rng)
{
    const gr__thread *thread = gr__self();

    for (gr__draws *d = thread ? thread->draws : NULL; d; d = d->outer) {
        int i = 0, noted = d->count < GR__MOST_RNGS ? d->count : GR__MOST_RNGS;
        while (i < noted && d->rng[i] != rng) i++;
        if (i < noted) continue;
        if (i < GR__MOST_RNGS) {
            d->rng[i] = rng;
            d->state[i] = rng->state;
        }
        d->count++;
    }
}

gr_rng *gr_rng_new(uint64_t seed)
{
    return new_rng("gr_rng_new", 0, seed, GR__STREAM_SEED);
}

void gr_rng_free(gr_rng *rng)
{
    if (rng != &error_rng) gr__free(rng);
}

gr_rng *gr_rng_split(gr_rng *rng)
{
    if (!usable("gr_rng_split", rng)) return &error_rng;
    note(rng);
    return new_rng("gr_rng_split", rng->state.key, rng->state.counter++, GR__STREAM_SPLIT);
}

gr_rng_state gr_rng_get_state(const gr_rng *rng)
{
    return usable("gr_rng_get_state", rng) ? rng->state : (gr_rng_state){0, 0};
}

void gr_rng_set_state(gr_rng *rng, gr_rng_state state)
{
    if (usable("gr_rng_set_state", rng)) rng->state = state;
}

/* A node whose numbers are those of the rng's next counters: as many for each dtype, so that what
 * follows does not depend on it. */
static gr_tensor *draw(gr_rng *rng, const gr__primitive *op, const void *site, gr_shape shape,
                       gr_dtype dtype, gr__random parameters)
{
    const gr__shape *s = gr__checked_shape(op->name, dtype, shape);
    gr__random *detail = s ? gr__scope_alloc(sizeof *detail) : NULL;

    if (!detail) return &gr__error_tensor;
    uint64_t counters = GR__COUNTERS(s->count);
    note(rng);
    *detail = parameters;
    detail->key = rng->state.key;
    detail->high = rng->state.counter;
    detail->low = rng->state.counter + counters;
    rng->state.counter += 2 * counters;
    return gr__node(op, site, s, dtype, NULL, 0, detail);
}

/* Whether x, infinity and NaN aside, is within the dtype's range. */
static bool in_range(const char *function, const char *argument, double x, gr_dtype dtype)
{
    if (fabs(x) <= (dtype == GR_F32 ? (double)FLT_MAX : DBL_MAX)) return true;
    return gr_fail(GR_ERROR_VALUE, function, argument, "got %g, want a finite %s", x,
                   gr_dtype_name(dtype));
}

static const gr__primitive uniform = {
    .name = "gr_uniform",
    .kind = GR__SOURCE,
    .cost = 25, /* never computed twice */
    .kernel = offsetof(gr__kernels, uniform),
};

gr_tensor *gr_uniform(gr_rng *rng, gr_shape shape, double low, double high)
{
    const char *name = uniform.name;
    gr_dtype dtype = gr_default_dtype();

    if (!usable(name, rng) || !in_range(name, "low", low, dtype) ||
        !in_range(name, "high", high, dtype)) {
        return &gr__error_tensor;
    }
    if (!(low < high)) {
        return gr__error(GR_ERROR_VALUE, name, "high", "got %g, want more than low, %g", high, low);
    }
    if (!in_range(name, "high - low", high - low, dtype)) return &gr__error_tensor;
    return draw(rng, &uniform, GR__SITE, shape, dtype, (gr__random){.a = low, .b = high});
}

static const gr__primitive normal = {
    .name = "gr_normal",
    .kind = GR__SOURCE,
    .cost = 25, /* never computed twice */
    .kernel = offsetof(gr__kernels, normal),
};

gr_tensor *gr_normal(gr_rng *rng, gr_shape shape, double mean, double std)
{
    const char *name = normal.name;
    gr_dtype dtype = gr_default_dtype();

    if (!usable(name, rng) || !in_range(name, "mean", mean, dtype) ||
        !in_range(name, "std", std, dtype)) {
        return &gr__error_tensor;
    }
    if (std < 0) return gr__error(GR_ERROR_VALUE, name, "std", "got %g, want 0 or more", std);
    return draw(rng, &normal, GR__SITE, shape, dtype, (gr__random){.a = mean, .b = std});
}

static const gr__primitive bernoulli = {
    .name = "gr_bernoulli",
    .kind = GR__SOURCE,
    .cost = 25, /* never computed twice */
    .kernel = offsetof(gr__kernels, bernoulli),
};

gr_tensor *gr_bernoulli(gr_rng *rng, gr_shape shape, double p)
{
    const char *name = bernoulli.name;

    if (!usable(name, rng)) return &gr__error_tensor;
    if (!(p >= 0 && p <= 1)) {
        return gr__error(GR_ERROR_VALUE, name, "p", "got %g, want 0 to 1", p);
    }
    return draw(rng, &bernoulli, GR__SITE, shape, gr_default_dtype(), (gr__random){.a = p});
}

static const gr__primitive rademacher = {
    .name = "gr_rademacher",
    .kind = GR__SOURCE,
    .cost = 25, /* never computed twice */
    .kernel = offsetof(gr__kernels, bernoulli),
};

gr_tensor *gr_rademacher(gr_rng *rng, gr_shape shape)
{
    if (!usable(rademacher.name, rng)) return &gr__error_tensor;
    return draw(rng, &rademacher, GR__SITE, shape, gr_default_dtype(),
                (gr__random){.a = 0.5, .b = -1});
}

static const gr__primitive integers = {
    .name = "gr_integers",
    .kind = GR__SOURCE,
    .cost = 25, /* never computed twice */
    .kernel = offsetof(gr__kernels, integers),
};

gr_tensor *gr_integers(gr_rng *rng, gr_shape shape, int64_t low, int64_t high)
{
    const char *name = integers.name;

    if (!usable(name, rng)) return &gr__error_tensor;
    if (low >= high) {
        return gr__error(GR_ERROR_VALUE, name, "high", "got %lld, want more than low, %lld",
                         (long long)high, (long long)low);
    }
    return draw(rng, &integers, GR__SITE, shape, GR_I64,
                (gr__random){.first = low, .span = (uint64_t)high - (uint64_t)low});
}

static const gr__primitive permutation = {
    .name = "gr_permutation",
    .kind = GR__OPAQUE,
    .kernel = offsetof(gr__kernels, permutation),
};

gr_tensor *gr_permutation(gr_rng *rng, int64_t n)
{
    const char *name = permutation.name;

    if (!usable(name, rng)) return &gr__error_tensor;
    if (n < 0) {
        return gr__error(GR_ERROR_VALUE, name, "n", "got %lld, want 0 or more", (long long)n);
    }
    return draw(rng, &permutation, GR__SITE, GR_SHAPE(n), GR_I64, (gr__random){0});
}

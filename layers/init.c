/* Initial values that keep signals from growing or fading on their way through the layers (Kaiming:
 * He et al. 2015, std = gain / sqrt(in)), or signals and gradients both (Xavier: Glorot & Bengio
 * 2010, std = gain sqrt(2 / (in + out))). Public API only. */
#include <gradus.h>
#include <math.h>

/* The fan of an axis, in double, so that nothing overflows, and at least 1, so that nothing is
 * divided by 0. */
static double fan(gr_shape shape, int axis)
{
    double count = axis < shape.rank ? (double)shape.dims[axis] : 1;

    for (int i = 2; i < shape.rank && i < GR_MAX_RANK; i++) {
        count *= (double)shape.dims[i];
    }
    return fmax(count, 1);
}

static double fan_in(gr_shape shape)
{
    return fan(shape, 1);
}

static double mean_fan(gr_shape shape)
{
    return (fan(shape, 0) + fan(shape, 1)) / 2;
}

static bool check(const char *function, gr_shape shape, double gain)
{
    if (shape.rank < 2) {
        return gr_fail(GR_ERROR_SHAPE, function, "shape", "got rank %d, want 2 or more: (out,in,*)",
                       shape.rank);
    }
    if (!(gain > 0) || isinf(gain)) {
        return gr_fail(GR_ERROR_VALUE, function, "gain", "got %g, want positive and finite", gain);
    }
    return true;
}

/* A uniform distribution on +-b has std b / sqrt(3). */
static gr_tensor *uniform(const char *function, gr_rng *rng, gr_shape shape, double gain, double n)
{
    double bound = gain * sqrt(3 / n);

    return check(function, shape, gain) ? gr_uniform(rng, shape, -bound, bound) : gr_error_tensor();
}

static gr_tensor *normal(const char *function, gr_rng *rng, gr_shape shape, double gain, double n)
{
    double std = gain * sqrt(1 / n);

    return check(function, shape, gain) ? gr_normal(rng, shape, 0, std) : gr_error_tensor();
}

gr_tensor *gr_init_xavier_uniform(gr_rng *rng, gr_shape shape, double gain)
{
    return uniform("gr_init_xavier_uniform", rng, shape, gain, mean_fan(shape));
}

gr_tensor *gr_init_xavier_normal(gr_rng *rng, gr_shape shape, double gain)
{
    return normal("gr_init_xavier_normal", rng, shape, gain, mean_fan(shape));
}

gr_tensor *gr_init_kaiming_uniform(gr_rng *rng, gr_shape shape, double gain)
{
    return uniform("gr_init_kaiming_uniform", rng, shape, gain, fan_in(shape));
}

gr_tensor *gr_init_kaiming_normal(gr_rng *rng, gr_shape shape, double gain)
{
    return normal("gr_init_kaiming_normal", rng, shape, gain, fan_in(shape));
}

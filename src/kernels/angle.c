/* Sine, cosine and tangent of any double, one at a time: the reduction of large angles has loops and
 * a table, which are nothing for a vector loop. The others get the bits that the loop gives them. */
#include "src/kernels/angle.h"

#include "src/kernels/kernels.h"
#include "src/kernels/vmath.h"

/* The lowest 192 bits of m times 192 bits of 2 / pi, whose first has the weight 2^-place, in limbs
   of 32 bits, the highest first. -31 <= place < 1010. */
static void multiply(uint32_t product[6], uint64_t m, int place)
{
    /* 2 / pi behind 32 zeros. */
    static const uint32_t bits[] = {
        0x00000000, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041,
        0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c,
        0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4,
        0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf,
        0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea,
        0x6bfb5fb1, 0x1f8d5d08, 0x56033046,
    };
    const uint32_t *from = bits + (place + 31) / 32;
    int shift = (place + 31) % 32;
    for (int k = 0; k < 6; k++) product[k] = 0;
    for (int half = 0; half < 2; half++) {
        uint64_t factor = half ? m >> 32 : m & 0xffffffffu, carry = 0;
        for (int k = 5; k >= half; k--) {
            uint64_t two = (uint64_t)from[k] << 32 | from[k + 1];
            carry += factor * (two >> (32 - shift) & 0xffffffffu) + product[k - half];
            product[k - half] = (uint32_t)carry;
            carry >>= 32;
        }
    }
}

/* As gr__reduce64, for finite |x| >= 1 (Payne and Hanek, 1983). With |x| = m 2^e the bits of 2 / pi
   down to 2^(2 - e) give whole turns of the circle and are left out. Of the 190 bits behind the
   quarter turns the product's own error takes 53; no double comes so near to a multiple of pi / 2
   that more than 62 are zeros (Kahan), so that 75 are left for r + d. */
static gr__angle64 reduce_far(double x)
{
    uint64_t bits = gr__to_bits64(x), m = (bits & 0xfffffffffffffu) | 0x10000000000000u;
    uint32_t turns[6];
    multiply(turns, m, (int)(bits >> 52 & 0x7ff) - 1075 - 1);
    uint32_t quarters = (turns[0] + 0x20000000u) >> 30;
    gr__pair64 rest = {(int32_t)(turns[0] - (quarters << 30)) * 0x1p-30, 0.0};
    double unit = 0x1p-62;
    for (int k = 1; k < 6; k++, unit *= 0x1p-32) {
        gr__pair64 sum = gr__sum64(rest.high, turns[k] * unit);
        rest = (gr__pair64){sum.high, rest.low + sum.low};
    }
    rest = gr__sum64(rest.high, rest.low);
    rest = gr__scale_pair64(rest, 0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54);
    rest = gr__sum64(rest.high, rest.low);
    double n = (double)quarters, sign = copysign(1.0, x);
    return (gr__angle64){GR__ROUND64 + sign * n, sign * rest.high, sign * rest.low};
}

static double beyond(double x, double y)
{
    return fabs(x) < INFINITY ? y : NAN;
}

double GR__KERNEL(gr__any_sin)(double x)
{
    return v_is_far(x) ? beyond(x, gr__sin_at64(reduce_far(x), 0)) : v_sin(x);
}

double GR__KERNEL(gr__any_cos)(double x)
{
    return v_is_far(x) ? beyond(x, gr__sin_at64(reduce_far(x), 1)) : v_cos(x);
}

double GR__KERNEL(gr__any_tan)(double x)
{
    return v_is_far(x) ? beyond(x, gr__tan_at64(reduce_far(x))) : v_tan(x);
}

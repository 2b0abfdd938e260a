/*
 * The special functions of vmath.h, which includes it, for floats: computed in double by
 * vspecial64.h and rounded once, so that no error exceeds 0.51 ulp. That takes as long as the
 * doubles do and 1.9 to 2.4 times as long per number as floats would at best; for the sake of one
 * set of approximations, since none of these functions stands in the inner loop of a network.
 */
#ifndef GR__VSPECIAL32_H
#define GR__VSPECIAL32_H

#define GR__IN_DOUBLE(name) \
    GR__INLINE float gr__##name##32(float x) \
    { \
        return (float)gr__##name##64((double)x); \
    }
#define GR__IN_DOUBLE_OF_ORDER(name) \
    GR__INLINE float gr__##name##32(float n, float x) \
    { \
        return (float)gr__##name##64((double)n, (double)x); \
    }

GR__IN_DOUBLE(erfc)
GR__IN_DOUBLE(ndtr)
GR__IN_DOUBLE(log_ndtr)
GR__IN_DOUBLE(inverse_mills)
GR__IN_DOUBLE(lgamma)
GR__IN_DOUBLE(digamma)
GR__IN_DOUBLE(trigamma)
GR__IN_DOUBLE(i0e)
GR__IN_DOUBLE(i1e)
GR__IN_DOUBLE_OF_ORDER(truncated_moment)
GR__IN_DOUBLE_OF_ORDER(polygamma)
GR__IN_DOUBLE_OF_ORDER(ive)

#undef GR__IN_DOUBLE
#undef GR__IN_DOUBLE_OF_ORDER

#endif

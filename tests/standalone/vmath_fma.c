/* The checks of vmath.c on the code with fma, which the Makefile has built for x86-64-v3. */
#include "tests/standalone/vmath.c"

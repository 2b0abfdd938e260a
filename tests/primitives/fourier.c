/* Fourier transforms: one test for each row of their table. */
#define TABLE "tests/primitives/fourier.def"
#include "tests/primitives/certify.h"

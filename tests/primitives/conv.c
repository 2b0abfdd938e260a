/* Convolutions: one test for each row of their table. */
#define TABLE "tests/primitives/conv.def"
#include "tests/primitives/conv.h"
#include "tests/primitives/certify.h"

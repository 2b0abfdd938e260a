/* Elementwise operations: one test for each row of their table. */
#define TABLE "tests/primitives/elementwise.def"
#include "tests/primitives/certify.h"

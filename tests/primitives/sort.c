/* Order: one test for each row of their table. */
#define TABLE "tests/primitives/sort.def"
#include "tests/primitives/certify.h"

/* Recurrent layers: one test for each row of their table. */
#include "tests/primitives/recurrent.h"

#define TABLE "tests/primitives/recurrent.def"
#include "tests/primitives/certify.h"

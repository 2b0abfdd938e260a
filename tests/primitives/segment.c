/* Groups of rows: one test for each row of their table. */
#define TABLE "tests/primitives/segment.def"
#include "tests/primitives/certify.h"

/* Scans: one test for each row of their table. */
#define TABLE "tests/primitives/scan.def"
#include "tests/primitives/certify.h"

#ifndef EXAMPLES_FOLDER_H
#define EXAMPLES_FOLDER_H

#include <stdbool.h>

/* Makes the folder and those above it, where they are missing, and checks that files can be made
 * in it: call it before training starts, not when the first picture is saved.
 * False, with a report that names the folder in the way, if it cannot. */
bool folder_make(const char *path);

#endif

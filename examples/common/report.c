/* Error messages: formatted into one static line, printed once. Knows nothing of the others. */

#include "report.h"

#include <stdarg.h>
#include <stdio.h>

static char last[512];

bool report_error(const char *format, ...)
{
    int used = snprintf(last, sizeof last, "gradus-example: ");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(last + used, sizeof last - (size_t)used, format, arguments);
    va_end(arguments);
    fprintf(stderr, "%s\n", last);
    return false;
}

const char *report_last(void)
{
    return last;
}

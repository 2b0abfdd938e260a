/* The beginning of an example. */
#include "examples/common/start.h"

#include <gradus.h>

#include "examples/common/stop.h"

bool start(int argc, char **argv, const char *summary, const option *table, int n,
           const int64_t *threads, int *status)
{
    options_result result = options_parse(argc, argv, summary, table, n);

    *status = result == OPTIONS_HELP ? 0 : 2;
    if (result != OPTIONS_RUN) {
        return false;
    }
    stop_install();
    return gr_set_threads(*threads < gr_threads() ? (int)*threads : gr_threads());
}

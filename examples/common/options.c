/* The command line: one table, one pass. */

#include "options.h"

#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "an integer from 1 to 100": what the option wants. */
static const char *wanted(const option *o, char text[96])
{
    if (o->flag) return "no value";
    if (o->text) return "a text";
    const char *kind = o->integer ? "an integer" : "a number";
    int exact = o->integer ? 15 : 6;
    if (o->min == o->max) {
        snprintf(text, 96, "%s", kind);
    } else if (isinf(o->max)) {
        snprintf(text, 96, "%s from %.*g up", kind, exact, o->min);
    } else {
        snprintf(text, 96, "%s from %.*g to %.*g", kind, exact, o->min, exact, o->max);
    }
    return text;
}

static bool in_range(const option *o, double value)
{
    return o->min == o->max || (value >= o->min && value <= o->max);
}

/* Stores the value; false if it is not what the option wants. */
static bool store(const option *o, const char *value)
{
    char *end;
    errno = 0;
    if (o->flag && !value) return *o->flag = true;
    if (o->flag || !value) return false;
    if (o->text) {
        *o->text = value;
        return true;
    }
    if (o->integer) {
        long long integer = strtoll(value, &end, 10);
        if (end == value || *end || errno || !in_range(o, (double)integer)) return false;
        *o->integer = integer;
        return true;
    }
    double number = strtod(value, &end);
    if (end == value || *end || !isfinite(number) || !in_range(o, number)) return false;
    *o->number = number;
    return true;
}

static bool is_option(const char *argument)
{
    return strncmp(argument, "--", 2) == 0;
}

static const option *find(const option *table, int n, const char *name, size_t length)
{
    for (int i = 0; i < n; i++) {
        if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

static const char *value_name(const option *o)
{
    return o->integer ? " N" : o->number ? " X" : o->text ? " TEXT" : "";
}

static void print_row(const option *o, int column)
{
    int used = printf("  --%s%s", o->name, value_name(o));
    printf("%*s%s", column - used, "", o->help ? o->help : "");
    if (o->integer) printf(" (%lld)", (long long)*o->integer);
    if (o->number) printf(" (%g)", *o->number);
    if (o->text && *o->text) printf(" (%s)", *o->text);
    printf("\n");
}

static options_result print_help(const char *summary, const option *table, int n)
{
    static const option help = {"help", .help = "this text"};
    size_t widest = strlen(help.name);
    for (int i = 0; i < n; i++) {
        size_t width = strlen(table[i].name) + strlen(value_name(&table[i]));
        if (width > widest) widest = width;
    }
    int column = (int)widest + 6;
    printf("%s\n\n", summary);
    for (int i = 0; i < n; i++) print_row(&table[i], column);
    print_row(&help, column);
    return OPTIONS_HELP;
}

/* "vae: --steps: got 'ten', want an integer from 1 to 1000". */
static options_result refuse(const char *summary, const option *o, const char *value)
{
    char text[96];
    const char *quote = value ? "'" : "";
    report_error("%.*s: --%s: got %s%s%s, want %s", (int)strcspn(summary, ":"), summary, o->name,
                 quote, value ? value : "nothing", quote, wanted(o, text));
    return OPTIONS_ERROR;
}

/* Reads the option at argv[*i] and its value, which may be the next argument; moves *i there. */
static options_result parse_one(int argc, char **argv, int *i, const char *summary,
                                const option *table, int n)
{
    int program = (int)strcspn(summary, ":");
    const char *name = argv[*i] + 2, *value = NULL;
    if (!is_option(argv[*i])) {
        report_error("%.*s: got '%s', want --name value (--help lists the names)", program, summary,
                     argv[*i]);
        return OPTIONS_ERROR;
    }
    size_t length = strcspn(name, "=");
    const option *o = find(table, n, name, length);
    if (!o) {
        report_error("%.*s: --%.*s: no such option (--help lists them)", program, summary,
                     (int)length, name);
        return OPTIONS_ERROR;
    }
    if (name[length]) {
        value = name + length + 1;
    } else if (!o->flag && *i + 1 < argc && !is_option(argv[*i + 1])) {
        value = argv[++*i];
    }
    return store(o, value) ? OPTIONS_RUN : refuse(summary, o, value);
}

options_result options_parse(int argc, char **argv, const char *summary, const option *table, int n)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) return print_help(summary, table, n);
    }
    options_result result = OPTIONS_RUN;
    for (int i = 1; i < argc && result == OPTIONS_RUN; i++) {
        result = parse_one(argc, argv, &i, summary, table, n);
    }
    return result;
}

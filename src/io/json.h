/* The part of JSON (RFC 8259) that file headers use: strings, whole numbers and the signs between
 * them. What a header may hold is the caller's business. */
#ifndef GRADUS_IO_JSON_H
#define GRADUS_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text being read from `next` to `end`, where a 0 stands. Strings are decoded in place. */
typedef struct gr__json {
    char *begin, *next, *end;
    const char *wanted; /* NULL, or what `next` should have been: the first failure */
} gr__json;

/* The sign, after white space. `gr__json_has` leaves another one where it is, `gr__json_expect`
 * fails on it. */
bool gr__json_has(gr__json *json, char sign);
bool gr__json_expect(gr__json *json, char sign);

/* A string as UTF-8 with a 0 behind it; NULL on failure, on the character 0 too. */
char *gr__json_string(gr__json *json);

/* A whole number from 0 to INT64_MAX. */
bool gr__json_number(gr__json *json, int64_t *number);

/* Nothing but white space is left. */
bool gr__json_end(gr__json *json);

/* Writes `text` in quotes, without a final 0, and returns the end; at most 6 bytes for each byte,
 * and 2. */
char *gr__json_quote(char *to, const char *text);

bool gr__utf8_valid(const char *text);

#endif

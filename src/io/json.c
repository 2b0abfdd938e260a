/* Reading and writing the JSON of file headers. Knows nothing of files and tensors. */
#include "src/io/json.h"

#include <stdio.h>
#include <string.h>

static bool fail(gr__json *json, const char *wanted)
{
    if (!json->wanted) json->wanted = wanted;
    return false;
}

static void skip_space(gr__json *json)
{
    while (json->next < json->end && memchr(" \t\n\r", *json->next, 4)) json->next++;
}

bool gr__json_has(gr__json *json, char sign)
{
    skip_space(json);
    if (json->wanted || json->next == json->end || *json->next != sign) {
        return false;
    }
    json->next++;
    return true;
}

bool gr__json_expect(gr__json *json, char sign)
{
    static const char *const names[] = {"'{'", "'}'", "'['", "']'", "':'", "','"};
    const char *wanted = "a sign";

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i][1] == sign) wanted = names[i];
    }
    return gr__json_has(json, sign) || fail(json, wanted);
}

bool gr__json_end(gr__json *json)
{
    skip_space(json);
    return json->next == json->end || fail(json, "the end");
}

bool gr__json_number(gr__json *json, int64_t *number)
{
    skip_space(json);
    char *first = json->next, *c = first;
    bool fits = true;

    for (*number = 0; *c >= '0' && *c <= '9'; c++) {
        fits = fits && !__builtin_mul_overflow(*number, 10, number) &&
               !__builtin_add_overflow(*number, *c - '0', number);
    }
    if (json->wanted || c == first || (*first == '0' && c - first > 1) || !fits) {
        return fail(json, "a whole number of 0 or more");
    }
    json->next = c;
    return true;
}

/* ---- UTF-8 (RFC 3629) ---- */

/* The length of the character at `text`, 0 if it is not one; reads no further than a 0. */
static int utf8_length(const char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)text;
    int n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    uint32_t code = n == 1 ? s[0] : s[0] & (0x7fu >> n);

    for (int i = 1; i < n; i++) {
        if (s[i] >> 6 != 2) return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return code >= least[n] && code <= 0x10ffff && code >> 11 != 0xd800 >> 11 ? n : 0;
}

bool gr__utf8_valid(const char *text)
{
    int n = 1;

    for (; *text && n > 0; text += n) n = utf8_length(text);
    return n > 0;
}

static char *utf8_encode(char *to, uint32_t code)
{
    int n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    for (int i = n - 1; i > 0; i--, code >>= 6) to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(n == 1 ? code : (0xf00u >> n & 0xffu) | code);
    return to + n;
}

/* ---- strings ---- */

/* What stands behind a backslash, and what it means. */
static const char short_forms[] = "\"\\/bfnrt", short_meanings[] = "\"\\/\b\f\n\r\t";

/* The number after \u at `text`; 0, which no string may hold, if there is none. */
static uint32_t code_unit(const char *text)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    uint32_t code = 0;

    if (text[0] != '\\' || text[1] != 'u') return 0;
    for (int i = 2; i < 6; i++) {
        const char *digit = memchr(digits, text[i], sizeof digits - 1);
        if (!digit) return 0;
        code = code << 4 | (uint32_t)((digit - digits) % 16);
    }
    return code;
}

/* Two code units may make one character: a high and a low surrogate. */
static char *decode_units(gr__json *json, char *to)
{
    uint32_t code = code_unit(json->next), low = 0;

    if (code >> 10 == 0xd800 >> 10) {
        low = code_unit(json->next + 6);
        code = low >> 10 == 0xdc00 >> 10 ? 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff) : 0;
    } else if (code >> 10 == 0xdc00 >> 10) {
        code = 0;
    }
    if (code == 0) {
        fail(json, "\\u and the number of a character other than 0");
        return NULL;
    }
    json->next += low ? 12 : 6;
    return utf8_encode(to, code);
}

static char *decode_escape(gr__json *json, char *to)
{
    const char *form = memchr(short_forms, json->next[1], sizeof short_forms - 1);

    if (!form) {
        return decode_units(json, to);
    }
    json->next += 2;
    *to = short_meanings[form - short_forms];
    return to + 1;
}

/* One character; where the next one goes, or NULL. */
static char *decode(gr__json *json, char *to)
{
    int n = utf8_length(json->next);

    if (*json->next == '\\') {
        return decode_escape(json, to);
    }
    if (n == 0 || (n == 1 && (unsigned char)*json->next < 0x20)) {
        fail(json, "a character of UTF-8");
        return NULL;
    }
    memmove(to, json->next, (size_t)n);
    json->next += n;
    return to + n;
}

char *gr__json_string(gr__json *json)
{
    if (!gr__json_has(json, '"')) {
        fail(json, "a string");
        return NULL;
    }
    char *text = json->next, *to = text;
    while (to && *json->next != '"') to = decode(json, to);
    if (!to) {
        return NULL;
    }
    json->next++;
    *to = 0;
    return text;
}

char *gr__json_quote(char *to, const char *text)
{
    *to++ = '"';
    for (; *text; text++) {
        const char *form = memchr(short_meanings, *text, sizeof short_meanings - 1);
        if (form && *text != '/') {
            *to++ = '\\';
            *to++ = short_forms[form - short_meanings];
        } else if ((unsigned char)*text < 0x20) {
            to += snprintf(to, 7, "\\u%04x", (unsigned)*text);
        } else {
            *to++ = *text;
        }
    }
    *to++ = '"';
    return to;
}

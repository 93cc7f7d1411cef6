#include "cases/cases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int digit_of(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

uint8_t *case_hex(const json_t *one, const char *key, size_t *out_len)
{
    struct hws_bytes text = case_text(one, key);
    uint8_t *bytes;

    if (!text.data || text.len % 2 != 0) return NULL;
    bytes = calloc(1, text.len > 0 ? text.len / 2 : 1);
    if (!bytes) return NULL;
    for (size_t i = 0; i < text.len / 2; i++) {
        int high = digit_of((char)text.data[2 * i]), low = digit_of((char)text.data[2 * i + 1]);
        if (high < 0 || low < 0) {
            free(bytes);
            return NULL;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out_len = text.len / 2;
    return bytes;
}

struct hws_bytes case_text(const json_t *one, const char *key)
{
    const json_t *value = json_object_get(one, key);

    if (!json_is_string(value)) return (struct hws_bytes){0};
    return (struct hws_bytes){(const uint8_t *)json_string_value(value), json_string_length(value)};
}

const char *case_string(const json_t *one, const char *key)
{
    return json_string_value(json_object_get(one, key));
}

void case_got_json(struct case_report *report, const char *key, json_t *value)
{
    if (!value || json_object_set_new(report->got, key, value)) {
        fprintf(stderr, "run_cases: cannot report %s\n", key);
        abort(); /* out of memory, or a handler's own mistake */
    }
}

void case_got_string(struct case_report *report, const char *key, const char *value)
{
    case_got_json(report, key, json_string(value));
}

static json_t *hex_of(const char *prefix, struct hws_bytes value)
{
    size_t prefix_len = strlen(prefix);
    char *text = calloc(1, prefix_len + 2 * value.len + 1);
    json_t *json;

    if (!text) return NULL;
    memcpy(text, prefix, prefix_len);
    for (size_t i = 0; i < value.len; i++) {
        (void)snprintf(text + prefix_len + 2 * i, 3, "%02x", value.data[i]);
    }
    json = json_string(text);
    free(text);
    return json;
}

void case_got_text(struct case_report *report, const char *key, struct hws_bytes value)
{
    json_t *text;

    if (!value.data) return;
    text = json_stringn((const char *)value.data, value.len);
    case_got_json(report, key, text ? text : hex_of("not UTF-8: ", value));
}

void case_got_hex(struct case_report *report, const char *key, struct hws_bytes value)
{
    if (value.data) case_got_json(report, key, hex_of("", value));
}

void case_got_bool(struct case_report *report, const char *key, bool value)
{
    case_got_json(report, key, json_boolean(value));
}

void case_got_number(struct case_report *report, const char *key, uint64_t value)
{
    char text[24];

    if (value <= INT64_MAX) {
        case_got_json(report, key, json_integer((json_int_t)value));
        return;
    }
    /* The frame reads such integers as strings, too: see quote_big_integers(). */
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    case_got_string(report, key, text);
}

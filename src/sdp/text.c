#include "sdp/text_internal.h"

#include <assert.h>
#include <string.h>

struct hws_bytes hws_text_after(struct hws_bytes text, size_t len)
{
    if (len == 0) return text; /* NULL + 0 is undefined in C11 */
    return (struct hws_bytes){text.data + len, text.len - len};
}

size_t hws_text_find(struct hws_bytes text, uint8_t byte)
{
    size_t at = 0;

    while (at < text.len && text.data[at] != byte) {
        at++;
    }
    return at;
}

struct hws_words hws_words_over(struct hws_bytes text)
{
    return (struct hws_words){.rest = text, .more = true};
}

struct hws_bytes hws_next_word(struct hws_words *words)
{
    struct hws_bytes word = words->rest;

    if (words->failed || !words->more) {
        words->failed = true;
        return (struct hws_bytes){0};
    }
    word.len = hws_text_find(words->rest, ' ');
    words->more = word.len < words->rest.len;
    if (words->more) words->rest = hws_text_after(words->rest, word.len + 1);
    if (word.len > 0) return word;
    words->failed = true;
    return (struct hws_bytes){0};
}

bool hws_words_done(const struct hws_words *words)
{
    return !words->failed && !words->more;
}

bool hws_text_starts(struct hws_bytes text, const char *prefix)
{
    size_t len = strlen(prefix);

    return text.len >= len && (len == 0 || memcmp(text.data, prefix, len) == 0);
}

bool hws_text_is(struct hws_bytes text, const char *other)
{
    return hws_bytes_equal(text, hws_bytes_of(other));
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

bool hws_text_is_nocase(struct hws_bytes text, const char *other)
{
    if (text.len != strlen(other)) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (lower(text.data[i]) != lower((uint8_t)other[i])) return false;
    }
    return true;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alphanumeric(uint8_t c)
{
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

static bool is_one_of(uint8_t c, const char *set)
{
    for (; *set; set++) {
        if ((uint8_t)*set == c) return true;
    }
    return false;
}

bool hws_text_is_token(struct hws_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.data[i]) && !is_one_of(text.data[i], "!#$%&'*+-.^_`{|}~"))
            return false;
    }
    return text.len > 0;
}

bool hws_text_is_ice(struct hws_bytes text, size_t min, size_t max)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_alphanumeric(text.data[i]) && !is_one_of(text.data[i], "+/")) return false;
    }
    return text.len >= min && text.len <= max;
}

bool hws_text_is_visible(struct hws_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7F) return false;
    }
    return true;
}

bool hws_text_is_digits(struct hws_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_digit(text.data[i])) return false;
    }
    return text.len > 0;
}

bool hws_text_is_padded(struct hws_bytes text)
{
    return text.len > 1 && text.data[0] == '0';
}

bool hws_text_saturated(struct hws_bytes text, uint64_t *out)
{
    uint64_t value = 0;

    if (!hws_text_is_digits(text)) return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    *out = value;
    return true;
}

bool hws_text_number(struct hws_bytes text, uint64_t max, uint64_t *out)
{
    uint64_t value;

    if (!hws_text_saturated(text, &value) || value > max) return false;
    *out = value;
    return true;
}

int hws_text_hex(uint8_t c)
{
    if (is_digit(c)) return c - '0';
    if (lower(c) >= 'a' && lower(c) <= 'f') return lower(c) - 'a' + 10;
    return -1;
}

void hws_text_copy(struct hws_bytes text, char *out, size_t cap)
{
    assert(text.len < cap);
    if (text.len > 0) memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

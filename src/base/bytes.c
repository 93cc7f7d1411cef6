#include "base/bytes.h"

#include <string.h>

struct hws_cursor hws_cursor_over(struct hws_bytes bytes)
{
    return (struct hws_cursor){.rest = bytes};
}

struct hws_bytes hws_read_bytes(struct hws_cursor *cur, size_t len)
{
    struct hws_bytes taken = {cur->rest.data, len};

    if (cur->failed || len > cur->rest.len) {
        cur->failed = true;
        cur->rest.len = 0;
        return (struct hws_bytes){0};
    }
    if (len == 0) return (struct hws_bytes){0}; /* NULL + 0 is undefined in C11 */
    cur->rest.data += len;
    cur->rest.len -= len;
    return taken;
}

static uint32_t read_be(struct hws_cursor *cur, size_t width)
{
    struct hws_bytes b = hws_read_bytes(cur, width);
    uint32_t value = 0;

    for (size_t i = 0; i < b.len; i++) {
        value = value << 8 | b.data[i];
    }
    return value;
}

uint8_t hws_read_u8(struct hws_cursor *cur)
{
    return (uint8_t)read_be(cur, 1);
}

uint16_t hws_read_u16(struct hws_cursor *cur)
{
    return (uint16_t)read_be(cur, 2);
}

uint32_t hws_read_u32(struct hws_cursor *cur)
{
    return read_be(cur, 4);
}

bool hws_cursor_done(const struct hws_cursor *cur)
{
    return !cur->failed && cur->rest.len == 0;
}

struct hws_bytes hws_bytes_of(const char *text)
{
    return (struct hws_bytes){(const uint8_t *)text, strlen(text)};
}

bool hws_bytes_equal(struct hws_bytes a, struct hws_bytes b)
{
    if (a.len != b.len) return false;
    return a.len == 0 || memcmp(a.data, b.data, a.len) == 0;
}

bool hws_equal_secret(const uint8_t *a, const uint8_t *b, size_t len)
{
    uint8_t difference = 0;

    for (size_t i = 0; i < len; i++) {
        difference |= a[i] ^ b[i];
    }
    return difference == 0;
}

void hws_wipe(void *data, size_t len)
{
    volatile uint8_t *bytes = data;

    while (len > 0) {
        bytes[--len] = 0;
    }
}

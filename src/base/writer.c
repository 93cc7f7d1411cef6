#include "base/writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct hws_writer hws_writer_over(uint8_t *data, size_t cap)
{
    return (struct hws_writer){.data = data, .cap = cap};
}

/* Reserve @p len bytes, or mark the writer failed and return NULL. */
static uint8_t *reserve(struct hws_writer *out, size_t len)
{
    uint8_t *at;

    if (out->failed || len > out->cap - out->len) {
        out->failed = true;
        return NULL;
    }
    at = out->len > 0 ? out->data + out->len : out->data; /* NULL + 0 is undefined in C11 */
    out->len += len;
    return at;
}

static void write_be(struct hws_writer *out, uint64_t value, size_t width)
{
    uint8_t *at = reserve(out, width);

    if (!at) return;
    for (size_t i = width; i > 0; i--) {
        at[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

void hws_write_u8(struct hws_writer *out, uint8_t value)
{
    write_be(out, value, 1);
}

void hws_write_u16(struct hws_writer *out, uint16_t value)
{
    write_be(out, value, 2);
}

void hws_write_u32(struct hws_writer *out, uint32_t value)
{
    write_be(out, value, 4);
}

void hws_write_u64(struct hws_writer *out, uint64_t value)
{
    write_be(out, value, 8);
}

void hws_write_bytes(struct hws_writer *out, struct hws_bytes bytes)
{
    uint8_t *at = reserve(out, bytes.len);

    if (at && bytes.len > 0) memcpy(at, bytes.data, bytes.len);
}

void hws_write_zeros(struct hws_writer *out, size_t len)
{
    uint8_t *at = reserve(out, len);

    if (at && len > 0) memset(at, 0, len);
}

void hws_patch_u16(struct hws_writer *out, size_t at, uint16_t value)
{
    if (out->failed || at + 2 > out->len) return;
    out->data[at] = (uint8_t)(value >> 8);
    out->data[at + 1] = (uint8_t)value;
}

void hws_write_text(struct hws_writer *out, const char *format, ...)
{
    size_t room = out->failed ? 0 : out->cap - out->len;
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(room > 0 ? (char *)out->data + out->len : NULL, room, format, args);
    va_end(args);
    /* vsnprintf wants room for a NUL that is not part of what is written. */
    if (len < 0 || (size_t)len >= room) {
        out->failed = out->failed || len != 0;
        return;
    }
    out->len += (size_t)len;
}

struct hws_bytes hws_written(const struct hws_writer *out)
{
    return out->failed ? (struct hws_bytes){0} : (struct hws_bytes){out->data, out->len};
}

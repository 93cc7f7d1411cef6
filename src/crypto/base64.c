#include "crypto/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hws_base64_write(struct hws_writer *out, struct hws_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t group = (uint32_t)bytes.data[i] << 16;

        if (left > 1) group |= (uint32_t)bytes.data[i + 1] << 8;
        if (left > 2) group |= bytes.data[i + 2];
        hws_write_u8(out, (uint8_t)alphabet[group >> 18]);
        hws_write_u8(out, (uint8_t)alphabet[group >> 12 & 63]);
        hws_write_u8(out, left > 1 ? (uint8_t)alphabet[group >> 6 & 63] : '=');
        hws_write_u8(out, left > 2 ? (uint8_t)alphabet[group & 63] : '=');
    }
}

/* Value of one digit; 64 or more if it is none. */
static uint32_t digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z') return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9') return (uint32_t)(c - '0') + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return 64;
}

/* Four digits, the last @p padding of them '='. False if one is no digit or bits would be lost. */
static bool read_group(const uint8_t *text, size_t padding, uint8_t out[3])
{
    uint32_t group = 0;

    for (size_t i = 0; i < 4; i++) {
        uint32_t digit = i < 4 - padding ? digit_of(text[i]) : 0;

        if (digit > 63) return false;
        group = group << 6 | digit;
    }
    out[0] = (uint8_t)(group >> 16);
    out[1] = (uint8_t)(group >> 8);
    out[2] = (uint8_t)group;
    /* Two texts for the same bytes would let a copy pass for an original (RFC 4648 section 3.5). */
    return padding == 0 || (group & (padding == 1 ? 0xFFu : 0xFFFFu)) == 0;
}

enum hws_err hws_base64_read(struct hws_bytes text, struct hws_writer *out)
{
    struct hws_writer copy = *out;
    size_t padding = 0;

    if (text.len % 4 != 0) return HWS_ERR_MALFORMED;
    if (text.len > 0 && text.data[text.len - 1] == '=')
        padding = text.data[text.len - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t missing = i + 4 == text.len ? padding : 0;
        uint8_t bytes[3];

        if (!read_group(text.data + i, missing, bytes)) return HWS_ERR_MALFORMED;
        hws_write_bytes(&copy, (struct hws_bytes){bytes, 3 - missing});
    }
    if (copy.failed) return HWS_ERR_FULL;
    *out = copy;
    return HWS_OK;
}

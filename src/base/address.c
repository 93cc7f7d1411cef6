#include "base/address.h"

#include "base/writer.h"

#include <string.h>

enum { IP4_LEN = 4, IP6_LEN = 16 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Four decimal parts without leading zeros: "010" is eight to some and ten to others. */
static bool read_ip4(struct hws_bytes text, uint8_t out[IP4_LEN])
{
    size_t at = 0;

    for (size_t part = 0; part < IP4_LEN; part++) {
        unsigned value = 0;
        size_t start;

        if (part > 0 && (at >= text.len || text.data[at++] != '.')) return false;
        start = at;
        while (at < text.len && at - start < 3 && is_digit(text.data[at])) {
            value = value * 10 + (unsigned)(text.data[at++] - '0');
        }
        if (at == start || value > 255) return false;
        if (at - start > 1 && text.data[start] == '0') return false;
        out[part] = (uint8_t)value;
    }
    return at == text.len;
}

static int hex_digit(uint8_t c)
{
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* One group of one to four hexadecimal digits at the start; its length, or 0. */
static size_t read_group(struct hws_bytes text, unsigned *out)
{
    size_t len = 0;

    *out = 0;
    while (len < text.len && len < 4 && hex_digit(text.data[len]) >= 0) {
        *out = *out << 4 | (unsigned)hex_digit(text.data[len++]);
    }
    return len;
}

static struct hws_bytes skip(struct hws_bytes text, size_t len)
{
    return (struct hws_bytes){text.data + len, text.len - len};
}

static bool starts_with_gap(struct hws_bytes text)
{
    return text.len >= 2 && text.data[0] == ':' && text.data[1] == ':';
}

/*
 * RFC 4291 section 2.2: groups with ':' between them, of which the last two may be an IPv4 address,
 * and one "::" for one group of zeros or more.
 */
static bool read_ip6(struct hws_bytes text, uint8_t out[IP6_LEN])
{
    uint8_t ip[IP6_LEN] = {0};
    size_t len = 0, gap = SIZE_MAX; /* bytes read; where the "::" stands */

    while (text.len > 0) {
        unsigned group;
        size_t digits;

        if (starts_with_gap(text)) {
            if (gap != SIZE_MAX) return false;
            gap = len;
            text = skip(text, 2);
            if (text.len == 0) break;
        } else if (len > 0) {
            if (text.data[0] != ':') return false;
            text = skip(text, 1);
        }
        digits = read_group(text, &group);
        if (digits == 0 || len + 2 > IP6_LEN) return false;
        if (digits < text.len && text.data[digits] == '.') {
            if (len + IP4_LEN > IP6_LEN || !read_ip4(text, ip + len)) return false;
            len += IP4_LEN;
            break;
        }
        ip[len++] = (uint8_t)(group >> 8);
        ip[len++] = (uint8_t)group;
        text = skip(text, digits);
    }
    if (gap == SIZE_MAX ? len != IP6_LEN : len > IP6_LEN - 2) return false;
    memcpy(out, ip, IP6_LEN);
    if (gap != SIZE_MAX) {
        memset(out + gap, 0, IP6_LEN - gap);
        memcpy(out + IP6_LEN - (len - gap), ip + gap, len - gap);
    }
    return true;
}

enum hws_err hws_address_read(struct hws_bytes text, struct hws_address *out)
{
    struct hws_address ip4 = {.family = HWS_FAMILY_IP4};
    struct hws_address ip6 = {.family = HWS_FAMILY_IP6};

    if (read_ip4(text, ip4.ip))
        *out = ip4;
    else if (read_ip6(text, ip6.ip))
        *out = ip6;
    else
        return HWS_ERR_MALFORMED;
    return HWS_OK;
}

static unsigned group_at(const struct hws_address *addr, size_t index)
{
    return (unsigned)addr->ip[2 * index] << 8 | addr->ip[2 * index + 1];
}

/* The longest run of at least two zero groups, the first of equals: RFC 5952 section 4.2. */
static void find_gap(const struct hws_address *addr, size_t *out_first, size_t *out_count)
{
    size_t run = 0;

    *out_first = 8;
    *out_count = 0;
    for (size_t i = 0; i < 8; i++) {
        run = group_at(addr, i) == 0 ? run + 1 : 0;
        if (run > 1 && run > *out_count) {
            *out_count = run;
            *out_first = i + 1 - run;
        }
    }
}

static void write_ip4(struct hws_writer *out, const uint8_t ip[IP4_LEN])
{
    hws_write_text(out, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

static void write_ip6(struct hws_writer *out, const struct hws_address *addr)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    size_t first, count;

    if (memcmp(addr->ip, mapped, sizeof(mapped)) == 0) { /* RFC 5952 section 5 */
        hws_write_text(out, "::ffff:");
        write_ip4(out, addr->ip + sizeof(mapped));
        return;
    }
    find_gap(addr, &first, &count);
    for (size_t i = 0; i < 8; i++) {
        if (i == first) {
            hws_write_text(out, "::");
            i += count - 1;
            continue;
        }
        hws_write_text(out, i == 0 || i == first + count ? "%x" : ":%x", group_at(addr, i));
    }
}

const char *hws_address_text(const struct hws_address *addr, char out[HWS_ADDRESS_TEXT_MAX])
{
    struct hws_writer text = hws_writer_over((uint8_t *)out, HWS_ADDRESS_TEXT_MAX);

    switch (addr->family) {
    case HWS_FAMILY_IP4:
        write_ip4(&text, addr->ip);
        break;
    case HWS_FAMILY_IP6:
        write_ip6(&text, addr);
        break;
    case HWS_FAMILY_NONE:
        hws_write_text(&text, "none");
        break;
    }
    hws_write_u8(&text, '\0');
    return out;
}

const char *hws_endpoint_text(const struct hws_address *addr, char out[HWS_ENDPOINT_TEXT_MAX])
{
    struct hws_writer text = hws_writer_over((uint8_t *)out, HWS_ENDPOINT_TEXT_MAX);
    char ip[HWS_ADDRESS_TEXT_MAX];
    const char *format = addr->family == HWS_FAMILY_IP6 ? "[%s]:%u" : "%s:%u";

    hws_write_text(&text, format, hws_address_text(addr, ip), (unsigned)addr->port);
    hws_write_u8(&text, '\0');
    return out;
}

bool hws_address_same_ip(const struct hws_address *a, const struct hws_address *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool hws_address_equal(const struct hws_address *a, const struct hws_address *b)
{
    return a->port == b->port && a->tcp == b->tcp && hws_address_same_ip(a, b);
}

size_t hws_address_ip_len(const struct hws_address *addr)
{
    switch (addr->family) {
    case HWS_FAMILY_IP4:
        return 4;
    case HWS_FAMILY_IP6:
        return 16;
    case HWS_FAMILY_NONE:
        break;
    }
    return 0;
}

/* Does the IPv6 address begin with the @p len bytes of @p prefix? */
static bool ip6_starts(const struct hws_address *addr, const uint8_t *prefix, size_t len)
{
    return addr->family == HWS_FAMILY_IP6 && memcmp(addr->ip, prefix, len) == 0;
}

bool hws_address_is_any(const struct hws_address *addr)
{
    static const uint8_t zeros[16];

    return memcmp(addr->ip, zeros, sizeof(zeros)) == 0;
}

bool hws_address_is_loopback(const struct hws_address *addr)
{
    static const uint8_t loopback6[16] = {[15] = 1};

    if (addr->family == HWS_FAMILY_IP4) return addr->ip[0] == 127;
    return ip6_starts(addr, loopback6, sizeof(loopback6));
}

bool hws_address_is_link_local(const struct hws_address *addr)
{
    if (addr->family == HWS_FAMILY_IP4) return addr->ip[0] == 169 && addr->ip[1] == 254;
    return addr->family == HWS_FAMILY_IP6 && addr->ip[0] == 0xFE && (addr->ip[1] & 0xC0) == 0x80;
}

bool hws_address_is_private(const struct hws_address *addr)
{
    const uint8_t *ip = addr->ip;

    if (addr->family == HWS_FAMILY_IP6) return (ip[0] & 0xFE) == 0xFC;
    if (addr->family != HWS_FAMILY_IP4) return false;
    return ip[0] == 10 || (ip[0] == 172 && ip[1] >> 4 == 1) || (ip[0] == 192 && ip[1] == 168) ||
           (ip[0] == 100 && ip[1] >> 6 == 1);
}

bool hws_address_is_multicast(const struct hws_address *addr)
{
    static const uint8_t broadcast[4] = {255, 255, 255, 255};

    if (addr->family == HWS_FAMILY_IP6) return addr->ip[0] == 0xFF;
    if (addr->family != HWS_FAMILY_IP4) return false;
    return addr->ip[0] >> 4 == 14 || memcmp(addr->ip, broadcast, sizeof(broadcast)) == 0;
}

bool hws_address_is_reachable(const struct hws_address *addr)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF}; /* RFC 4291 section 2.5.5.2 */
    static const uint8_t compatible[12];                          /* RFC 4291 section 2.5.5.1 */
    static const uint8_t nat64[12] = {0x00, 0x64, 0xFF, 0x9B};    /* RFC 6052 section 2.1 */

    if (addr->port == 0 || addr->family == HWS_FAMILY_NONE) return false;
    if (hws_address_is_any(addr) || hws_address_is_multicast(addr)) return false;
    if (addr->family == HWS_FAMILY_IP4) return addr->ip[0] != 0;
    if (hws_address_is_loopback(addr)) return true;
    if (ip6_starts(addr, mapped, 12) || ip6_starts(addr, compatible, 12)) return false;
    if (ip6_starts(addr, nat64, 12)) return false;
    return !(addr->ip[0] == 0xFE && (addr->ip[1] & 0xC0) == 0xC0); /* RFC 3879 section 4 */
}

#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum hws_err hws_address_read(struct hws_bytes text, struct hws_address *out)
{
    char copy[HWS_ADDRESS_TEXT_MAX];
    struct hws_address addr = {0};

    if (text.len == 0 || text.len >= sizeof(copy)) return HWS_ERR_MALFORMED;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (strlen(copy) != text.len) return HWS_ERR_MALFORMED; /* a NUL inside */
    if (inet_pton(AF_INET, copy, addr.ip) == 1) {
        addr.family = HWS_FAMILY_IP4;
    } else if (inet_pton(AF_INET6, copy, addr.ip) == 1) {
        addr.family = HWS_FAMILY_IP6;
    } else {
        return HWS_ERR_MALFORMED;
    }
    *out = addr;
    return HWS_OK;
}

const char *hws_address_text(const struct hws_address *addr, char out[HWS_ADDRESS_TEXT_MAX])
{
    int family = addr->family == HWS_FAMILY_IP6 ? AF_INET6 : AF_INET;

    if (addr->family == HWS_FAMILY_NONE || !inet_ntop(family, addr->ip, out, HWS_ADDRESS_TEXT_MAX))
        memcpy(out, "none", sizeof("none"));
    return out;
}

const char *hws_endpoint_text(const struct hws_address *addr, char out[HWS_ENDPOINT_TEXT_MAX])
{
    char ip[HWS_ADDRESS_TEXT_MAX];
    const char *format = addr->family == HWS_FAMILY_IP6 ? "[%s]:%u" : "%s:%u";

    (void)snprintf(out, HWS_ENDPOINT_TEXT_MAX, format, hws_address_text(addr, ip), addr->port);
    return out;
}

bool hws_address_same_ip(const struct hws_address *a, const struct hws_address *b)
{
    return a->family == b->family && a->scope == b->scope &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool hws_address_equal(const struct hws_address *a, const struct hws_address *b)
{
    return a->port == b->port && hws_address_same_ip(a, b);
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

#include "io/ice_url.h"

#include "base/address.h"
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct scheme {
    const char *prefix;
    bool is_turn, secure;
} schemes[] = {
    {"stun:",  false, false},
    {"stuns:", false, true },
    {"turn:",  true,  false},
    {"turns:", true,  true },
};

static const struct scheme *find_scheme(const char *text)
{
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncasecmp(text, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
            return &schemes[i]; /* RFC 3986 section 3.1: schemes ignore case */
    }
    return NULL;
}

/* A port of @p len digits. */
static bool read_port(const char *text, size_t len, uint16_t *out)
{
    unsigned value = 0;

    if (len == 0 || len > 5) return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (value == 0 || value > 65535) return false;
    *out = (uint16_t)value;
    return true;
}

/* A name of letters, digits, dots, dashes and underscores; or, in brackets, an IPv6 address. */
static bool is_host(const char *host, bool bracket)
{
    struct hws_address addr;

    if (bracket) return !hws_address_read(hws_bytes_of(host), &addr);
    for (; *host; host++) {
        bool letter = (*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z');

        if (!letter && !(*host >= '0' && *host <= '9') && !strchr(".-_", *host)) return false;
    }
    return true;
}

/* "host" or "host:port" of @p len characters; a bare IPv6 address needs its brackets. */
static bool read_endpoint(const char *text, size_t len, struct hws_endpoint *out)
{
    bool bracket = len > 0 && text[0] == '[';
    const char *end = memchr(text, bracket ? ']' : ':', len);
    const char *host = bracket ? text + 1 : text;
    size_t host_len, rest;

    if (bracket && !end) return false;
    if (!end) end = text + len;
    host_len = (size_t)(end - host);
    if (host_len == 0 || host_len >= sizeof(out->host)) return false;
    memcpy(out->host, host, host_len);
    out->host[host_len] = '\0';
    if (!is_host(out->host, bracket)) return false;
    if (bracket) end++;
    rest = len - (size_t)(end - text);
    return rest == 0 || (*end == ':' && read_port(end + 1, rest - 1, &out->port));
}

/* RFC 7065 section 3.1: only TURN has a transport. */
static enum hws_err read_transport(const char *query, const struct scheme *scheme,
                                   struct hws_ice_url *url, const char **out_reason)
{
    bool udp = !scheme->secure;

    if (*query != '\0') {
        *out_reason = "the ICE server URL ends in something other than ?transport=udp or tcp";
        if (!scheme->is_turn) return HWS_ERR_ARGUMENT;
        udp = strcasecmp(query, "?transport=udp") == 0;
        if (!udp && strcasecmp(query, "?transport=tcp") != 0) return HWS_ERR_ARGUMENT;
    }
    *out_reason = "TURN over DTLS is not spoken: turns: goes over TCP";
    if (udp && scheme->secure) return HWS_ERR_UNSUPPORTED;
    url->transport = HWS_TRANSPORT_UDP;
    if (!udp) url->transport = scheme->secure ? HWS_TRANSPORT_TLS : HWS_TRANSPORT_TCP;
    return HWS_OK;
}

enum hws_err hws_ice_url_read(const char *text, struct hws_ice_url *out, const char **out_reason)
{
    const struct scheme *scheme = find_scheme(text);
    struct hws_ice_url url = {0};
    size_t len;
    enum hws_err err;

    *out_reason = "an ICE server URL begins with stun:, stuns:, turn: or turns:";
    if (!scheme) return HWS_ERR_ARGUMENT;
    text += strlen(scheme->prefix);
    len = strcspn(text, "?");
    url.is_turn = scheme->is_turn;
    url.endpoint.port = scheme->secure ? HWS_STUNS_PORT : HWS_STUN_PORT;
    *out_reason = "the ICE server URL is malformed: stun:host[:port], [address] for IPv6";
    if (!read_endpoint(text, len, &url.endpoint)) return HWS_ERR_ARGUMENT;
    err = read_transport(text + len, scheme, &url, out_reason);
    if (err) return err;
    *out = url;
    *out_reason = "";
    return HWS_OK;
}

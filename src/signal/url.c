#include "signal/url.h"

#include "base/address.h"
#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

enum {
    HOST_MAX = 253,      /* RFC 1035 section 2.3.4, as text */
    UNIX_PATH_MAX = 107, /* sockaddr_un with its NUL is 108 */
};

/* Take @p prefix off the front of *text. */
static bool skip(const char **text, const char *prefix)
{
    size_t len = strlen(prefix);

    if (strncmp(*text, prefix, len) != 0) return false;
    *text += len;
    return true;
}

static bool is_port(const char *text)
{
    unsigned value = 0;
    size_t digits = 0;

    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 5; digits++) {
        value = value * 10 + (unsigned)(text[digits] - '0');
    }
    return digits > 0 && text[digits] == '\0' && value > 0 && value <= 65535;
}

static bool is_name(struct hws_bytes host)
{
    if (host.len == 0 || host.len > HOST_MAX) return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = (char)host.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_') return false;
    }
    return true;
}

/* "host:port" or "[v6]:port"; a slash may follow, as browsers write it. */
static bool read_authority(const char *text, struct hws_url *url)
{
    char copy[HWS_URL_TARGET_MAX - sizeof("dns:///")];
    struct hws_bytes host;
    struct hws_address addr = {0};
    bool bracket = text[0] == '[';
    size_t len = strlen(text);
    char *colon;

    if (len > 0 && text[len - 1] == '/') len--;
    if (len == 0 || len >= sizeof(copy)) return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    colon = strrchr(copy, ':');
    if (!colon || !is_port(colon + 1)) return false;
    host = (struct hws_bytes){(uint8_t *)copy + bracket, (size_t)(colon - copy) - bracket};
    if (bracket) {
        if (host.len == 0 || host.data[--host.len] != ']') return false;
        if (hws_address_read(host, &addr) || addr.family != HWS_FAMILY_IP6) return false;
    } else if (hws_address_read(host, &addr) == HWS_OK) {
        if (addr.family != HWS_FAMILY_IP4) return false; /* IPv6 wants its brackets */
    } else if (!is_name(host)) {
        return false;
    }
    url->local = hws_address_is_loopback(&addr) || hws_bytes_equal(host, hws_bytes_of("localhost"));
    /* A number needs no resolver, and a resolver costs time. */
    (void)snprintf(url->target, sizeof(url->target), "%s%s",
                   addr.family == HWS_FAMILY_IP4   ? "ipv4:"
                   : addr.family == HWS_FAMILY_IP6 ? "ipv6:"
                                                   : "dns:///",
                   copy);
    return true;
}

static bool read_url(const char *text, struct hws_url *url)
{
    if (skip(&text, "unix:")) {
        if (text[0] != '/' || text[1] == '\0' || strlen(text) > UNIX_PATH_MAX) return false;
        (void)snprintf(url->target, sizeof(url->target), "unix:%s", text);
        url->local = true;
        return true;
    }
    if (skip(&text, "https://")) {
        url->secure = true;
    } else {
        (void)skip(&text, "http://");
    }
    return read_authority(text, url);
}

enum hws_err hws_url_read(const char *text, struct hws_url *out, const char **out_reason)
{
    struct hws_url url = {0};

    if (!text || !read_url(text, &url)) {
        if (out_reason) {
            *out_reason = "the distributor's address is malformed: want host:port, "
                          "http://host:port, https://host:port or unix:/path";
        }
        return HWS_ERR_ARGUMENT;
    }
    *out = url;
    return HWS_OK;
}

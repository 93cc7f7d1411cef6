#include "sdp/candidate.h"

#include "sdp/sdp_internal.h"
#include "sdp/text_internal.h"

#include <assert.h>
#include <string.h>

enum { UUID_LEN = 36 };

/* TCP goes below everything of UDP but relays: what is lost holds up all that comes behind it. */
static const struct {
    const char *name;
    uint8_t preference; /* RFC 8445 section 5.1.2.2 */
    uint8_t tcp_preference;
} types[] = {
    [HWS_CANDIDATE_HOST] = {"host",  126, 90},
    [HWS_CANDIDATE_SRFLX] = {"srflx", 100, 70},
    [HWS_CANDIDATE_PRFLX] = {"prflx", 110, 80},
    [HWS_CANDIDATE_RELAY] = {"relay", 0,   0 },
};

/* RFC 6544 section 4.2. Whoever connects gets through most NATs. Between reflexive candidates it
 * would be simultaneous open that does, but nobody speaks it. */
static const struct {
    const char *name;
    uint8_t direction;
} tcp_types[] = {
    [HWS_TCP_NONE] = {"",        0},
    [HWS_TCP_ACTIVE] = {"active",  6},
    [HWS_TCP_PASSIVE] = {"passive", 4},
    [HWS_TCP_SO] = {"so",      2},
};

enum {
    TYPE_COUNT = sizeof(types) / sizeof(types[0]),
    TCP_TYPE_COUNT = sizeof(tcp_types) / sizeof(tcp_types[0]),
    OTHER_BITS = 13,
};

const char *hws_candidate_type_name(enum hws_candidate_type type)
{
    assert((size_t)type < TYPE_COUNT);
    return types[type].name;
}

uint32_t hws_candidate_priority(enum hws_candidate_type type, uint16_t local_preference)
{
    assert((size_t)type < TYPE_COUNT);
    return (uint32_t)types[type].preference << 24 | (uint32_t)local_preference << 8 | (256 - 1);
}

uint32_t hws_candidate_tcp_priority(enum hws_candidate_type type, enum hws_tcp_type tcp_type,
                                    uint16_t other)
{
    uint32_t preference;

    assert((size_t)type < TYPE_COUNT && (size_t)tcp_type < TCP_TYPE_COUNT);
    assert(other < 1 << OTHER_BITS);
    preference = (uint32_t)tcp_types[tcp_type].direction << OTHER_BITS | other;
    return (uint32_t)types[type].tcp_preference << 24 | preference << 8 | (256 - 1);
}

/* "<uuid>.local" with a version 4 UUID: any other name could be a device of the local network,
 * and looking it up would tell whether it is there (RFC 8839 section 5.1 ignores names). */
static bool is_mdns_name(struct hws_bytes name)
{
    if (name.len < UUID_LEN || !hws_text_is_nocase(hws_text_after(name, UUID_LEN), ".local"))
        return false;
    for (size_t i = 0; i < UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? name.data[i] != '-' : hws_text_hex(name.data[i]) < 0) return false;
    }
    /* RFC 9562 section 5.4: the version is 4, the two bits of the variant are 10. */
    return name.data[14] == '4' && (hws_text_hex(name.data[19]) & 0xC) == 0x8;
}

/* The address of a candidate: false when it is one that we cannot use. */
static bool read_destination(struct hws_bytes text, uint16_t port, struct hws_candidate *candidate)
{
    struct hws_address addr;

    if (hws_address_read(text, &addr) == HWS_OK) {
        addr.port = port;
        candidate->addr = addr;
        return hws_address_is_reachable(&addr);
    }
    if (!is_mdns_name(text) || port == 0) return false;
    hws_text_copy(text, candidate->mdns, sizeof(candidate->mdns));
    candidate->addr.port = port;
    return true;
}

static bool read_type(struct hws_bytes text, enum hws_candidate_type *out)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (hws_text_is_nocase(text, types[i].name)) {
            *out = (enum hws_candidate_type)i;
            return true;
        }
    }
    return false;
}

/* What follows the type: pairs of a name and a value. The first of a name counts. */
struct extensions {
    struct hws_bytes raddr, ufrag, tcptype;
    struct hws_bytes rport;
    uint64_t rport_value;
};

static enum hws_err read_extensions(struct hws_words *words, struct extensions *out)
{
    while (words->more) {
        struct hws_bytes name = hws_next_word(words), value = hws_next_word(words);
        struct hws_bytes *slot = hws_text_is_nocase(name, "raddr")     ? &out->raddr
                                 : hws_text_is_nocase(name, "rport")   ? &out->rport
                                 : hws_text_is(name, "ufrag")          ? &out->ufrag
                                 : hws_text_is_nocase(name, "tcptype") ? &out->tcptype
                                                                       : NULL;

        if (words->failed || !hws_text_is_visible(name) || !hws_text_is_visible(value))
            return HWS_ERR_MALFORMED;
        if (!slot || slot->data) continue;
        *slot = value;
        if (slot == &out->rport &&
            (value.len > 5 || !hws_text_number(value, UINT16_MAX, &out->rport_value)))
            return HWS_ERR_MALFORMED;
    }
    return hws_words_done(words) ? HWS_OK : HWS_ERR_MALFORMED;
}

/* UDP, or TCP of a kind that RFC 6544 section 4.5 knows. */
static bool read_transport(struct hws_bytes transport, struct hws_bytes tcptype,
                           struct hws_candidate *candidate)
{
    if (hws_text_is_nocase(transport, "udp")) return true;
    if (!hws_text_is_nocase(transport, "tcp")) return false;
    candidate->addr.tcp = true;
    for (size_t i = HWS_TCP_ACTIVE; tcptype.data && i < TCP_TYPE_COUNT; i++) {
        if (!hws_text_is_nocase(tcptype, tcp_types[i].name)) continue;
        candidate->tcp_type = (enum hws_tcp_type)i;
        return true;
    }
    return false;
}

static bool apply_extensions(const struct extensions *in, struct hws_candidate *candidate)
{
    /* A related address that is a name, or none, is of no use; it is for people only. */
    if (in->raddr.data && hws_address_read(in->raddr, &candidate->related) == HWS_OK)
        candidate->related.port = (uint16_t)in->rport_value;
    if (!in->ufrag.data) return true;
    if (!hws_text_is_ice(in->ufrag, HWS_UFRAG_MIN, HWS_UFRAG_MAX)) return false;
    hws_text_copy(in->ufrag, candidate->ufrag, sizeof(candidate->ufrag));
    return true;
}

/* 1*3DIGIT and the like: a number of at most @p width digits. */
static bool read_field(struct hws_bytes text, size_t width, uint64_t min, uint64_t max,
                       uint64_t *out)
{
    return text.len <= width && hws_text_number(text, max, out) && *out >= min;
}

enum hws_err hws_candidate_read_value(struct hws_bytes value, uint64_t component_min,
                                      struct hws_candidate *out,
                                      enum hws_candidate_verdict *verdict)
{
    struct hws_words words = hws_words_over(value);
    struct hws_bytes foundation = hws_next_word(&words), component = hws_next_word(&words);
    struct hws_bytes transport = hws_next_word(&words), priority = hws_next_word(&words);
    struct hws_bytes address = hws_next_word(&words), port = hws_next_word(&words);
    struct hws_bytes keyword = hws_next_word(&words), type = hws_next_word(&words);
    struct hws_candidate candidate = {0};
    struct extensions extensions = {0};
    uint64_t component_value, priority_value, port_value;
    bool usable;

    if (words.failed || !hws_text_is_ice(foundation, 1, HWS_FOUNDATION_MAX) ||
        !read_field(component, 3, component_min, 256, &component_value) ||
        !hws_text_is_token(transport) ||
        !read_field(priority, 10, 1, HWS_CANDIDATE_PRIORITY_MAX, &priority_value) ||
        !hws_text_is_visible(address) || !read_field(port, 5, 0, UINT16_MAX, &port_value) ||
        !hws_text_is_nocase(keyword, "typ") || !hws_text_is_token(type) ||
        read_extensions(&words, &extensions))
        return HWS_ERR_MALFORMED;
    hws_text_copy(foundation, candidate.foundation, sizeof(candidate.foundation));
    candidate.priority = (uint32_t)priority_value;
    usable = component_value == 1 && read_type(type, &candidate.type) &&
             read_destination(address, (uint16_t)port_value, &candidate) &&
             read_transport(transport, extensions.tcptype, &candidate) &&
             apply_extensions(&extensions, &candidate) &&
             (candidate.mdns[0] == '\0' || candidate.type == HWS_CANDIDATE_HOST);
    if (usable) *out = candidate;
    *verdict = !usable              ? HWS_CANDIDATE_IGNORED
               : candidate.addr.tcp ? HWS_CANDIDATE_TCP
                                    : HWS_CANDIDATE_USABLE;
    return HWS_OK;
}

enum hws_err hws_candidate_read(struct hws_bytes text, struct hws_candidate *out,
                                enum hws_candidate_verdict *verdict)
{
    static const char prefix[] = "candidate:";

    if (text.len > HWS_CANDIDATE_TEXT_MAX) return HWS_ERR_TOO_BIG;
    if (text.len > 0 && text.data[text.len - 1] == '\n') {
        text.len--;
        if (text.len > 0 && text.data[text.len - 1] == '\r') text.len--;
    }
    if (text.len == 0) {
        *verdict = HWS_CANDIDATE_END;
        return HWS_OK;
    }
    if (hws_text_starts(text, "a=")) text = hws_text_after(text, 2);
    if (!hws_text_starts(text, prefix)) return HWS_ERR_MALFORMED;
    return hws_candidate_read_value(hws_text_after(text, sizeof(prefix) - 1), 1, out, verdict);
}

bool hws_candidate_is_sound(const struct hws_candidate *candidate)
{
    struct hws_bytes foundation = hws_bytes_of(candidate->foundation);
    struct hws_bytes ufrag = hws_bytes_of(candidate->ufrag);
    bool named = candidate->mdns[0] != '\0';

    if ((size_t)candidate->type >= TYPE_COUNT || candidate->addr.port == 0) return false;
    if (candidate->priority == 0 || candidate->priority > HWS_CANDIDATE_PRIORITY_MAX) return false;
    if (!hws_text_is_ice(foundation, 1, HWS_FOUNDATION_MAX)) return false;
    if (ufrag.len > 0 && !hws_text_is_ice(ufrag, HWS_UFRAG_MIN, HWS_UFRAG_MAX)) return false;
    if (named != (candidate->addr.family == HWS_FAMILY_NONE)) return false;
    if ((size_t)candidate->tcp_type >= TCP_TYPE_COUNT) return false;
    if (candidate->addr.tcp != (candidate->tcp_type != HWS_TCP_NONE)) return false;
    return !named || is_mdns_name(hws_bytes_of(candidate->mdns));
}

void hws_candidate_write(struct hws_writer *out, const struct hws_candidate *candidate)
{
    static const struct hws_address hidden = {.family = HWS_FAMILY_IP4, .port = 9};
    const struct hws_address *related = &candidate->related;
    char ip[HWS_ADDRESS_TEXT_MAX];

    if (!hws_candidate_is_sound(candidate)) {
        out->failed = true;
        return;
    }
    if (related->family == HWS_FAMILY_NONE && candidate->type != HWS_CANDIDATE_HOST)
        related = &hidden;
    hws_write_text(out, "candidate:%s 1 %s %lu %s %u typ %s", candidate->foundation,
                   candidate->addr.tcp ? "tcp" : "udp", (unsigned long)candidate->priority,
                   candidate->mdns[0] ? candidate->mdns : hws_address_text(&candidate->addr, ip),
                   candidate->addr.port, hws_candidate_type_name(candidate->type));
    if (related->family != HWS_FAMILY_NONE)
        hws_write_text(out, " raddr %s rport %u", hws_address_text(related, ip), related->port);
    if (candidate->addr.tcp)
        hws_write_text(out, " tcptype %s", tcp_types[candidate->tcp_type].name);
    if (candidate->ufrag[0]) hws_write_text(out, " ufrag %s", candidate->ufrag);
}

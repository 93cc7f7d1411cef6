/* What an SCTP packet must be before usrsctp may see it.
 *
 *     | source | destination | tag | checksum |  chunk  |  chunk  | ...
 *                                                  |
 *                                    | type | flags | length | value | padding |
 *
 * DTLS has authenticated the sender, so this is not about strangers: it keeps a hostile or broken
 * peer away from the parsers of an old usrsctp. Everything is decided by the tables below. The
 * checksum is not looked at: DTLS has protected the bytes (RFC 8261 section 4).
 */
#include "base/bytes.h"
#include "base/limits.h"
#include "sctp/sctp.h"

enum { TLV_HEADER_LEN = 4, ANY_LEN = UINT16_MAX };

/* Where in a packet a chunk may stand (RFC 9260 section 5.1, RFC 9260 section 6.10). */
enum place {
    PLACE_CONTROL,  /* anywhere before the data */
    PLACE_ALONE,    /* never with another chunk */
    PLACE_FIRST,    /* nothing before it */
    PLACE_DATA,     /* only more data after it */
    PLACE_ANYWHERE, /* padding */
};

/* A chunk, parameter or error cause: they share one shape. */
struct tlv {
    uint16_t type;
    struct hws_bytes value;
};

struct length_rule {
    uint16_t type;
    uint16_t min, max; /* bytes, header included */
    uint16_t unit;     /* what follows min is a multiple of this */
};

static size_t padding_after(size_t len)
{
    return (0 - len) & 3;
}

/* The padding of the last one is not counted by the chunk around it, so it may be missing. */
static bool next_tlv(struct hws_bytes *rest, struct tlv *out)
{
    struct hws_cursor cur = hws_cursor_over(*rest);
    uint16_t type = hws_read_u16(&cur);
    size_t len = hws_read_u16(&cur);
    struct hws_bytes value;

    if (cur.failed || len < TLV_HEADER_LEN) return false;
    value = hws_read_bytes(&cur, len - TLV_HEADER_LEN);
    if (cur.rest.len > 0) hws_read_bytes(&cur, padding_after(len));
    if (cur.failed) return false;
    *rest = cur.rest;
    *out = (struct tlv){type, value};
    return true;
}

static const struct length_rule *find_rule(const struct length_rule *rules, size_t count,
                                           uint16_t type)
{
    for (size_t i = 0; i < count; i++) {
        if (rules[i].type == type) return &rules[i];
    }
    return NULL;
}

static bool fits(const struct length_rule *rule, const struct tlv *tlv)
{
    size_t len = TLV_HEADER_LEN + tlv->value.len;

    return len >= rule->min && len <= rule->max && (len - rule->min) % rule->unit == 0;
}

enum { PARAM_STATE_COOKIE = 7 };

/* Parameters of INIT and INIT ACK. What is not here is left to usrsctp, which reports or skips
 * unknown ones by the upper bits of the type (RFC 9260 section 3.2.1). */
static const struct length_rule init_params[] = {
    {PARAM_STATE_COOKIE, 5, ANY_LEN, 1}, /* RFC 9260 section 3.3.3 */
    {8,                  8, ANY_LEN, 1}, /* unrecognized parameter, section 3.3.3 */
    {9,                  8, 8,       1}, /* cookie preservative, section 3.3.2.1 */
    {12,                 4, ANY_LEN, 2}, /* supported address types, section 3.3.2.1 */
    {0x8000,             4, 4,       1}, /* ECN capable, section 3.3.2 */
    {0x8001,             8, 8,       1}, /* zero checksum acceptable, RFC 9653 section 4 */
    {0x8002,             4, ANY_LEN, 1}, /* random, RFC 4895 section 3.1 */
    {0x8003,             4, ANY_LEN, 1}, /* chunk list, RFC 4895 section 3.2 */
    {0x8004,             6, ANY_LEN, 2}, /* HMAC algorithms, RFC 4895 section 3.3 */
    {0x8005,             4, ANY_LEN, 1}, /* padding, RFC 4820 section 4 */
    {0x8008,             4, ANY_LEN, 1}, /* supported extensions, RFC 5061 section 4.2.7 */
    {0xC000,             4, 4,       1}, /* forward TSN supported, RFC 3758 section 3.1 */
    {0xC006,             8, 8,       1}, /* adaptation layer, RFC 5061 section 4.2.6 */
};

/* Over DTLS there is one path, and no address of its own (RFC 8261 section 6.1). */
static bool names_address(uint16_t type)
{
    switch (type) {
    case 5:      /* IPv4, RFC 9260 section 3.3.2.1 */
    case 6:      /* IPv6, likewise */
    case 11:     /* host name, likewise */
    case 0xC001: /* add, RFC 5061 section 4.2.1 */
    case 0xC002: /* delete, RFC 5061 section 4.2.2 */
    case 0xC004: /* set primary, RFC 5061 section 4.2.4 */
        return true;
    default:
        return false;
    }
}

/* Do the fixed part and the parameters of INIT or INIT ACK hold, with this many state cookies? */
static bool is_init_like(struct hws_bytes value, size_t cookies)
{
    enum { MIN_RWND = 1500 }; /* RFC 9260 section 3.3.2 */
    struct hws_cursor cur = hws_cursor_over(value);
    uint32_t tag = hws_read_u32(&cur);
    uint32_t rwnd = hws_read_u32(&cur);
    uint16_t out_streams = hws_read_u16(&cur);
    uint16_t in_streams = hws_read_u16(&cur);
    size_t cookie_count = 0;
    struct tlv param;

    hws_read_u32(&cur); /* initial TSN: any */
    if (cur.failed || tag == 0 || rwnd < MIN_RWND) return false;
    if (out_streams == 0 || in_streams == 0) return false;
    while (next_tlv(&cur.rest, &param)) {
        const struct length_rule *rule =
            find_rule(init_params, sizeof(init_params) / sizeof(init_params[0]), param.type);

        if (names_address(param.type) || (rule && !fits(rule, &param))) return false;
        if (param.type == PARAM_STATE_COOKIE) cookie_count++;
    }
    return cur.rest.len == 0 && cookie_count == cookies;
}

static bool is_init(struct hws_bytes value)
{
    return is_init_like(value, 0);
}

static bool is_init_ack(struct hws_bytes value)
{
    return is_init_like(value, 1);
}

/* RFC 9260 section 3.3.4: the counts say exactly how long the chunk is. */
static bool is_sack(struct hws_bytes value)
{
    struct hws_cursor cur = hws_cursor_over(value);
    size_t gap_count, duplicate_count;

    hws_read_u32(&cur); /* cumulative TSN */
    hws_read_u32(&cur); /* window */
    gap_count = hws_read_u16(&cur);
    duplicate_count = hws_read_u16(&cur);
    if (cur.failed || cur.rest.len != 4 * (gap_count + duplicate_count)) return false;
    for (size_t i = 0; i < gap_count; i++) {
        uint16_t start = hws_read_u16(&cur);
        uint16_t end = hws_read_u16(&cur);

        if (start == 0 || start > end) return false;
    }
    return true;
}

/* RFC 9260 section 3.3.5: one parameter of type 1. */
static bool is_heartbeat(struct hws_bytes value)
{
    struct tlv info;

    return next_tlv(&value, &info) && value.len == 0 && info.type == 1;
}

/* Error causes (RFC 9260 section 3.3.10) that fill the chunk; ABORT may have none. */
static bool is_causes(struct hws_bytes value)
{
    struct tlv cause;

    while (next_tlv(&value, &cause)) {
        /* each step takes at least four bytes, so the walk ends */
    }
    return value.len == 0;
}

/* RFC 6525 section 4. The lists of streams end with the parameter. */
static const struct length_rule reconfig_params[] = {
    {13, 16, ANY_LEN, 2}, /* outgoing reset, section 4.1 */
    {14, 8,  ANY_LEN, 2}, /* incoming reset, section 4.2 */
    {15, 8,  8,       1}, /* SSN and TSN reset, section 4.3 */
    {16, 12, 20,      8}, /* response, section 4.4 */
    {17, 12, 12,      1}, /* add outgoing streams, section 4.5 */
    {18, 12, 12,      1}, /* add incoming streams, section 4.6 */
};

static bool is_reconfig(struct hws_bytes value)
{
    enum { MAX_PARAMS = 2 }; /* RFC 6525 section 3.1 */
    size_t param_count = 0;
    struct tlv param;

    while (next_tlv(&value, &param)) {
        const struct length_rule *rule = find_rule(
            reconfig_params, sizeof(reconfig_params) / sizeof(reconfig_params[0]), param.type);

        if (!rule || !fits(rule, &param)) return false;
        param_count++;
    }
    return value.len == 0 && param_count > 0 && param_count <= MAX_PARAMS;
}

enum { CHUNK_INIT = 1 };

struct chunk_rule {
    struct length_rule length;
    enum place place;
    bool (*holds)(struct hws_bytes value); /* NULL: the length says it all */
};

/* Left out on purpose: ECNE and CWR (12, 13), AUTH (15), NR-SACK (16), ASCONF (128, 193) and
 * packet drop (129), which are off or were broken in usrsctp 0.9.5. */
static const struct chunk_rule chunk_rules[] = {
    {{0, 17, ANY_LEN, 1},          PLACE_DATA,     NULL        }, /* DATA with a byte at least */
    {{CHUNK_INIT, 20, ANY_LEN, 1}, PLACE_ALONE,    is_init     },
    {{2, 20, ANY_LEN, 1},          PLACE_ALONE,    is_init_ack },
    {{3, 16, ANY_LEN, 4},          PLACE_CONTROL,  is_sack     },
    {{4, 8, ANY_LEN, 1},           PLACE_CONTROL,  is_heartbeat},
    {{5, 8, ANY_LEN, 1},           PLACE_CONTROL,  is_heartbeat},
    {{6, 4, ANY_LEN, 1},           PLACE_CONTROL,  is_causes   }, /* ABORT */
    {{7, 8, 8, 1},                 PLACE_CONTROL,  NULL        }, /* SHUTDOWN */
    {{8, 4, 4, 1},                 PLACE_CONTROL,  NULL        }, /* SHUTDOWN ACK */
    {{9, 8, ANY_LEN, 1},           PLACE_CONTROL,  is_causes   }, /* ERROR */
    {{10, 8, ANY_LEN, 1},          PLACE_FIRST,    NULL        }, /* COOKIE ECHO */
    {{11, 4, 4, 1},                PLACE_CONTROL,  NULL        }, /* COOKIE ACK */
    {{14, 4, 4, 1},                PLACE_ALONE,    NULL        }, /* SHUTDOWN COMPLETE */
    {{64, 21, ANY_LEN, 1},         PLACE_DATA,     NULL        }, /* RFC 8260 section 2.1 */
    {{130, 12, ANY_LEN, 1},        PLACE_CONTROL,  is_reconfig }, /* RFC 6525 section 3.1 */
    {{132, 4, ANY_LEN, 1},         PLACE_ANYWHERE, NULL        }, /* PAD, RFC 4820 section 3 */
    {{192, 8, ANY_LEN, 4},         PLACE_CONTROL,  NULL        }, /* RFC 3758 section 3.2 */
    {{194, 8, ANY_LEN, 8},         PLACE_CONTROL,  NULL        }, /* RFC 8260 section 2.3.1 */
};

/* What the packet has held so far. */
struct seen {
    size_t chunk_count;
    bool alone, data;
};

static bool may_stand_here(enum place place, const struct seen *seen)
{
    if (seen->alone) return false;
    switch (place) {
    case PLACE_ALONE:
    case PLACE_FIRST:
        return seen->chunk_count == 0;
    case PLACE_CONTROL:
        return !seen->data;
    case PLACE_DATA:
    case PLACE_ANYWHERE:
        break;
    }
    return true;
}

static enum hws_err take_chunk(struct hws_cursor *cur, uint32_t tag, struct seen *seen)
{
    struct tlv chunk = {.type = hws_read_u8(cur)};
    const struct chunk_rule *rule = NULL;
    size_t len;

    hws_read_u8(cur); /* flags: any */
    len = hws_read_u16(cur);
    if (cur->failed) return HWS_ERR_TRUNCATED;
    if (len < TLV_HEADER_LEN) return HWS_ERR_MALFORMED;
    chunk.value = hws_read_bytes(cur, len - TLV_HEADER_LEN);
    hws_read_bytes(cur, padding_after(len));
    if (cur->failed) return HWS_ERR_TRUNCATED;

    for (size_t i = 0; i < sizeof(chunk_rules) / sizeof(chunk_rules[0]) && !rule; i++) {
        if (chunk_rules[i].length.type == chunk.type) rule = &chunk_rules[i];
    }
    if (!rule) return HWS_ERR_UNSUPPORTED;
    if (!fits(&rule->length, &chunk) || !may_stand_here(rule->place, seen)) {
        return HWS_ERR_MALFORMED;
    }
    /* RFC 9260 section 8.5.1: tag 0 goes with INIT and with nothing else. */
    if ((tag == 0) != (chunk.type == CHUNK_INIT)) return HWS_ERR_MALFORMED;
    if (rule->holds && !rule->holds(chunk.value)) return HWS_ERR_MALFORMED;

    seen->chunk_count++;
    if (rule->place == PLACE_ALONE) seen->alone = true;
    if (rule->place == PLACE_DATA) seen->data = true;
    return HWS_OK;
}

enum hws_err hws_sctp_check_packet(struct hws_bytes packet, const struct hws_sctp_ports *ports)
{
    struct hws_cursor cur = hws_cursor_over(packet);
    uint16_t source = hws_read_u16(&cur);
    uint16_t destination = hws_read_u16(&cur);
    uint32_t tag = hws_read_u32(&cur);
    struct seen seen = {0};
    enum hws_err err;

    hws_read_u32(&cur); /* checksum */
    if (cur.failed) return HWS_ERR_TRUNCATED;
    if (packet.len > HWS_DATAGRAM_IN_MAX) return HWS_ERR_MALFORMED;
    if (source != ports->remote || destination != ports->local) return HWS_ERR_MALFORMED;
    do {
        err = take_chunk(&cur, tag, &seen);
    } while (!err && cur.rest.len > 0);
    return err;
}

#include "stun/stun_reader.h"

#include "crypto/crc32.h"
#include "crypto/hash.h"

#include <string.h>

enum {
    ATTR_HEADER_LEN = 4,
    ANY_LEN = 0xFFFF,
    FINGERPRINT_XOR = 0x5354554E,      /* "STUN": RFC 8489 section 14.7 */
    FIRST_OPTIONAL_ATTR_TYPE = 0x8000, /* RFC 8489 section 14: below, comprehension is required */
};

struct attr {
    uint16_t type;
    struct hws_bytes value; /* data != NULL, even if it is empty */
};

const char *hws_stun_flaw_name(enum hws_stun_flaw flaw)
{
    static const char *const names[HWS_STUN_FLAW_COUNT] = {
        [HWS_STUN_SOUND] = "OK",
        [HWS_STUN_SHORT_HEADER] = "SHORT_HEADER",
        [HWS_STUN_NOT_STUN] = "NOT_STUN",
        [HWS_STUN_BAD_MAGIC] = "BAD_MAGIC",
        [HWS_STUN_LENGTH_NOT_MULTIPLE_OF_4] = "LENGTH_NOT_MULTIPLE_OF_4",
        [HWS_STUN_LENGTH_MISMATCH] = "LENGTH_MISMATCH",
        [HWS_STUN_ATTR_OVERRUN] = "ATTR_OVERRUN",
        [HWS_STUN_ATTR_AFTER_FINGERPRINT] = "ATTR_AFTER_FINGERPRINT",
        [HWS_STUN_BAD_ATTR_LENGTH] = "BAD_ATTR_LENGTH",
        [HWS_STUN_BAD_ERROR_CODE] = "BAD_ERROR_CODE",
        [HWS_STUN_BAD_FINGERPRINT] = "BAD_FINGERPRINT",
    };

    return (unsigned)flaw < HWS_STUN_FLAW_COUNT ? names[flaw] : "UNKNOWN";
}

bool hws_stun_is_first_byte(uint8_t first)
{
    return first <= 3;
}

/* Every attribute type that we know, and the lengths that its value may have. Those of addresses
 * are a matter of their family: see take_address(). */
static const struct shape {
    uint16_t type, len_min, len_max, len_step;
} shapes[] = {
    {HWS_STUN_MAPPED_ADDRESS,           4,  ANY_LEN, 1},
    {HWS_STUN_USERNAME,                 0,  ANY_LEN, 1},
    {HWS_STUN_MESSAGE_INTEGRITY,        20, 20,      1},
    {HWS_STUN_ERROR_CODE,               4,  ANY_LEN, 1},
    {HWS_STUN_UNKNOWN_ATTRIBUTES,       0,  ANY_LEN, 2},
    {HWS_STUN_CHANNEL_NUMBER,           4,  4,       1},
    {HWS_STUN_LIFETIME,                 4,  4,       1},
    {HWS_STUN_XOR_PEER_ADDRESS,         4,  ANY_LEN, 1},
    {HWS_STUN_DATA_ATTR,                0,  ANY_LEN, 1},
    {HWS_STUN_REALM,                    0,  ANY_LEN, 1},
    {HWS_STUN_NONCE,                    0,  ANY_LEN, 1},
    {HWS_STUN_XOR_RELAYED_ADDRESS,      4,  ANY_LEN, 1},
    {HWS_STUN_REQUESTED_ADDRESS_FAMILY, 4,  4,       1},
    {HWS_STUN_EVEN_PORT,                1,  1,       1},
    {HWS_STUN_REQUESTED_TRANSPORT,      4,  4,       1},
    {HWS_STUN_DONT_FRAGMENT,            0,  0,       1},
    {HWS_STUN_MESSAGE_INTEGRITY_SHA256, 16, 32,      4},
    {HWS_STUN_PASSWORD_ALGORITHM,       4,  ANY_LEN, 1},
    {HWS_STUN_USERHASH,                 32, 32,      1},
    {HWS_STUN_XOR_MAPPED_ADDRESS,       4,  ANY_LEN, 1},
    {HWS_STUN_RESERVATION_TOKEN,        8,  8,       1},
    {HWS_STUN_PRIORITY,                 4,  4,       1},
    {HWS_STUN_USE_CANDIDATE,            0,  0,       1},
    {HWS_STUN_PASSWORD_ALGORITHMS,      0,  ANY_LEN, 1},
    {HWS_STUN_SOFTWARE,                 0,  ANY_LEN, 1},
    {HWS_STUN_ALTERNATE_SERVER,         4,  ANY_LEN, 1},
    {HWS_STUN_FINGERPRINT,              4,  4,       1},
    {HWS_STUN_ICE_CONTROLLED,           8,  8,       1},
    {HWS_STUN_ICE_CONTROLLING,          8,  8,       1},
    {HWS_STUN_RESPONSE_ORIGIN,          4,  ANY_LEN, 1},
    {HWS_STUN_OTHER_ADDRESS,            4,  ANY_LEN, 1},
    {HWS_STUN_NOMINATION,               0,  ANY_LEN, 1},
};

static const struct shape *find_shape(uint16_t type)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        if (shapes[i].type == type) return &shapes[i];
    }
    return NULL;
}

static bool fits(const struct shape *shape, size_t len)
{
    return len >= shape->len_min && len <= shape->len_max && len % shape->len_step == 0;
}

/* The two class bits sit inside the method bits (RFC 8489 section 5). */
static enum hws_stun_class class_of(uint16_t type)
{
    return (enum hws_stun_class)((type >> 7 & 2) | (type >> 4 & 1));
}

static uint16_t method_of(uint16_t type)
{
    return (uint16_t)((type >> 2 & 0xF80) | (type >> 1 & 0x070) | (type & 0x00F));
}

/* Take one attribute off the front of @p body. False at the end, and when it overruns the body. */
static bool next_attr(struct hws_bytes *body, struct attr *out)
{
    struct hws_cursor cur = hws_cursor_over(*body);
    uint16_t type = hws_read_u16(&cur);
    size_t len = hws_read_u16(&cur);
    size_t padding = (0 - len) & 3;

    if (cur.failed || len + padding > cur.rest.len) return false;
    *out = (struct attr){
        type, {body->data + ATTR_HEADER_LEN, len}
    };
    body->data += ATTR_HEADER_LEN + len + padding;
    body->len -= ATTR_HEADER_LEN + len + padding;
    return true;
}

/* What is not authenticated does not count: RFC 8489 section 14.5 and RFC 8489 section 14.6. */
static bool is_unprotected(const struct hws_stun_message *message, uint16_t type)
{
    if (type == HWS_STUN_FINGERPRINT) return false;
    if (message->integrity_sha256.data) return true;
    return message->integrity.data && type != HWS_STUN_MESSAGE_INTEGRITY_SHA256;
}

static uint32_t u32_of(struct hws_bytes value)
{
    struct hws_cursor cur = hws_cursor_over(value);

    return hws_read_u32(&cur);
}

static void take_bytes(struct hws_bytes *field, struct hws_bytes value)
{
    if (!field->data) *field = value;
}

static void take_u32(uint32_t *field, bool *has, struct hws_bytes value)
{
    if (*has) return;
    *field = u32_of(value);
    *has = true;
}

static void take_u64(uint64_t *field, bool *has, struct hws_bytes value)
{
    struct hws_cursor cur = hws_cursor_over(value);

    if (*has) return;
    *field = (uint64_t)hws_read_u32(&cur) << 32;
    *field |= hws_read_u32(&cur);
    *has = true;
}

/*
 * MAPPED-ADDRESS and its kin (RFC 8489 section 14.1): a byte to ignore, family, port, IP.
 * @p mask is what port and IP are XORed with: the cookie and the transaction id, or NULL.
 */
static enum hws_stun_flaw take_address(struct hws_address *field, struct hws_bytes value,
                                       const uint8_t *mask)
{
    struct hws_address addr = {0};
    size_t ip_len;

    if (value.data[1] == 1)
        addr.family = HWS_FAMILY_IP4;
    else if (value.data[1] == 2)
        addr.family = HWS_FAMILY_IP6;
    else
        return HWS_STUN_SOUND; /* a family of the future: the attribute is ignored */
    ip_len = addr.family == HWS_FAMILY_IP4 ? 4 : 16;
    if (value.len != 4 + ip_len) return HWS_STUN_BAD_ATTR_LENGTH;
    addr.port = (uint16_t)(value.data[2] << 8 | value.data[3]);
    if (mask) addr.port ^= (uint16_t)(mask[0] << 8 | mask[1]);
    for (size_t i = 0; i < ip_len; i++) {
        addr.ip[i] = mask ? value.data[4 + i] ^ mask[i] : value.data[4 + i];
    }
    if (field->family == HWS_FAMILY_NONE) *field = addr;
    return HWS_STUN_SOUND;
}

/* RFC 8489 section 14.8: 21 reserved bits, class in 3 bits, number in a byte, reason phrase. */
static enum hws_stun_flaw take_error(struct hws_stun_message *message, struct hws_bytes value)
{
    unsigned hundreds = value.data[2] & 7u, number = value.data[3];

    if (hundreds < 3 || hundreds > 6 || number > 99) return HWS_STUN_BAD_ERROR_CODE;
    if (message->error_code != 0) return HWS_STUN_SOUND;
    message->error_code = (uint16_t)(hundreds * 100 + number);
    message->reason = (struct hws_bytes){value.data + 4, value.len - 4};
    return HWS_STUN_SOUND;
}

/* Keep each type once, and only as many as an answer of ours lists. */
static void note_unknown(struct hws_stun_message *message, uint16_t type)
{
    if (type >= FIRST_OPTIONAL_ATTR_TYPE) return;
    for (size_t i = 0; i < message->unknown_required_count; i++) {
        if (message->unknown_required[i] == type) return;
    }
    if (message->unknown_required_count < HWS_STUN_UNKNOWN_MAX)
        message->unknown_required[message->unknown_required_count++] = type;
}

static void take_even_port(struct hws_stun_message *message, struct hws_bytes value)
{
    if (message->has_even_port) return;
    message->has_even_port = true;
    message->reserve_next_port = value.data[0] >> 7 != 0;
}

/* An attribute that is a range of bytes to us: where it belongs, or NULL. */
static struct hws_bytes *bytes_field(struct hws_stun_message *message, uint16_t type)
{
    switch (type) {
    case HWS_STUN_USERNAME:
        return &message->username;
    case HWS_STUN_MESSAGE_INTEGRITY:
        return &message->integrity;
    case HWS_STUN_MESSAGE_INTEGRITY_SHA256:
        return &message->integrity_sha256;
    case HWS_STUN_UNKNOWN_ATTRIBUTES:
        return &message->unknown_list;
    case HWS_STUN_DATA_ATTR:
        return &message->data;
    case HWS_STUN_REALM:
        return &message->realm;
    case HWS_STUN_NONCE:
        return &message->nonce;
    case HWS_STUN_PASSWORD_ALGORITHM:
        return &message->password_algorithm;
    case HWS_STUN_PASSWORD_ALGORITHMS:
        return &message->password_algorithms;
    case HWS_STUN_USERHASH:
        return &message->userhash;
    case HWS_STUN_RESERVATION_TOKEN:
        return &message->reservation_token;
    case HWS_STUN_SOFTWARE:
        return &message->software;
    }
    return NULL;
}

/* An attribute of which the length fits and which counts. */
static enum hws_stun_flaw take_attr(struct hws_stun_message *message, const struct attr *attr)
{
    const uint8_t *mask = message->datagram.data + 4; /* the cookie, then the transaction id */
    struct hws_bytes *bytes = bytes_field(message, attr->type);
    struct hws_bytes value = attr->value;

    if (bytes) take_bytes(bytes, value);
    switch (attr->type) {
    case HWS_STUN_MAPPED_ADDRESS:
        return take_address(&message->mapped, value, NULL);
    case HWS_STUN_ALTERNATE_SERVER:
        return take_address(&message->alternate_server, value, NULL);
    case HWS_STUN_RESPONSE_ORIGIN:
        return take_address(&message->response_origin, value, NULL);
    case HWS_STUN_OTHER_ADDRESS:
        return take_address(&message->other_address, value, NULL);
    case HWS_STUN_XOR_MAPPED_ADDRESS:
        return take_address(&message->xor_mapped, value, mask);
    case HWS_STUN_XOR_PEER_ADDRESS:
        return take_address(&message->xor_peer, value, mask);
    case HWS_STUN_XOR_RELAYED_ADDRESS:
        return take_address(&message->xor_relayed, value, mask);
    case HWS_STUN_ERROR_CODE:
        return take_error(message, value);
    case HWS_STUN_CHANNEL_NUMBER: /* a number, then two bytes to ignore */
        if (message->channel == 0) message->channel = (uint16_t)(u32_of(value) >> 16);
        break;
    case HWS_STUN_LIFETIME:
        take_u32(&message->lifetime, &message->has_lifetime, value);
        break;
    case HWS_STUN_REQUESTED_ADDRESS_FAMILY:
        if (message->requested_family == 0) message->requested_family = value.data[0];
        break;
    case HWS_STUN_EVEN_PORT:
        take_even_port(message, value);
        break;
    case HWS_STUN_REQUESTED_TRANSPORT:
        if (message->requested_transport == 0) message->requested_transport = value.data[0];
        break;
    case HWS_STUN_DONT_FRAGMENT:
        message->dont_fragment = true;
        break;
    case HWS_STUN_PRIORITY:
        take_u32(&message->priority, &message->has_priority, value);
        break;
    case HWS_STUN_NOMINATION:
        /* Of a draft: whoever gives the number another meaning is no worse than unknown. */
        if (value.len == 4) take_u32(&message->nomination, &message->has_nomination, value);
        break;
    case HWS_STUN_USE_CANDIDATE:
        message->use_candidate = true;
        break;
    case HWS_STUN_ICE_CONTROLLED:
        take_u64(&message->ice_controlled, &message->has_ice_controlled, value);
        break;
    case HWS_STUN_ICE_CONTROLLING:
        take_u64(&message->ice_controlling, &message->has_ice_controlling, value);
        break;
    }
    return HWS_STUN_SOUND;
}

/* FINGERPRINT covers everything before it, the length field as it was sent. */
static enum hws_stun_flaw take_fingerprint(struct hws_stun_message *message, struct hws_bytes value,
                                           size_t rest_len)
{
    struct hws_bytes covered = {message->datagram.data, 0};

    if (rest_len > 0) return HWS_STUN_ATTR_AFTER_FINGERPRINT;
    covered.len = (size_t)(value.data - message->datagram.data) - ATTR_HEADER_LEN;
    if (u32_of(value) != (hws_crc32(covered) ^ FINGERPRINT_XOR)) return HWS_STUN_BAD_FINGERPRINT;
    message->has_fingerprint = true;
    return HWS_STUN_SOUND;
}

static enum hws_stun_flaw read_body(struct hws_bytes body, struct hws_stun_message *message)
{
    struct attr attr;

    while (next_attr(&body, &attr)) {
        const struct shape *shape = find_shape(attr.type);
        enum hws_stun_flaw flaw = HWS_STUN_SOUND;

        if (is_unprotected(message, attr.type)) continue;
        if (!shape)
            note_unknown(message, attr.type);
        else if (!fits(shape, attr.value.len))
            flaw = HWS_STUN_BAD_ATTR_LENGTH;
        else if (attr.type == HWS_STUN_FINGERPRINT)
            flaw = take_fingerprint(message, attr.value, body.len);
        else
            flaw = take_attr(message, &attr);
        if (flaw != HWS_STUN_SOUND) return flaw;
    }
    return body.len == 0 ? HWS_STUN_SOUND : HWS_STUN_ATTR_OVERRUN;
}

static enum hws_stun_flaw read_message(struct hws_bytes datagram, struct hws_stun_message *message)
{
    struct hws_cursor cur = hws_cursor_over(datagram);
    uint16_t type = hws_read_u16(&cur);
    size_t body_len = hws_read_u16(&cur);
    uint32_t cookie = hws_read_u32(&cur);
    struct hws_bytes transaction = hws_read_bytes(&cur, HWS_STUN_TID_LEN);

    if (cur.failed) return HWS_STUN_SHORT_HEADER;
    if (type >> 14 != 0) return HWS_STUN_NOT_STUN;
    if (cookie != HWS_STUN_COOKIE) return HWS_STUN_BAD_MAGIC;
    if (body_len % 4 != 0) return HWS_STUN_LENGTH_NOT_MULTIPLE_OF_4;
    if (body_len != cur.rest.len) return HWS_STUN_LENGTH_MISMATCH;
    message->msg_class = class_of(type);
    message->method = method_of(type);
    message->datagram = datagram;
    memcpy(message->transaction, transaction.data, transaction.len);
    return read_body(cur.rest, message);
}

/* Was less there than the header says, or than a header takes? */
static bool is_truncated(struct hws_bytes datagram, enum hws_stun_flaw flaw)
{
    if (flaw == HWS_STUN_SHORT_HEADER) return true;
    if (flaw != HWS_STUN_LENGTH_MISMATCH) return false;
    return datagram.len < HWS_STUN_HEADER_LEN + (size_t)(datagram.data[2] << 8 | datagram.data[3]);
}

enum hws_err hws_stun_read(struct hws_bytes datagram, struct hws_stun_message *out,
                           enum hws_stun_flaw *flaw)
{
    struct hws_stun_message message = {0};
    enum hws_stun_flaw found = read_message(datagram, &message);

    if (flaw) *flaw = found;
    if (is_truncated(datagram, found)) return HWS_ERR_TRUNCATED;
    if (found == HWS_STUN_BAD_FINGERPRINT) return HWS_ERR_INTEGRITY;
    if (found != HWS_STUN_SOUND) return HWS_ERR_MALFORMED;
    *out = message;
    return HWS_OK;
}

bool hws_stun_find(const struct hws_stun_message *message, uint16_t type, struct hws_bytes *out)
{
    struct hws_bytes body = {message->datagram.data + HWS_STUN_HEADER_LEN,
                             message->datagram.len - HWS_STUN_HEADER_LEN};
    struct attr attr;

    while (next_attr(&body, &attr)) {
        if (attr.type == type) {
            *out = attr.value;
            return true;
        }
        /* The first keyed hash ends what is authenticated. */
        if (attr.type == HWS_STUN_MESSAGE_INTEGRITY) return false;
        if (attr.type == HWS_STUN_MESSAGE_INTEGRITY_SHA256) return false;
    }
    return false;
}

bool hws_stun_find_xor_address(const struct hws_stun_message *message, uint16_t type, size_t nth,
                               struct hws_address *out)
{
    struct hws_bytes body = {message->datagram.data + HWS_STUN_HEADER_LEN,
                             message->datagram.len - HWS_STUN_HEADER_LEN};
    struct attr attr;

    while (next_attr(&body, &attr)) {
        struct hws_address addr = {0};

        if (attr.type == HWS_STUN_MESSAGE_INTEGRITY) return false;
        if (attr.type == HWS_STUN_MESSAGE_INTEGRITY_SHA256) return false;
        if (attr.type != type || attr.value.len < 4) continue;
        if (take_address(&addr, attr.value, message->datagram.data + 4) != HWS_STUN_SOUND) continue;
        if (addr.family == HWS_FAMILY_NONE) continue;
        if (nth-- > 0) continue;
        *out = addr;
        return true;
    }
    return false;
}

/*
 * The keyed hash covers everything before its attribute, with a length field that ends the message
 * behind that attribute (RFC 8489 section 14.5).
 */
static bool is_intact(const struct hws_stun_message *message, enum hws_hash hash,
                      struct hws_bytes value, struct hws_bytes key)
{
    const uint8_t *data = message->datagram.data;
    size_t end = (size_t)(value.data - data) + value.len;
    size_t len = end - HWS_STUN_HEADER_LEN;
    uint8_t head[4] = {data[0], data[1], (uint8_t)(len >> 8), (uint8_t)len};
    size_t covered_len = (size_t)(value.data - data) - ATTR_HEADER_LEN;
    struct hws_bytes parts[] = {
        {head,                sizeof(head)              },
        {data + sizeof(head), covered_len - sizeof(head)}
    };
    uint8_t digest[HWS_HASH_LEN_MAX];

    if (value.len != hws_hash_len(hash)) return false;
    if (hws_hmac_parts(hash, key, parts, 2, digest)) return false;
    return hws_equal_secret(digest, value.data, value.len);
}

enum hws_stun_integrity hws_stun_verify(const struct hws_stun_message *message,
                                        struct hws_bytes key)
{
    bool intact;

    if (message->integrity_sha256.data)
        intact = is_intact(message, HWS_HASH_SHA256, message->integrity_sha256, key);
    else if (message->integrity.data)
        intact = is_intact(message, HWS_HASH_SHA1, message->integrity, key);
    else
        return HWS_STUN_INTEGRITY_ABSENT;
    return intact ? HWS_STUN_INTEGRITY_OK : HWS_STUN_INTEGRITY_BAD;
}

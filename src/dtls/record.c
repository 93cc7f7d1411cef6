#include "dtls/record.h"

#include "base/bytes.h"
#include "base/limits.h"

/* RFC 9147 section 4: the bits of the unified header, 001CSLEE. */
enum {
    UNIFIED_MASK = 0xE0,
    UNIFIED_MARK = 0x20,
    UNIFIED_CID = 0x10,
    UNIFIED_LONG_SEQUENCE = 0x08,
    UNIFIED_HAS_LENGTH = 0x04,
    UNIFIED_EPOCH = 0x03,
};

enum {
    BODY_MAX = 16384 + 256, /* RFC 9147 section 4.5: plain text, type and expansion */
    SEALED_MIN = 17,        /* content type and tag; the number is masked with 16 bytes of it */
    /* A handshake of either version counts to 7; wolfSSL gives up when too many wait for an
     * earlier one, so numbers that cannot be are refused. */
    MESSAGE_SEQ_MAX = 9,
    EPOCH_HANDSHAKE = 2, /* RFC 9147 section 6.1 */
    EPOCH_TRAFFIC = 3,
};

static const char *const flaw_names[HWS_RECORD_FLAW_COUNT] = {
    [HWS_RECORD_SOUND] = "sound",
    [HWS_RECORD_CUT] = "cut",
    [HWS_RECORD_KIND] = "kind",
    [HWS_RECORD_VERSION] = "version",
    [HWS_RECORD_LENGTH] = "length",
    [HWS_RECORD_CID] = "connection_id",
    [HWS_RECORD_EPOCH] = "epoch",
    [HWS_RECORD_MESSAGE] = "message",
    [HWS_RECORD_BAD_SPEC] = "cipher_spec",
    [HWS_RECORD_BAD_ACK] = "plain_ack",
    [HWS_RECORD_PLAIN_DATA] = "plain_data",
    [HWS_RECORD_PLAIN_ALERT] = "plain_alert",
    [HWS_RECORD_EARLY] = "early",
    [HWS_RECORD_LATE] = "late",
};

const char *hws_record_flaw_name(enum hws_record_flaw flaw)
{
    return (unsigned)flaw < HWS_RECORD_FLAW_COUNT ? flaw_names[flaw] : "unknown";
}

static uint32_t read_u24(struct hws_cursor *cur)
{
    uint32_t high = hws_read_u8(cur);

    return high << 16 | hws_read_u16(cur);
}

static enum hws_record_flaw read_unified(struct hws_cursor *cur, uint8_t first,
                                         struct hws_record *record)
{
    record->unified = true;
    record->epoch = first & UNIFIED_EPOCH;
    if (first & UNIFIED_CID) return HWS_RECORD_CID;
    (void)hws_read_bytes(cur, first & UNIFIED_LONG_SEQUENCE ? 2 : 1);
    if (first & UNIFIED_HAS_LENGTH) {
        record->body = hws_read_bytes(cur, hws_read_u16(cur));
    } else {
        record->body = hws_read_bytes(cur, cur->rest.len);
    }
    if (cur->failed) return HWS_RECORD_CUT;
    if (record->body.len < SEALED_MIN || record->body.len > BODY_MAX) return HWS_RECORD_LENGTH;
    return HWS_RECORD_SOUND;
}

static bool is_known_type(uint8_t type)
{
    return (type >= HWS_RECORD_CIPHER_SPEC && type <= HWS_RECORD_DATA) || type == HWS_RECORD_ACK;
}

static enum hws_record_flaw read_plain(struct hws_cursor *cur, uint8_t type,
                                       struct hws_record *record)
{
    uint16_t version = hws_read_u16(cur);

    record->type = type;
    record->epoch = hws_read_u16(cur);
    (void)hws_read_bytes(cur, 6); /* sequence number */
    record->body = hws_read_bytes(cur, hws_read_u16(cur));
    if (!is_known_type(type)) return HWS_RECORD_KIND;
    if (cur->failed) return HWS_RECORD_CUT;
    if (version != 0xFEFD && version != 0xFEFF) return HWS_RECORD_VERSION;
    if (record->body.len == 0 || record->body.len > BODY_MAX) return HWS_RECORD_LENGTH;
    return HWS_RECORD_SOUND;
}

enum hws_record_flaw hws_record_next(struct hws_bytes *rest, struct hws_record *out)
{
    struct hws_cursor cur = hws_cursor_over(*rest);
    struct hws_record record = {0};
    uint8_t first = hws_read_u8(&cur);
    enum hws_record_flaw flaw = (first & UNIFIED_MASK) == UNIFIED_MARK
                                    ? read_unified(&cur, first, &record)
                                    : read_plain(&cur, first, &record);

    if (flaw) return flaw;
    record.whole = (struct hws_bytes){rest->data, rest->len - cur.rest.len};
    *rest = cur.rest;
    *out = record;
    return HWS_RECORD_SOUND;
}

enum hws_record_flaw hws_record_check(struct hws_bytes datagram)
{
    struct hws_record record;

    if (datagram.len == 0) return HWS_RECORD_CUT;
    while (datagram.len > 0) {
        enum hws_record_flaw flaw = hws_record_next(&datagram, &record);

        if (flaw) return flaw;
    }
    return HWS_RECORD_SOUND;
}

bool hws_fragment_next(struct hws_bytes *rest, struct hws_fragment *out)
{
    struct hws_cursor cur = hws_cursor_over(*rest);
    struct hws_fragment fragment = {0};
    uint32_t len;

    fragment.type = hws_read_u8(&cur);
    fragment.message_len = read_u24(&cur);
    fragment.message_seq = hws_read_u16(&cur);
    fragment.offset = read_u24(&cur);
    len = read_u24(&cur);
    fragment.body = hws_read_bytes(&cur, len);
    if (cur.failed || fragment.message_len > HWS_HANDSHAKE_MAX) return false;
    /* All three are below 2^24, so the sum is exact. An empty piece of a message that is not
     * empty gets nobody further and could come for ever (CVE-2022-29190). */
    if (fragment.offset + len > fragment.message_len) return false;
    if (len == 0 && fragment.message_len > 0) return false;
    *rest = cur.rest;
    *out = fragment;
    return true;
}

/* Messages that come without encryption, by the side that sends them. */
static bool is_due(uint8_t type, const struct hws_record_stage *stage)
{
    switch (type) {
    case HWS_CLIENT_HELLO:
        return stage->server;
    case HWS_SERVER_HELLO:
        return !stage->server;
    case HWS_CERTIFICATE:
        return stage->server ? stage->protocol == HWS_PROTOCOL_12
                             : stage->protocol != HWS_PROTOCOL_13;
    case HWS_CERTIFICATE_VERIFY:
    case HWS_CLIENT_KEY_EXCHANGE:
        return stage->server && stage->protocol == HWS_PROTOCOL_12;
    case HWS_HELLO_VERIFY_REQUEST:
        return !stage->server && stage->protocol == HWS_PROTOCOL_OPEN;
    case HWS_SERVER_KEY_EXCHANGE:
    case HWS_CERTIFICATE_REQUEST:
    case HWS_SERVER_HELLO_DONE:
        return !stage->server && stage->protocol != HWS_PROTOCOL_13;
    default:
        return false;
    }
}

static enum hws_record_flaw admit_messages(struct hws_bytes body,
                                           const struct hws_record_stage *stage)
{
    struct hws_fragment fragment;

    while (body.len > 0) {
        if (!hws_fragment_next(&body, &fragment)) return HWS_RECORD_MESSAGE;
        if (!is_due(fragment.type, stage)) return HWS_RECORD_MESSAGE;
        if (fragment.message_seq > MESSAGE_SEQ_MAX) return HWS_RECORD_MESSAGE;
    }
    return HWS_RECORD_SOUND;
}

static enum hws_record_flaw admit_unencrypted(const struct hws_record *record,
                                              const struct hws_record_stage *stage)
{
    struct hws_bytes body = record->body;

    if (stage->finished) return HWS_RECORD_LATE;
    switch (record->type) {
    case HWS_RECORD_HANDSHAKE:
        return admit_messages(body, stage);
    case HWS_RECORD_CIPHER_SPEC:
        if (stage->protocol != HWS_PROTOCOL_12) return HWS_RECORD_BAD_SPEC;
        return body.len == 1 && body.data[0] == 1 ? HWS_RECORD_SOUND : HWS_RECORD_BAD_SPEC;
    case HWS_RECORD_ALERT:
        return HWS_RECORD_PLAIN_ALERT;
    case HWS_RECORD_ACK:
        /* An empty one says "I lack your ServerHello" (RFC 9147 section 7.1) and does no harm; one
         * that names records would silence our retransmissions. */
        if (stage->protocol != HWS_PROTOCOL_13) return HWS_RECORD_BAD_ACK;
        return body.len == 2 && body.data[0] == 0 && body.data[1] == 0 ? HWS_RECORD_SOUND
                                                                       : HWS_RECORD_BAD_ACK;
    default:
        return HWS_RECORD_PLAIN_DATA;
    }
}

static enum hws_record_flaw admit_unified(const struct hws_record *record,
                                          const struct hws_record_stage *stage)
{
    if (stage->protocol == HWS_PROTOCOL_12) return HWS_RECORD_VERSION;
    if (stage->finished) return HWS_RECORD_SOUND; /* epochs go on: 4 shows as 0 */
    if (record->epoch == EPOCH_TRAFFIC) return HWS_RECORD_EARLY;
    if (record->epoch != EPOCH_HANDSHAKE) return HWS_RECORD_EPOCH;
    /* A server without a ClientHello has no keys; a client without a ServerHello learns from the
     * record that it was lost. */
    if (stage->server && stage->protocol == HWS_PROTOCOL_OPEN) return HWS_RECORD_EPOCH;
    return HWS_RECORD_SOUND;
}

enum hws_record_flaw hws_record_admit(const struct hws_record *record,
                                      const struct hws_record_stage *stage)
{
    if (record->unified) return admit_unified(record, stage);
    if (record->epoch == 0) return admit_unencrypted(record, stage);
    if (stage->protocol == HWS_PROTOCOL_13) return HWS_RECORD_VERSION;
    if (stage->protocol == HWS_PROTOCOL_OPEN || record->epoch != 1) return HWS_RECORD_EPOCH;
    if (record->type == HWS_RECORD_CIPHER_SPEC) return HWS_RECORD_BAD_SPEC;
    if (record->type == HWS_RECORD_ACK) return HWS_RECORD_KIND;
    if (record->type == HWS_RECORD_DATA && !stage->finished) return HWS_RECORD_EARLY;
    /* A repeated Finished, which comes with plain records that are answered, or an attempt at
     * renegotiation, which may be ignored (RFC 5246 section 7.4.1.1) and is (RFC 8827 section 6.5);
     * wolfSSL would end the association. */
    if (record->type == HWS_RECORD_HANDSHAKE && stage->finished) return HWS_RECORD_LATE;
    return HWS_RECORD_SOUND;
}

#include "sctp/dcep.h"

#include "base/limits.h"

/*
 *      0                   1                   2                   3
 *     +---------------+---------------+-------------------------------+
 *     |  type 3 OPEN  | channel type  |           priority            |
 *     +---------------+---------------+-------------------------------+
 *     |                     reliability parameter                     |
 *     +-------------------------------+-------------------------------+
 *     |         label length          |        protocol length        |
 *     +-------------------------------+-------------------------------+
 *     |                       label, protocol                         |
 *
 * RFC 8832 section 5.1. An ACK is the one byte 2 (section 5.2); Pion has always sent three more, so
 * what follows the type of an ACK is not looked at.
 */
enum { TYPE_ACK = 2, TYPE_OPEN = 3 };

/* Channel types of RFC 8832 section 8.2.2: a bit for unordered, and the reliability. */
enum { UNORDERED = 0x80, RELIABILITY = 0x7F };

bool hws_is_utf8(struct hws_bytes text)
{
    size_t at = 0;

    while (at < text.len) {
        uint8_t first = text.data[at++];
        size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        /* The second byte has a smaller range where overlong forms, surrogates and what is above
         * 10FFFF would begin. */
        uint8_t low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
        uint8_t high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;

        if ((first >= 0x80 && first < 0xC2) || first > 0xF4 || more > text.len - at) return false;
        for (; more > 0; more--) {
            if (text.data[at] < low || text.data[at] > high) return false;
            low = 0x80;
            high = 0xBF;
            at++;
        }
    }
    return true;
}

enum hws_err hws_dcep_read_open(struct hws_bytes payload, struct hws_dcep_open *out)
{
    struct hws_cursor cur = hws_cursor_over(payload);
    struct hws_dcep_open open = {0};
    uint8_t type = hws_read_u8(&cur), channel = hws_read_u8(&cur);
    uint16_t label_len, protocol_len;

    open.priority = hws_read_u16(&cur);
    open.reliability_value = hws_read_u32(&cur);
    label_len = hws_read_u16(&cur);
    protocol_len = hws_read_u16(&cur);
    open.label = hws_read_bytes(&cur, label_len);
    open.protocol = hws_read_bytes(&cur, protocol_len);
    if (!hws_cursor_done(&cur) || type != TYPE_OPEN) return HWS_ERR_MALFORMED;
    if ((channel & RELIABILITY) > HWS_MAX_LIFETIME) return HWS_ERR_MALFORMED;
    if (!hws_is_utf8(open.label) || !hws_is_utf8(open.protocol)) return HWS_ERR_MALFORMED;
    open.ordered = (channel & UNORDERED) == 0;
    open.reliability = (enum hws_reliability)(channel & RELIABILITY);
    if (open.reliability == HWS_RELIABLE) open.reliability_value = 0; /* ignored, section 5.1 */
    *out = open;
    return HWS_OK;
}

void hws_dcep_write_open(struct hws_writer *out, const struct hws_dcep_open *open)
{
    uint8_t channel = (uint8_t)((unsigned)open->reliability | (open->ordered ? 0U : UNORDERED));

    if (open->label.len > HWS_LABEL_MAX || open->protocol.len > HWS_LABEL_MAX) {
        out->failed = true;
        return;
    }
    hws_write_u8(out, TYPE_OPEN);
    hws_write_u8(out, channel);
    hws_write_u16(out, open->priority);
    hws_write_u32(out, open->reliability == HWS_RELIABLE ? 0 : open->reliability_value);
    hws_write_u16(out, (uint16_t)open->label.len);
    hws_write_u16(out, (uint16_t)open->protocol.len);
    hws_write_bytes(out, open->label);
    hws_write_bytes(out, open->protocol);
}

void hws_dcep_write_ack(struct hws_writer *out)
{
    hws_write_u8(out, TYPE_ACK);
}

static struct hws_dcep_verdict judge_dcep(enum hws_dcep_stream stream, struct hws_bytes payload)
{
    struct hws_dcep_verdict verdict = {.action = HWS_DCEP_RESET};

    /* A user message may have come before the ACK and opened the channel: then this is late. */
    if (payload.len >= 1 && payload.data[0] == TYPE_ACK) {
        if (stream == HWS_STREAM_OPENING) verdict.action = HWS_DCEP_OPENED;
        if (stream == HWS_STREAM_OPEN) verdict.action = HWS_DCEP_DROP;
        return verdict;
    }
    /* RFC 8832 section 6: a used stream, bad parity and anything malformed close the channel. */
    if (stream == HWS_STREAM_UNUSED && hws_dcep_read_open(payload, &verdict.open) == HWS_OK)
        verdict.action = HWS_DCEP_ACCEPT;
    return verdict;
}

static struct hws_dcep_verdict judge_message(enum hws_dcep_stream stream,
                                             enum hws_dcep_action action, struct hws_bytes data)
{
    struct hws_dcep_verdict verdict = {.action = HWS_DCEP_RESET};

    if (stream != HWS_STREAM_OPENING && stream != HWS_STREAM_OPEN) return verdict;
    verdict.action = action;
    verdict.opens = stream == HWS_STREAM_OPENING;
    verdict.data = data;
    return verdict;
}

struct hws_dcep_verdict hws_dcep_judge(enum hws_dcep_stream stream, uint32_t ppid,
                                       struct hws_bytes payload)
{
    static const struct hws_bytes empty = {0};

    if (stream == HWS_STREAM_CLOSING) return (struct hws_dcep_verdict){.action = HWS_DCEP_DROP};
    switch (ppid) {
    case HWS_PPID_DCEP:
        return judge_dcep(stream, payload);
    case HWS_PPID_STRING:
        return judge_message(stream, HWS_DCEP_MESSAGE_STRING, payload);
    case HWS_PPID_BINARY:
        return judge_message(stream, HWS_DCEP_MESSAGE_BINARY, payload);
    case HWS_PPID_STRING_EMPTY: /* one byte, whose value says nothing (RFC 8831 section 6.6) */
        return judge_message(stream, HWS_DCEP_MESSAGE_STRING, empty);
    case HWS_PPID_BINARY_EMPTY:
        return judge_message(stream, HWS_DCEP_MESSAGE_BINARY, empty);
    default: /* unknown, or the two deprecated for parts of messages: close (section 6.6) */
        return (struct hws_dcep_verdict){.action = HWS_DCEP_RESET};
    }
}

#include "sctp/packet_view.h"

static size_t padding_after(size_t len)
{
    return (0 - len) & 3;
}

bool hws_sctp_next_chunk(struct hws_cursor *cur, struct hws_bytes packet,
                         struct hws_sctp_chunk *out)
{
    enum { HEADER_LEN = 4 };
    size_t at = packet.len - cur->rest.len, len;
    struct hws_bytes value;
    uint8_t type;

    if (cur->rest.len == 0) return false;
    type = hws_read_u8(cur);
    hws_read_u8(cur); /* flags */
    len = hws_read_u16(cur);
    if (cur->failed || len < HEADER_LEN) return false;
    value = hws_read_bytes(cur, len - HEADER_LEN);
    hws_read_bytes(cur, padding_after(len));
    if (cur->failed) return false;
    *out = (struct hws_sctp_chunk){type, at, len + padding_after(len), value};
    return true;
}

bool hws_sctp_find_chunk(struct hws_bytes packet, enum hws_sctp_chunk_type type,
                         struct hws_sctp_chunk *out)
{
    struct hws_cursor cur = hws_cursor_over(packet);
    struct hws_sctp_chunk chunk;

    hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN);
    while (hws_sctp_next_chunk(&cur, packet, &chunk)) {
        if (chunk.type == type) {
            *out = chunk;
            return true;
        }
    }
    return false;
}

bool hws_sctp_read_first_tsn(struct hws_bytes value, uint32_t *out)
{
    struct hws_cursor cur = hws_cursor_over(value);
    uint32_t tsn;

    hws_read_bytes(&cur, 12); /* tag, window, numbers of streams */
    tsn = hws_read_u32(&cur);
    if (cur.failed) return false;
    *out = tsn - 1;
    return true;
}

bool hws_sctp_read_sacked_tsn(struct hws_bytes value, uint32_t *out)
{
    struct hws_cursor cur = hws_cursor_over(value);
    uint32_t tsn = hws_read_u32(&cur);

    if (cur.failed) return false;
    *out = tsn;
    return true;
}

bool hws_sctp_read_reset_tsn(struct hws_bytes value, uint32_t *out)
{
    enum { OUTGOING_RESET = 13, PARAM_HEADER_LEN = 4 }; /* RFC 6525 section 4.1 */
    struct hws_cursor cur = hws_cursor_over(value);

    while (cur.rest.len > 0) {
        uint16_t type = hws_read_u16(&cur);
        size_t len = hws_read_u16(&cur);
        struct hws_cursor param;

        if (cur.failed || len < PARAM_HEADER_LEN) return false;
        param = hws_cursor_over(hws_read_bytes(&cur, len - PARAM_HEADER_LEN));
        if (cur.rest.len > 0) hws_read_bytes(&cur, padding_after(len));
        if (type == OUTGOING_RESET) {
            uint32_t tsn;

            hws_read_bytes(&param, 8); /* request and response sequence numbers */
            tsn = hws_read_u32(&param);
            if (param.failed) return false;
            *out = tsn;
            return true;
        }
    }
    return false;
}

bool hws_sctp_tsn_is_after(uint32_t a, uint32_t b)
{
    return a != b && a - b < UINT32_C(1) << 31;
}

#include "sctp/idata.h"

#include "base/writer.h"
#include "sctp/packet_view.h"

enum {
    CHUNK_HEADER_LEN = 4,
    IDATA_HEADER_LEN = 20, /* RFC 8260 section 2.1 */
    FLAG_LAST = 1,
    FLAG_FIRST = 2,
    FLAG_UNORDERED = 4,
    SKIP_UNORDERED = 1, /* RFC 8260 section 2.3.1 */
};

static void write_idata(struct hws_writer *writer, uint8_t flags, struct hws_bytes value)
{
    enum { BEFORE_MID = 8, NUMBERS_LEN = 8 };
    size_t header = IDATA_HEADER_LEN - CHUNK_HEADER_LEN;
    struct hws_bytes numbers = {value.data + BEFORE_MID, NUMBERS_LEN};

    hws_write_u8(writer, HWS_CHUNK_IDATA);
    hws_write_u8(writer, flags | FLAG_FIRST | FLAG_LAST | FLAG_UNORDERED);
    hws_write_u16(writer, (uint16_t)(CHUNK_HEADER_LEN + value.len + HWS_IDATA_LABEL_LEN));
    hws_write_bytes(writer, (struct hws_bytes){value.data, header});
    hws_write_u32(writer, (uint32_t)flags << 24);
    hws_write_bytes(writer, numbers);
    hws_write_bytes(writer, (struct hws_bytes){value.data + header, value.len - header});
}

static void take_skips(struct hws_bytes value, const struct hws_idata_skips *skips)
{
    struct hws_cursor cur = hws_cursor_over(value);
    struct hws_idata_skip skip = {.tsn = hws_read_u32(&cur)};

    while (cur.rest.len > 0) {
        skip.stream = hws_read_u16(&cur);
        skip.unordered = (hws_read_u16(&cur) & SKIP_UNORDERED) != 0;
        skip.mid = hws_read_u32(&cur);
        if (cur.failed) return;
        skips->take(skips->user, &skip);
    }
}

static void write_forward(struct hws_writer *writer, uint8_t flags, struct hws_bytes value)
{
    enum { TSN_LEN = 4 };

    hws_write_u8(writer, HWS_CHUNK_IFORWARD_TSN);
    hws_write_u8(writer, flags);
    hws_write_u16(writer, CHUNK_HEADER_LEN + TSN_LEN);
    hws_write_bytes(writer, (struct hws_bytes){value.data, TSN_LEN});
}

static void copy_chunk(struct hws_writer *writer, const struct hws_sctp_chunk *chunk,
                       struct hws_bytes packet, const struct hws_idata_skips *skips)
{
    uint8_t flags = packet.data[chunk->at + 1];

    if (chunk->type == HWS_CHUNK_IDATA && chunk->value.len > IDATA_HEADER_LEN - CHUNK_HEADER_LEN) {
        write_idata(writer, flags, chunk->value);
        while (writer->len % 4 != 0 && !writer->failed) {
            hws_write_u8(writer, 0);
        }
    } else if (chunk->type == HWS_CHUNK_IFORWARD_TSN && chunk->value.len >= 4) {
        take_skips(chunk->value, skips);
        write_forward(writer, flags, chunk->value);
    } else {
        hws_write_bytes(writer, (struct hws_bytes){packet.data + chunk->at, chunk->len});
    }
}

size_t hws_idata_label(struct hws_bytes packet, const struct hws_idata_skips *skips, uint8_t *out,
                       size_t cap)
{
    struct hws_writer writer = hws_writer_over(out, cap);
    struct hws_cursor cur = hws_cursor_over(packet);
    struct hws_sctp_chunk chunk;

    hws_write_bytes(&writer, hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN));
    while (hws_sctp_next_chunk(&cur, packet, &chunk)) {
        copy_chunk(&writer, &chunk, packet, skips);
    }
    return writer.failed ? 0 : writer.len;
}

bool hws_idata_read_piece(struct hws_bytes labelled, uint16_t stream, struct hws_idata_piece *out)
{
    struct hws_cursor cur = hws_cursor_over(labelled);
    uint8_t flags = (uint8_t)(hws_read_u32(&cur) >> 24);
    struct hws_idata_piece piece = {
        .stream = stream,
        .unordered = (flags & FLAG_UNORDERED) != 0,
        .first = (flags & FLAG_FIRST) != 0,
        .last = (flags & FLAG_LAST) != 0,
    };
    uint32_t number;

    piece.mid = hws_read_u32(&cur);
    number = hws_read_u32(&cur);
    if (cur.failed || cur.rest.len == 0) return false;
    /* RFC 8260 section 2.1: the first one has the payload protocol id in place of its number. */
    piece.ppid = piece.first ? number : 0;
    piece.fsn = piece.first ? 0 : number;
    piece.data = cur.rest;
    *out = piece;
    return true;
}

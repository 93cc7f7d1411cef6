/*
 * Interleaved messages put together from anything. The first byte picks the way in:
 *
 *     0  a script: steps of eight bytes, each a piece, a skip, a restart or a look at what is ready
 *     1  an SCTP packet: checked, labelled as usrsctp sees it, and its pieces read back
 *
 * All bytes of a piece are alike and one more than those of the piece before it, so a message that
 * was put together wrongly shows. What is held stays within its bounds and is all given back.
 */
#include "sctp/packet_view.h"
#include "sctp/reassembly.h"
#include "sctp/sctp.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAMS = 4, MESSAGE_MAX = 600, HELD_MAX = 4000, STEP = 8, PACKET_MAX = 8192 };

static void require(bool holds)
{
    if (!holds) abort();
}

static void require_in_order(struct hws_bytes data)
{
    for (size_t i = 1; i < data.len; i++) {
        uint8_t step = (uint8_t)(data.data[i] - data.data[i - 1]);

        require(step <= 1);
    }
}

static void take_all(struct hws_reassembly *in, bool all_in, bool is_script)
{
    struct hws_in_whole whole;

    while (hws_reassembly_next(in, all_in, &whole)) {
        require(whole.stream < STREAMS && whole.data.len <= MESSAGE_MAX && whole.data.len > 0);
        if (is_script) require_in_order(whole.data);
    }
    /* The piece that goes over the bound is still taken, and a message grows by doubling. */
    require(in->held <= HELD_MAX + 2 * 4096 && in->held_count <= HWS_SCTP_HELD_MAX + 1);
    require((in->held == 0) == (in->held_count == 0));
}

/* ---- A script */

/* Numbers around both ends of their range and of its half. */
static uint32_t number(uint8_t from)
{
    static const uint32_t bases[] = {0, 0x7FFFFFF8, 0xFFFFFFF0, 0x80000000};

    return bases[from >> 6] + (from & 63);
}

static enum hws_err take_piece(struct hws_reassembly *in, const uint8_t *step)
{
    static uint8_t bytes[MESSAGE_MAX + 8]; /* borrowed until the next step */
    struct hws_idata_piece piece = {
        .stream = step[1] % (STREAMS + 1),
        .unordered = (step[2] & 4) != 0,
        .first = (step[2] & 2) != 0,
        .last = (step[2] & 1) != 0,
        .mid = number(step[3]),
        .fsn = (step[2] & 2) ? 0 : number(step[4]),
        .ppid = 53,
        .data = {bytes, (size_t)1 + (step[5] | (size_t)(step[6] & 3) << 8) % (MESSAGE_MAX + 2)},
    };

    memset(bytes, (uint8_t)(piece.mid * 7 + piece.fsn), sizeof(bytes));
    return hws_reassembly_take(in, &piece);
}

static enum hws_err take_skip(struct hws_reassembly *in, const uint8_t *step)
{
    struct hws_idata_skip skip = {
        .stream = step[1] % (STREAMS + 1), .unordered = (step[2] & 4) != 0, .mid = number(step[3])};

    return hws_reassembly_skip(in, &skip);
}

static void run_script(struct hws_reassembly *in, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at + STEP <= size; at += STEP) {
        const uint8_t *step = data + at;
        enum hws_err err = HWS_OK;

        switch (step[0] % 8) {
        case 0:
            err = take_skip(in, step);
            if (err == HWS_ERR_MALFORMED) err = HWS_OK; /* no such stream: left out */
            break;
        case 1:
            hws_reassembly_restart(in, step[1] % (STREAMS + 1));
            break;
        default:
            err = take_piece(in, step);
            break;
        }
        if (err) return; /* the association ends */
        take_all(in, (step[7] & 1) != 0, true);
    }
    take_all(in, true, true);
}

/* ---- A packet */

static void note_skip(void *user, const struct hws_idata_skip *skip)
{
    struct hws_reassembly *in = user;

    require(hws_reassembly_skip(in, skip) == (skip->stream < STREAMS ? HWS_OK : HWS_ERR_MALFORMED));
}

/* The stream stands where it stood; flags say a whole, unordered message. */
static enum hws_err read_back(struct hws_reassembly *in, const struct hws_sctp_chunk *chunk,
                              const uint8_t *packet)
{
    enum { NUMBERS = 16, WHOLE = 7 };
    struct hws_cursor cur = hws_cursor_over(chunk->value);
    struct hws_idata_piece piece;
    uint16_t stream;

    require((packet[chunk->at + 1] & WHOLE) == WHOLE);
    (void)hws_read_u32(&cur);
    stream = hws_read_u16(&cur);
    require(chunk->value.len > NUMBERS + HWS_IDATA_LABEL_LEN);
    require(hws_idata_read_piece(
        (struct hws_bytes){chunk->value.data + NUMBERS, chunk->value.len - NUMBERS}, stream,
        &piece));
    require(piece.data.len + NUMBERS + HWS_IDATA_LABEL_LEN == chunk->value.len);
    return hws_reassembly_take(in, &piece);
}

static void run_packet(struct hws_reassembly *in, struct hws_bytes packet)
{
    static const struct hws_sctp_ports ports = {5000, 5000};
    static uint8_t out[PACKET_MAX];
    struct hws_idata_skips skips = {note_skip, in};
    struct hws_bytes labelled = {out, 0};
    struct hws_sctp_chunk chunk;
    struct hws_cursor cur;

    if (packet.len > HWS_DATAGRAM_IN_MAX || hws_sctp_check_packet(packet, &ports)) return;
    labelled.len = hws_idata_label(packet, &skips, out, sizeof(out));
    require(labelled.len >= HWS_SCTP_HEADER_LEN && labelled.len % 4 == 0);
    cur = hws_cursor_over(labelled);
    (void)hws_read_bytes(&cur, HWS_SCTP_HEADER_LEN);
    while (hws_sctp_next_chunk(&cur, labelled, &chunk)) {
        if (chunk.type != HWS_CHUNK_IDATA) continue;
        if (read_back(in, &chunk, out)) return;
        take_all(in, false, false);
    }
    require(cur.rest.len == 0);
    take_all(in, true, false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_reassembly in;

    if (size < 1) return 0;
    hws_reassembly_init(&in, STREAMS, MESSAGE_MAX, HELD_MAX);
    if (data[0] % 2 == 0) {
        run_script(&in, data + 1, size - 1);
    } else {
        run_packet(&in, (struct hws_bytes){data + 1, size - 1});
    }
    hws_reassembly_fini(&in);
    require(in.held == 0 && in.held_count == 0);
    return 0;
}

/* A hostile peer behind DTLS: two associations are up, and one is fed what the input says, with
 * the right ports and tag so that the check and usrsctp take it seriously.
 *
 * The input is a row of steps: an operation, a length, and bytes. A step makes a packet of the
 * bytes, or sends, resets, lets time pass, stops to read, or hangs up.
 */
#include "sctp_pair.h"

#include "sctp/packet_view.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum operation {
    FEED,       /* the bytes are chunks */
    FEED_DATA,  /* ... of which the first gets a TSN near the next one */
    FEED_SACK,  /* ... and the TSN of a SACK is near what was sent */
    FEED_RESET, /* ... and the sequence number of a RE-CONFIG is right */
    SEND,
    RESET,
    PASS_TIME,
    TURN, /* read or do not read; hang up */
    OPERATION_COUNT,
};

/* What an honest peer would know, read off its packets. */
static struct {
    uint32_t tag;      /* of the victim */
    uint32_t next_tsn; /* of the attacker */
    uint32_t sent_tsn; /* of the victim */
} known;

static struct pair pair;
static uint8_t payload[64 * 1024];

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void learn(struct pair *p, struct hws_bytes packet)
{
    bool from_victim = packet.data[0] == 0x13 && packet.data[1] == 0x88; /* port 5000 */
    struct hws_sctp_chunk chunk;
    uint32_t tsn;

    (void)p;
    if (!from_victim && read_u32(packet.data + 4) != 0) known.tag = read_u32(packet.data + 4);
    if ((hws_sctp_find_chunk(packet, HWS_CHUNK_INIT, &chunk) ||
         hws_sctp_find_chunk(packet, HWS_CHUNK_INIT_ACK, &chunk)) &&
        hws_sctp_read_first_tsn(chunk.value, &tsn)) {
        *(from_victim ? &known.sent_tsn : &known.next_tsn) = tsn + 1;
    }
}

static void help(enum operation operation, uint8_t hint, uint8_t *chunks, size_t len)
{
    if (operation == FEED_DATA && len >= 8) {
        write_u32(chunks + 4, known.next_tsn + hint % 4);
        if (hint % 4 == 0) known.next_tsn++;
    } else if (operation == FEED_SACK && len >= 8) {
        write_u32(chunks + 4, known.sent_tsn + hint % 16);
    } else if (operation == FEED_RESET && len >= 12) {
        write_u32(chunks + 8, known.next_tsn + hint % 4 - 1);
    }
}

static void feed(enum operation operation, uint8_t hint, struct hws_bytes bytes)
{
    uint8_t packet[HWS_SCTP_HEADER_LEN + 256] = {0x13, 0x89, 0x13, 0x88};
    size_t len = bytes.len;

    write_u32(packet + 4, known.tag);
    if (len >= 4 && bytes.data[0] == HWS_CHUNK_INIT) write_u32(packet + 4, 0);
    if (len > 0) memcpy(packet + HWS_SCTP_HEADER_LEN, bytes.data, len);
    help(operation, hint, packet + HWS_SCTP_HEADER_LEN, len);
    (void)!hws_sctp_feed(pair.ends[0].sctp, (struct hws_bytes){packet, HWS_SCTP_HEADER_LEN + len},
                         pair.now);
}

static void step(enum operation operation, uint8_t hint, struct hws_bytes bytes)
{
    int end = hint & 1;

    switch (operation) {
    case FEED:
    case FEED_DATA:
    case FEED_SACK:
    case FEED_RESET:
        feed(operation, hint, bytes);
        break;
    case SEND: {
        struct hws_sctp_message msg = {
            .stream = (uint16_t)(hint >> 1 & 15),
            .ppid = 53,
            .unordered = (hint & 64) != 0,
            .data = {payload, 1 + bytes.len * 200}
        };

        if (hint & 128) msg.reliability = HWS_MAX_RETRANSMITS;
        (void)!hws_sctp_send(pair.ends[end].sctp, &msg, pair.now);
        break;
    }
    case RESET:
        (void)!hws_sctp_reset(pair.ends[end].sctp, hint >> 1 & 15, pair.now);
        break;
    case PASS_TIME:
        pair_run(&pair, HWS_MS(hint * 4));
        break;
    case TURN:
        if (hint == 255) {
            hws_sctp_abort(pair.ends[1].sctp, pair.now);
        } else {
            pair.ends[end].stalled = !pair.ends[end].stalled;
        }
        break;
    case OPERATION_COUNT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_cursor cur = hws_cursor_over((struct hws_bytes){data, size});
    struct hws_sctp_stack *stack = pair.stack;
    hws_time now = pair.now;

    memset(&pair, 0, sizeof(pair));
    pair.stack = stack;
    pair.keeps_stack = true;
    pair.now = now + HWS_SEC(1);
    pair.delay = HWS_MS(1);
    pair.config.streams = 16;
    pair.config.receive_max = 32 * 1024;
    pair.config.receive_buffer = 64 * 1024;
    pair.on_packet = learn;
    pair_open(&pair);
    pair_connect(&pair);
    (void)pair_run_until(&pair, HWS_SEC(1), pair_is_up);
    while (cur.rest.len >= 3) {
        enum operation operation = hws_read_u8(&cur) % OPERATION_COUNT;
        uint8_t hint = hws_read_u8(&cur);
        size_t len = hws_read_u8(&cur);

        if (len > cur.rest.len) len = cur.rest.len;
        step(operation, hint, hws_read_bytes(&cur, len));
        pair_settle(&pair);
    }
    pair_run(&pair, HWS_SEC(2));
    pair_close(&pair);
    return 0;
}

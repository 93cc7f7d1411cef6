/* A hostile TURN server: one allocation is fed what the input says, under the transaction ids of
 * its own requests so that it takes it seriously; its stream is cut into messages besides.
 *
 * The input is a row of steps: an operation, a hint, a length, and bytes.
 */
#include "base/bytes.h"
#include "stun/stun_writer.h"
#include "turn/stream.h"
#include "turn/turn.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum operation {
    FEED,    /* the bytes are a packet */
    ANSWER,  /* ... attributes of an answer to the last request, a success or an error */
    SUCCEED, /* a sound answer to the last request, and the bytes behind it */
    PASS_TIME,
    PERMIT,
    BIND,
    WRAP,
    STREAM, /* the bytes are a piece of a stream */
    OPERATION_COUNT,
};

static struct hws_turn *turn;
static struct hws_turn_stream stream;
static hws_time now;
static uint8_t counter, head[HWS_STUN_HEADER_LEN]; /* of the last request */

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    for (size_t i = 0; i < len; i++) {
        out[i] = counter++;
    }
}

static void drain(void)
{
    struct hws_turn_event event;
    struct hws_bytes packet;

    while (hws_turn_next_packet(turn, &packet)) {
        if (packet.len < sizeof(head)) abort();
        memcpy(head, packet.data, sizeof(head));
    }
    while (hws_turn_next_event(turn, &event)) {
        if (event.kind == HWS_TURN_FAILED && !event.reason) abort();
    }
}

static void feed(struct hws_bytes packet)
{
    struct hws_turn_data data;
    enum hws_err err = hws_turn_feed(turn, packet, now, &data);

    if (err && data.peer.family != HWS_FAMILY_NONE) abort();
    if (data.bytes.len > packet.len) abort();
}

static uint16_t method_of_head(void)
{
    return head[1] & 0x0F;
}

static void answer(uint8_t hint, struct hws_bytes bytes)
{
    uint8_t packet[HWS_STUN_HEADER_LEN + 256] = {0};
    size_t len = bytes.len & ~(size_t)3;

    memcpy(packet, head, sizeof(head));
    packet[0] = 1; /* success; with the bit below, error */
    packet[1] = (uint8_t)(method_of_head() | (hint & 1 ? 0x10 : 0));
    packet[2] = (uint8_t)(len >> 8);
    packet[3] = (uint8_t)len;
    if (len > 0) memcpy(packet + HWS_STUN_HEADER_LEN, bytes.data, len);
    feed((struct hws_bytes){packet, HWS_STUN_HEADER_LEN + len});
}

static struct hws_address address(uint8_t hint)
{
    struct hws_address addr = {
        .ip = {203, 0, 113, hint},
          .port = 7000, .family = HWS_FAMILY_IP4
    };

    if (hint & 0x80) addr.family = HWS_FAMILY_IP6;
    return addr;
}

static void succeed(uint8_t hint)
{
    uint8_t packet[200];
    struct hws_address relayed = address(1), mapped = address(2), six = address(0x81);
    struct hws_stun_writer msg =
        hws_stun_begin(packet, sizeof(packet), HWS_STUN_SUCCESS, method_of_head(), head + 8);
    struct hws_bytes bytes;

    if (method_of_head() == HWS_STUN_ALLOCATE) {
        hws_stun_add_xor_address(&msg, HWS_STUN_XOR_RELAYED_ADDRESS, &relayed);
        if (hint & 1) hws_stun_add_xor_address(&msg, HWS_STUN_XOR_RELAYED_ADDRESS, &six);
        hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &mapped);
    }
    hws_stun_add_u32(&msg, HWS_STUN_LIFETIME, hint * 10u);
    if (hws_stun_end(&msg, &bytes)) abort();
    feed(bytes);
}

static void pass_time(hws_time duration)
{
    hws_time end = now + duration;

    while (hws_turn_deadline(turn) <= end) {
        if (hws_turn_deadline(turn) > now) now = hws_turn_deadline(turn);
        hws_turn_tick(turn, now);
        drain();
        if (hws_turn_deadline(turn) <= now) abort(); /* it would spin */
    }
    now = end;
}

static void feed_stream(struct hws_bytes bytes)
{
    struct hws_bytes message;

    while (bytes.len > 0) {
        size_t taken = hws_turn_stream_feed(&stream, bytes);
        enum hws_err err;

        bytes = (struct hws_bytes){bytes.data + taken, bytes.len - taken};
        while (!(err = hws_turn_stream_next(&stream, &message))) {
            if (message.len < 4 || message.len % 4 != 0) abort();
            feed(message);
        }
        if (err == HWS_ERR_MALFORMED) memset(&stream, 0, sizeof(stream));
        if (err == HWS_ERR_AGAIN && taken == 0) abort(); /* it would stop for ever */
    }
}

static void step(enum operation operation, uint8_t hint, struct hws_bytes bytes)
{
    uint8_t buffer[400];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct hws_address peer = address(hint);

    switch (operation) {
    case FEED:
        feed(bytes);
        break;
    case ANSWER:
        answer(hint, bytes);
        break;
    case SUCCEED:
        succeed(hint);
        break;
    case PASS_TIME:
        pass_time(HWS_SEC(hint));
        break;
    case PERMIT:
        (void)!hws_turn_permit(turn, &peer, now);
        break;
    case BIND:
        hws_turn_bind(turn, &peer, now);
        break;
    case WRAP:
        (void)!hws_turn_wrap(turn, &peer, bytes, &out);
        break;
    case STREAM:
        feed_stream(bytes);
        break;
    case OPERATION_COUNT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hws_cursor cur = hws_cursor_over((struct hws_bytes){data, size});
    struct hws_turn_config config = {
        .random.fill = fill,
        .server = {.ip = {192, 0, 2, 1}, .port = 3478, .family = HWS_FAMILY_IP4},
        .username = hws_bytes_of("user"),
        .password = hws_bytes_of("secret"),
    };

    counter = 0;
    now = HWS_SEC(1);
    memset(&stream, 0, sizeof(stream));
    memset(head, 0, sizeof(head));
    config.stream = (hws_read_u8(&cur) & 1) != 0;
    if (hws_turn_new(&config, &turn)) return 0;
    hws_turn_start(turn, now);
    drain();
    while (cur.rest.len >= 3) {
        enum operation operation = hws_read_u8(&cur) % OPERATION_COUNT;
        uint8_t hint = hws_read_u8(&cur);
        size_t len = hws_read_u8(&cur);

        if (len > cur.rest.len) len = cur.rest.len;
        step(operation, hint, hws_read_bytes(&cur, len));
        drain();
        pass_time(0);
    }
    pass_time(HWS_SEC(1000));
    hws_turn_close(turn, now);
    drain();
    pass_time(HWS_SEC(100));
    hws_turn_free(turn);
    return 0;
}

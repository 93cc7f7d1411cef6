/*
 * What an engine has to say: the queue of its datagrams, the last flight that is kept for a peer
 * who lacks it, and the ClientHello that is longer than a datagram.
 *
 * wolfSSL cannot send its first ClientHello in fragments (it would leave the key shares out and pay
 * a round trip), so it writes one long record and this file cuts it. The handshake's hashes do not
 * see fragments (RFC 9147 section 5.2, RFC 6347 section 4.2.6), and plain record numbers are bound
 * to nothing: those that follow are moved up by the records that the cutting added.
 */
#include "dtls/dtls_internal.h"
#include "dtls/hello.h"
#include "dtls/record.h"

#include "base/limits.h"

#include <string.h>

enum { SEQUENCE_AT = 5, SEQUENCE_LEN = 6 }; /* in a plain record header */

static void keep_for_repeat(struct hws_engine *engine, struct hws_bytes datagram)
{
    uint8_t *end = engine->flight + engine->flight_len;

    if (engine->flight_len + 2 + datagram.len > sizeof(engine->flight)) return;
    end[0] = (uint8_t)(datagram.len >> 8);
    end[1] = (uint8_t)datagram.len;
    memcpy(end + 2, datagram.data, datagram.len);
    engine->flight_len += 2 + datagram.len;
}

/* The queue starts small, because most associations send little, and doubles up to its bound. */
bool hws_engine_make_room(struct hws_engine *engine)
{
    struct hws_ring *ring = &engine->packets;
    size_t slots = 2 * ring->slot_count < HWS_DTLS_QUEUE ? 2 * ring->slot_count : HWS_DTLS_QUEUE;
    struct hws_ring bigger;
    struct hws_bytes packet;

    if (ring->count < ring->slot_count) return true;
    if (ring->slot_count >= HWS_DTLS_QUEUE) return false;
    if (hws_ring_init(&bigger, slots, ring->slot_cap) != HWS_OK) return false;
    while (hws_ring_pop(ring, &packet)) {
        hws_ring_push(&bigger, packet);
    }
    bigger.dropped = ring->dropped;
    hws_ring_fini(ring);
    *ring = bigger;
    return true;
}

static void queue(struct hws_engine *engine, struct hws_bytes datagram)
{
    (void)hws_engine_make_room(engine); /* without it the oldest goes */
    hws_ring_push(&engine->packets, datagram);
    engine->sent++;
}

/* ---- The long hello */

static uint64_t sequence_of(struct hws_bytes record)
{
    uint64_t sequence = 0;

    for (size_t i = 0; i < SEQUENCE_LEN; i++) {
        sequence = sequence << 8 | record.data[SEQUENCE_AT + i];
    }
    return sequence;
}

static void set_sequence(uint8_t *record, uint64_t sequence)
{
    for (size_t i = 0; i < SEQUENCE_LEN; i++) {
        record[SEQUENCE_AT + i] = (uint8_t)(sequence >> 8 * (SEQUENCE_LEN - 1 - i));
    }
}

static void queue_cut(struct hws_engine *engine, struct hws_bytes hello)
{
    uint64_t sequence = sequence_of(hello) + engine->extra_records;
    uint8_t piece[HWS_DATAGRAM_IN_MAX];
    size_t done = 0, len;

    while ((len = hws_hello_cut(hello, &done, piece, engine->mtu)) > 0) {
        set_sequence(piece, sequence++);
        queue(engine, (struct hws_bytes){piece, len});
        engine->extra_records++;
    }
    if (done > 0) engine->extra_records--; /* one of the records was there before */
}

/* Our own datagrams are sound, so every record is looked at. */
static void queue_renumbered(struct hws_engine *engine, struct hws_bytes datagram)
{
    uint8_t copy[HWS_DATAGRAM_IN_MAX];
    struct hws_bytes rest = {copy, datagram.len};
    struct hws_record record;

    if (datagram.len > sizeof(copy)) return;
    memcpy(copy, datagram.data, datagram.len);
    while (rest.len > 0 && hws_record_next(&rest, &record) == HWS_RECORD_SOUND) {
        if (record.unified || record.epoch != 0) continue;
        set_sequence(copy + (record.whole.data - copy),
                     sequence_of(record.whole) + engine->extra_records);
    }
    queue(engine, (struct hws_bytes){copy, datagram.len});
}

void hws_engine_push(struct hws_engine *engine, struct hws_bytes datagram)
{
    if (engine->cuts_hello && datagram.len > engine->mtu) {
        queue_cut(engine, datagram);
    } else if (engine->extra_records > 0 && !engine->finished) {
        queue_renumbered(engine, datagram);
    } else {
        queue(engine, datagram);
    }
    if (engine->server && !engine->finished) keep_for_repeat(engine, datagram);
}

/* ---- The last flight */

void hws_engine_repeat_flight(struct hws_engine *engine)
{
    size_t at = 0;

    while (at < engine->flight_len) {
        const uint8_t *datagram = engine->flight + at;
        size_t len = (size_t)datagram[0] << 8 | datagram[1];

        queue(engine, (struct hws_bytes){datagram + 2, len});
        at += 2 + len;
    }
}

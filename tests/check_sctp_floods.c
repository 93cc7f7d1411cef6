/* A peer that breaks the rules once the association is up: messages without an end, floods of tiny
 * chunks, of resets, of forged gaps. Its packets are made by hand. Each ends as the rule says, and
 * what it makes us keep is bounded. */
#include "sctp_pair.h"

#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/writer.h"
#include "sctp/packet_view.h"
#include "support/check_main.h"

#define COUNT_OF(table) ((int)(sizeof(table) / sizeof((table)[0])))

enum {
    MIB = 1024 * 1024,
    PACKET_MAX = 1150,
    FIRST = 2,
    LAST = 1,
    UNORDERED = 4,
    FORWARD_TSN = 192,
    RECONFIG = 130,
};

static struct pair pair;
static uint32_t tag, tsn, request; /* of the peer that breaks the rules */
static uint8_t bytes[PACKET_MAX];
static struct hws_writer out;
static size_t heap_before, heap_peak;
static bool saw_abort;

static size_t heap_now(void)
{
    struct mallinfo2 info = mallinfo2(); /* all zero under a sanitizer */

    return info.uordblks + info.hblkhd;
}

static void note_heap(void)
{
    size_t now = heap_now();

    if (now > heap_peak) heap_peak = now;
}

static size_t heap_grown(void)
{
    return heap_peak > heap_before ? heap_peak - heap_before : 0;
}

/* What the peer, end 1, has promised: its tag is in what we send to it, the other way round. */
static void learn(struct pair *p, struct hws_bytes packet)
{
    struct hws_cursor cur = hws_cursor_over(packet);
    struct hws_sctp_chunk chunk;
    uint16_t source = hws_read_u16(&cur);

    (void)p;
    if (source != 5001) return;
    if (hws_sctp_find_chunk(packet, HWS_CHUNK_INIT, &chunk) ||
        hws_sctp_find_chunk(packet, HWS_CHUNK_INIT_ACK, &chunk)) {
        ck_assert(hws_sctp_read_first_tsn(chunk.value, &tsn));
        request = ++tsn;
        return;
    }
    hws_read_u16(&cur);
    tag = hws_read_u32(&cur);
}

static void set_up(void)
{
    memset(&pair, 0, sizeof(pair));
    pair.seed = 1;
    pair.now = HWS_SEC(1);
    saw_abort = false;
    heap_before = heap_peak = 0;
}

static void connect_pair(bool plain)
{
    pair.config.no_interleaving = plain;
    pair.on_packet = learn;
    pair_open(&pair);
    pair_connect(&pair);
    ck_assert(pair_run_until(&pair, HWS_SEC(5), pair_is_up));
    pair_run(&pair, HWS_SEC(1));
    pair.on_packet = NULL;
    pair.cut = true;
    heap_before = heap_peak = heap_now();
}

/* ---- Packets by hand */

static void begin(void)
{
    out = hws_writer_over(bytes, sizeof(bytes));
    hws_write_u16(&out, 5001);
    hws_write_u16(&out, 5000);
    hws_write_u32(&out, tag);
    hws_write_u32(&out, 0);
}

static void pad(void)
{
    hws_write_zeros(&out, (0 - out.len) & 3);
}

static void chunk_header(unsigned type, unsigned flags, size_t len)
{
    hws_write_u8(&out, (uint8_t)type);
    hws_write_u8(&out, (uint8_t)flags);
    hws_write_u16(&out, (uint16_t)len);
}

static void data_chunk(unsigned flags, uint16_t stream, uint16_t ssn, size_t len)
{
    chunk_header(0, flags, 16 + len);
    hws_write_u32(&out, tsn++);
    hws_write_u16(&out, stream);
    hws_write_u16(&out, ssn);
    hws_write_u32(&out, 53);
    hws_write_zeros(&out, len);
    pad();
}

static void idata_chunk(unsigned flags, uint16_t stream, uint32_t mid, uint32_t fsn, size_t len)
{
    chunk_header(HWS_CHUNK_IDATA, flags, 20 + len);
    hws_write_u32(&out, tsn++);
    hws_write_u16(&out, stream);
    hws_write_u16(&out, 0);
    hws_write_u32(&out, mid);
    hws_write_u32(&out, (flags & FIRST) ? 53 : fsn);
    hws_write_zeros(&out, len);
    pad();
}

static void empty_end(bool reads)
{
    struct pair_end *end = &pair.ends[0];
    struct hws_sctp_event event;
    struct hws_bytes packet;
    struct hws_sctp_chunk chunk;

    while (reads && hws_sctp_next_event(end->sctp, &event)) {
        if (event.kind == HWS_SCTP_DOWN) end->down_count++;
        if (event.kind == HWS_SCTP_MESSAGE) end->message_count++;
        if (event.kind == HWS_SCTP_RESET_RECEIVED) end->reset_received_count++;
    }
    while (hws_sctp_next_packet(end->sctp, &packet)) {
        end->packet_count++;
        saw_abort |= hws_sctp_find_chunk(packet, HWS_CHUNK_ABORT, &chunk);
    }
}

/* Deliver what was written; a packet costs the peer some time. */
static enum hws_err deliver(bool reads)
{
    struct pair_end *end = &pair.ends[0];
    enum hws_err err;

    ck_assert(!out.failed);
    pair.now += 100;
    err = hws_sctp_feed(end->sctp, hws_written(&out), pair.now);
    empty_end(reads);
    if (hws_sctp_deadline(end->sctp) <= pair.now) {
        hws_sctp_tick(end->sctp, pair.now);
        empty_end(reads);
    }
    note_heap();
    return err;
}

/* The peer keeps to the rules again: is it heard? */
static void expect_alive(bool plain, uint16_t stream, uint32_t mid)
{
    size_t before = pair.ends[0].message_count;

    begin();
    if (plain)
        data_chunk(FIRST | LAST | UNORDERED, stream, 0, 100);
    else
        idata_chunk(FIRST | LAST | UNORDERED, stream, mid, 0, 100);
    ck_assert_int_eq(deliver(true), HWS_OK);
    ck_assert_uint_eq(pair.ends[0].message_count, before + 1);
    ck_assert_int_eq(pair.ends[0].down_count, 0);
}

/* ---- What a peer costs that does nothing */

static const struct {
    uint16_t streams;
    bool plain;
    size_t most; /* bytes of each end, after a message; as sctp.h says, and a little more */
} idle[] = {
    {16,    false, 16 * 1024  },
    {16,    true,  16 * 1024  },
    {256,   false, 48 * 1024  },
    {256,   true,  40 * 1024  },
    {1024,  false, 160 * 1024 },
    {65535, false, 9800 * 1024},
    {65535, true,  7000 * 1024},
};

START_TEST(an_idle_association)
{
    size_t before;

    /* The stack is there already, and has done its first work. */
    pair.config.streams = 16;
    pair.keeps_stack = true;
    pair_open(&pair);
    pair_close(&pair);
    memset(pair.ends, 0, sizeof(pair.ends));
    before = heap_now();
    pair.config.streams = idle[_i].streams;
    connect_pair(idle[_i].plain);
    begin();
    if (idle[_i].plain)
        data_chunk(FIRST | LAST, 3, 0, 1);
    else
        idata_chunk(FIRST | LAST, 3, 0, 0, 1);
    ck_assert_int_eq(deliver(true), HWS_OK);
    ck_assert_uint_eq(pair.ends[0].message_count, 1);
    pair_run(&pair, HWS_SEC(1));
    /* Both ends, but only one has had a message. */
    ck_assert_msg(heap_now() - before <= 2 * idle[_i].most, "%zu bytes", heap_now() - before);
    pair.keeps_stack = false;
    pair_close(&pair);
}
END_TEST

/* ---- Messages without an end */

static const struct {
    bool plain;
    unsigned flags;
    size_t receive_max;
} endless[] = {
    {false, 0,         0       },
    {false, UNORDERED, 0       },
    {true,  0,         0       },
    {true,  UNORDERED, 0       },
    {false, 0,         16 * MIB},
    {true,  0,         16 * MIB},
};

/* A gibibyte of it, window or not: it ends with the byte that is too many. */
START_TEST(a_message_without_end)
{
    enum { PIECE = 1024 };
    size_t receive_max = endless[_i].receive_max, sent = 0, taken = 0;
    bool plain = endless[_i].plain;

    pair.config.receive_max = receive_max;
    if (receive_max == 0) receive_max = HWS_MESSAGE_MAX_DEFAULT;
    connect_pair(plain);
    for (uint32_t i = 0; sent < (size_t)1024 * MIB; i++, sent += PIECE) {
        unsigned flags = endless[_i].flags | (i == 0 ? FIRST : 0U);

        begin();
        if (plain)
            data_chunk(flags, 3, 0, PIECE);
        else
            idata_chunk(flags, 3, 0, i, PIECE);
        if (deliver(true) == HWS_OK) taken += PIECE;
    }
    ck_assert_int_eq(pair.ends[0].down_count, 1);
    ck_assert(saw_abort);
    ck_assert_int_eq(hws_sctp_fault(pair.ends[0].sctp).err, HWS_ERR_TOO_BIG);
    ck_assert_uint_eq(pair.ends[0].message_count, 0);
    ck_assert_uint_le(taken, receive_max + 2 * PIECE);
    /* What has come is kept once, and while it is moved to more room a second time. */
    ck_assert_uint_le(heap_grown(), 4 * receive_max + 2 * (size_t)MIB);
    pair_close(&pair);
}
END_TEST

/* A message on each of many streams, none too long: together they are too much. */
START_TEST(many_messages_without_end)
{
    enum { PIECE = 1024, STREAMS = 256 };
    size_t taken = 0;

    connect_pair(false);
    for (uint32_t i = 0; pair.ends[0].down_count == 0 && i < 200 * 1024; i++) {
        uint32_t fsn = i / STREAMS;

        ck_assert_uint_lt(fsn, 250);
        begin();
        idata_chunk(fsn == 0 ? FIRST : 0U, (uint16_t)(i % STREAMS), 0, fsn, PIECE);
        if (deliver(true) == HWS_OK) taken += PIECE;
    }
    ck_assert_int_eq(pair.ends[0].down_count, 1);
    ck_assert(saw_abort);
    ck_assert_int_eq(hws_sctp_fault(pair.ends[0].sctp).err, HWS_ERR_TOO_BIG);
    ck_assert_uint_le(taken, 4 * HWS_MESSAGE_MAX_DEFAULT + HWS_SCTP_HELD_BYTES);
    ck_assert_uint_le(heap_grown(), 4 * HWS_MESSAGE_MAX_DEFAULT + HWS_SCTP_HELD_BYTES + 2 * MIB);
    pair_close(&pair);
}
END_TEST

/* ---- Tiny chunks */

static const struct {
    bool plain, reads;
    unsigned flags;
    uint32_t tsn_step;
    enum hws_err err; /* how it ends; HWS_OK = it goes on */
} tiny[] = {
  /* nobody reads them */
    {true,  false, FIRST | LAST | UNORDERED, 1, HWS_OK           },
    {true,  false, FIRST | LAST,             1, HWS_OK           },
    {false, false, FIRST | LAST,             1, HWS_OK           },
 /* with gaps */
    {true,  false, FIRST | LAST | UNORDERED, 2, HWS_OK           },
    {false, false, FIRST | LAST | UNORDERED, 2, HWS_OK           },
 /* middles of messages that never began */
    {true,  true,  UNORDERED,                1, HWS_ERR_MALFORMED},
    {false, true,  UNORDERED,                1, HWS_ERR_TOO_BIG  },
 /* beginnings only */
    {true,  true,  FIRST,                    1, HWS_OK           },
    {false, true,  FIRST,                    1, HWS_ERR_TOO_BIG  },
 /* the first of each stream is missing */
    {true,  true,  FIRST | LAST,             1, HWS_OK           },
    {false, true,  FIRST | LAST,             1, HWS_ERR_TOO_BIG  },
};

START_TEST(tiny_chunks)
{
    enum { PACKETS = 8000, CHUNKS = 40 };
    bool plain = tiny[_i].plain;
    uint32_t count = 1;

    connect_pair(plain);
    for (int i = 0; i < PACKETS && pair.ends[0].down_count == 0; i++) {
        begin();
        for (int j = 0; j < CHUNKS; j++, count++) {
            if (plain)
                data_chunk(tiny[_i].flags, (uint16_t)(count % 256), (uint16_t)(1 + count / 256), 1);
            else
                idata_chunk(tiny[_i].flags, (uint16_t)(count % 256), 1 + count / 256, 1, 1);
            tsn += tiny[_i].tsn_step - 1;
        }
        (void)!deliver(tiny[_i].reads);
    }
    ck_assert_int_eq(pair.ends[0].down_count, tiny[_i].err ? 1 : 0);
    ck_assert_int_eq(hws_sctp_fault(pair.ends[0].sctp).err, tiny[_i].err);
    ck_assert_int_eq(saw_abort, tiny[_i].err != HWS_OK);
    ck_assert_msg(heap_grown() <= 18 * MIB, "%zu bytes", heap_grown());
    pair_close(&pair);
}
END_TEST

/* ---- Resets */

static void reset_chunk(uint32_t number, uint16_t first, size_t count)
{
    chunk_header(RECONFIG, 0, 4 + 16 + 2 * count);
    hws_write_u16(&out, 13); /* outgoing (RFC 6525 section 4.1) */
    hws_write_u16(&out, (uint16_t)(16 + 2 * count));
    hws_write_u32(&out, number);
    hws_write_u32(&out, 0);
    hws_write_u32(&out, tsn - 1);
    for (size_t i = 0; i < count; i++) {
        hws_write_u16(&out, (uint16_t)(first + i));
    }
    pad();
}

/* All streams, one, many, some that are not there, with numbers that are right or not: each is
 * answered once at most. */
START_TEST(resets)
{
    enum { FLOOD = 20000 };
    static const size_t counts[] = {0, 1, 500, 256};
    struct pair_end *end = &pair.ends[0];
    size_t packets;

    connect_pair(_i == 1);
    packets = end->packet_count;
    for (uint32_t i = 0; i < FLOOD; i++) {
        bool is_right = i % 4 != 3;

        begin();
        reset_chunk(is_right ? request++ : pair_random(&pair, UINT32_MAX), (uint16_t)(i % 300),
                    counts[i % COUNT_OF(counts)]);
        ck_assert_int_eq(deliver(true), HWS_OK);
    }
    ck_assert_int_eq(end->down_count, 0);
    ck_assert_uint_ge(end->reset_received_count, FLOOD / 4);
    ck_assert_uint_le(end->packet_count - packets, FLOOD + 10);
    ck_assert_msg(heap_grown() <= MIB, "%zu bytes", heap_grown());
    expect_alive(_i == 1, 7, 0);
    pair_close(&pair);
}
END_TEST

/* Nobody reads: what the notifications take in usrsctp is bounded as well. */
START_TEST(resets_that_nobody_reads)
{
    enum { FLOOD = 20000 };

    connect_pair(false);
    for (uint32_t i = 0; i < FLOOD; i++) {
        begin();
        reset_chunk(request++, 0, 200);
        (void)!deliver(false);
    }
    ck_assert_msg(heap_grown() <= 32 * MIB, "%zu bytes", heap_grown());
    empty_end(true);
    ck_assert_uint_ge(pair.ends[0].reset_received_count, 200);
    pair_close(&pair);
}
END_TEST

/* ---- Gaps that are forged */

static void forward_chunk(bool plain, size_t count)
{
    size_t each = plain ? 4 : 8;

    chunk_header(plain ? FORWARD_TSN : HWS_CHUNK_IFORWARD_TSN, 0, 8 + each * count);
    hws_write_u32(&out, tsn - 1);
    for (size_t i = 0; i < count; i++) {
        hws_write_u16(&out, (uint16_t)(pair_random(&pair, 300)));
        hws_write_u16(&out, (uint16_t)pair_random(&pair, plain ? 65536 : 2));
        if (!plain) hws_write_u32(&out, pair_random(&pair, UINT32_MAX));
    }
}

/* Message after message is given up, with parts of some in between. */
START_TEST(forged_gaps)
{
    enum { FLOOD = 15000 };
    bool plain = _i == 1;

    connect_pair(plain);
    for (uint32_t i = 0; i < FLOOD && pair.ends[0].down_count == 0; i++) {
        tsn += 1 + pair_random(&pair, 3);
        begin();
        forward_chunk(plain, pair_random(&pair, plain ? 200 : 100));
        if (i % 4 == 0 && plain)
            data_chunk(FIRST, (uint16_t)(i % 256), (uint16_t)pair_random(&pair, 65536), 50);
        else if (i % 4 == 0)
            idata_chunk(FIRST, (uint16_t)(i % 256), pair_random(&pair, UINT32_MAX), 0, 50);
        (void)!deliver(true);
    }
    ck_assert_msg(heap_grown() <= 24 * MIB, "%zu bytes", heap_grown());
    pair_close(&pair);
}
END_TEST

/* Further ahead than anything that may be under way. */
START_TEST(a_gap_too_far)
{
    bool plain = _i == 1;

    connect_pair(plain);
    tsn += 1U << 30;
    begin();
    forward_chunk(plain, 1);
    ck_assert_int_eq(deliver(true), HWS_OK);
    ck_assert_int_eq(pair.ends[0].down_count, 1);
    ck_assert(saw_abort);
    ck_assert_uint_le(heap_grown(), MIB);
    pair_close(&pair);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("floods");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_loop_test(tc, an_idle_association, 0, COUNT_OF(idle));
    tcase_add_loop_test(tc, a_message_without_end, 0, COUNT_OF(endless));
    tcase_add_test(tc, many_messages_without_end);
    tcase_add_loop_test(tc, tiny_chunks, 0, COUNT_OF(tiny));
    tcase_add_loop_test(tc, resets, 0, 2);
    tcase_add_test(tc, resets_that_nobody_reads);
    tcase_add_loop_test(tc, forged_gaps, 0, 2);
    tcase_add_loop_test(tc, a_gap_too_far, 0, 2);
    return run_case("sctp_floods", tc);
}

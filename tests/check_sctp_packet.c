/* The check that stands before usrsctp: what every peer sends passes, each rule refuses what breaks
 * it and nothing else, and no truncation or damage does harm. Then the small readers beside it, and
 * the queue of packets. */
#include "base/limits.h"
#include "crypto/crc32.h"
#include "sctp/packet_queue.h"
#include "sctp/packet_view.h"
#include "sctp/sctp.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Ports 5000 and 5001, a tag, a checksum that nobody looks at. */
#define HEAD  "13891388 11223344 00000000"
#define HEAD0 "13891388 00000000 00000000"
/* Tag, window 128 KiB, 256 streams each way, TSN. */
#define INIT_BODY "11223344 00020000 01000100 0a0b0c0d"
#define DATA      "00030012 00000001 00010000 00000033 68690000"

static const struct hws_sctp_ports ports = {.local = 5000, .remote = 5001};

struct packet {
    uint8_t bytes[4096];
    size_t len;
};

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Bytes as two digits each; blanks between them are for the eye. */
static struct packet packet_of(const char *hex)
{
    struct packet packet = {.len = 0};

    while (*hex != '\0') {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        ck_assert_uint_lt(packet.len, sizeof(packet.bytes));
        packet.bytes[packet.len++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
        hex += 2;
    }
    return packet;
}

/* In memory of exactly that length, so that a sanitizer sees a read past it. */
static enum hws_err check_bytes(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = calloc(1, len > 0 ? len : 1);
    enum hws_err err;

    ck_assert_ptr_nonnull(exact);
    if (len > 0) memcpy(exact, bytes, len);
    err = hws_sctp_check_packet((struct hws_bytes){exact, len}, &ports);
    free(exact);
    return err;
}

struct row {
    enum hws_err err;
    const char *what, *hex;
};

/* clang-format off */
static const struct row good[] = {
    {HWS_OK, "INIT of usrsctp", HEAD0 "0100001e" INIT_BODY "c0000004 80080006 82c0 0000"},
    {HWS_OK, "INIT without parameters", HEAD0 "01000014" INIT_BODY},
    {HWS_OK, "INIT with pion's AUTH",
     HEAD0 "01000044" INIT_BODY
     "80020014 00112233445566778899aabbccddeeff 80030006 80c10000 80040006 00010000"
     "80080009 c0c1800f82000000"},
    {HWS_OK, "INIT with zero checksum", HEAD0 "0100001c" INIT_BODY "80010008 00000001"},
    {HWS_OK, "INIT with unknown parameter", HEAD0 "0100001c" INIT_BODY "c0ff0008 00000001"},
    {HWS_OK, "INIT with its last padding", HEAD0 "01000020" INIT_BODY "c0000004 80080006 82c00000"},
    {HWS_OK, "INIT ACK with a cookie", HEAD "0200001c" INIT_BODY "00070008 aabbccdd"},
    {HWS_OK, "DATA", HEAD DATA},
    {HWS_OK, "two DATA", HEAD DATA DATA},
    {HWS_OK, "I-DATA", HEAD "40030015 00000001 00010000 00000000 00000033 68000000"},
    {HWS_OK, "SACK", HEAD "03000010 00000001 00020000 00000000"},
    {HWS_OK, "SACK with gap and duplicate",
     HEAD "03000018 00000001 00020000 00010001 00020003 00000001"},
    {HWS_OK, "SACK and DATA", HEAD "03000010 00000001 00020000 00000000" DATA},
    {HWS_OK, "HEARTBEAT", HEAD "0400000c 00010008 aabbccdd"},
    {HWS_OK, "HEARTBEAT ACK, odd length", HEAD "0500000b 00010007 aabbcc00"},
    {HWS_OK, "ABORT", HEAD "06000004"},
    {HWS_OK, "ABORT with a cause", HEAD "06000008 000c0004"},
    {HWS_OK, "ABORT behind DATA's SACK", HEAD "03000010 00000001 00020000 00000000 06000004"},
    {HWS_OK, "SHUTDOWN", HEAD "07000008 00000001"},
    {HWS_OK, "SHUTDOWN ACK", HEAD "08000004"},
    {HWS_OK, "ERROR with two causes", HEAD "09000014 00010008 00050000 00080006 80ff0000"},
    {HWS_OK, "COOKIE ECHO and DATA", HEAD "0a000008 aabbccdd" DATA},
    {HWS_OK, "COOKIE ACK and DATA", HEAD "0b000004" DATA},
    {HWS_OK, "SHUTDOWN COMPLETE", HEAD "0e000004"},
    {HWS_OK, "reset of two streams", HEAD "82000018 000d0014 00000001 00000002 00000003 00010002"},
    {HWS_OK, "reset of one stream", HEAD "82000016 000d0012 00000001 00000002 00000003 00010000"},
    {HWS_OK, "reset of all streams", HEAD "82000014 000d0010 00000001 00000002 00000003"},
    {HWS_OK, "reset and response",
     HEAD "82000020 000d0010 00000001 00000002 00000003 0010000c 00000001 00000001"},
    {HWS_OK, "incoming reset", HEAD "8200000c 000e0008 00000001"},
    {HWS_OK, "response with TSNs", HEAD "82000018 00100014 00000001 00000001 00000001 00000001"},
    {HWS_OK, "add streams", HEAD "82000010 0011000c 00000001 00100000"},
    {HWS_OK, "PAD", HEAD "84000008 00000000"},
    {HWS_OK, "PAD behind DATA", HEAD DATA "84000004"},
    {HWS_OK, "FORWARD TSN", HEAD "c000000c 00000001 00010002"},
    {HWS_OK, "I-FORWARD-TSN", HEAD "c2000010 00000001 00010000 00000002"},
    {HWS_OK, "FORWARD TSN before DATA", HEAD "c0000008 00000001" DATA},
};
/* clang-format on */

#define T HWS_ERR_TRUNCATED
#define M HWS_ERR_MALFORMED
#define U HWS_ERR_UNSUPPORTED

/* clang-format off */
static const struct row bad[] = {
    {T, "nothing", ""},
    {T, "a header alone", HEAD},
    {M, "another source port", "13881388 11223344 00000000" DATA},
    {M, "another destination port", "13891389 11223344 00000000" DATA},
    {T, "a chunk cut in its header", HEAD "0003"},
    {T, "a chunk past the end", HEAD "00030016 00000001 00010000 00000033 68690000"},
    {T, "no padding behind a chunk", HEAD "00030012 00000001 00010000 00000033 6869"},
    {M, "chunk length 0", HEAD "06000000"},
    {M, "chunk length 3", HEAD "06000003"},
    {T, "a second chunk past the end", HEAD DATA "06000008"},
    /* Types. */
    {U, "ECNE", HEAD "0c000008 00000001"},
    {U, "CWR", HEAD "0d000008 00000001"},
    {U, "AUTH", HEAD "0f00000c 00000001 00000001"},
    {U, "NR-SACK", HEAD "10000014 00000001 00020000 00000000 00000000"},
    {U, "ASCONF", HEAD "c1000008 00000001"},
    {U, "ASCONF ACK", HEAD "80000008 00000001"},
    {U, "packet drop", HEAD "81000010 00000001 00000001 00000001"},
    {U, "chunk type 255", HEAD "ff000004"},
    {U, "ECNE behind good chunks", HEAD "0b000004 0c000008 00000001"},
    /* Tags. */
    {M, "INIT with a tag", HEAD "01000014" INIT_BODY},
    {M, "DATA without a tag", HEAD0 DATA},
    {M, "ABORT without a tag", HEAD0 "06000004"},
    {M, "INIT ACK without a tag", HEAD0 "0200001c" INIT_BODY "00070008 aabbccdd"},
    /* Places. */
    {M, "INIT and another chunk", HEAD0 "01000014" INIT_BODY "01000014" INIT_BODY},
    {M, "INIT ACK behind a chunk", HEAD "0b000004 0200001c" INIT_BODY "00070008 aabbccdd"},
    {M, "a chunk behind INIT ACK", HEAD "0200001c" INIT_BODY "00070008 aabbccdd 0b000004"},
    {M, "SHUTDOWN COMPLETE and more", HEAD "0e000004 84000004"},
    {M, "COOKIE ECHO second", HEAD "0b000004 0a000008 aabbccdd"},
    {M, "control behind DATA", HEAD DATA "0b000004"},
    /* INIT. */
    {M, "INIT cut in its body", HEAD0 "01000010 11223344 00020000 01000100"},
    {M, "INIT with initiate tag 0", HEAD0 "01000014 00000000 00020000 01000100 00000001"},
    {M, "INIT with a window of 1499", HEAD0 "01000014 11223344 000005db 01000100 00000001"},
    {M, "INIT with 0 streams out", HEAD0 "01000014 11223344 00020000 00000100 00000001"},
    {M, "INIT with 0 streams in", HEAD0 "01000014 11223344 00020000 01000000 00000001"},
    {M, "INIT with an IPv4 address", HEAD0 "0100001c" INIT_BODY "00050008 7f000001"},
    {M, "INIT with an IPv6 address",
     HEAD0 "01000028" INIT_BODY "00060014 00000000000000000000000000000001"},
    {M, "INIT with a host name", HEAD0 "0100001c" INIT_BODY "000b0008 61620000"},
    {M, "INIT with add address", HEAD0 "01000024" INIT_BODY "c0010010 00000001 00050008 7f000001"},
    {M, "INIT with set primary", HEAD0 "01000024" INIT_BODY "c0040010 00000001 00050008 7f000001"},
    {M, "INIT with a cookie", HEAD0 "0100001c" INIT_BODY "00070008 aabbccdd"},
    {M, "INIT with parameter length 0", HEAD0 "0100001c" INIT_BODY "c0000000 00000000"},
    {M, "INIT with parameter length 3", HEAD0 "0100001c" INIT_BODY "c0000003 00000000"},
    {M, "INIT, parameter past the end", HEAD0 "0100001c" INIT_BODY "8008000c 82c00000"},
    {M, "INIT, half a parameter", HEAD0 "01000016" INIT_BODY "8008 0000"},
    {M, "INIT, half a padding", HEAD0 "0100001b" INIT_BODY "80080006 82c000 00"},
    {M, "INIT, FORWARD TSN with value", HEAD0 "0100001c" INIT_BODY "c0000008 00000000"},
    {M, "INIT, zero checksum too short", HEAD0 "01000018" INIT_BODY "80010004"},
    {M, "INIT ACK without a cookie", HEAD "02000014" INIT_BODY},
    {M, "INIT ACK with an empty cookie", HEAD "02000018" INIT_BODY "00070004"},
    {M, "INIT ACK with two cookies",
     HEAD "02000024" INIT_BODY "00070008 aabbccdd 00070008 aabbccdd"},
    {M, "INIT ACK with an address",
     HEAD "02000024" INIT_BODY "00070008 aabbccdd 00050008 7f000001"},
    /* The others. */
    {M, "DATA without data", HEAD "00030010 00000001 00010000 00000033"},
    {M, "I-DATA without data", HEAD "40030014 00000001 00010000 00000000 00000033"},
    {M, "SACK cut", HEAD "0300000c 00000001 00020000"},
    {M, "SACK, more gaps than bytes", HEAD "03000014 00000001 00020000 00020000 00020003"},
    {M, "SACK, more duplicates", HEAD "03000010 00000001 00020000 0000ffff"},
    {M, "SACK, bytes left over", HEAD "03000014 00000001 00020000 00000000 00000001"},
    {M, "SACK, gap that ends early", HEAD "03000014 00000001 00020000 00010000 00030002"},
    {M, "SACK, gap from 0", HEAD "03000014 00000001 00020000 00010000 00000002"},
    {M, "HEARTBEAT without info", HEAD "04000004"},
    {M, "HEARTBEAT, info too long", HEAD "0400000c 0001000c aabbccdd"},
    {M, "HEARTBEAT, info too short", HEAD "0400000c 00010004 aabbccdd"},
    {M, "HEARTBEAT, another parameter", HEAD "0400000c 00020008 aabbccdd"},
    {M, "HEARTBEAT ACK, info length 0", HEAD "0500000c 00010000 aabbccdd"},
    {M, "ABORT, cause past the end", HEAD "06000008 000c0008"},
    {M, "ABORT, cause length 0", HEAD "06000008 000c0000"},
    {M, "ABORT, half a cause", HEAD "06000006 000c0000"},
    {M, "SHUTDOWN too short", HEAD "07000004"},
    {M, "SHUTDOWN too long", HEAD "0700000c 00000001 00000001"},
    {M, "SHUTDOWN ACK with a value", HEAD "08000008 00000001"},
    {M, "ERROR without a cause", HEAD "09000004"},
    {M, "ERROR, second cause too long", HEAD "09000010 00010008 00050000 00080008"},
    {M, "COOKIE ECHO, empty", HEAD "0a000004"},
    {M, "COOKIE ACK with a value", HEAD "0b000008 00000001"},
    {M, "SHUTDOWN COMPLETE, value", HEAD "0e000008 00000001"},
    {M, "RE-CONFIG without a parameter", HEAD "82000004"},
    {M, "reset request cut", HEAD "82000010 000d000c 00000001 00000002"},
    {M, "reset, half a stream", HEAD "82000015 000d0011 00000001 00000002 00000003 00000000"},
    {M, "reset, parameter past the end", HEAD "82000014 000d0014 00000001 00000002 00000003"},
    {M, "reset, parameter length 0", HEAD "82000014 000d0000 00000001 00000002 00000003"},
    {M, "incoming reset cut", HEAD "82000008 000e0004"},
    {M, "response cut", HEAD "8200000c 00100008 00000001"},
    {M, "response of 16 bytes", HEAD "82000014 00100010 00000001 00000001 00000001"},
    {M, "TSN reset too long", HEAD "82000010 000f000c 00000001 00000001"},
    {M, "add streams cut", HEAD "8200000c 00110008 00000001"},
    {M, "add incoming streams, long", HEAD "82000014 00120010 00000001 00010000 00000000"},
    {M, "RE-CONFIG, unknown parameter", HEAD "82000010 0013000c 00000001 00010000"},
    {M, "RE-CONFIG, three parameters",
     HEAD "8200001c 000e0008 00000001 000e0008 00000001 000e0008 00000001"},
    {M, "FORWARD TSN cut", HEAD "c0000004"},
    {M, "FORWARD TSN, half a stream", HEAD "c000000a 00000001 00010000"},
    {M, "I-FORWARD-TSN, half a stream", HEAD "c200000c 00000001 00010000"},
};
/* clang-format on */

START_TEST(takes_what_peers_send)
{
    struct packet packet = packet_of(good[_i].hex);

    ck_assert_msg(check_bytes(packet.bytes, packet.len) == HWS_OK, "%s was refused: %s",
                  good[_i].what, hws_err_name(check_bytes(packet.bytes, packet.len)));
}
END_TEST

START_TEST(refuses_what_breaks_a_rule)
{
    struct packet packet = packet_of(bad[_i].hex);
    enum hws_err err = check_bytes(packet.bytes, packet.len);

    ck_assert_msg(err == bad[_i].err, "%s: %s", bad[_i].what, hws_err_name(err));
}
END_TEST

/* A cut packet is never good, unless the cut leaves whole chunks. */
START_TEST(refuses_every_truncation)
{
    struct packet packet = packet_of(good[_i].hex);
    size_t passed = 0;

    for (size_t len = 0; len < packet.len; len++) {
        if (check_bytes(packet.bytes, len) != HWS_OK) continue;
        ck_assert_uint_eq(len % 4, 0);
        passed++;
    }
    ck_assert_msg(passed <= 1, "%s: %zu cut packets passed", good[_i].what, passed);
}
END_TEST

START_TEST(survives_every_damaged_bit)
{
    struct packet packet = packet_of(good[_i].hex);

    for (size_t bit = 0; bit < 8 * packet.len; bit++) {
        enum hws_err err;

        packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        err = check_bytes(packet.bytes, packet.len);
        ck_assert_msg(!err || hws_err_class(err) == HWS_CLASS_PEER, "%s", hws_err_name(err));
        if (bit < 32) ck_assert_int_eq(err, M); /* the ports */
        packet.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}
END_TEST

START_TEST(survives_every_byte_in_every_place)
{
    struct packet packet = packet_of(good[_i].hex);
    uint8_t *exact = calloc(1, packet.len);

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, packet.bytes, packet.len);
    for (size_t at = 12; at < packet.len; at++) {
        for (int value = 0; value < 256; value++) {
            exact[at] = (uint8_t)value;
            (void)!hws_sctp_check_packet((struct hws_bytes){exact, packet.len}, &ports);
        }
        exact[at] = packet.bytes[at];
    }
    free(exact);
}
END_TEST

START_TEST(bounds_the_packet)
{
    struct packet packet = packet_of(HEAD DATA);

    /* One DATA chunk that fills 2048 bytes; then one word more. */
    packet.len = HWS_DATAGRAM_IN_MAX;
    packet.bytes[14] = (uint8_t)((packet.len - 12) >> 8);
    packet.bytes[15] = (uint8_t)(packet.len - 12);
    ck_assert_int_eq(check_bytes(packet.bytes, packet.len), HWS_OK);
    packet.len += 4;
    packet.bytes[14] = (uint8_t)((packet.len - 12) >> 8);
    packet.bytes[15] = (uint8_t)(packet.len - 12);
    ck_assert_int_eq(check_bytes(packet.bytes, packet.len), M);
}
END_TEST

/* Whole packets with their checksums, made by another implementation; both ports are 5000. */
static const char *const vectors[] = {
    "13881388000000009e075ce00100001f0102030400020000ffffffff0a0b0c0dc00000048008000782c04000",
    "1388138811223344fb5da1f30003001200000001000100000000003368690000",
    "1388138811223344417ccc410003002000000001000000000000003203000100000000000004000063686174",
    "138813881122334482fe559b06000008000c0004",
};

START_TEST(takes_the_vectors_and_knows_their_checksums)
{
    static const struct hws_sctp_ports same = {5000, 5000};
    struct packet packet = packet_of(vectors[_i]);
    uint32_t sent = (uint32_t)packet.bytes[8] | (uint32_t)packet.bytes[9] << 8 |
                    (uint32_t)packet.bytes[10] << 16 | (uint32_t)packet.bytes[11] << 24;

    ck_assert_int_eq(hws_sctp_check_packet((struct hws_bytes){packet.bytes, packet.len}, &same),
                     HWS_OK);
    memset(packet.bytes + 8, 0, 4);
    ck_assert_uint_eq(hws_crc32c((struct hws_bytes){packet.bytes, packet.len}), sent);
}
END_TEST

/* ---- packet_view */

static struct hws_bytes bytes_of(const struct packet *packet)
{
    return (struct hws_bytes){packet->bytes, packet->len};
}

START_TEST(finds_chunks_and_reads_their_numbers)
{
    struct packet init = packet_of(HEAD0 "01000014" INIT_BODY);
    struct packet both = packet_of(
        HEAD "03000010 000000ff 00020000 00000000"
             "82000020 0010000c 00000001 00000001 000d0010 00000001 00000002 00000003" DATA);
    struct packet response = packet_of(HEAD "82000010 0010000c 00000001 00000001");
    struct hws_sctp_chunk chunk;
    uint32_t tsn = 0;

    ck_assert(hws_sctp_find_chunk(bytes_of(&init), HWS_CHUNK_INIT, &chunk));
    ck_assert(hws_sctp_read_first_tsn(chunk.value, &tsn));
    ck_assert_uint_eq(tsn, 0x0a0b0c0c);
    ck_assert(!hws_sctp_find_chunk(bytes_of(&init), HWS_CHUNK_SACK, &chunk));

    ck_assert(hws_sctp_find_chunk(bytes_of(&both), HWS_CHUNK_SACK, &chunk));
    ck_assert(hws_sctp_read_sacked_tsn(chunk.value, &tsn));
    ck_assert_uint_eq(tsn, 0xff);
    ck_assert(hws_sctp_find_chunk(bytes_of(&both), HWS_CHUNK_RECONFIG, &chunk));
    ck_assert_uint_eq(chunk.at, 28);
    ck_assert_uint_eq(chunk.len, 32);
    ck_assert(hws_sctp_read_reset_tsn(chunk.value, &tsn));
    ck_assert_uint_eq(tsn, 3);

    ck_assert(hws_sctp_find_chunk(bytes_of(&response), HWS_CHUNK_RECONFIG, &chunk));
    ck_assert(!hws_sctp_read_reset_tsn(chunk.value, &tsn));
    ck_assert_uint_eq(tsn, 3); /* untouched */
}
END_TEST

START_TEST(finds_nothing_in_what_is_cut)
{
    struct packet packet = packet_of(HEAD "82000014 000d0010 00000001 00000002 00000003");
    struct hws_sctp_chunk chunk;
    uint32_t tsn = 7;

    for (size_t len = 0; len < packet.len; len++) {
        ck_assert(!hws_sctp_find_chunk((struct hws_bytes){packet.bytes, len}, HWS_CHUNK_RECONFIG,
                                       &chunk));
    }
    for (size_t len = 0; len < 16; len++) {
        struct hws_bytes value = {packet.bytes + 16, len};

        ck_assert(!hws_sctp_read_reset_tsn(value, &tsn));
        ck_assert(!hws_sctp_read_first_tsn(value, &tsn));
    }
    ck_assert(!hws_sctp_read_sacked_tsn((struct hws_bytes){packet.bytes, 3}, &tsn));
    ck_assert_uint_eq(tsn, 7);
}
END_TEST

START_TEST(compares_sequence_numbers_in_a_ring)
{
    ck_assert(hws_sctp_tsn_is_after(2, 1));
    ck_assert(!hws_sctp_tsn_is_after(1, 1));
    ck_assert(!hws_sctp_tsn_is_after(1, 2));
    ck_assert(hws_sctp_tsn_is_after(0, UINT32_MAX));
    ck_assert(!hws_sctp_tsn_is_after(UINT32_MAX, 0));
}
END_TEST

/* ---- packet_queue */

static bool push(struct hws_packet_queue *queue, uint8_t mark, size_t len)
{
    uint8_t *at = hws_packet_queue_push(queue, len);

    if (at) memset(at, mark, len);
    return at != NULL;
}

START_TEST(queue_keeps_the_order_and_what_was_taken)
{
    struct hws_packet_queue queue = {0};
    struct hws_bytes packet, taken;
    unsigned in = 0, out = 0;

    ck_assert(hws_packet_queue_is_empty(&queue));
    ck_assert(!hws_packet_queue_pop(&queue, &packet));
    for (int turn = 0; turn < 200; turn++) {
        for (int i = 0; i < turn % 40; i++, in++) {
            ck_assert(push(&queue, (uint8_t)in, 1 + in % 1200));
        }
        for (int i = 0; i < turn % 39 && hws_packet_queue_pop(&queue, &taken); i++, out++) {
            ck_assert(push(&queue, (uint8_t)in, 1 + in % 1200)); /* does not move what was taken */
            in++;
            ck_assert_uint_eq(taken.len, 1 + out % 1200);
            for (size_t k = 0; k < taken.len; k++) {
                ck_assert_uint_eq(taken.data[k], (uint8_t)out);
            }
        }
        while (in - out > 300 && hws_packet_queue_pop(&queue, &taken)) {
            ck_assert_uint_eq(taken.data[0], (uint8_t)out);
            out++;
        }
    }
    while (hws_packet_queue_pop(&queue, &taken)) {
        out++;
    }
    ck_assert_uint_eq(in, out);
    ck_assert(hws_packet_queue_is_empty(&queue));
    hws_packet_queue_fini(&queue);
}
END_TEST

START_TEST(queue_is_bounded_and_refuses_the_newest)
{
    struct hws_packet_queue queue = {0};
    struct hws_bytes packet;
    size_t count = 0;

    ck_assert(!push(&queue, 1, HWS_DATAGRAM_IN_MAX + 1));
    while (push(&queue, (uint8_t)count, 1151)) {
        count++;
        ck_assert_uint_lt(count, 2000);
    }
    ck_assert_uint_ge(count, 256); /* a whole burst */
    ck_assert(hws_packet_queue_pop(&queue, &packet));
    ck_assert_uint_eq(packet.data[0], 0); /* the oldest is still there */
    for (int i = 0; i < 14; i++) {
        ck_assert(hws_packet_queue_pop(&queue, &packet));
    }
    ck_assert(push(&queue, 1, 1151)); /* room again */
    hws_packet_queue_fini(&queue);
    ck_assert(hws_packet_queue_is_empty(&queue));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sctp_packet");
    TCase *tc = tcase_create("check");

    tcase_set_timeout(tc, 120);
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, takes_what_peers_send, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, refuses_what_breaks_a_rule, 0, COUNT_OF(bad));
    tcase_add_loop_test(tc, refuses_every_truncation, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, survives_every_damaged_bit, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, survives_every_byte_in_every_place, 0, COUNT_OF(good));
    tcase_add_test(tc, bounds_the_packet);
    tcase_add_loop_test(tc, takes_the_vectors_and_knows_their_checksums, 0, COUNT_OF(vectors));
    tcase_add_test(tc, finds_chunks_and_reads_their_numbers);
    tcase_add_test(tc, finds_nothing_in_what_is_cut);
    tcase_add_test(tc, compares_sequence_numbers_in_a_ring);
    tcase_add_test(tc, queue_keeps_the_order_and_what_was_taken);
    tcase_add_test(tc, queue_is_bounded_and_refuses_the_newest);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

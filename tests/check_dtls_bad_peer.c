/* Peers that are odd, old, or up to no good: each ends as the rule says, and memory stays flat. */
#include "support/dtls_world.h"
#include "support/raw_dtls.h"
#include "support/suite.h"

#include "base/bytes.h"
#include "base/writer.h"
#include "crypto/hash.h"
#include "dtls/hello.h"

#include <wolfssl/wolfcrypt/aes.h>

#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum {
    FILE_MAX = 4096,
    FLOOD = 100000,
    FLAT = 96 * 1024, /* bytes that a flood may leave behind; see fragments_leave_memory_flat */
    MASTER_LEN = 48,
    RANDOM_LEN = 32,
    HEADERS = HWS_RECORD_HEADER + HWS_HANDSHAKE_HEADER,
};

static struct hws_identity *alice[3], *bob[3]; /* by enum hws_dtls_versions */
static struct world world;
static struct raw raw;

static void set_up(void)
{
    for (int i = 0; i < 3; i++) {
        alice[i] = world_identity((enum hws_dtls_versions)i);
        bob[i] = world_identity((enum hws_dtls_versions)i);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < 3; i++) {
        hws_identity_free(alice[i]);
        hws_identity_free(bob[i]);
    }
}

static struct hws_bytes load(const char *name, uint8_t out[FILE_MAX])
{
    char path[512];
    FILE *file;
    size_t len;

    (void)snprintf(path, sizeof(path), "%s/dtls/%s.bin", VECTORS, name);
    file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot open %s", path);
    len = fread(out, 1, FILE_MAX, file);
    (void)fclose(file);
    return (struct hws_bytes){out, len};
}

/* ---- Odd, but honest */

static WOLFSSL_METHOD *method_of(int v12, bool server)
{
    if (v12) return server ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method();
    return server ? wolfDTLSv1_3_server_method() : wolfDTLSv1_3_client_method();
}

static void check_raw(bool v12)
{
    raw_run(&raw, HWS_SEC(2));
    ck_assert_msg(raw.connected && raw.ours_connected, "theirs: %d, ours: %s %d", raw.error,
                  hws_dtls_fault(raw.dtls).what, hws_dtls_fault(raw.dtls).foreign);
    ck_assert_str_eq(hws_dtls_version(raw.dtls), v12 ? "DTLSv1.2" : "DTLSv1.3");
    ck_assert_int_eq(wolfSSL_write(raw.ssl, "hello", 5), 5);
    ck_assert_int_eq(hws_dtls_send(raw.dtls, (struct hws_bytes){(const uint8_t *)"hi", 2}, raw.now),
                     HWS_OK);
    raw_run(&raw, HWS_SEC(1));
    ck_assert_uint_eq(raw.ours_taken, 5);
    ck_assert_uint_eq(raw.taken, 2);
}

/* One record each, or all that they have to say in one datagram; see others do either. */
START_TEST(takes_many_records_in_a_datagram)
{
    bool v12 = _i & 1, server = _i & 2, glue = _i & 4;
    WOLFSSL_CTX *ctx = raw_context(method_of(v12, server));

    raw_init(&raw, ctx, server, alice[0]);
    raw.glue = glue;
    if (server) (void)wolfSSL_disable_hrr_cookie(raw.ssl);
    check_raw(v12);
    raw_fini(&raw);
    wolfSSL_CTX_free(ctx);
}
END_TEST

/* A server that asks for a cookie: HelloVerifyRequest with 1.2, HelloRetryRequest with 1.3. */
START_TEST(shows_a_cookie)
{
    bool v12 = _i & 1, post_quantum = _i & 2;
    struct hws_identity_config config = {.post_quantum = post_quantum};
    WOLFSSL_CTX *ctx = raw_context(method_of(v12, true));
    struct hws_identity *own;

    ck_assert_int_eq(hws_identity_new_from(&config, &own), HWS_OK);
    raw_init(&raw, ctx, true, own);
    ck_assert_int_eq(wolfSSL_dtls_set_mtu(raw.ssl, 1900), WOLFSSL_SUCCESS);
    check_raw(v12);
    ck_assert_uint_gt(raw.first_len, HEADERS);
    if (v12) ck_assert_uint_eq(raw.first[HWS_RECORD_HEADER], HWS_HELLO_VERIFY_REQUEST);
    raw_fini(&raw);
    hws_identity_free(own);
    wolfSSL_CTX_free(ctx);
}
END_TEST

/* pion and werift refuse whoever is silent on it. */
START_TEST(offers_and_answers_use_srtp)
{
    bool v12 = _i & 1, server = _i & 2;
    WOLFSSL_CTX *ctx = raw_context(method_of(v12, server));

    raw_init(&raw, ctx, server, alice[0]);
    if (server) (void)wolfSSL_disable_hrr_cookie(raw.ssl);
    ck_assert_int_eq(wolfSSL_set_tlsext_use_srtp(raw.ssl, "SRTP_AES128_CM_SHA1_80"), 0);
    check_raw(v12);
    ck_assert_ptr_nonnull(wolfSSL_get_selected_srtp_profile(raw.ssl));
    raw_fini(&raw);
    wolfSSL_CTX_free(ctx);
}
END_TEST

/* What a server of DTLS 1.2 must say: renegotiation_info (RFC 5746 section 3.6), extended master
 * secret (RFC 7627 section 5.2), use_srtp; and what it must not: a session ticket or id. */
static uint8_t server_hello[HWS_DATAGRAM_IN_MAX];
static size_t server_hello_len;

static bool keep_server_hello(struct world *w, int from, struct hws_bytes datagram)
{
    if (from == SERVER && w->sent[SERVER] == 1) {
        memcpy(server_hello, datagram.data, datagram.len);
        server_hello_len = datagram.len;
    }
    return false;
}

static bool server_says(const char *part, size_t len)
{
    return memmem(server_hello, server_hello_len, part, len) != NULL;
}

START_TEST(answers_extensions)
{
    world_init(&world, alice[HWS_DTLS_12_ONLY], bob[HWS_DTLS_13_OR_12], 1);
    world.lose = keep_server_hello;
    ck_assert(world_connect(&world, HWS_SEC(1)));
    ck_assert(server_says("\xFF\x01\x00\x01\x00", 5));
    ck_assert(server_says("\x00\x17\x00\x00", 4));
    ck_assert(server_says("\x00\x0E\x00\x05\x00\x02\x00\x01\x00", 9));
    ck_assert(!server_says("\x00\x23\x00\x00", 4));
    world_fini(&world);
}
END_TEST

/* ---- Hellos that ask for more than we give */

/* The hello with one more extension in front of the others. */
static struct hws_bytes extend(struct hws_bytes hello, uint16_t type, struct hws_bytes body,
                               uint8_t *out, size_t cap)
{
    struct hws_cursor cur = hws_cursor_over(hello);
    struct hws_writer writer = hws_writer_over(out, cap);
    size_t at, more = 4 + body.len;

    (void)hws_read_bytes(&cur, HEADERS + 2 + RANDOM_LEN);
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* session id */
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* cookie */
    (void)hws_read_bytes(&cur, hws_read_u16(&cur)); /* suites */
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* compression */
    at = hello.len - cur.rest.len;
    hws_write_bytes(&writer, (struct hws_bytes){hello.data, at});
    hws_write_u16(&writer, (uint16_t)(cur.rest.len - 2 + more));
    hws_write_u16(&writer, type);
    hws_write_u16(&writer, (uint16_t)body.len);
    hws_write_bytes(&writer, body);
    hws_write_bytes(&writer, (struct hws_bytes){hello.data + at + 2, cur.rest.len - 2});
    hws_patch_u16(&writer, 11, (uint16_t)(hello.len + more - HWS_RECORD_HEADER));
    hws_patch_u16(&writer, HWS_RECORD_HEADER + 2, (uint16_t)(hello.len + more - HEADERS));
    hws_patch_u16(&writer, HWS_RECORD_HEADER + 10, (uint16_t)(hello.len + more - HEADERS));
    ck_assert(!cur.failed && !writer.failed);
    return hws_written(&writer);
}

struct wish {
    const char *name;
    uint16_t type;
    size_t len;
};

static const struct wish wishes[] = {
    {"an empty session_ticket", 35, 0  },
    {"a session_ticket",        35, 150},
    {"early_data",              42, 0  },
    {"a connection id",         54, 5  },
};

/* Served by a full handshake: a ServerHello as always, and our certificate in the flight. */
START_TEST(gives_no_more_than_a_full_handshake)
{
    static const char *const names[] = {"cr-nopqc-feature-0", "ff-dtls12-0"};
    const struct wish *wish = &wishes[_i / 2];
    bool v12 = _i % 2;
    uint8_t buffer[FILE_MAX], extended[FILE_MAX], body[200] = {4};
    struct hws_bytes hello = load(names[v12], buffer), packet;
    struct hws_record record;
    struct hws_fragment fragment;
    size_t total = 0;

    hello =
        extend(hello, wish->type, (struct hws_bytes){body, wish->len}, extended, sizeof(extended));
    world_init_bare(&world, alice[0], bob[0], 1, 0, 0);
    hws_dtls_start(world.end[SERVER], world.now);
    ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], hello, world.now), HWS_OK);
    ck_assert_msg(hws_dtls_next_packet(world.end[SERVER], &packet), "%s: %s", wish->name,
                  world_log_tail(&world));
    total = packet.len;
    ck_assert_int_eq(hws_record_next(&packet, &record), HWS_RECORD_SOUND);
    ck_assert(hws_fragment_next(&record.body, &fragment));
    ck_assert_uint_eq(fragment.type, HWS_SERVER_HELLO);
    ck_assert(memmem(record.whole.data, record.whole.len, "\x00\x23\x00\x00", 4) == NULL);
    ck_assert(memmem(record.whole.data, record.whole.len, "\x00\x36\x00", 3) == NULL);
    while (hws_dtls_next_packet(world.end[SERVER], &packet)) {
        total += packet.len;
    }
    ck_assert_uint_gt(total, bob[0]->certificate_len + 200);
    world_fini(&world);
}
END_TEST

/* aiortc: both fragments of a hello in one datagram, as two records or inside one. */
START_TEST(joins_fragments_of_one_datagram)
{
    uint8_t buffer[FILE_MAX], glued[FILE_MAX], piece[FILE_MAX];
    struct hws_bytes hello = load("cr-nopqc-feature-0", buffer), packet;
    struct hws_writer out = hws_writer_over(glued, sizeof(glued));
    size_t done = 0, len;

    for (uint8_t number = 0; (len = hws_hello_cut(hello, &done, piece, 200)) > 0; number++) {
        bool first = number == 0;

        piece[10] = number;
        hws_write_bytes(&out, _i == 0 || first ? (struct hws_bytes){piece, len}
                                               : (struct hws_bytes){piece + HWS_RECORD_HEADER,
                                                                    len - HWS_RECORD_HEADER});
        if (_i == 1) hws_patch_u16(&out, 11, (uint16_t)(out.len - HWS_RECORD_HEADER));
    }
    world_init_bare(&world, alice[0], bob[0], 1, 0, 0);
    hws_dtls_start(world.end[SERVER], world.now);
    ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], hws_written(&out), world.now), HWS_OK);
    ck_assert_msg(hws_dtls_next_packet(world.end[SERVER], &packet), "%s", world_log_tail(&world));
    ck_assert_uint_eq(packet.data[HWS_RECORD_HEADER], HWS_SERVER_HELLO);
    world_fini(&world);
}
END_TEST

/* ---- Somebody who has the keys: a real peer of DTLS 1.2 that goes on to misbehave */

struct insider {
    uint8_t master[MASTER_LEN], client_random[RANDOM_LEN], server_random[RANDOM_LEN];
    uint8_t keys[40]; /* client and server key, client and server IV */
};

static struct insider insider;

static void from_hex(const char *hex, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned value = 0;

        ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &value), 1);
        out[i] = (uint8_t)value;
    }
}

static void learn_master(void *user, const char *line)
{
    (void)user;
    ck_assert_int_eq(strncmp(line, "CLIENT_RANDOM ", 14), 0);
    from_hex(line + 14, insider.client_random, RANDOM_LEN);
    from_hex(line + 14 + 2 * RANDOM_LEN + 1, insider.master, MASTER_LEN);
}

static bool learn_random(struct world *w, int from, struct hws_bytes datagram)
{
    if (from == SERVER && w->sent[SERVER] == 1) {
        memcpy(insider.server_random, datagram.data + HEADERS + 2, RANDOM_LEN);
    }
    return false;
}

/* RFC 5246 section 6.3: PRF(master, "key expansion", server random, client random). */
static void derive_keys(void)
{
    struct hws_bytes master = {insider.master, MASTER_LEN};
    uint8_t seed[13 + 2 * RANDOM_LEN], a[32], block[64];
    struct hws_bytes parts[2] = {
        {seed, sizeof(seed)},
        {seed, sizeof(seed)}
    };

    memcpy(seed, "key expansion", 13);
    memcpy(seed + 13, insider.server_random, RANDOM_LEN);
    memcpy(seed + 13 + RANDOM_LEN, insider.client_random, RANDOM_LEN);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(hws_hmac_parts(HWS_HASH_SHA256, master, parts, 1, a), HWS_OK);
        parts[0] = (struct hws_bytes){a, sizeof(a)};
        ck_assert_int_eq(hws_hmac_parts(HWS_HASH_SHA256, master, parts, 2, block + 32 * i), HWS_OK);
    }
    memcpy(insider.keys, block, sizeof(insider.keys));
}

/* One record of AES-128-GCM (RFC 5288 section 3), from either end. */
static size_t seal(int from, uint8_t type, uint64_t sequence, struct hws_bytes plain,
                   uint8_t out[FILE_MAX])
{
    struct hws_writer record = hws_writer_over(out, FILE_MAX);
    struct hws_writer aad_out;
    uint8_t aad[13], nonce[12];
    Aes aes;

    hws_write_u8(&record, type);
    hws_write_u16(&record, 0xFEFD);
    hws_write_u64(&record, 1ULL << 48 | sequence);
    hws_write_u16(&record, (uint16_t)(8 + plain.len + 16));
    hws_write_u64(&record, 1ULL << 48 | sequence);
    aad_out = hws_writer_over(aad, sizeof(aad));
    hws_write_u64(&aad_out, 1ULL << 48 | sequence);
    hws_write_u8(&aad_out, type);
    hws_write_u16(&aad_out, 0xFEFD);
    hws_write_u16(&aad_out, (uint16_t)plain.len);
    memcpy(nonce, insider.keys + (from == CLIENT ? 32 : 36), 4);
    memcpy(nonce + 4, out + HWS_RECORD_HEADER, 8);
    ck_assert_int_eq(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
    ck_assert_int_eq(wc_AesGcmSetKey(&aes, insider.keys + (from == CLIENT ? 0 : 16), 16), 0);
    ck_assert_int_eq(wc_AesGcmEncrypt(&aes, out + record.len, plain.data, (word32)plain.len, nonce,
                                      sizeof(nonce), out + record.len + plain.len, 16, aad,
                                      sizeof(aad)),
                     0);
    wc_AesFree(&aes);
    return record.len + plain.len + 16;
}

static void connect_insider(void)
{
    struct hws_dtls_config config = {
        .identity = alice[HWS_DTLS_12_ONLY],
        .role = HWS_DTLS_CLIENT,
        .key_log = {learn_master, NULL}
    };

    world_init_bare(&world, alice[HWS_DTLS_12_ONLY], bob[0], 1, 0, 0);
    hws_dtls_free(world.end[CLIENT]);
    ck_assert_int_eq(hws_dtls_new(&config, &world.end[CLIENT]), HWS_OK);
    world_expect(&world, CLIENT, bob[0]);
    world_expect(&world, SERVER, alice[HWS_DTLS_12_ONLY]);
    world.lose = learn_random;
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_run(&world, HWS_SEC(1));
    derive_keys();
}

static enum hws_err inject(int from, uint8_t type, uint64_t sequence, struct hws_bytes plain)
{
    uint8_t record[FILE_MAX];
    size_t len = seal(from, type, sequence, plain, record);
    enum hws_err err;

    err = hws_dtls_feed(world.end[1 - from], (struct hws_bytes){record, len}, world.now);
    world_drain(&world);
    return err;
}

/* The forging itself works: what the insider says is data like any other. */
START_TEST(believes_who_has_the_keys)
{
    struct hws_bytes data = {(const uint8_t *)"insider", 7};

    connect_insider();
    for (int end = 0; end < ENDS; end++) {
        ck_assert_int_eq(inject(end, HWS_RECORD_DATA, 100, data), HWS_OK);
        ck_assert_uint_eq(world.taken[1 - end], 1);
    }
    world_fini(&world);
}
END_TEST

static bool goes_on(void)
{
    size_t taken[ENDS] = {world.taken[CLIENT], world.taken[SERVER]};
    struct hws_bytes data = {(const uint8_t *)"still here", 10};

    for (int end = 0; end < ENDS; end++) {
        if (world.failed[end] || world.closed[end]) return false;
        (void)!inject(end, HWS_RECORD_DATA, 5000, data);
        if (world.taken[1 - end] != taken[1 - end] + 1) return false;
    }
    return true;
}

/* HelloRequest to the client, ClientHello to the server, encrypted as the protocol wants it. */
START_TEST(refuses_renegotiation)
{
    uint8_t buffer[FILE_MAX];
    struct hws_bytes hello = load("ff-dtls12-0", buffer);
    static const uint8_t request[12] = {0};
    size_t sent;

    connect_insider();
    hello.data += HWS_RECORD_HEADER;
    hello.len -= HWS_RECORD_HEADER;
    sent = world.sent[CLIENT] + world.sent[SERVER];
    for (uint64_t i = 0; i < 20; i++) {
        (void)!inject(CLIENT, HWS_RECORD_HANDSHAKE, 100 + i, hello);
        (void)!inject(SERVER, HWS_RECORD_HANDSHAKE, 100 + i,
                      (struct hws_bytes){request, sizeof(request)});
        world_run(&world, HWS_MS(100));
    }
    world_run(&world, HWS_SEC(5));
    ck_assert_msg(goes_on(), "%s", world_log_tail(&world));
    ck_assert_uint_le(world.sent[CLIENT] + world.sent[SERVER] - sent, 60); /* an alert each */
    ck_assert_str_eq(hws_dtls_version(world.end[SERVER]), "DTLSv1.2");
    world_fini(&world);
}
END_TEST

/* ---- Floods */

static size_t in_use(void)
{
    return mallinfo2().uordblks; /* 0 with AddressSanitizer, which has an allocator of its own */
}

static size_t write_piece(uint8_t *out, uint8_t type, uint16_t number, uint32_t message_len,
                          uint32_t offset, size_t len)
{
    static uint64_t sequence = 1000;
    struct hws_writer writer = hws_writer_over(out, FILE_MAX);

    hws_write_u8(&writer, HWS_RECORD_HANDSHAKE);
    hws_write_u16(&writer, 0xFEFD);
    hws_write_u64(&writer, sequence++);
    hws_write_u16(&writer, (uint16_t)(HWS_HANDSHAKE_HEADER + len));
    hws_write_u8(&writer, type);
    hws_write_u8(&writer, (uint8_t)(message_len >> 16));
    hws_write_u16(&writer, (uint16_t)message_len);
    hws_write_u16(&writer, number);
    hws_write_u8(&writer, (uint8_t)(offset >> 16));
    hws_write_u16(&writer, (uint16_t)offset);
    hws_write_u8(&writer, (uint8_t)(len >> 16));
    hws_write_u16(&writer, (uint16_t)len);
    hws_write_zeros(&writer, len);
    ck_assert(!writer.failed);
    return writer.len;
}

/* C7: pieces of messages that never end. An association holds one hello of 16 KiB in the making,
 * and what wolfSSL keeps of the messages that are due next. */
START_TEST(fragments_leave_memory_flat)
{
    static const uint8_t types[] = {HWS_CLIENT_HELLO, HWS_CERTIFICATE, HWS_CLIENT_KEY_EXCHANGE,
                                    HWS_SERVER_HELLO, HWS_CERTIFICATE_VERIFY};
    bool server = _i & 1, later = _i & 2;
    struct hws_dtls *dtls;
    uint8_t piece[FILE_MAX];
    size_t before, most = 0;

    world_init(&world, alice[HWS_DTLS_12_ONLY], bob[HWS_DTLS_12_ONLY], 1);
    world_start(&world);
    if (later) {
        for (int i = 0; i < (server ? 1 : 2); i++) {
            ck_assert(world_step(&world, HWS_NEVER));
        }
    }
    dtls = world.end[server ? SERVER : CLIENT];
    before = in_use();
    for (unsigned i = 0; i < FLOOD; i++) {
        size_t len = write_piece(piece, types[i % 5], (uint16_t)(i / 5 % 300), 16000 - i % 7,
                                 i * 1000 % 15000, 1 + i % 900);

        (void)!hws_dtls_feed(dtls, (struct hws_bytes){piece, len}, world.now);
        if (in_use() > most) most = in_use();
    }
    ck_assert_msg(most <= before + FLAT, "%zu bytes more", most - before);
    world_fini(&world);
}
END_TEST

/* ---- The wrong hash (C2) */

START_TEST(compares_with_the_named_hash)
{
    struct hws_fingerprint fingerprint;
    static const enum hws_hash hashes[] = {HWS_HASH_SHA1, HWS_HASH_SHA384, HWS_HASH_SHA512};

    for (int end = 0; end < ENDS; end++) {
        int honest = 1 - end;

        world_init_bare(&world, alice[0], bob[0], 1, 0, 0);
        world_expect(&world, end, honest == CLIENT ? alice[0] : bob[0]);
        ck_assert_int_eq(hws_identity_fingerprint(end == CLIENT ? alice[0] : bob[0],
                                                  HWS_HASH_SHA256, &fingerprint),
                         HWS_OK);
        fingerprint.hash = hashes[_i]; /* the right bytes of the wrong hash */
        ck_assert_int_eq(hws_dtls_expect(world.end[honest], &fingerprint, 1, world.now), HWS_OK);
        ck_assert(!world_connect(&world, HWS_SEC(5)));
        ck_assert(world.failed[honest] && !world.connected[honest]);
        ck_assert_int_eq(hws_dtls_fault(world.end[honest]).err, HWS_ERR_FINGERPRINT);
        (void)!hws_dtls_send(world.end[end], (struct hws_bytes){(const uint8_t *)"x", 1},
                             world.now);
        world_run(&world, HWS_SEC(1));
        ck_assert_uint_eq(world.taken[honest], 0);
        world_fini(&world);
    }
}
END_TEST

/* ---- What is counted */

START_TEST(counts_what_it_drops)
{
    struct hws_dtls_stats stats;
    struct hws_bytes packet, data = {(const uint8_t *)"0123456789", 10};
    uint8_t copy[HWS_DATAGRAM_IN_MAX];

    world_init(&world, alice[_i], bob[_i], 1);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_run(&world, HWS_SEC(5));
    for (int end = 0; end < ENDS; end++) {
        stats = hws_dtls_stats(world.end[end]);
        ck_assert_uint_eq(stats.datagrams_sent, world.sent[end]);
        ck_assert_uint_eq(stats.datagrams_received, world.landed[end]);
        ck_assert_uint_gt(stats.bytes_sent, 500);
        ck_assert_uint_gt(stats.bytes_received, 500);
        ck_assert_uint_eq(stats.flights_resent + stats.dropped_malformed +
                              stats.dropped_unexpected + stats.dropped_bad + stats.dropped_replay +
                              stats.dropped_full,
                          0);
    }
    ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], data, world.now), HWS_OK);
    ck_assert(hws_dtls_next_packet(world.end[CLIENT], &packet));
    memcpy(copy, packet.data, packet.len);
    packet.data = copy;
    for (int i = 0; i < 3; i++) { /* once, and twice again */
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], packet, world.now), HWS_OK);
    }
    copy[packet.len - 1] ^= 1; /* not authentic */
    ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], packet, world.now), HWS_OK);
    ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], (struct hws_bytes){copy, 5}, world.now),
                     HWS_ERR_MALFORMED);
    ck_assert_int_eq(hws_dtls_feed(world.end[SERVER],
                                   (struct hws_bytes){(const uint8_t *)"\x17\xFE\xFD\0\0\0\0\0\0\0"
                                                                       "\x0B\0\3abc",
                                                      16},
                                   world.now),
                     HWS_ERR_UNEXPECTED);
    stats = hws_dtls_stats(world.end[SERVER]);
    ck_assert_uint_eq(stats.dropped_replay, 2);
    ck_assert_uint_eq(stats.dropped_bad, 1);
    ck_assert_uint_eq(stats.dropped_malformed, 1);
    ck_assert_uint_eq(stats.dropped_unexpected, 1);
    ck_assert_uint_eq(stats.datagrams_received, world.landed[SERVER] + 6);
    for (int i = 0; i < HWS_DTLS_PLAIN_HOLD + 12; i++) { /* nobody reads: one lies in the engine */
        ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], data, world.now), HWS_OK);
        ck_assert(hws_dtls_next_packet(world.end[CLIENT], &packet));
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], packet, world.now), HWS_OK);
    }
    hws_dtls_close(world.end[SERVER], world.now); /* what was counted stays */
    stats = hws_dtls_stats(world.end[SERVER]);
    ck_assert_uint_eq(stats.dropped_full, 12);
    world_fini(&world);
}
END_TEST

START_TEST(counts_what_it_repeats)
{
    world_init(&world, alice[_i], bob[_i], 1);
    world.loss = 1;
    world_start(&world);
    world_run(&world, HWS_SEC(2));
    ck_assert_uint_eq(hws_dtls_stats(world.end[CLIENT]).flights_resent, world.sent[CLIENT] - 1);
    ck_assert_uint_eq(hws_dtls_stats(world.end[SERVER]).flights_resent, 0);
    world_fini(&world);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    suite_add_tcase(suite, tcase);
    tcase_add_unchecked_fixture(tcase, set_up, tear_down);
    tcase_set_timeout(tcase, 120);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("dtls_bad_peer");
    TCase *odd = add_case(suite, "odd");
    TCase *bad = add_case(suite, "bad");
    TCase *counted = add_case(suite, "counted");

    tcase_add_loop_test(odd, takes_many_records_in_a_datagram, 0, 8);
    tcase_add_loop_test(odd, shows_a_cookie, 0, 4);
    tcase_add_loop_test(odd, offers_and_answers_use_srtp, 0, 4);
    tcase_add_test(odd, answers_extensions);
    tcase_add_loop_test(odd, gives_no_more_than_a_full_handshake, 0, 2 * ROWS(wishes));
    tcase_add_loop_test(odd, joins_fragments_of_one_datagram, 0, 2);
    tcase_add_test(bad, believes_who_has_the_keys);
    tcase_add_test(bad, refuses_renegotiation);
    tcase_add_loop_test(bad, fragments_leave_memory_flat, 0, 4);
    tcase_add_loop_test(bad, compares_with_the_named_hash, 0, 3);
    tcase_add_loop_test(counted, counts_what_it_drops, 0, 3);
    tcase_add_loop_test(counted, counts_what_it_repeats, 0, 3);
    return run_suite(suite);
}

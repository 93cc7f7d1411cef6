/* Handshakes in virtual time: every version and role, bad networks, bad neighbours, the end. */
#include "dtls/dtls.h"

#include "base/bytes.h"
#include "base/writer.h"

#include "support/dtls_world.h"
#include "support/suite.h"

#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 4096, SEEDS = 300, FORGERS = 10000 };

static struct hws_identity *alice[3], *bob[3]; /* by enum hws_dtls_versions */
static struct world world;

static void make_identities(void)
{
    for (int i = 0; i < 3; i++) {
        alice[i] = world_identity((enum hws_dtls_versions)i);
        bob[i] = world_identity((enum hws_dtls_versions)i);
    }
}

static void free_identities(void)
{
    for (int i = 0; i < 3; i++) {
        hws_identity_free(alice[i]);
        hws_identity_free(bob[i]);
    }
}

struct pairing {
    enum hws_dtls_versions client, server;
    const char *version; /* what they agree on; NULL = nothing */
};

static const struct pairing pairings[] = {
    {HWS_DTLS_13_OR_12, HWS_DTLS_13_OR_12, "DTLSv1.3"},
    {HWS_DTLS_12_ONLY,  HWS_DTLS_13_OR_12, "DTLSv1.2"},
    {HWS_DTLS_13_OR_12, HWS_DTLS_12_ONLY,  "DTLSv1.2"},
    {HWS_DTLS_12_ONLY,  HWS_DTLS_12_ONLY,  "DTLSv1.2"},
    {HWS_DTLS_13_ONLY,  HWS_DTLS_13_OR_12, "DTLSv1.3"},
    {HWS_DTLS_13_OR_12, HWS_DTLS_13_ONLY,  "DTLSv1.3"},
    {HWS_DTLS_12_ONLY,  HWS_DTLS_13_ONLY,  NULL      },
    {HWS_DTLS_13_ONLY,  HWS_DTLS_12_ONLY,  NULL      },
};
enum { AGREEING = 6 };

static void begin(const struct pairing *pairing, uint64_t seed)
{
    world_init(&world, alice[pairing->client], bob[pairing->server], seed);
}

static bool is_13(const struct pairing *pairing)
{
    return strcmp(pairing->version, "DTLSv1.3") == 0;
}

/* ---- Good networks */

START_TEST(connects)
{
    const struct pairing *pairing = &pairings[_i];

    begin(pairing, 1);
    ck_assert_str_eq(hws_dtls_version(world.end[CLIENT]), "none");
    ck_assert_str_eq(hws_dtls_suite(world.end[CLIENT]), "none");
    ck_assert_uint_eq(hws_dtls_plain_max(world.end[CLIENT]), 0);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    for (int end = 0; end < ENDS; end++) {
        ck_assert_str_eq(hws_dtls_version(world.end[end]), pairing->version);
        ck_assert_str_eq(hws_dtls_suite(world.end[end]), is_13(pairing)
                                                             ? "TLS13-AES128-GCM-SHA256"
                                                             : "ECDHE-ECDSA-AES128-GCM-SHA256");
        ck_assert_uint_ge(hws_dtls_plain_max(world.end[end]), HWS_DATAGRAM_MAX - 40);
    }
    /* No cookie, no repetition: one round trip to the client with 1.3, two with 1.2. */
    ck_assert_int_eq(world.connected_at[CLIENT] - world.born, (is_13(pairing) ? 2 : 4) * LATENCY);
    ck_assert_int_eq(world.connected_at[SERVER] - world.born, 3 * LATENCY);
    ck_assert(!world_log_saw(&world, "dtls retransmit"));
    ck_assert(world_log_saw(&world, "dtls flight.send datagrams="));
    ck_assert(world_log_saw(&world, "dtls connected version=DTLSv1."));
    world_run(&world, HWS_SEC(5));
    ck_assert_int_eq(hws_dtls_deadline(world.end[CLIENT]), HWS_NEVER);
    ck_assert_int_eq(hws_dtls_deadline(world.end[SERVER]), HWS_NEVER);
    world_fini(&world);
}
END_TEST

START_TEST(does_not_agree)
{
    begin(&pairings[AGREEING + _i], 1);
    ck_assert(!world_connect(&world, HWS_SEC(40)));
    world_run(&world, HWS_SEC(40)); /* the alert that answers is plain: the client waits a bit */
    for (int end = 0; end < ENDS; end++) {
        ck_assert(world.failed[end] && !world.connected[end]);
        ck_assert_int_eq(hws_dtls_fault(world.end[end]).err, HWS_ERR_HANDSHAKE);
    }
    ck_assert_int_lt(world.now - world.born, HWS_SEC(80));
    world_fini(&world);
}
END_TEST

START_TEST(carries_data_both_ways)
{
    begin(&pairings[_i], 1);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_send(&world, CLIENT, 200);
    world_send(&world, SERVER, 100);
    world_run(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.taken[SERVER], 200);
    ck_assert_uint_eq(world.taken[CLIENT], 100);
    ck_assert_uint_eq(world.last[SERVER], 199);
    world_fini(&world);
}
END_TEST

static const size_t mtus[] = {256, 512, 900, 1200, 1472};

START_TEST(keeps_to_the_mtu)
{
    for (int i = 0; i < AGREEING; i++) {
        world_init_bare(&world, alice[pairings[i].client], bob[pairings[i].server], 1, mtus[_i],
                        mtus[_i]);
        world_expect(&world, CLIENT, bob[pairings[i].server]);
        world_expect(&world, SERVER, alice[pairings[i].client]);
        ck_assert_msg(world_connect(&world, HWS_SEC(1)), "pairing %d: %s", i,
                      world_log_tail(&world));
        for (int end = 0; end < ENDS; end++) {
            static const uint8_t data[HWS_DATAGRAM_IN_MAX];
            size_t most = hws_dtls_plain_max(world.end[end]);
            struct hws_bytes fits = {data, most}, too_big = {data, most + 1};

            ck_assert_int_eq(hws_dtls_send(world.end[end], too_big, world.now), HWS_ERR_TOO_BIG);
            ck_assert_int_eq(hws_dtls_send(world.end[end], fits, world.now), HWS_OK);
        }
        world_run(&world, HWS_SEC(1)); /* drain_packets() looks at each datagram */
        ck_assert_uint_eq(world.biggest, mtus[_i]);
        ck_assert_uint_eq(world.taken[CLIENT] + world.taken[SERVER], 2);
        world_fini(&world);
    }
}
END_TEST

START_TEST(refuses_bad_calls)
{
    struct hws_dtls_config config = {.identity = alice[0]};
    struct hws_bytes data = {(const uint8_t *)"x", 1};
    struct hws_dtls *dtls = NULL;

    config.mtu = 255;
    ck_assert_int_eq(hws_dtls_new(&config, &dtls), HWS_ERR_ARGUMENT);
    config.mtu = HWS_DATAGRAM_IN_MAX + 1;
    ck_assert_int_eq(hws_dtls_new(&config, &dtls), HWS_ERR_ARGUMENT);
    config.mtu = 0;
    config.rto = -1;
    ck_assert_int_eq(hws_dtls_new(&config, &dtls), HWS_ERR_ARGUMENT);
    config.rto = 0;
    config.identity = NULL;
    ck_assert_int_eq(hws_dtls_new(&config, &dtls), HWS_ERR_ARGUMENT);
    ck_assert_ptr_null(dtls);
    hws_dtls_free(NULL);
    hws_identity_free(NULL);

    begin(&pairings[0], 1);
    ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], data, world.now), HWS_ERR_STATE);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    data.len = 0;
    ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], data, world.now), HWS_ERR_ARGUMENT);
    world_fini(&world);
}
END_TEST

START_TEST(tells_when_the_queue_is_full)
{
    struct hws_bytes data = {(const uint8_t *)"x", 1};

    begin(&pairings[_i], 1);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_run(&world, HWS_SEC(1));
    for (int i = 0; i < HWS_DTLS_QUEUE; i++) {
        ck_assert(hws_dtls_has_room(world.end[CLIENT]));
        ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], data, world.now), HWS_OK);
    }
    ck_assert(!hws_dtls_has_room(world.end[CLIENT]));
    ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], data, world.now), HWS_ERR_FULL);
    world_run(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.taken[SERVER], HWS_DTLS_QUEUE);
    ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], data, world.now), HWS_OK);
    world_fini(&world);
}
END_TEST

/* ---- Bad networks */

START_TEST(survives_a_bad_network)
{
    static const double losses[] = {0, 0.05, 0.1, 0.2, 0.3};
    const struct pairing *pairing = &pairings[_i];

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(pairing, seed);
        world.loss = losses[seed % 5];
        world.reorder = 0.3;
        world.duplicate = 0.1;
        ck_assert_msg(world_connect(&world, HWS_SEC(30)), "seed %u of %s: %s", (unsigned)seed,
                      pairing->version, world_log_tail(&world));
        ck_assert_str_eq(hws_dtls_version(world.end[CLIENT]), pairing->version);
        world_run(&world, HWS_SEC(40));
        ck_assert_msg(!world.failed[CLIENT] && !world.failed[SERVER], "seed %u", (unsigned)seed);
        ck_assert_int_eq(hws_dtls_deadline(world.end[CLIENT]), HWS_NEVER);
        ck_assert_int_eq(hws_dtls_deadline(world.end[SERVER]), HWS_NEVER);
        /* Data passes afterwards; nothing is left half open. */
        world.loss = world.duplicate = 0;
        world_send(&world, CLIENT, 10);
        world_send(&world, SERVER, 10);
        world_run(&world, HWS_SEC(1));
        ck_assert_uint_eq(world.taken[CLIENT], 10);
        ck_assert_uint_eq(world.taken[SERVER], 10);
        /* No storms: each side answers repetitions with moderation. */
        ck_assert_uint_lt(world.sent[CLIENT] + world.sent[SERVER], 250);
        world_fini(&world);
    }
}
END_TEST

/* What the server says once it is connected is the last word of the handshake: Finished with 1.2,
 * the acknowledgement of the client's Finished with 1.3. */
static bool lose_last_word_of_server(struct world *w, int from, struct hws_bytes datagram)
{
    (void)datagram;
    return from == SERVER && w->connected[SERVER] && w->lose_count-- > 0;
}

START_TEST(recovers_the_last_word_of_the_server)
{
    begin(&pairings[_i], 1);
    world.lose = lose_last_word_of_server;
    world.lose_count = 3;
    ck_assert(world_connect(&world, HWS_SEC(30)));
    world_run(&world, HWS_SEC(30));
    ck_assert_int_lt(world.lose_count, 0);
    ck_assert(world_log_saw(&world, "dtls retransmit"));
    ck_assert_int_eq(hws_dtls_deadline(world.end[CLIENT]), HWS_NEVER);
    world.lose = NULL;
    world_send(&world, CLIENT, 1);
    world_send(&world, SERVER, 1);
    world_run(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.taken[CLIENT], 1);
    ck_assert_uint_eq(world.taken[SERVER], 1);
    world_fini(&world);
}
END_TEST

/* The first datagram of the client is its hello; what follows is its last flight. */
static bool lose_last_flight_of_client(struct world *w, int from, struct hws_bytes datagram)
{
    (void)datagram;
    return from == CLIENT && w->sent[CLIENT] > 1 && w->lose_count-- > 0;
}

START_TEST(recovers_the_last_flight_of_the_client)
{
    begin(&pairings[_i], 1);
    world.lose = lose_last_flight_of_client;
    world.lose_count = 3;
    ck_assert(world_connect(&world, HWS_SEC(30)));
    ck_assert_int_lt(world.connected_at[SERVER] - world.born, HWS_SEC(5));
    world_run(&world, HWS_SEC(30));
    ck_assert_int_eq(hws_dtls_deadline(world.end[CLIENT]), HWS_NEVER);
    world_fini(&world);
}
END_TEST

/* Data that overtakes the end of the handshake is kept for the moment when it can be read. */
START_TEST(keeps_data_that_comes_too_early)
{
    const struct pairing *pairing = &pairings[_i];
    int from = is_13(pairing) ? CLIENT : SERVER; /* who is connected first */

    begin(pairing, 1);
    world_start(&world);
    while (!world.connected[from]) {
        ck_assert(world_step(&world, HWS_NEVER));
    }
    world_send(&world, from, 3);
    ck_assert(!world.connected[1 - from]);
    for (size_t i = 0; i < world.sky_count; i++) { /* handshake last */
        if (world.sky[i].len > 130 || world.sky[i].bytes[0] == 20) world.sky[i].at += HWS_MS(5);
    }
    world_run(&world, HWS_MS(30));
    ck_assert(world.connected[1 - from]);
    ck_assert_uint_eq(world.taken[1 - from], 3);
    ck_assert_uint_eq(world.last[1 - from], 2);
    ck_assert(!world_log_saw(&world, "dtls retransmit"));
    world_fini(&world);
}
END_TEST

START_TEST(keeps_what_comes_before_the_start)
{
    begin(&pairings[_i], 1);
    hws_dtls_start(world.end[CLIENT], world.now);
    world_drain(&world);
    world_run(&world, HWS_MS(50));
    ck_assert_uint_eq(world.sent[SERVER], 0);
    hws_dtls_start(world.end[SERVER], world.now);
    world_drain(&world);
    ck_assert_uint_gt(world.sent[SERVER], 0); /* at once, not after the client has asked again */
    ck_assert_uint_eq(world.sent[CLIENT], 1);
    hws_dtls_start(world.end[SERVER], world.now);
    world_run(&world, HWS_SEC(1));
    ck_assert(world.connected[CLIENT] && world.connected[SERVER]);
    world_fini(&world);
}
END_TEST

START_TEST(gives_up_in_time)
{
    begin(&pairings[_i], 1);
    world.loss = 1;
    ck_assert(!world_connect(&world, HWS_SEC(60)));
    world_run(&world, HWS_SEC(60));
    for (int end = 0; end < ENDS; end++) {
        struct hws_fault fault = hws_dtls_fault(world.end[end]);

        ck_assert(world.failed[end]);
        ck_assert_int_eq(fault.err, HWS_ERR_TIMEOUT);
        ck_assert_str_eq(fault.layer, "dtls");
        ck_assert_int_eq(hws_dtls_deadline(world.end[end]), HWS_NEVER);
    }
    ck_assert_uint_eq(world.sent[SERVER], 0);
    ck_assert_uint_ge(world.sent[CLIENT], 25); /* 0.1 0.2 0.4 0.8 1 1 1 ... */
    ck_assert_uint_le(world.sent[CLIENT], 35);
    world_fini(&world);
}
END_TEST

/* A dead path in the middle of the handshake. */
static bool lose_after_some(struct world *w, int from, struct hws_bytes datagram)
{
    (void)datagram;
    return from == CLIENT && w->sent[CLIENT] > 1;
}

START_TEST(gives_up_in_the_middle)
{
    begin(&pairings[_i], 1);
    world.lose = lose_after_some;
    (void)world_connect(&world, HWS_SEC(29));
    ck_assert(!world.failed[SERVER]);
    world_run(&world, HWS_SEC(3));
    ck_assert(world.failed[SERVER]);
    ck_assert_int_eq(hws_dtls_fault(world.end[SERVER]).err, HWS_ERR_TIMEOUT);
    world_run(&world, HWS_SEC(60));
    ck_assert(world.failed[CLIENT] != is_13(&pairings[_i]));
    /* A client of 1.3 that got all it needs stays connected, and stops asking. */
    ck_assert_int_eq(hws_dtls_deadline(world.end[CLIENT]), HWS_NEVER);
    world_fini(&world);
}
END_TEST

/* ---- Bad neighbours */

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

#define FORGED(text)                  \
    {                                 \
        text, sizeof(text) - 1, false \
    }
#define CREDIBLE(text)               \
    {                                \
        text, sizeof(text) - 1, true \
    }

struct forgery {
    const char *bytes;
    size_t len;
    bool credible; /* to a client that waits for a ServerHello: then only ICE keeps it away */
};

/* Each on its own must leave a running handshake alone. */
static const struct forgery forgeries[] = {
    FORGED("\x15\xFE\xFD\0\0\0\0\0\0\0\x07\0\2\2\x28"), /* fatal handshake_failure */
    FORGED("\x15\xFE\xFD\0\0\0\0\0\0\0\x07\0\2\1\0"),   /* close_notify */
    FORGED("\x15\xFE\xFF\0\0\0\0\0\0\0\x08\0\2\2\x46"), /* fatal protocol_version */
    FORGED("\x15\xFE\xFD\0\1\0\0\0\0\0\x08\0\2\2\x28"), /* in epoch 1 */
    FORGED("\x14\xFE\xFD\0\0\0\0\0\0\0\x09\0\1\1"),     /* ChangeCipherSpec */
    FORGED("\x14\xFE\xFD\0\0\0\0\0\0\0\x0A\0\1\2"),     /* malformed */
    FORGED("\x17\xFE\xFD\0\0\0\0\0\0\0\x0B\0\3abc"),    /* plain data */
    FORGED("\x17\xFE\xFD\0\1\0\0\0\0\0\x0B\0\x20"       /* encrypted data */
           "0123456789abcdef0123456789abcdef"),
    FORGED("\x16\xFE\xFD\0\1\0\0\0\0\0\x0C\0\x30" /* encrypted Finished */
           "0123456789abcdef0123456789abcdef0123456789abcdef"),
    FORGED("\x16\xFE\xFD\0\x09\0\0\0\0\0\x0C\0\x11"
           "0123456789abcdefg"),                      /* epoch 9 */
    FORGED("\x1A\xFE\xFD\0\0\0\0\0\0\0\x0D\0\2\0\0"), /* empty ACK */
    FORGED("\x1A\xFE\xFD\0\0\0\0\0\0\0\x0D\0\x12\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    FORGED("\x1A\xFE\xFD\0\0\0\0\0\0\0\x0D\0\3\0\x10x"), /* malformed ACK */
    CREDIBLE("\x16\xFE\xFF\0\0\0\0\0\0\0\x0E\0\x0F\x03\0\0\x03\0\0\0\0\0\0\0\x03\xFE\xFF\0"),
    FORGED("\x16\xFE\xFD\0\0\0\0\0\0\0\x0F\0\x0C\x00\0\0\0\0\0\0\0\0\0\0\0"),   /* HelloRequest */
    FORGED("\x16\xFE\xFD\0\0\0\0\0\0\0\x10\0\x0E\x14\0\0\2\0\5\0\0\0\0\0\2ab"), /* Finished */
    FORGED("\x16\xFE\xFD\0\0\0\0\0\0\0\x11\0\x0E\x63\0\0\2\0\2\0\0\0\0\0\2ab"), /* type 99 */
    FORGED("\x16\xFE\xFD\0\0\0\0\0\0\0\x11\0\x0E\x0B\0\0\2\0\xFF\0\0\0\0\0\2ab"),
    FORGED("\x16\xFE\xFD\0\0\0\0\0\0\0\x11\0\x0E\x01\0\0\2\0\0\0\0\1\0\0\2ab"), /* past its end */
    FORGED("\x16\xFE\xFD\0\0\0\0\0\0\0\x11\0\x05\x01\0\0\2\0"),                 /* header cut */
    FORGED("\x20\x01"
           "0123456789abcdefg"), /* unified, epoch bits 0 to 3 */
    FORGED("\x2D\x01\x02\0\x11"
           "0123456789abcdefg"),
    FORGED("\x2E\x01\x02\0\x21"
           "0123456789abcdef0123456789abcdefg"),
    FORGED("\x2F\x01\x02\0\x21"
           "0123456789abcdef0123456789abcdefg"),
    FORGED("\x3E\x01\x02\0\x11"
           "0123456789abcdefg"), /* with a connection id */
    FORGED("\x16"),
    FORGED("\x16\xFE\xFD\0\0"),
    FORGED("\x16\xFE\xFD\0\0\0\0\0\0\0\x12\0\x40short"),
    FORGED("\x19\xFE\xFD\0\0\0\0\0\0\0\x13\0\1x"),
};
enum { FORGERY_COUNT = sizeof(forgeries) / sizeof(forgeries[0]) };

static void forge(int to, const struct forgery *forgery)
{
    struct hws_bytes bytes = {(const uint8_t *)forgery->bytes, forgery->len};
    enum hws_err err;

    if (forgery->credible && to == CLIENT && world.landed[CLIENT] == 0) return;
    err = hws_dtls_feed(world.end[to], bytes, world.now);
    ck_assert(err == HWS_OK || hws_err_class(err) == HWS_CLASS_PEER);
}

/* Between any two steps of the handshake, and afterwards, on both sides. */
START_TEST(ignores_each_forgery)
{
    const struct pairing *pairing = &pairings[_i];

    for (size_t i = 0; i < FORGERY_COUNT; i++) {
        begin(pairing, 1);
        world_start(&world);
        do {
            forge(CLIENT, &forgeries[i]);
            forge(SERVER, &forgeries[i]);
            world_drain(&world);
        } while (world_step(&world, world.born + HWS_SEC(3)));
        ck_assert_msg(world.connected[CLIENT] && world.connected[SERVER], "forgery %u: %s",
                      (unsigned)i, world_log_tail(&world));
        world_send(&world, CLIENT, 5);
        world_send(&world, SERVER, 5);
        forge(CLIENT, &forgeries[i]);
        forge(SERVER, &forgeries[i]);
        world_run(&world, HWS_SEC(1));
        ck_assert_uint_eq(world.taken[CLIENT], 5);
        ck_assert_uint_eq(world.taken[SERVER], 5);
        ck_assert(!world.failed[CLIENT] && !world.failed[SERVER]);
        world_fini(&world);
    }
}
END_TEST

/* C1: hellos and alerts by the thousand while the handshake runs. */
START_TEST(survives_a_spray)
{
    uint8_t first[FILE_MAX], second[FILE_MAX];
    struct hws_bytes pieces[2] = {load("cr-default-0", first), load("cr-default-1", second)};
    uint64_t random = 88172645463325252U;
    bool hello_came = false;

    begin(&pairings[_i], 1);
    world_start(&world);
    do {
        hello_came = hello_came || world.sent[SERVER] > 0;
        for (int i = 0; i < FORGERS / 10; i++) {
            uint8_t noise[64];

            forge(i & 1, &forgeries[i % FORGERY_COUNT]);
            for (size_t at = 0; at < sizeof(noise); at++) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                noise[at] = (uint8_t)random;
            }
            noise[0] = (uint8_t)(20 + noise[0] % 44);
            (void)!hws_dtls_feed(world.end[i & 1], (struct hws_bytes){noise, 64}, world.now);
            if (!hello_came) continue; /* a server takes the first hello: ICE says from whom */
            (void)!hws_dtls_feed(world.end[SERVER], pieces[i & 1], world.now);
        }
        world_drain(&world);
    } while (world_step(&world, world.born + HWS_SEC(3)));
    ck_assert_msg(world.connected[CLIENT] && world.connected[SERVER], "%s", world_log_tail(&world));
    ck_assert(!world.failed[CLIENT] && !world.failed[SERVER]);
    ck_assert_uint_lt(world.sent[CLIENT] + world.sent[SERVER], 40); /* thousands drew no answer */
    world_fini(&world);
}
END_TEST

/* What a peer that refuses us says is plain too: believed when it is the last word. */
START_TEST(believes_an_alert_before_silence)
{
    begin(&pairings[_i], 1);
    hws_dtls_start(world.end[CLIENT], world.now);
    world_drain(&world);
    world_run(&world, HWS_MS(150));
    forge(CLIENT, &forgeries[0]);
    world_run(&world, HWS_MS(1900));
    ck_assert(!world.failed[CLIENT]);
    world_run(&world, HWS_MS(200));
    ck_assert(world.failed[CLIENT]);
    ck_assert_int_eq(hws_dtls_fault(world.end[CLIENT]).err, HWS_ERR_HANDSHAKE);
    ck_assert_int_eq(hws_dtls_fault(world.end[CLIENT]).foreign, 40);
    ck_assert(world_log_saw(&world, "dtls alert.plain code=40"));
    world_fini(&world);
}
END_TEST

/* The same alert, but the handshake goes on, however slowly. */
static bool lose_three_seconds_of_client(struct world *w, int from, struct hws_bytes datagram)
{
    (void)datagram;
    return from == CLIENT && w->sent[CLIENT] > 1 && w->now < w->born + HWS_SEC(3);
}

START_TEST(forgets_an_alert_when_more_comes)
{
    begin(&pairings[_i], 1);
    world.lose = lose_three_seconds_of_client;
    world_start(&world);
    forge(CLIENT, &forgeries[0]);
    world_run(&world, HWS_SEC(10));
    ck_assert(world.connected[CLIENT] && world.connected[SERVER]);
    ck_assert_int_gt(world.connected_at[SERVER] - world.born, HWS_SEC(3));
    world_fini(&world);
}
END_TEST

START_TEST(says_why_it_drops)
{
    struct hws_bytes cut = {(const uint8_t *)"\x16\xFE\xFD", 3};
    static const uint8_t huge[HWS_DATAGRAM_IN_MAX + 1];

    begin(&pairings[0], 1);
    ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], cut, world.now), HWS_ERR_MALFORMED);
    ck_assert(world_log_saw(&world, "dtls record.drop reason=cut"));
    ck_assert_int_eq(
        hws_dtls_feed(world.end[SERVER], (struct hws_bytes){huge, sizeof(huge)}, world.now),
        HWS_ERR_TOO_BIG);
    hws_dtls_start(world.end[SERVER], world.now);
    ck_assert_int_eq(
        hws_dtls_feed(world.end[SERVER],
                      (struct hws_bytes){(const uint8_t *)forgeries[4].bytes, forgeries[4].len},
                      world.now),
        HWS_ERR_UNEXPECTED);
    ck_assert(world_log_saw(&world, "dtls record.drop reason=cipher_spec"));
    world_fini(&world);
}
END_TEST

static void keep_hello(uint8_t out[FILE_MAX], size_t *out_len)
{
    struct hws_bytes hello;

    hws_dtls_start(world.end[CLIENT], world.now);
    ck_assert(hws_dtls_next_packet(world.end[CLIENT], &hello));
    memcpy(out, hello.data, hello.len);
    *out_len = hello.len;
}

static bool holds(const uint8_t *data, size_t len, const char *part, size_t part_len)
{
    return memmem(data, len, part, part_len) != NULL;
}

/* What peers insist on; they are not here to say so. */
START_TEST(offers_what_peers_want)
{
    static const char groups[] = "\x00\x0A\x00\x06\x00\x04\x00\x1D\x00\x17"; /* Chromium */
    static const char srtp[] = "\x00\x0E\x00\x05\x00\x02\x00\x01\x00";       /* pion, werift */
    static const char secret[] = "\x00\x17\x00\x00"; /* extended master secret */
    static const char ticket[] = "\x00\x23\x00\x00"; /* never */
    uint8_t hello[FILE_MAX];
    size_t len;

    begin(&pairings[_i], 1);
    keep_hello(hello, &len);
    ck_assert_uint_lt(len, 300); /* fits every MTU */
    ck_assert(holds(hello, len, groups, sizeof(groups) - 1));
    ck_assert(holds(hello, len, srtp, sizeof(srtp) - 1));
    ck_assert(holds(hello, len, secret, sizeof(secret) - 1));
    ck_assert(!holds(hello, len, ticket, sizeof(ticket) - 1));
    world_fini(&world);
}
END_TEST

START_TEST(refuses_every_truncated_hello)
{
    uint8_t hello[FILE_MAX];
    struct hws_bytes packet;
    size_t len;

    begin(&pairings[_i], 1);
    hws_dtls_start(world.end[SERVER], world.now);
    keep_hello(hello, &len);
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = calloc(1, cut + 1); /* a block of its own, for AddressSanitizer */

        memcpy(copy, hello, cut);
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], (struct hws_bytes){copy, cut}, world.now),
                         HWS_ERR_MALFORMED);
        free(copy);
    }
    /* The same with a record length that fits: a message that breaks off. */
    for (size_t cut = HWS_RECORD_HEADER + 1; cut < len; cut++) {
        uint8_t copy[FILE_MAX];

        memcpy(copy, hello, cut);
        copy[11] = (uint8_t)((cut - HWS_RECORD_HEADER) >> 8);
        copy[12] = (uint8_t)(cut - HWS_RECORD_HEADER);
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], (struct hws_bytes){copy, cut}, world.now),
                         HWS_ERR_UNEXPECTED);
    }
    ck_assert(!hws_dtls_next_packet(world.end[SERVER], &packet));
    ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], (struct hws_bytes){hello, len}, world.now),
                     HWS_OK);
    ck_assert(hws_dtls_next_packet(world.end[SERVER], &packet));
    world_fini(&world);
}
END_TEST

/* One wrong bit anywhere may break the handshake, but only by the rules: no crash, no wrong peer,
 * and the fault says so. */
START_TEST(survives_every_damaged_hello)
{
    uint8_t hello[FILE_MAX];
    size_t len;

    begin(&pairings[_i], 1);
    keep_hello(hello, &len);
    for (size_t bit = 0; bit < len * 8; bit++) {
        struct hws_dtls_config config = {.identity = bob[pairings[_i].server],
                                         .role = HWS_DTLS_SERVER};
        struct hws_dtls *server;
        enum hws_dtls_event event;

        ck_assert_int_eq(hws_dtls_new(&config, &server), HWS_OK);
        hws_dtls_start(server, world.now);
        hello[bit / 8] = (uint8_t)(hello[bit / 8] ^ 1U << (bit & 7));
        (void)!hws_dtls_feed(server, (struct hws_bytes){hello, len}, world.now);
        hello[bit / 8] = (uint8_t)(hello[bit / 8] ^ 1U << (bit & 7));
        while (hws_dtls_next_event(server, &event)) {
            ck_assert_int_eq(event, HWS_DTLS_FAILED);
            ck_assert_int_eq(hws_dtls_fault(server).err, HWS_ERR_HANDSHAKE);
        }
        hws_dtls_free(server);
    }
    world_fini(&world);
}
END_TEST

START_TEST(delivers_no_record_twice)
{
    begin(&pairings[_i], 1);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_run(&world, HWS_SEC(1));
    world.duplicate = 1;
    world_send(&world, CLIENT, 20);
    world_run(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.taken[SERVER], 20);
    world_fini(&world);
}
END_TEST

/* Not drained, plain text waits in order up to its bound. */
START_TEST(bounds_undrained_data)
{
    struct hws_bytes packet, plain;
    int taken = 0;

    begin(&pairings[_i], 1);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_run(&world, HWS_SEC(1));
    for (int i = 0; i < HWS_DTLS_PLAIN_HOLD + 30; i++) {
        uint8_t byte = (uint8_t)i;

        ck_assert_int_eq(hws_dtls_send(world.end[CLIENT], (struct hws_bytes){&byte, 1}, world.now),
                         HWS_OK);
        ck_assert(hws_dtls_next_packet(world.end[CLIENT], &packet));
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], packet, world.now), HWS_OK);
    }
    while (hws_dtls_next_plain(world.end[SERVER], &plain)) {
        ck_assert_uint_eq(plain.data[0], (unsigned)(29 + taken)); /* the oldest are gone */
        taken++;
    }
    ck_assert_int_eq(taken, HWS_DTLS_PLAIN_HOLD + 1); /* one more lay in the engine */
    world_fini(&world);
}
END_TEST

/* ---- Browsers */

struct browser {
    const char *name; /* files name-0 and, if it comes in two, name-1 */
    bool two;
    bool v13;
};

static const struct browser browsers[] = {
    {"cr-default",       true,  true },
    {"ff-default",       true,  true },
    {"cr-nopqc-feature", false, true },
    {"ff-dtls12",        false, false},
};

static void answer_browser(const struct browser *browser, size_t mtu)
{
    /* RFC 8446 section 4.1.3: the random of a HelloRetryRequest begins so. */
    static const uint8_t retry[4] = {0xCF, 0x21, 0xAD, 0x74};
    uint8_t buffer[FILE_MAX];
    char name[64];
    struct hws_bytes packet;
    struct hws_record record;
    struct hws_fragment hello;
    bool unified = false;

    world_init_bare(&world, alice[0], bob[0], 1, mtu, mtu);
    hws_dtls_start(world.end[SERVER], world.now);
    for (int i = 0; i <= browser->two; i++) {
        ck_assert(!hws_dtls_next_packet(world.end[SERVER], &packet));
        (void)snprintf(name, sizeof(name), "%s-%d", browser->name, i);
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], load(name, buffer), world.now), HWS_OK);
    }
    ck_assert(world_log_saw(&world, "dtls hello.joined") == browser->two);
    ck_assert_msg(hws_dtls_next_packet(world.end[SERVER], &packet), "%s", world_log_tail(&world));
    ck_assert_uint_le(packet.len, mtu);
    ck_assert_int_eq(hws_record_next(&packet, &record), HWS_RECORD_SOUND);
    ck_assert_uint_eq(record.type, HWS_RECORD_HANDSHAKE);
    ck_assert(hws_fragment_next(&record.body, &hello));
    ck_assert_uint_eq(hello.type, HWS_SERVER_HELLO);
    ck_assert_mem_ne(hello.body.data + 2, retry, sizeof(retry));
    /* The hello in two pieces has a post-quantum share; the answer to it has 1120 bytes. */
    ck_assert((hello.message_len > 1120) == browser->two);
    do {
        ck_assert_uint_le(packet.len, mtu);
        while (packet.len > 0) {
            ck_assert_int_eq(hws_record_next(&packet, &record), HWS_RECORD_SOUND);
            unified = unified || record.unified;
        }
    } while (hws_dtls_next_packet(world.end[SERVER], &packet));
    ck_assert(unified == browser->v13);
    world_fini(&world);
}

/* The joined hello is longer than what wolfSSL reads with the small MTU; the answer keeps to it. */
START_TEST(answers_browsers)
{
    answer_browser(&browsers[_i], HWS_DATAGRAM_MAX);
    answer_browser(&browsers[_i], 256);
}
END_TEST

/* Key shares grow with every fashion. */
static struct hws_bytes grow_hello(struct hws_bytes hello, size_t more, uint8_t *out)
{
    struct hws_cursor cur = hws_cursor_over(hello);
    size_t extensions_at, headers = HWS_RECORD_HEADER + HWS_HANDSHAKE_HEADER;
    struct hws_writer writer = hws_writer_over(out, hello.len + more);

    (void)hws_read_bytes(&cur, headers + 2 + 32);   /* version and random */
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* session id */
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* cookie */
    (void)hws_read_bytes(&cur, hws_read_u16(&cur)); /* suites */
    (void)hws_read_bytes(&cur, hws_read_u8(&cur));  /* compression */
    extensions_at = hello.len - cur.rest.len;
    hws_write_bytes(&writer, hello);
    hws_write_u16(&writer, 0x1A1A); /* an extension that nobody knows */
    hws_write_u16(&writer, (uint16_t)(more - 4));
    hws_write_zeros(&writer, more - 4);
    hws_patch_u16(&writer, extensions_at, (uint16_t)(cur.rest.len - 2 + more));
    ck_assert(!cur.failed && !writer.failed);
    return hws_written(&writer);
}

static const size_t hello_sizes[] = {1500, 1900, 4000, 9000, HWS_HELLO_MAX};

START_TEST(joins_long_hellos)
{
    enum { PIECE = 1100, HEADERS = HWS_RECORD_HEADER + HWS_HANDSHAKE_HEADER };
    static uint8_t grown[HWS_HELLO_MAX + HWS_RECORD_HEADER];
    uint8_t buffer[FILE_MAX];
    struct hws_bytes hello = load("cr-nopqc-feature-0", buffer);
    size_t len = hello_sizes[_i] - HWS_HANDSHAKE_HEADER;

    hello = grow_hello(hello, len - (hello.len - HEADERS), grown);
    begin(&pairings[_i % 2 == 0 ? 0 : 1], 1);
    hws_dtls_start(world.end[SERVER], world.now);
    for (size_t from = 0; from < len; from += PIECE) {
        uint8_t packet[HEADERS + PIECE];
        size_t part = len - from < PIECE ? len - from : PIECE;
        struct hws_writer out = hws_writer_over(packet, sizeof(packet));

        hws_write_bytes(&out, (struct hws_bytes){hello.data, 10});
        hws_write_u8(&out, (uint8_t)(from / PIECE));
        hws_write_u16(&out, (uint16_t)(HWS_HANDSHAKE_HEADER + part));
        hws_write_u16(&out, 0x0100); /* ClientHello, and the top of its length */
        hws_write_u16(&out, (uint16_t)len);
        hws_write_u16(&out, 0);
        hws_write_u8(&out, 0);
        hws_write_u16(&out, (uint16_t)from);
        hws_write_u8(&out, 0);
        hws_write_u16(&out, (uint16_t)part);
        hws_write_bytes(&out, (struct hws_bytes){hello.data + HEADERS + from, part});
        ck_assert_uint_eq(world.sent[SERVER], 0);
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], hws_written(&out), world.now), HWS_OK);
        world_drain(&world); /* and the answer keeps to the MTU */
    }
    ck_assert_msg(world.sent[SERVER] > 0 && !world.failed[SERVER], "%s", world_log_tail(&world));
    world_fini(&world);
}
END_TEST

/* ---- The end */

START_TEST(closes)
{
    begin(&pairings[_i], 1);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_run(&world, HWS_SEC(1));
    world_send(&world, SERVER, 3);
    hws_dtls_close(world.end[SERVER], world.now);
    world_drain(&world);
    hws_dtls_close(world.end[SERVER], world.now);
    ck_assert(!world.closed[SERVER]); /* who closes knows */
    world_run(&world, HWS_SEC(1));
    ck_assert(world.closed[CLIENT]);
    ck_assert_uint_eq(world.taken[CLIENT], 3);
    ck_assert_int_eq(
        hws_dtls_send(world.end[CLIENT], (struct hws_bytes){(const uint8_t *)"x", 1}, world.now),
        HWS_ERR_STATE);
    for (int end = 0; end < ENDS; end++) {
        forge(end, &forgeries[0]);
        hws_dtls_tick(world.end[end], world.now);
        hws_dtls_start(world.end[end], world.now);
        ck_assert_int_eq(hws_dtls_deadline(world.end[end]), HWS_NEVER);
    }
    hws_dtls_close(world.end[CLIENT], world.now);
    world_run(&world, HWS_SEC(60));
    ck_assert(!world.failed[CLIENT] && !world.failed[SERVER]);
    world_fini(&world);
}
END_TEST

/* Plain text that came before the goodbye, in the same datagram and undrained, is still there. */
START_TEST(reads_what_came_before_the_goodbye)
{
    struct hws_bytes packet, plain;
    enum hws_dtls_event event;

    begin(&pairings[_i], 1);
    ck_assert(world_connect(&world, HWS_SEC(1)));
    world_run(&world, HWS_SEC(1));
    ck_assert_int_eq(
        hws_dtls_send(world.end[CLIENT], (struct hws_bytes){(const uint8_t *)"x", 1}, world.now),
        HWS_OK);
    hws_dtls_close(world.end[CLIENT], world.now);
    while (hws_dtls_next_packet(world.end[CLIENT], &packet)) {
        ck_assert_int_eq(hws_dtls_feed(world.end[SERVER], packet, world.now), HWS_OK);
    }
    ck_assert(hws_dtls_next_event(world.end[SERVER], &event));
    ck_assert_int_eq(event, HWS_DTLS_CLOSED);
    ck_assert(hws_dtls_next_plain(world.end[SERVER], &plain));
    ck_assert_uint_eq(plain.data[0], 'x');
    ck_assert(!hws_dtls_next_plain(world.end[SERVER], &plain));
    world_fini(&world);
}
END_TEST

/* At every step of the handshake, on either side. */
START_TEST(closes_anywhere)
{
    const struct pairing *pairing = &pairings[_i];

    for (int steps = 0; steps < 12; steps++) {
        for (int end = 0; end < ENDS; end++) {
            begin(pairing, 1);
            if (steps > 0) world_start(&world);
            for (int i = 1; i < steps; i++) {
                (void)world_step(&world, world.born + HWS_SEC(1));
            }
            hws_dtls_close(world.end[end], world.now);
            world_drain(&world);
            world_run(&world, HWS_SEC(60));
            ck_assert(!world.failed[end] && !world.closed[end]);
            if (steps > 0) {
                /* A goodbye during the handshake is plain, so the other waits for more. */
                ck_assert_msg(world.closed[1 - end] || world.failed[1 - end], "step %d: %s", steps,
                              world_log_tail(&world));
            }
            world_fini(&world);
        }
    }
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    suite_add_tcase(suite, tcase);
    tcase_add_unchecked_fixture(tcase, make_identities, free_identities);
    tcase_set_timeout(tcase, 120); /* sanitizers on a busy machine */
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("dtls_session");
    TCase *good = add_case(suite, "good networks");
    TCase *bad = add_case(suite, "bad networks");
    TCase *forged = add_case(suite, "bad neighbours");
    TCase *end = add_case(suite, "the end");

    tcase_add_loop_test(good, connects, 0, AGREEING);
    tcase_add_loop_test(good, does_not_agree, 0, ROWS(pairings) - AGREEING);
    tcase_add_loop_test(good, carries_data_both_ways, 0, AGREEING);
    tcase_add_loop_test(good, keeps_to_the_mtu, 0, ROWS(mtus));
    tcase_add_test(good, refuses_bad_calls);
    tcase_add_loop_test(good, tells_when_the_queue_is_full, 0, AGREEING);
    tcase_add_loop_test(good, offers_what_peers_want, 0, 2);
    tcase_add_loop_test(good, answers_browsers, 0, ROWS(browsers));
    tcase_add_loop_test(good, joins_long_hellos, 0, ROWS(hello_sizes));
    tcase_add_loop_test(bad, survives_a_bad_network, 0, 4);
    tcase_add_loop_test(bad, recovers_the_last_word_of_the_server, 0, AGREEING);
    tcase_add_loop_test(bad, recovers_the_last_flight_of_the_client, 0, AGREEING);
    tcase_add_loop_test(bad, keeps_data_that_comes_too_early, 0, AGREEING);
    tcase_add_loop_test(bad, keeps_what_comes_before_the_start, 0, AGREEING);
    tcase_add_loop_test(bad, gives_up_in_time, 0, AGREEING);
    tcase_add_loop_test(bad, gives_up_in_the_middle, 0, AGREEING);
    tcase_add_loop_test(forged, ignores_each_forgery, 0, AGREEING);
    tcase_add_loop_test(forged, survives_a_spray, 0, AGREEING);
    tcase_add_loop_test(forged, believes_an_alert_before_silence, 0, AGREEING);
    tcase_add_loop_test(forged, forgets_an_alert_when_more_comes, 0, AGREEING);
    tcase_add_test(forged, says_why_it_drops);
    tcase_add_loop_test(forged, refuses_every_truncated_hello, 0, 2);
    tcase_add_loop_test(forged, survives_every_damaged_hello, 0, 2);
    tcase_add_loop_test(forged, delivers_no_record_twice, 0, AGREEING);
    tcase_add_loop_test(forged, bounds_undrained_data, 0, AGREEING);
    tcase_add_loop_test(end, closes, 0, AGREEING);
    tcase_add_loop_test(end, reads_what_came_before_the_goodbye, 0, AGREEING);
    tcase_add_loop_test(end, closes_anywhere, 0, AGREEING);
    return run_suite(suite);
}

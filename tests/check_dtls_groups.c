/* Key exchange: every group, in every role; the long ClientHello that a post-quantum share makes. */
#include "support/dtls_world.h"
#include "support/raw_dtls.h"
#include "support/suite.h"

#include <string.h>

enum { SEEDS = 150 };

static struct hws_identity *plain[3], *hybrid[3]; /* by enum hws_dtls_versions */
static struct world world;
static struct raw raw;

static struct hws_identity *make(enum hws_dtls_versions versions, bool post_quantum)
{
    struct hws_identity_config config = {.versions = versions, .post_quantum = post_quantum};
    struct hws_identity *identity = NULL;

    ck_assert_int_eq(hws_identity_new_from(&config, &identity), HWS_OK);
    return identity;
}

static void set_up(void)
{
    for (int i = 0; i < 3; i++) {
        plain[i] = make((enum hws_dtls_versions)i, false);
        hybrid[i] = make((enum hws_dtls_versions)i, true);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < 3; i++) {
        hws_identity_free(plain[i]);
        hws_identity_free(hybrid[i]);
    }
}

/* ---- Between two of ours */

struct row {
    enum hws_dtls_versions client;
    bool client_hybrid;
    enum hws_dtls_versions server;
    bool server_hybrid;
    const char *version, *group;
    size_t hello; /* datagrams of the client's first flight */
};

static const struct row rows[] = {
    {HWS_DTLS_13_OR_12, false, HWS_DTLS_13_OR_12, false, "DTLSv1.3", "X25519",         1},
    {HWS_DTLS_13_OR_12, false, HWS_DTLS_13_OR_12, true,  "DTLSv1.3", "X25519",         1},
    {HWS_DTLS_13_OR_12, true,  HWS_DTLS_13_OR_12, false, "DTLSv1.3", "X25519MLKEM768", 2},
    {HWS_DTLS_13_OR_12, true,  HWS_DTLS_13_OR_12, true,  "DTLSv1.3", "X25519MLKEM768", 2},
    {HWS_DTLS_13_ONLY,  true,  HWS_DTLS_13_ONLY,  false, "DTLSv1.3", "X25519MLKEM768", 2},
    {HWS_DTLS_13_ONLY,  true,  HWS_DTLS_13_OR_12, false, "DTLSv1.3", "X25519MLKEM768", 2},
    {HWS_DTLS_13_OR_12, true,  HWS_DTLS_12_ONLY,  true,  "DTLSv1.2", "X25519",         2},
    {HWS_DTLS_12_ONLY,  true,  HWS_DTLS_13_OR_12, true,  "DTLSv1.2", "X25519",         1},
    {HWS_DTLS_12_ONLY,  false, HWS_DTLS_12_ONLY,  false, "DTLSv1.2", "X25519",         1},
};

static void begin(const struct row *row, uint64_t seed, size_t mtu)
{
    const struct hws_identity *client = (row->client_hybrid ? hybrid : plain)[row->client];
    const struct hws_identity *server = (row->server_hybrid ? hybrid : plain)[row->server];

    world_init_bare(&world, client, server, seed, mtu, mtu);
    world_expect(&world, CLIENT, server);
    world_expect(&world, SERVER, client);
}

START_TEST(agrees_on_a_group)
{
    const struct row *row = &rows[_i];

    begin(row, 1, 0);
    world_start(&world);
    ck_assert_str_eq(hws_dtls_group(world.end[CLIENT]), "none");
    ck_assert_uint_eq(world.sent[CLIENT], row->hello);
    world_run(&world, HWS_SEC(2));
    for (int end = 0; end < ENDS; end++) {
        ck_assert_msg(world.connected[end], "%s", world_log_tail(&world));
        ck_assert_str_eq(hws_dtls_version(world.end[end]), row->version);
        ck_assert_str_eq(hws_dtls_group(world.end[end]), row->group);
    }
    /* No HelloRetryRequest and nothing lost: it takes no longer than any other handshake. */
    ck_assert_int_eq(world.connected_at[SERVER] - world.born, 3 * LATENCY);
    ck_assert(!world_log_saw(&world, "dtls retransmit"));
    ck_assert_uint_le(world.biggest, HWS_DATAGRAM_MAX);
    world_send(&world, CLIENT, 3);
    world_send(&world, SERVER, 3);
    world_run(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.taken[CLIENT] + world.taken[SERVER], 6);
    world_fini(&world);
}
END_TEST

static const size_t mtus[] = {256, 512, 900, 1200, 1472};

START_TEST(cuts_for_every_mtu)
{
    for (int i = 0; i < ROWS(rows); i++) {
        begin(&rows[i], 1, mtus[_i]);
        ck_assert_msg(world_connect(&world, HWS_SEC(2)), "row %d: %s", i, world_log_tail(&world));
        ck_assert_uint_le(world.biggest, mtus[_i]);
        ck_assert_str_eq(hws_dtls_group(world.end[SERVER]), rows[i].group);
        world_fini(&world);
    }
}
END_TEST

/* Either piece of the hello may be lost, repeated or overtaken, and all that follows. */
START_TEST(survives_a_bad_network)
{
    static const double losses[] = {0, 0.05, 0.1, 0.2, 0.3};
    const struct row *row = &rows[_i];

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(row, seed, 0);
        world.loss = losses[seed % 5];
        world.reorder = 0.3;
        world.duplicate = 0.1;
        ck_assert_msg(world_connect(&world, HWS_SEC(30)), "seed %u: %s", (unsigned)seed,
                      world_log_tail(&world));
        ck_assert_str_eq(hws_dtls_group(world.end[SERVER]), row->group);
        world_run(&world, HWS_SEC(40));
        ck_assert(!world.failed[CLIENT] && !world.failed[SERVER]);
        world.loss = world.duplicate = 0;
        world_send(&world, CLIENT, 10);
        world_send(&world, SERVER, 10);
        world_run(&world, HWS_SEC(1));
        ck_assert_uint_eq(world.taken[CLIENT], 10);
        ck_assert_uint_eq(world.taken[SERVER], 10);
        world_fini(&world);
    }
}
END_TEST

/* Plain records never share a number, or the other side would take the second for a replay. */
static bool seen[1024];

static bool look_at_numbers(struct world *w, int from, struct hws_bytes datagram)
{
    struct hws_record record;

    (void)w;
    while (from == CLIENT && datagram.len > 0 &&
           hws_record_next(&datagram, &record) == HWS_RECORD_SOUND) {
        unsigned number = (unsigned)record.whole.data[9] << 8 | record.whole.data[10];

        if (record.unified || record.epoch != 0) continue;
        ck_assert_uint_lt(number, 1024);
        ck_assert_msg(!seen[number], "number %u twice", number);
        seen[number] = true;
    }
    return w->lose_count-- > 0;
}

START_TEST(numbers_records_once)
{
    for (int lost = 0; lost < 8; lost++) {
        memset(seen, 0, sizeof(seen));
        begin(&rows[_i], 1, 0);
        world.lose = look_at_numbers;
        world.lose_count = lost;
        ck_assert_msg(world_connect(&world, HWS_SEC(30)), "%s", world_log_tail(&world));
        world_fini(&world);
    }
}
END_TEST

/* ---- Others */

/* A server of one group: it takes the share that is there, or asks for another. */
struct other {
    int group;
    bool ours_hybrid;
    const char *name;
};

static const struct other others[] = {
    {WOLFSSL_ECC_X25519,     false, "X25519"        },
    {WOLFSSL_ECC_X25519,     true,  "X25519"        },
    {WOLFSSL_ECC_SECP256R1,  false, "SECP256R1"     },
    {WOLFSSL_ECC_SECP256R1,  true,  "SECP256R1"     },
    {WOLFSSL_X25519MLKEM768, true,  "X25519MLKEM768"},
};

static void check_raw(const char *group)
{
    raw_run(&raw, HWS_SEC(2));
    ck_assert_msg(raw.connected && raw.ours_connected, "theirs: %d, ours: %s %d", raw.error,
                  hws_dtls_fault(raw.dtls).what, hws_dtls_fault(raw.dtls).foreign);
    ck_assert_str_eq(hws_dtls_group(raw.dtls), group);
}

START_TEST(follows_a_server_of_one_group)
{
    const struct other *other = &others[_i];
    WOLFSSL_CTX *ctx = raw_context(wolfDTLSv1_3_server_method());
    int group = other->group;

    raw_init(&raw, ctx, true, other->ours_hybrid ? hybrid[0] : plain[0]);
    ck_assert_int_eq(wolfSSL_set_groups(raw.ssl, &group, 1), WOLFSSL_SUCCESS);
    (void)wolfSSL_disable_hrr_cookie(raw.ssl);
    ck_assert_int_eq(wolfSSL_dtls_set_mtu(raw.ssl, 1900), WOLFSSL_SUCCESS); /* the joined hello */
    check_raw(other->name);
    raw_fini(&raw);
    wolfSSL_CTX_free(ctx);
}
END_TEST

START_TEST(serves_a_client_of_one_group)
{
    const struct other *other = &others[_i];
    WOLFSSL_CTX *ctx = raw_context(wolfDTLSv1_3_client_method());
    int group = other->group;

    raw_init(&raw, ctx, false, plain[0]);
    ck_assert_int_eq(wolfSSL_dtls_set_mtu(raw.ssl, 1900), WOLFSSL_SUCCESS); /* one long datagram */
    ck_assert_int_eq(wolfSSL_set_groups(raw.ssl, &group, 1), WOLFSSL_SUCCESS);
    check_raw(other->name);
    raw_fini(&raw);
    wolfSSL_CTX_free(ctx);
}
END_TEST

/* A client whose first share is of a group that we do not have is asked for another. */
START_TEST(asks_for_another_share)
{
    WOLFSSL_CTX *ctx = raw_context(wolfDTLSv1_3_client_method());
    int groups[] = {WOLFSSL_ECC_SECP384R1, WOLFSSL_ECC_SECP256R1};

    raw_init(&raw, ctx, false, plain[0]);
    ck_assert_int_eq(wolfSSL_set_groups(raw.ssl, groups, 2), WOLFSSL_SUCCESS);
    check_raw("SECP256R1");
    raw_fini(&raw);
    wolfSSL_CTX_free(ctx);
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
    Suite *suite = suite_create("dtls_groups");
    TCase *two = add_case(suite, "two of ours");
    TCase *foreign = add_case(suite, "others");

    tcase_add_loop_test(two, agrees_on_a_group, 0, ROWS(rows));
    tcase_add_loop_test(two, cuts_for_every_mtu, 0, ROWS(mtus));
    tcase_add_loop_test(two, survives_a_bad_network, 2, 8);
    tcase_add_loop_test(two, numbers_records_once, 0, ROWS(rows));
    tcase_add_loop_test(foreign, follows_a_server_of_one_group, 0, ROWS(others));
    tcase_add_loop_test(foreign, serves_a_client_of_one_group, 0, ROWS(others));
    tcase_add_test(foreign, asks_for_another_share);
    return run_suite(suite);
}

/* Keying material for the application, and the key log. */
#include "support/dtls_world.h"
#include "support/suite.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LINES = 16, LINE_LEN = 256, KEY_LEN = 40, RANDOM_AT = HWS_RECORD_HEADER + 12 + 2 };

struct lines {
    char text[LINES][LINE_LEN];
    size_t count;
};

static struct world world;
static struct hws_identity *alice, *bob;
static struct lines logs[ENDS];

static const enum hws_dtls_versions versions[] = {HWS_DTLS_13_ONLY, HWS_DTLS_12_ONLY};

static void tear_down(void)
{
    world_fini(&world);
    hws_identity_free(alice);
    hws_identity_free(bob);
}

static void connect_world(int i, uint64_t seed)
{
    alice = world_identity(versions[i]);
    bob = world_identity(versions[i]);
    world_init(&world, alice, bob, seed);
    ck_assert(world_connect(&world, HWS_SEC(2)));
}

/* ---- Keying material */

static const struct hws_bytes none;

static void export_key(int end, const char *label, struct hws_bytes context, uint8_t out[KEY_LEN])
{
    ck_assert_int_eq(hws_dtls_export(world.end[end], label, context, out, KEY_LEN), HWS_OK);
}

START_TEST(exports_the_same_on_both_ends)
{
    struct hws_bytes red = {(const uint8_t *)"red", 3}, blue = {(const uint8_t *)"blue", 4};
    uint8_t keys[4][KEY_LEN], other[KEY_LEN];

    connect_world(_i, 1);
    export_key(CLIENT, "EXPORTER-one", none, keys[0]);
    export_key(CLIENT, "EXPORTER-two", none, keys[1]);
    export_key(CLIENT, "EXPORTER-one", red, keys[2]);
    export_key(CLIENT, "EXPORTER-one", blue, keys[3]);
    for (int i = 0; i < 4; i++) {
        for (int j = i + 1; j < 4; j++) {
            ck_assert_mem_ne(keys[i], keys[j], KEY_LEN);
        }
    }
    world_run(&world, HWS_SEC(5)); /* the same at any time, also long after the handshake */
    export_key(SERVER, "EXPORTER-one", none, other);
    ck_assert_mem_eq(other, keys[0], KEY_LEN);
    export_key(SERVER, "EXPORTER-two", none, other);
    ck_assert_mem_eq(other, keys[1], KEY_LEN);
    export_key(SERVER, "EXPORTER-one", red, other);
    ck_assert_mem_eq(other, keys[2], KEY_LEN);
    export_key(CLIENT, "EXPORTER-one", blue, other);
    ck_assert_mem_eq(other, keys[3], KEY_LEN);
    tear_down();
    connect_world(_i, 2); /* another association, other keys */
    export_key(CLIENT, "EXPORTER-one", none, other);
    ck_assert_mem_ne(other, keys[0], KEY_LEN);
    tear_down();
}
END_TEST

START_TEST(refuses_labels_of_the_handshake)
{
    static const char *const taken[] = {"client finished",
                                        "server finished",
                                        "master secret",
                                        "extended master secret",
                                        "key expansion",
                                        "key expansion and more",
                                        ""};
    char longest[64];
    uint8_t out[8], untouched[8];

    memset(longest, 'x', sizeof(longest));
    longest[63] = 0;
    memset(out, 0x5A, sizeof(out));
    memset(untouched, 0x5A, sizeof(untouched));
    connect_world(_i, 1);
    for (int i = 0; i < ROWS(taken); i++) {
        ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], taken[i], none, out, sizeof(out)),
                         HWS_ERR_ARGUMENT);
    }
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], longest, none, out, sizeof(out)),
                     HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", none, out, 0),
                     HWS_ERR_ARGUMENT);
    ck_assert_mem_eq(out, untouched, sizeof(out));
    longest[62] = 0;
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], longest, none, out, sizeof(out)), HWS_OK);
    tear_down();
}
END_TEST

START_TEST(exports_within_bounds)
{
    static uint8_t context[65536], out[8161];
    struct hws_bytes fits = {context, 52}, too_long = {context, 53}, huge = {context, 65536};

    connect_world(_i, 1);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", huge, out, 32),
                     HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", too_long, out, 32),
                     HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", fits, out, 32), HWS_OK);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", none, out, 8160), HWS_OK);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", none, out, 8161),
                     HWS_ERR_ARGUMENT);
    tear_down();
}
END_TEST

START_TEST(exports_only_when_connected)
{
    uint8_t out[8];

    alice = world_identity(versions[_i]);
    bob = world_identity(versions[_i]);
    world_init_bare(&world, alice, bob, 1, 0, 0);
    world_expect(&world, CLIENT, bob);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", none, out, sizeof(out)),
                     HWS_ERR_STATE);
    world_start(&world);
    world_run(&world, HWS_SEC(1));
    ck_assert(world.connected[CLIENT]);
    /* The server does not know yet with whom it would share it. */
    ck_assert_int_eq(hws_dtls_export(world.end[SERVER], "EXPORTER-x", none, out, sizeof(out)),
                     HWS_ERR_STATE);
    hws_dtls_close(world.end[CLIENT], world.now);
    ck_assert_int_eq(hws_dtls_export(world.end[CLIENT], "EXPORTER-x", none, out, sizeof(out)),
                     HWS_ERR_STATE);
    tear_down();
}
END_TEST

/* ---- Key log */

static void keep_line(void *user, const char *line)
{
    struct lines *lines = user;

    ck_assert_uint_lt(lines->count, LINES);
    ck_assert_uint_lt(strlen(line), LINE_LEN);
    memcpy(lines->text[lines->count++], line, strlen(line) + 1);
}

static const char *const labels_13[] = {
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
    "SERVER_TRAFFIC_SECRET_0",
    "EXPORTER_SECRET",
};

static const char *find_line(const struct lines *lines, const char *label)
{
    size_t len = strlen(label);

    for (size_t i = 0; i < lines->count; i++) {
        if (strncmp(lines->text[i], label, len) == 0 && lines->text[i][len] == ' ') {
            return lines->text[i];
        }
    }
    return NULL;
}

static void check_line(const char *label, const char *random, size_t secret_len)
{
    const char *line = find_line(&logs[CLIENT], label), *at;

    ck_assert_msg(line != NULL, "no %s", label);
    ck_assert_ptr_nonnull(find_line(&logs[SERVER], label));
    ck_assert_str_eq(line, find_line(&logs[SERVER], label));
    at = line + strlen(label) + 1;
    ck_assert_mem_eq(at, random, 64);
    ck_assert_int_eq(at[64], ' ');
    ck_assert_uint_eq(strlen(at + 65), 2 * secret_len);
    for (at += 65; *at; at++) {
        ck_assert(isdigit((unsigned char)*at) || (*at >= 'a' && *at <= 'f'));
    }
}

/* The client's random as it went over the wire names the association to the reader of the log. */
static char wire_random[65];

static bool note_random(struct world *w, int from, struct hws_bytes datagram)
{
    if (from == CLIENT && w->sent[CLIENT] == 1) {
        for (size_t i = 0; i < 32; i++) {
            (void)snprintf(wire_random + 2 * i, 3, "%02x", datagram.data[RANDOM_AT + i]);
        }
    }
    return false;
}

static void remake(int end, enum hws_dtls_role role, const struct hws_identity *own,
                   const struct hws_identity *other)
{
    struct hws_dtls_config config = {
        .identity = own, .role = role, .key_log = {keep_line, &logs[end]}
    };

    hws_dtls_free(world.end[end]);
    ck_assert_int_eq(hws_dtls_new(&config, &world.end[end]), HWS_OK);
    world_expect(&world, end, other);
}

START_TEST(logs_secrets_when_asked)
{
    alice = world_identity(versions[_i]);
    bob = world_identity(versions[_i]);
    memset(logs, 0, sizeof(logs));
    world_init_bare(&world, alice, bob, 1, 0, 0);
    remake(CLIENT, HWS_DTLS_CLIENT, alice, bob);
    remake(SERVER, HWS_DTLS_SERVER, bob, alice);
    world.lose = note_random;
    ck_assert(world_connect(&world, HWS_SEC(2)));
    world_send(&world, CLIENT, 2);
    world_run(&world, HWS_SEC(1));
    if (versions[_i] == HWS_DTLS_12_ONLY) {
        check_line("CLIENT_RANDOM", wire_random, 48);
        ck_assert_uint_eq(logs[CLIENT].count, 1);
    } else {
        for (int i = 0; i < ROWS(labels_13); i++) {
            check_line(labels_13[i], wire_random, 32);
        }
        ck_assert_uint_eq(logs[CLIENT].count, ROWS(labels_13));
    }
    ck_assert_uint_eq(logs[SERVER].count, logs[CLIENT].count);
    tear_down();
}
END_TEST

/* A secret never gets into the log that everybody reads. */
START_TEST(keeps_secrets_out_of_the_log)
{
    alice = world_identity(versions[_i]);
    bob = world_identity(versions[_i]);
    memset(logs, 0, sizeof(logs));
    world_init_bare(&world, alice, bob, 1, 0, 0);
    world_expect(&world, SERVER, alice);
    remake(CLIENT, HWS_DTLS_CLIENT, alice, bob);
    ck_assert(world_connect(&world, HWS_SEC(2)));
    ck_assert_uint_gt(logs[CLIENT].count, 0);
    for (size_t i = 0; i < logs[CLIENT].count; i++) {
        ck_assert(!world_log_saw(&world, strrchr(logs[CLIENT].text[i], ' ') + 1));
    }
    tear_down();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dtls_secrets");
    TCase *material = tcase_create("keying material");
    TCase *key_log = tcase_create("key log");

    suite_add_tcase(suite, material);
    suite_add_tcase(suite, key_log);
    tcase_set_timeout(material, 60);
    tcase_set_timeout(key_log, 60);
    tcase_add_loop_test(material, exports_the_same_on_both_ends, 0, 2);
    tcase_add_loop_test(material, refuses_labels_of_the_handshake, 0, 2);
    tcase_add_loop_test(material, exports_within_bounds, 0, 2);
    tcase_add_loop_test(material, exports_only_when_connected, 0, 2);
    tcase_add_loop_test(key_log, logs_secrets_when_asked, 0, 2);
    tcase_add_loop_test(key_log, keeps_secrets_out_of_the_log, 0, 2);
    return run_suite(suite);
}

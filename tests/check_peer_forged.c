/* Strangers at the door of a whole peer: DTLS from addresses that no check has proved changes
 * nothing and costs nothing (C1, C8). And what a connected peer gives away when asked to. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "peer/peer_internal.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 4096, SPRAY = 10000, HALF_OPEN = 1000000, KEY_LEN = 32, LINES = 32 };

static struct world world;
static struct world_peer *client, *worker;
static struct hws_channel channel;

static void start(const struct hws_peer_config *config)
{
    world_init(&world, 1);
    client = world_add(&world, config);
    worker = world_add(&world, config);
    world_pair(client, worker);
    ck_assert_int_eq(hws_peer_open_channel(client->peer,
                                           &(struct hws_channel_config){.label = "test"}, world.now,
                                           &channel),
                     HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
}

static bool is_open(void)
{
    return world_saw(client, HWS_EVENT_CHANNEL_OPEN) &&
           world_saw(worker, HWS_EVENT_CHANNEL_INCOMING);
}

static bool both_open(struct world *w)
{
    (void)w;
    return is_open();
}

static uint8_t hello[FILE_MAX];
static size_t hello_len;

static void load_hello(void)
{
    FILE *file = fopen(VECTORS "/dtls/cr-nopqc-feature-0.bin", "rb");

    ck_assert_ptr_nonnull(file);
    hello_len = fread(hello, 1, sizeof(hello), file);
    (void)fclose(file);
    ck_assert_uint_gt(hello_len, 100);
}

static enum hws_err forge(struct world_peer *to, struct hws_bytes bytes, uint16_t port)
{
    struct hws_datagram in = {
        .local = to->addr,
        .remote = {.ip = {203, 0, 113, 9}, .port = port, .family = HWS_FAMILY_IP4},
        .bytes = bytes,
    };

    return hws_peer_feed(to->peer, &in, world.now);
}

static const uint8_t alert[] = "\x15\xFE\xFD\0\0\0\0\0\0\0\x07\0\2\2\x28";
static size_t sprayed;

/* Ahead of every step of the connection, until it is up. */
static bool spray(struct world *w)
{
    (void)w;
    if (is_open()) return true;
    for (uint16_t i = 0; i < SPRAY / 20; i++, sprayed += 4) {
        for (int end = 0; end < 2; end++) {
            struct world_peer *to = end ? worker : client;

            ck_assert_int_eq(forge(to, (struct hws_bytes){hello, hello_len}, (uint16_t)(4000 + i)),
                             HWS_ERR_UNEXPECTED);
            ck_assert_int_eq(
                forge(to, (struct hws_bytes){alert, sizeof(alert) - 1}, (uint16_t)(4000 + i)),
                HWS_ERR_UNEXPECTED);
        }
    }
    return false;
}

START_TEST(connects_under_a_spray)
{
    hws_time took[2];

    load_hello();
    for (int forged = 0; forged < 2; forged++) {
        start(&(struct hws_peer_config){0});
        took[forged] = world.now;
        ck_assert(world_run(&world, HWS_SEC(10), forged ? spray : both_open));
        took[forged] = world.now - took[forged];
        world_fini(&world);
        memset(&world, 0, sizeof(world));
    }
    ck_assert_uint_ge(sprayed, SPRAY);
    ck_assert_int_eq(took[0], took[1]); /* not even later */
}
END_TEST

/* The identity, ICE and the rings are there; a stranger's hello adds nothing to them. */
START_TEST(strangers_leave_nothing_behind)
{
    size_t before;

    load_hello();
    start(&(struct hws_peer_config){0});
    world_pass(&world, HWS_MS(1));
    before = mallinfo2().uordblks;
    for (unsigned i = 0; i < HALF_OPEN; i++) {
        ck_assert_int_eq(forge(worker, (struct hws_bytes){hello, hello_len}, (uint16_t)i),
                         HWS_ERR_UNEXPECTED);
    }
    ck_assert_uint_eq(mallinfo2().uordblks, before);
    ck_assert_ptr_null(worker->peer->dtls);
    ck_assert_uint_eq(worker->peer->early.count, 0);
    world_fini(&world);
}
END_TEST

/* ---- What leaves a peer when asked */

static struct {
    char text[LINES][256];
    size_t count;
} lines;

static void keep_line(void *user, const char *line)
{
    (void)user;
    ck_assert_uint_lt(lines.count, LINES);
    (void)snprintf(lines.text[lines.count++], sizeof(lines.text[0]), "%s", line);
}

START_TEST(exports_keys_and_logs_secrets)
{
    struct hws_peer_config config = {.key_log = {.write = keep_line}};
    uint8_t one[KEY_LEN], other[KEY_LEN];
    struct hws_bytes none = {NULL, 0};
    size_t pairs = 0;

    start(&config);
    ck_assert_int_eq(hws_peer_export_key(client->peer, "EXPORTER-x", none, one, KEY_LEN),
                     HWS_ERR_STATE);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    ck_assert_int_eq(hws_peer_export_key(client->peer, "EXPORTER-x", none, one, KEY_LEN), HWS_OK);
    ck_assert_int_eq(hws_peer_export_key(worker->peer, "EXPORTER-x", none, other, KEY_LEN), HWS_OK);
    ck_assert_mem_eq(one, other, KEY_LEN);
    ck_assert_int_eq(hws_peer_export_key(worker->peer, "EXPORTER-y", none, other, KEY_LEN), HWS_OK);
    ck_assert_mem_ne(one, other, KEY_LEN);
    ck_assert_int_eq(hws_peer_export_key(client->peer, "key expansion", none, other, KEY_LEN),
                     HWS_ERR_ARGUMENT);
    ck_assert_uint_eq(lines.count, 10); /* five secrets of each end, and they are the same */
    for (size_t i = 0; i < lines.count; i++) {
        for (size_t j = i + 1; j < lines.count; j++) {
            pairs += strcmp(lines.text[i], lines.text[j]) == 0;
        }
    }
    ck_assert_uint_eq(pairs, 5);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("strangers");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, connects_under_a_spray);
    tcase_add_test(tcase, strangers_leave_nothing_behind);
    tcase_add_test(tcase, exports_keys_and_logs_secrets);
    return run_case("peer_forged", tcase);
}

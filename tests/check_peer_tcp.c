/* Two whole peers over ICE-TCP (RFC 6544), in virtual time. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/address.h"
#include "base/bytes.h"

#include <hawser/stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIENT, WORKER, BIG = 256 * 1024 };

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *sides[2];
static struct hws_channel channel;
static char extra[256 * 80]; /* lines for the worker's description */

static bool both_open(struct world *w)
{
    (void)w;
    return world_saw(sides[CLIENT], HWS_EVENT_CHANNEL_OPEN) &&
           world_saw(sides[WORKER], HWS_EVENT_CHANNEL_INCOMING);
}

/* What each side has: letters 'a' and 'p', or "-" for TCP that was not asked for. */
static struct world_peer *add(const char *has)
{
    struct hws_peer_config config = {.ice_tcp = has[0] != '-'};

    world.tcp_active = strchr(has, 'a') != NULL;
    world.tcp_passive = strchr(has, 'p') != NULL;
    return world_add(&world, &config);
}

static void begin(const char *client, const char *worker)
{
    world_init(&world, 11);
    world.no_udp = true;
    sides[CLIENT] = add(client);
    sides[WORKER] = add(worker);
    world_pair(sides[CLIENT], sides[WORKER]);
}

static void offer(void)
{
    ck_assert_int_eq(hws_peer_open_channel(sides[CLIENT]->peer,
                                           &(struct hws_channel_config){.label = "test"}, world.now,
                                           &channel),
                     HWS_OK);
    ck_assert_int_eq(hws_peer_offer(sides[CLIENT]->peer, world.now), HWS_OK);
}

static void connect_pair(const char *client, const char *worker)
{
    begin(client, worker);
    offer();
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
}

static struct hws_path path_of(int side)
{
    struct hws_path path;

    ck_assert(hws_peer_path(sides[side]->peer, &path));
    return path;
}

static void send_big(void)
{
    static uint8_t big[BIG];

    for (size_t i = 0; i < BIG; i++) {
        big[i] = (uint8_t)(i * 7 + i / 256);
    }
    ck_assert_int_eq(hws_peer_send(sides[CLIENT]->peer, channel, HWS_BINARY,
                                   (struct hws_bytes){big, BIG}, world.now),
                     HWS_OK);
}

static size_t wanted;

static bool arrived(struct world *w)
{
    (void)w;
    return sides[WORKER]->message_count >= wanted;
}

static void transfer(void)
{
    wanted = sides[WORKER]->message_count + 1;
    send_big();
    ck_assert(world_run(&world, HWS_SEC(20), arrived));
    ck_assert_uint_eq(sides[WORKER]->last_len, BIG);
}

/* ---- Who connects */

static const struct {
    const char *client, *worker;
    bool client_connects, worker_connects;
} roles[] = {
    {"a",  "p",  true,  false},
    {"p",  "a",  false, true },
    {"ap", "p",  true,  false},
    {"ap", "ap", true,  true },
};

START_TEST(connects)
{
    bool by_client, by_worker;

    connect_pair(roles[_i].client, roles[_i].worker);
    by_client = path_of(CLIENT).local.port == 9;
    by_worker = path_of(WORKER).local.port == 9;
    ck_assert(path_of(CLIENT).local.tcp && path_of(CLIENT).remote.tcp);
    ck_assert(path_of(WORKER).local.tcp && path_of(WORKER).remote.tcp);
    ck_assert(!by_client || roles[_i].client_connects);
    ck_assert(!by_worker || roles[_i].worker_connects);
    transfer();
    world_pass(&world, HWS_SEC(100)); /* consent goes over it too */
    transfer();
    ck_assert_uint_eq(world_streams_open(&world), 1);
    ck_assert_uint_le(world.stream_count, 2);
    ck_assert(!world_saw(sides[CLIENT], HWS_EVENT_CLOSED));
    world_fini(&world);
}
END_TEST

static const char *const hopeless[][2] = {
    {"a", "a" },
    {"p", "p" },
    {"a", "-" },
    {"-", "p" },
    {"-", "ap"},
    {"-", "-" },
};

START_TEST(connects_not)
{
    begin(hopeless[_i][0], hopeless[_i][1]);
    offer();
    ck_assert(!world_run(&world, HWS_SEC(60), both_open));
    ck_assert(world_saw(sides[CLIENT], HWS_EVENT_CLOSED));
    ck_assert_uint_eq(world.stream_count + world.streams_refused, 0);
    world_fini(&world);
}
END_TEST

START_TEST(is_refused_unless_asked_for)
{
    struct hws_address addr;

    begin("-", "-");
    addr = sides[CLIENT]->addr;
    addr.tcp = true;
    ck_assert_int_eq(hws_peer_add_local(sides[CLIENT]->peer, &addr, world.now), HWS_ERR_ARGUMENT);
    world.needle = "tcptype";
    offer();
    world_pass(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.needle_count, 0);
    world_fini(&world);
}
END_TEST

/* ---- Beside UDP */

START_TEST(udp_goes_first)
{
    begin("ap", "ap");
    world.no_udp = false;
    world.needle = "tcptype passive";
    offer();
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    ck_assert_uint_eq(world.needle_count, 2);
    world_pass(&world, HWS_SEC(3));
    ck_assert(!path_of(CLIENT).local.tcp && !path_of(WORKER).local.tcp);
    ck_assert_uint_eq(world_streams_open(&world), 0); /* RFC 6544 section 9.1 */
    world_fini(&world);
}
END_TEST

START_TEST(udp_goes_first_on_a_lossy_line)
{
    begin("ap", "ap");
    world.no_udp = false;
    world.loss_percent = 30;
    world.seed = (uint64_t)_i;
    offer();
    ck_assert(world_run(&world, HWS_SEC(30), both_open));
    world.loss_percent = 0;
    world_pass(&world, HWS_SEC(10));
    transfer();
    ck_assert(path_of(CLIENT).local.tcp == path_of(WORKER).local.tcp);
    ck_assert_uint_eq(world_streams_open(&world), path_of(CLIENT).local.tcp ? 1 : 0);
    world_fini(&world);
}
END_TEST

START_TEST(takes_over_from_udp)
{
    begin("ap", "ap");
    world.no_udp = false;
    offer();
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    world_pass(&world, HWS_SEC(3));
    ck_assert(!path_of(CLIENT).local.tcp);
    world.no_udp = true;
    transfer();
    ck_assert(path_of(CLIENT).local.tcp && path_of(WORKER).local.tcp);
    world_pass(&world, HWS_SEC(5));
    ck_assert_uint_eq(world_streams_open(&world), 1);
    world_fini(&world);
}
END_TEST

/* ---- Connections that end */

START_TEST(connects_again)
{
    connect_pair(roles[_i].client, roles[_i].worker);
    world_pass(&world, HWS_SEC(2));
    world_end_streams(&world);
    transfer();
    world_pass(&world, HWS_SEC(2));
    ck_assert_uint_eq(world_streams_open(&world), 1);
    ck_assert(path_of(CLIENT).local.tcp);
    ck_assert(!world_saw(sides[CLIENT], HWS_EVENT_CLOSED));
    world_fini(&world);
}
END_TEST

START_TEST(lives_through_a_restart)
{
    connect_pair(roles[_i].client, roles[_i].worker);
    world_pass(&world, HWS_SEC(2));
    ck_assert_int_eq(hws_peer_restart_ice(sides[CLIENT]->peer, world.now), HWS_OK);
    transfer();
    world_pass(&world, HWS_SEC(5));
    transfer();
    ck_assert(path_of(CLIENT).local.tcp && path_of(WORKER).local.tcp);
    ck_assert_uint_eq(world_streams_open(&world), 1);
    world_fini(&world);
}
END_TEST

START_TEST(its_address_goes)
{
    struct hws_address active;

    connect_pair("ap", "ap");
    world_pass(&world, HWS_SEC(2));
    world.no_udp = false; /* there is another path */
    active = sides[CLIENT]->passive;
    hws_peer_remove_local(sides[CLIENT]->peer, &active, world.now);
    active.port = 9;
    hws_peer_remove_local(sides[CLIENT]->peer, &active, world.now);
    transfer();
    world_pass(&world, HWS_SEC(5));
    ck_assert(!path_of(CLIENT).local.tcp && !path_of(WORKER).local.tcp);
    ck_assert_uint_eq(world_streams_open(&world), 0);
    world_fini(&world);
}
END_TEST

/* ---- What the other side can make us do */

/* Behind the last line of the description. */
static void add_lines(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    if (from != sides[WORKER] || kind == HWS_SIGNAL_CANDIDATE) return;
    ck_assert_uint_lt(strlen(text) + strlen(extra), cap);
    memcpy(text + strlen(text), extra, strlen(extra) + 1);
}

static void tell(const char *format, size_t count)
{
    extra[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(extra);

        (void)snprintf(extra + len, sizeof(extra) - len, format, (unsigned)(i + 1));
    }
    world.edit = add_lines;
}

START_TEST(connects_to_few_places)
{
    begin("ap", "-");
    tell("a=candidate:9 1 tcp 1 10.0.9.%u 80 typ host tcptype passive\r\n", 200);
    offer();
    ck_assert(!world_run(&world, HWS_SEC(60), both_open));
    ck_assert_uint_eq(world.streams_refused, 16);
    world_fini(&world);
}
END_TEST

START_TEST(connects_to_few_places_that_are_trickled)
{
    begin("ap", "p");
    sides[WORKER]->remote = NULL; /* its own candidates do not come */
    offer();
    sides[WORKER]->remote = sides[CLIENT];
    world_pass(&world, HWS_SEC(1));
    for (unsigned i = 1; i < 200; i++) {
        char text[128];
        int len = snprintf(text, sizeof(text),
                           "candidate:9 1 tcp 1 10.0.9.%u 80 typ host tcptype passive", i);
        struct hws_signal signal = {
            .kind = HWS_SIGNAL_CANDIDATE, .text = {(const uint8_t *)text, (size_t)len}
        };

        (void)!hws_peer_signal(sides[CLIENT]->peer, &signal, world.now);
        world_pass(&world, HWS_MS(100));
    }
    ck_assert_uint_le(world.streams_refused, 16);
    ck_assert_uint_gt(world.streams_refused, 0);
    world_fini(&world);
}
END_TEST

static const char *const nowhere[] = {
    "a=candidate:9 1 tcp 1 0.0.0.%u 80 typ host tcptype passive\r\n",
    "a=candidate:9 1 tcp 1 224.0.0.%u 80 typ host tcptype passive\r\n",
    "a=candidate:9 1 tcp 1 ::ffff:10.0.9.%u 80 typ host tcptype passive\r\n",
    "a=candidate:9 1 tcp 1 10.0.9.%u 0 typ host tcptype passive\r\n",
    "a=candidate:9 1 tcp 1 10.0.9.%u 9 typ host tcptype active\r\n",
    "a=candidate:9 1 tcp 1 10.0.9.%u 80 typ host tcptype so\r\n",
    "a=candidate:9 1 tcp 1 10.0.9.%u 80 typ host\r\n",
    "a=candidate:9 2 tcp 1 10.0.9.%u 80 typ host tcptype passive\r\n",
};

START_TEST(connects_nowhere)
{
    begin("ap", "-");
    tell(nowhere[_i], 20);
    offer();
    ck_assert(!world_run(&world, HWS_SEC(60), both_open));
    ck_assert_uint_eq(world.streams_refused + world.stream_count, 0);
    world_fini(&world);
}
END_TEST

/* A dead one among them delays nothing. */
START_TEST(dead_places_delay_nothing)
{
    begin("ap", "p");
    tell("a=candidate:9 1 tcp 1999999999 10.0.9.%u 80 typ host tcptype passive\r\n", 8);
    offer();
    ck_assert(world_run(&world, HWS_SEC(2), both_open));
    world_fini(&world);
}
END_TEST

/* ---- What is asked and told */

START_TEST(needs_no_unknown_connection)
{
    struct hws_address local, remote;

    connect_pair("a", "p");
    world_pass(&world, HWS_SEC(2));
    local = path_of(WORKER).local;
    remote = path_of(WORKER).remote;
    ck_assert(hws_peer_needs_stream(sides[WORKER]->peer, &local, &remote));
    remote.port++;
    ck_assert(!hws_peer_needs_stream(sides[WORKER]->peer, &local, &remote));
    hws_peer_stream_gone(sides[WORKER]->peer, &local, &remote, world.now); /* is no matter */
    local.port++;
    hws_peer_stream_gone(sides[WORKER]->peer, &local, &remote, world.now);
    transfer();
    world_fini(&world);
}
END_TEST

START_TEST(tells_the_protocol)
{
    struct hws_pair_stats pairs[8];
    struct hws_peer_stats stats;

    connect_pair("a", "p");
    world_pass(&world, HWS_SEC(2));
    hws_peer_stats(sides[CLIENT]->peer, &stats);
    ck_assert(stats.has_path && stats.path.local.tcp && stats.path.nominated);
    ck_assert_str_eq(stats.path.local_type, "host");
    ck_assert_uint_eq(stats.path.checks_retransmitted, 0);
    ck_assert_uint_eq(hws_peer_pairs(sides[CLIENT]->peer, pairs, 8), 2);
    ck_assert(pairs[0].local.tcp == pairs[0].remote.tcp &&
              pairs[1].local.tcp != pairs[0].local.tcp);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("tcp");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, connects, 0, sizeof(roles) / sizeof(roles[0]));
    tcase_add_loop_test(tc, connects_not, 0, sizeof(hopeless) / sizeof(hopeless[0]));
    tcase_add_test(tc, is_refused_unless_asked_for);
    tcase_add_test(tc, udp_goes_first);
    tcase_add_loop_test(tc, udp_goes_first_on_a_lossy_line, 1, 11);
    tcase_add_test(tc, takes_over_from_udp);
    tcase_add_loop_test(tc, connects_again, 0, sizeof(roles) / sizeof(roles[0]));
    tcase_add_loop_test(tc, lives_through_a_restart, 0, sizeof(roles) / sizeof(roles[0]));
    tcase_add_test(tc, its_address_goes);
    tcase_add_test(tc, connects_to_few_places);
    tcase_add_test(tc, connects_to_few_places_that_are_trickled);
    tcase_add_loop_test(tc, connects_nowhere, 0, sizeof(nowhere) / sizeof(nowhere[0]));
    tcase_add_test(tc, dead_places_delay_nothing);
    tcase_add_test(tc, needs_no_unknown_connection);
    tcase_add_test(tc, tells_the_protocol);
    return run_case("peer tcp", tc);
}

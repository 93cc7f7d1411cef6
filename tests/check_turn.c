/* One allocation against a server in memory, in virtual time: what is asked, repeated, refreshed,
 * relayed, refused and given up. */
#include "base/address.h"
#include "stun/stun_writer.h"
#include "support/check_main.h"
#include "support/turn_server.h"
#include "turn/stream.h"
#include "turn/turn.h"

#include <string.h>

static struct turn_server server;
static struct hws_turn *turn;
static struct hws_address client;
static hws_time now, rtt;
static unsigned packets;
static unsigned lose; /* of the next packets of ours, so many */

static struct hws_turn_event allocated, failed;
static unsigned allocated_count, failed_count, permitted_count, refused_count;
static struct hws_address refused_peer;
static uint64_t seed;

static struct hws_address address(const char *ip, uint16_t port)
{
    struct hws_address addr;

    ck_assert(hws_address_read(hws_bytes_of(ip), &addr) == HWS_OK);
    addr.port = port;
    return addr;
}

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        out[i] = (uint8_t)(seed >> 56);
    }
}

static void begin_with(struct hws_turn_config config)
{
    config.random.fill = fill;
    if (config.server.family == HWS_FAMILY_NONE) config.server = server.addr;
    if (!config.username.data) config.username = hws_bytes_of("user");
    if (!config.password.data) config.password = hws_bytes_of("secret");
    ck_assert(hws_turn_new(&config, &turn) == HWS_OK);
}

static void setup(void)
{
    server_init(&server);
    client = address("198.51.100.1", 40000);
    now = HWS_SEC(1000);
    rtt = HWS_MS(20);
    seed = 7;
    packets = lose = 0;
    allocated_count = failed_count = permitted_count = refused_count = 0;
}

static void teardown(void)
{
    hws_turn_free(turn);
    turn = NULL;
}

static void take_events(void)
{
    struct hws_turn_event event;

    while (hws_turn_next_event(turn, &event)) {
        switch (event.kind) {
        case HWS_TURN_ALLOCATED:
            allocated = event;
            allocated_count++;
            break;
        case HWS_TURN_PERMITTED:
            permitted_count++;
            break;
        case HWS_TURN_REFUSED:
            refused_count++;
            refused_peer = event.peer;
            break;
        case HWS_TURN_FAILED:
            failed = event;
            failed_count++;
            break;
        }
    }
}

/* Carry everything that there is to carry now, each answer a round trip later. */
static void settle(void)
{
    struct hws_bytes packet;

    while (hws_turn_next_packet(turn, &packet)) {
        struct server_output answer;
        struct hws_turn_data data;
        struct hws_address to = hws_turn_server(turn);

        packets++;
        if (lose > 0) {
            lose--;
            continue;
        }
        if (!hws_address_equal(&to, &server.addr)) continue; /* nobody is there */
        if (!server_take(&server, &client, packet, now + rtt / 2, &answer)) continue;
        now += rtt;
        (void)!hws_turn_feed(turn, answer.bytes, now, &data);
    }
    take_events();
}

static void pass(hws_time duration)
{
    hws_time end = now + duration;

    settle();
    while (hws_turn_deadline(turn) <= end) {
        if (hws_turn_deadline(turn) > now) now = hws_turn_deadline(turn);
        hws_turn_tick(turn, now);
        ck_assert_msg(hws_turn_deadline(turn) > now, "a tick did not move its deadline");
        settle();
    }
    if (now < end) now = end;
}

static void start(void)
{
    hws_turn_start(turn, now);
    settle();
}

static void start_plain(void)
{
    begin_with((struct hws_turn_config){0});
    start();
    ck_assert_uint_eq(allocated_count, 1);
}

static void permit(const char *ip)
{
    struct hws_address peer = address(ip, 7000);

    ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
    settle();
    ck_assert(hws_turn_permission(turn, &peer) == HWS_TURN_OPEN);
}

/* What the server sends on when we wrap @p text for @p peer; family NONE if it does not. */
static struct hws_address sent_to(const struct hws_address *peer, const char *text)
{
    uint8_t buffer[200];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));
    struct server_output on = {0};

    ck_assert(hws_turn_wrap(turn, peer, hws_bytes_of(text), &out) == HWS_OK);
    if (!server_take(&server, &client, hws_written(&out), now, &on)) return (struct hws_address){0};
    ck_assert(hws_bytes_equal(on.bytes, hws_bytes_of(text)));
    return on.to;
}

/* ---- Allocation */

START_TEST(allocates_with_two_round_trips)
{
    start_plain();
    ck_assert_uint_eq(packets, 2);
    ck_assert_uint_eq(server.refused[HWS_STUN_ALLOCATE], 1);
    ck_assert(allocated.relayed[0].port == 50000);
    ck_assert(allocated.relayed[1].family == HWS_FAMILY_NONE);
    ck_assert(hws_address_equal(&allocated.mapped, &client));
    ck_assert_int_eq(failed_count, 0);
}
END_TEST

START_TEST(both_families)
{
    struct hws_address peer = address("2001:db8::9", 7000);

    server.relay6 = address("2001:db8::200", 50000);
    start_plain();
    ck_assert(allocated.relayed[0].family == HWS_FAMILY_IP4);
    ck_assert(allocated.relayed[1].family == HWS_FAMILY_IP6);
    ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
    settle();
    ck_assert(sent_to(&peer, "six").family == HWS_FAMILY_IP6);
    teardown();
    setup();
    start_plain();
    ck_assert(hws_turn_permit(turn, &peer, now) == HWS_ERR_UNSUPPORTED);
}
END_TEST

START_TEST(one_family)
{
    server.relay6 = address("2001:db8::200", 50000);
    begin_with((struct hws_turn_config){.families = HWS_TURN_IP6});
    start();
    ck_assert(allocated.relayed[0].family == HWS_FAMILY_IP6);
    ck_assert(allocated.relayed[1].family == HWS_FAMILY_NONE);
    teardown();
    setup();
    begin_with((struct hws_turn_config){.families = HWS_TURN_IP6});
    start();
    ck_assert_uint_eq(failed.code, 440);
    ck_assert(!failed.retries);
    teardown();
    setup();
    server.relay6 = address("2001:db8::200", 50000);
    begin_with((struct hws_turn_config){.families = HWS_TURN_IP4});
    start();
    ck_assert(allocated.relayed[0].family == HWS_FAMILY_IP4);
    ck_assert(allocated.relayed[1].family == HWS_FAMILY_NONE);
}
END_TEST

START_TEST(a_server_open_to_all)
{
    server.open_to_all = true;
    start_plain();
    ck_assert_uint_eq(packets, 1);
    permit("203.0.113.5");
}
END_TEST

START_TEST(sha256_and_userhash)
{
    server.sha256 = true;
    server.nonce = "obMatJos2gAAAsomething"; /* bit 0: password algorithms */
    start_plain();
    ck_assert_uint_eq(server.userhashes, 0);
    permit("203.0.113.5");
    teardown();
    setup();
    server.sha256 = true;
    server.nonce = "obMatJos2wAAAsomething"; /* bits 0 and 1: and user name anonymity */
    start_plain();
    ck_assert_uint_eq(server.userhashes, 1);
}
END_TEST

START_TEST(bidding_down_is_refused)
{
    server.sha256 = server.hide_algorithms = true;
    server.nonce = "obMatJos2gAAAsomething";
    begin_with((struct hws_turn_config){0});
    start();
    ck_assert_uint_eq(allocated_count, 0);
    ck_assert_uint_eq(failed_count, 1);
    ck_assert_int_eq(failed.err, HWS_ERR_MISMATCH);
    ck_assert_uint_eq(packets, 1); /* nothing that depends on the password was sent */
}
END_TEST

START_TEST(wrong_credentials_stop_at_once)
{
    begin_with((struct hws_turn_config){.password = hws_bytes_of("wrong")});
    start();
    pass(HWS_SEC(300));
    ck_assert_uint_eq(packets, 2);
    ck_assert_uint_eq(failed.code, 401);
    ck_assert_int_eq(failed.err, HWS_ERR_REFUSED);
    ck_assert(!failed.retries);
    ck_assert(hws_turn_deadline(turn) == HWS_NEVER);
}
END_TEST

START_TEST(unsigned_success_is_as_if_lost)
{
    server.unsigned_answers = true;
    begin_with((struct hws_turn_config){0});
    start();
    ck_assert_uint_eq(allocated_count, 0);
    ck_assert_uint_eq(failed_count, 0);
    server.unsigned_answers = false;
    server_restart(&server, server.nonce);
    pass(HWS_SEC(1));
    ck_assert_uint_eq(allocated_count, 1);
}
END_TEST

START_TEST(repeats_as_the_rfc_says)
{
    static const hws_time at[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
    hws_time begin = now;
    struct hws_bytes packet;

    begin_with((struct hws_turn_config){0});
    hws_turn_start(turn, now);
    for (int i = 0; i < ROWS(at); i++) {
        ck_assert(hws_turn_next_packet(turn, &packet));
        ck_assert_int_eq(now - begin, HWS_MS(at[i]));
        now = hws_turn_deadline(turn);
        hws_turn_tick(turn, now);
    }
    ck_assert(!hws_turn_next_packet(turn, &packet));
    ck_assert_int_eq(now - begin, HWS_MS(39500));
    take_events();
    ck_assert_uint_eq(failed_count, 1);
    ck_assert_int_eq(failed.err, HWS_ERR_TIMEOUT);
}
END_TEST

START_TEST(patience_with_a_dead_server)
{
    hws_time begin = now;

    server.dead = true;
    begin_with((struct hws_turn_config){.patience = HWS_SEC(5)});
    start();
    while (failed_count == 0) {
        pass(HWS_MS(100));
    }
    ck_assert_int_le(now - begin, HWS_SEC(5) + HWS_MS(100));
    ck_assert_int_eq(failed.err, HWS_ERR_TIMEOUT);
}
END_TEST

START_TEST(a_stream_repeats_nothing)
{
    server.dead = true;
    begin_with((struct hws_turn_config){.stream = true});
    start();
    pass(HWS_SEC(39));
    ck_assert_uint_eq(packets, 1);
    ck_assert_uint_eq(failed_count, 0);
    pass(HWS_SEC(1));
    ck_assert_uint_eq(failed_count, 1);
}
END_TEST

START_TEST(loss_of_every_packet_once)
{
    for (unsigned lost = 0; lost < 2; lost++) {
        setup();
        begin_with((struct hws_turn_config){0});
        lose = lost;
        start();
        pass(HWS_SEC(2));
        ck_assert_uint_eq(allocated_count, 1);
        teardown();
    }
}
END_TEST

static const struct refusal {
    uint16_t code;
    bool retries, wants_port;
    hws_time back_after; /* 0: never */
} refusals[] = {
    {400, false, false, 0          },
    {403, false, false, 0          },
    {420, false, false, 0          },
    {437, false, true,  0          },
    {438, false, false, 0          },
    {440, false, false, 0          },
    {441, false, true,  0          },
    {442, false, false, 0          },
    {486, true,  false, HWS_SEC(60)},
    {500, true,  false, HWS_SEC(5) },
    {508, true,  false, HWS_SEC(60)},
    {599, false, false, 0          },
};

START_TEST(refusal_of_an_allocation)
{
    const struct refusal *row = &refusals[_i];

    server.force[HWS_STUN_ALLOCATE] = row->code;
    server.force_count[HWS_STUN_ALLOCATE] = row->code == 438 ? 100 : 1;
    begin_with((struct hws_turn_config){0});
    start();
    ck_assert_uint_eq(failed_count, 1);
    ck_assert_uint_eq(failed.code, row->code);
    ck_assert_int_eq(failed.retries, row->retries);
    ck_assert_int_eq(failed.wants_port, row->wants_port);
    ck_assert(failed.reason && failed.reason[0]);
    ck_assert_uint_eq(allocated_count, 0);
    ck_assert_uint_le(packets, 6);
    packets = 0;
    if (row->back_after > 0) {
        pass(row->back_after - HWS_SEC(1));
        ck_assert_uint_eq(packets, 0);
        pass(HWS_SEC(2));
        ck_assert_uint_eq(allocated_count, 1);
    } else {
        pass(HWS_SEC(600));
        ck_assert_uint_eq(packets, 0);
    }
}
END_TEST

START_TEST(a_full_server_is_not_asked_for_ever)
{
    server.force[HWS_STUN_ALLOCATE] = 486;
    server.force_count[HWS_STUN_ALLOCATE] = 1000;
    begin_with((struct hws_turn_config){0});
    start();
    pass(HWS_SEC(3600));
    ck_assert_uint_eq(failed_count, 6);
    ck_assert(!failed.retries);
}
END_TEST

START_TEST(a_stale_nonce_is_replaced)
{
    start_plain();
    server.nonce = "nonce-2";
    permit("203.0.113.5");
    ck_assert_uint_eq(server.refused[HWS_STUN_CREATE_PERMISSION], 1);
    permit("203.0.113.6"); /* from here on with the new one */
    ck_assert_uint_eq(server.refused[HWS_STUN_CREATE_PERMISSION], 1);
}
END_TEST

/* ---- Other servers */

START_TEST(follows_to_another_server)
{
    begin_with((struct hws_turn_config){.server = address("192.0.2.199", 3478)});
    server.addr = address("192.0.2.199", 3478);
    server.force[HWS_STUN_ALLOCATE] = 300;
    server.force_count[HWS_STUN_ALLOCATE] = 1;
    server.alternate = address("192.0.2.200", 3478);
    start(); /* goes to .200, where nobody is yet */
    server.addr = address("192.0.2.200", 3478);
    ck_assert(hws_turn_server(turn).ip[3] == 200);
    pass(HWS_SEC(1));
    ck_assert_uint_eq(allocated_count, 1);
}
END_TEST

START_TEST(is_not_led_in_circles)
{
    static const char *const nowhere[] = {"192.0.2.200", "127.0.0.1", "0.0.0.0", "2001:db8::1"};

    for (int i = 0; i < ROWS(nowhere); i++) {
        setup();
        server.force[HWS_STUN_ALLOCATE] = 300;
        server.force_count[HWS_STUN_ALLOCATE] = 100;
        server.alternate = address(nowhere[i], 3478);
        begin_with((struct hws_turn_config){0});
        start();
        ck_assert_uint_eq(failed.code, 300);
        ck_assert_uint_eq(packets, 1);
        teardown();
    }
    setup(); /* always another one */
    server.force[HWS_STUN_ALLOCATE] = 300;
    server.force_count[HWS_STUN_ALLOCATE] = 100;
    begin_with((struct hws_turn_config){0});
    hws_turn_start(turn, now);
    for (uint16_t port = 4000; port < 4020 && failed_count == 0; port++) {
        server.alternate = server.addr;
        server.alternate.port = port;
        pass(HWS_MS(500));
        server.addr.port = port;
    }
    ck_assert_uint_eq(failed.code, 300);
    ck_assert_uint_eq(server.seen[HWS_STUN_ALLOCATE], 5);
}
END_TEST

/* ---- Life of an allocation */

START_TEST(lives_for_hours)
{
    struct hws_address peer = address("203.0.113.5", 7000);

    start_plain();
    permit("203.0.113.5");
    hws_turn_bind(turn, &peer, now);
    settle();
    for (int i = 0; i < 3 * 60; i++) {
        pass(HWS_SEC(60));
        ck_assert(sent_to(&peer, "still").port == 7000);
    }
    ck_assert_uint_eq(failed_count, 0);
    ck_assert_uint_eq(server.seen[HWS_STUN_ALLOCATE], 2);
    ck_assert_uint_eq(server.channel_datas, 180);
    /* One Refresh in 540 s, one CreatePermission in 240 s, one ChannelBind in 480 s. */
    ck_assert_uint_le(server.seen[HWS_STUN_REFRESH], 21);
    ck_assert_uint_le(server.seen[HWS_STUN_CREATE_PERMISSION], 46);
    ck_assert_uint_le(server.seen[HWS_STUN_CHANNEL_BIND], 23);
}
END_TEST

START_TEST(lives_through_loss)
{
    struct hws_address peer = address("203.0.113.5", 7000);

    start_plain();
    permit("203.0.113.5");
    for (int i = 0; i < 60; i++) {
        lose = 3; /* the first three of whatever comes next */
        pass(HWS_SEC(60));
        ck_assert(sent_to(&peer, "still").port == 7000);
    }
    ck_assert_uint_eq(failed_count, 0);
}
END_TEST

START_TEST(short_and_odd_lifetimes)
{
    static const uint32_t lifetimes[] = {0, 1, 30, 119, 121, 0xFFFFFFFF};

    for (int i = 0; i < ROWS(lifetimes); i++) {
        setup();
        server.lifetime = 600;
        begin_with((struct hws_turn_config){0});
        server.lifetime = lifetimes[i];
        start();
        if (lifetimes[i] >= 30) {
            server.seen[HWS_STUN_REFRESH] = 0;
            pass(HWS_SEC(7200));
            ck_assert_uint_eq(failed_count, 0);
            ck_assert_uint_ge(server.seen[HWS_STUN_REFRESH], 2);
        }
        pass(HWS_SEC(600));
        ck_assert_uint_le(packets, 2000);
        teardown();
    }
}
END_TEST

START_TEST(a_restarted_server)
{
    start_plain();
    permit("203.0.113.5");
    server_restart(&server, "nonce-of-another-life");
    pass(HWS_SEC(600)); /* the permission's refresh shows it */
    ck_assert_uint_eq(failed_count, 1);
    ck_assert_uint_eq(failed.code, 437);
    ck_assert(failed.retries);
    ck_assert_uint_eq(allocated_count, 2);
    ck_assert(allocated.relayed[0].port == 50001);
    permit("203.0.113.5"); /* permissions went with the old one */
}
END_TEST

START_TEST(expired_credentials)
{
    start_plain();
    server.password = "changed";
    pass(HWS_SEC(700));
    ck_assert_uint_eq(failed_count, 1);
    ck_assert_uint_eq(failed.code, 401);
    ck_assert(!failed.retries);
    ck_assert_uint_eq(allocated_count, 1);
}
END_TEST

START_TEST(a_server_that_dies)
{
    start_plain();
    server.dead = true;
    pass(HWS_SEC(590));
    ck_assert_uint_eq(failed_count, 0);
    pass(HWS_SEC(20));
    ck_assert_uint_eq(failed_count, 1);
    ck_assert(failed.retries);
    pass(HWS_SEC(100));
    ck_assert_uint_eq(failed_count, 2);
    ck_assert(!failed.retries);
    ck_assert(hws_turn_deadline(turn) == HWS_NEVER);
}
END_TEST

START_TEST(a_stream_that_breaks)
{
    struct hws_address peer = address("203.0.113.5", 7000);

    begin_with((struct hws_turn_config){.stream = true});
    start();
    permit("203.0.113.5");
    hws_turn_gone(turn, now);
    take_events();
    ck_assert_uint_eq(failed_count, 1);
    ck_assert_int_eq(failed.err, HWS_ERR_CLOSED);
    ck_assert(!failed.retries);
    ck_assert(hws_turn_permit(turn, &peer, now) == HWS_ERR_STATE);
    ck_assert(hws_turn_deadline(turn) == HWS_NEVER);
    hws_turn_gone(turn, now); /* once */
    take_events();
    ck_assert_uint_eq(failed_count, 1);
}
END_TEST

START_TEST(closing_gives_it_back)
{
    start_plain();
    ck_assert(server_find(&server, &client) != NULL);
    hws_turn_close(turn, now);
    settle();
    ck_assert(server_find(&server, &client) == NULL);
    pass(HWS_SEC(1000));
    ck_assert_uint_eq(server.seen[HWS_STUN_REFRESH], 1);
    ck_assert_uint_eq(failed_count, 0);
}
END_TEST

/* ---- Permissions and channels */

START_TEST(permissions_share_requests)
{
    start_plain();
    for (uint8_t i = 0; i < 64; i++) {
        struct hws_address peer = address("203.0.113.0", 7000);

        peer.ip[3] = i;
        ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
        ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
    }
    settle();
    ck_assert_uint_eq(permitted_count, 64);
    ck_assert_uint_le(server.seen[HWS_STUN_CREATE_PERMISSION], 12);
    pass(HWS_SEC(250)); /* refreshed eight by eight */
    ck_assert_uint_le(server.seen[HWS_STUN_CREATE_PERMISSION], 20);
}
END_TEST

START_TEST(permissions_are_bounded)
{
    struct hws_address peer = address("10.0.0.0", 7000);

    start_plain();
    for (int i = 0; i < HWS_TURN_PERMISSION_MAX; i++) {
        peer.ip[2] = (uint8_t)i;
        ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
    }
    peer.ip[1] = 1;
    ck_assert(hws_turn_permit(turn, &peer, now) == HWS_ERR_FULL);
    peer.ip[1] = 0;
    ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
}
END_TEST

START_TEST(one_forbidden_peer_hurts_no_other)
{
    start_plain();
    server.forbidden = address("203.0.113.7", 0);
    lose = 4; /* so that the rest goes in one request */
    for (uint8_t i = 0; i < 12; i++) {
        struct hws_address peer = address("203.0.113.0", 7000);

        peer.ip[3] = i;
        ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
    }
    pass(HWS_SEC(3));
    ck_assert_uint_eq(permitted_count, 11);
    ck_assert_uint_eq(refused_count, 1);
    ck_assert(hws_address_same_ip(&refused_peer, &server.forbidden));
    ck_assert(hws_turn_permission(turn, &refused_peer) == HWS_TURN_SHUT);
    ck_assert_uint_eq(failed_count, 0);
}
END_TEST

START_TEST(a_mismatched_family_is_refused)
{
    struct hws_address peer = address("203.0.113.5", 7000);

    start_plain();
    server.force[HWS_STUN_CREATE_PERMISSION] = 443;
    server.force_count[HWS_STUN_CREATE_PERMISSION] = 1;
    ck_assert(hws_turn_permit(turn, &peer, now) == HWS_OK);
    settle();
    ck_assert_uint_eq(refused_count, 1);
    ck_assert_uint_eq(failed_count, 0);
}
END_TEST

START_TEST(indications_then_channels)
{
    struct hws_address peer = address("203.0.113.5", 7000);
    uint8_t buffer[100];
    struct hws_writer out = hws_writer_over(buffer, sizeof(buffer));

    start_plain();
    ck_assert(hws_turn_wrap(turn, &peer, hws_bytes_of("x"), &out) == HWS_ERR_REFUSED);
    ck_assert_uint_eq(out.len, 0);
    permit("203.0.113.5");
    ck_assert(sent_to(&peer, "one").port == 7000);
    ck_assert_uint_eq(server.sends, 1);
    hws_turn_bind(turn, &peer, now);
    ck_assert(sent_to(&peer, "two").port == 7000); /* not bound yet */
    ck_assert_uint_eq(server.sends, 2);
    settle();
    ck_assert(sent_to(&peer, "three").port == 7000);
    ck_assert_uint_eq(server.sends, 2);
    ck_assert_uint_eq(server.channel_datas, 1);
    out = hws_writer_over(buffer, 4);
    ck_assert(hws_turn_wrap(turn, &peer, hws_bytes_of("x"), &out) == HWS_ERR_FULL);
}
END_TEST

START_TEST(a_refused_channel_leaves_indications)
{
    struct hws_address peer = address("203.0.113.5", 7000);

    start_plain();
    permit("203.0.113.5");
    server.force[HWS_STUN_CHANNEL_BIND] = 403;
    server.force_count[HWS_STUN_CHANNEL_BIND] = 1;
    hws_turn_bind(turn, &peer, now);
    pass(HWS_SEC(2000));
    ck_assert_uint_eq(server.seen[HWS_STUN_CHANNEL_BIND], 1);
    ck_assert(sent_to(&peer, "one").port == 7000);
    ck_assert_uint_eq(server.sends, 1);
}
END_TEST

START_TEST(padding_is_zero_and_for_streams_only)
{
    struct hws_address peer = address("203.0.113.5", 7000);
    uint8_t buffer[100];
    struct hws_writer out;

    for (int stream = 0; stream < 2; stream++) {
        setup();
        begin_with((struct hws_turn_config){.stream = stream == 1});
        start();
        permit("203.0.113.5");
        memset(buffer, 0xAA, sizeof(buffer));
        out = hws_writer_over(buffer, sizeof(buffer));
        ck_assert(hws_turn_wrap(turn, &peer, hws_bytes_of("abcde"), &out) == HWS_OK);
        ck_assert_uint_eq(out.len % 4, 0);
        ck_assert(memcmp(buffer + out.len - 3, "\0\0\0", 3) == 0);
        hws_turn_bind(turn, &peer, now);
        settle();
        memset(buffer, 0xAA, sizeof(buffer));
        out = hws_writer_over(buffer, sizeof(buffer));
        ck_assert(hws_turn_wrap(turn, &peer, hws_bytes_of("abcde"), &out) == HWS_OK);
        ck_assert_uint_eq(out.len, stream ? 12 : 9);
        if (stream) ck_assert(memcmp(buffer + 9, "\0\0\0", 3) == 0);
        teardown();
    }
}
END_TEST

/* ---- Data that comes */

static enum hws_err feed_data(const struct hws_address *peer, const char *text, bool with_data,
                              struct hws_turn_data *out)
{
    static const uint8_t transaction[HWS_STUN_TID_LEN] = "spoofed....";
    uint8_t buffer[200];
    struct hws_stun_writer msg =
        hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_INDICATION, HWS_STUN_DATA, transaction);
    struct hws_bytes bytes;

    if (peer) hws_stun_add_xor_address(&msg, HWS_STUN_XOR_PEER_ADDRESS, peer);
    if (with_data) hws_stun_add_bytes(&msg, HWS_STUN_DATA_ATTR, hws_bytes_of(text));
    ck_assert(hws_stun_end(&msg, &bytes) == HWS_OK);
    return hws_turn_feed(turn, bytes, now, out);
}

START_TEST(data_needs_a_permission)
{
    struct hws_address peer = address("203.0.113.5", 7000), other = address("203.0.113.6", 7000);
    struct hws_turn_data data;

    start_plain();
    permit("203.0.113.5");
    ck_assert(feed_data(&peer, "hello", true, &data) == HWS_OK);
    ck_assert(hws_address_equal(&data.peer, &peer));
    ck_assert(hws_address_equal(&data.relayed, &allocated.relayed[0]));
    ck_assert_uint_eq(data.bytes.len, 5);
    ck_assert(feed_data(&peer, "", true, &data) == HWS_OK); /* an empty datagram is one */
    ck_assert(data.peer.family == HWS_FAMILY_IP4);
    ck_assert(feed_data(&other, "hello", true, &data) == HWS_ERR_UNEXPECTED);
    ck_assert(data.peer.family == HWS_FAMILY_NONE);
    ck_assert(feed_data(&peer, "hello", false, &data) == HWS_ERR_MALFORMED);
    ck_assert(feed_data(NULL, "hello", true, &data) == HWS_ERR_MALFORMED);
    other = address("2001:db8::5", 7000);
    ck_assert(feed_data(&other, "hello", true, &data) == HWS_ERR_UNEXPECTED);
    hws_turn_close(turn, now);
    ck_assert(feed_data(&peer, "hello", true, &data) == HWS_ERR_UNEXPECTED);
}
END_TEST

START_TEST(channel_data_needs_a_channel)
{
    static const uint8_t bound[] = {0x40, 0, 0, 2, 'h', 'i'}, unbound[] = {0x40, 1, 0, 2, 'h', 'i'};
    static const uint8_t overlong[] = {0x40, 0, 0, 9, 'h', 'i'}, reserved[] = {0x4F, 0xFF, 0, 0};
    struct hws_address peer = address("203.0.113.5", 7000);
    struct hws_turn_data data;

    start_plain();
    permit("203.0.113.5");
    ck_assert(hws_turn_feed(turn, (struct hws_bytes){bound, 6}, now, &data) == HWS_ERR_UNEXPECTED);
    hws_turn_bind(turn, &peer, now);
    /* The server may use it before its answer has come. */
    ck_assert(hws_turn_feed(turn, (struct hws_bytes){bound, 6}, now, &data) == HWS_OK);
    settle();
    ck_assert(hws_turn_feed(turn, (struct hws_bytes){bound, 6}, now, &data) == HWS_OK);
    ck_assert(hws_address_equal(&data.peer, &peer));
    ck_assert_uint_eq(data.bytes.len, 2);
    ck_assert(hws_turn_feed(turn, (struct hws_bytes){unbound, 6}, now, &data) ==
              HWS_ERR_UNEXPECTED);
    ck_assert(hws_turn_feed(turn, (struct hws_bytes){reserved, 4}, now, &data) ==
              HWS_ERR_UNEXPECTED);
    ck_assert(hws_turn_feed(turn, (struct hws_bytes){overlong, 6}, now, &data) ==
              HWS_ERR_TRUNCATED);
}
END_TEST

START_TEST(answers_of_strangers_change_nothing)
{
    uint8_t buffer[100], transaction[HWS_STUN_TID_LEN] = {1, 2, 3};
    struct hws_stun_writer msg;
    struct hws_turn_data data;
    struct hws_bytes bytes;

    start_plain();
    msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_ERROR, HWS_STUN_REFRESH, transaction);
    hws_stun_add_error(&msg, 437, "");
    ck_assert(hws_stun_end(&msg, &bytes) == HWS_OK);
    ck_assert(hws_turn_feed(turn, bytes, now, &data) == HWS_ERR_UNEXPECTED);
    take_events();
    ck_assert_uint_eq(failed_count, 0);
}
END_TEST

START_TEST(bounds_of_the_configuration)
{
    static char text[1000];
    struct hws_turn_config config = {.random.fill = fill, .server = address("192.0.2.1", 3478)};
    struct hws_turn *none;

    memset(text, 'a', sizeof(text));
    config.username = (struct hws_bytes){(const uint8_t *)text, HWS_TURN_USERNAME_MAX + 1};
    ck_assert(hws_turn_new(&config, &none) == HWS_ERR_TOO_BIG);
    config.username.len = 0;
    config.password = (struct hws_bytes){(const uint8_t *)text, HWS_TURN_PASSWORD_MAX + 1};
    ck_assert(hws_turn_new(&config, &none) == HWS_ERR_TOO_BIG);
    config.password.len = 0;
    config.patience = -1;
    ck_assert(hws_turn_new(&config, &none) == HWS_ERR_ARGUMENT);
    config.patience = 0;
    config.server = address("0.0.0.0", 3478);
    ck_assert(hws_turn_new(&config, &none) == HWS_ERR_ARGUMENT);
    config.server = address("192.0.2.1", 0);
    ck_assert(hws_turn_new(&config, &none) == HWS_ERR_ARGUMENT);
}
END_TEST

START_TEST(a_realm_too_long_is_refused)
{
    static char text[801];

    memset(text, 'r', sizeof(text) - 1);
    server.realm = text;
    begin_with((struct hws_turn_config){0});
    start();
    ck_assert_uint_eq(failed_count, 1);
    ck_assert_uint_eq(failed.code, 401);
    ck_assert_uint_eq(packets, 1);
}
END_TEST

/* ---- Streams */

START_TEST(a_stream_is_cut_into_messages)
{
    uint8_t stream_bytes[20 + 12 + 8], *at = stream_bytes;
    static const size_t lens[] = {20, 12, 8};

    memset(stream_bytes, 0, sizeof(stream_bytes));
    at[1] = 1; /* a Binding request without attributes */
    at += 20;
    memcpy(at, "\x40\x00\x00\x05hello", 9); /* padded to 12 */
    at += 12;
    memcpy(at, "\x40\x01\x00\x04more", 8);
    for (size_t step = 1; step <= sizeof(stream_bytes); step++) {
        static struct hws_turn_stream stream;
        size_t fed = 0, got = 0;
        struct hws_bytes message;

        memset(&stream, 0, sizeof(stream));
        while (fed < sizeof(stream_bytes)) {
            size_t len = sizeof(stream_bytes) - fed < step ? sizeof(stream_bytes) - fed : step;

            fed += hws_turn_stream_feed(&stream, (struct hws_bytes){stream_bytes + fed, len});
            while (hws_turn_stream_next(&stream, &message) == HWS_OK) {
                ck_assert_uint_lt(got, 3);
                ck_assert_uint_eq(message.len, lens[got]);
                got++;
            }
        }
        ck_assert_uint_eq(got, 3);
        ck_assert(hws_turn_stream_next(&stream, &message) == HWS_ERR_AGAIN);
    }
}
END_TEST

START_TEST(a_stream_leaves_out_what_is_too_long)
{
    static struct hws_turn_stream stream;
    static uint8_t bytes[70000];
    size_t fed = 0, got = 0;
    struct hws_bytes message;

    memset(&stream, 0, sizeof(stream));
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "\x40\x00\xFF\xFF", 4);
    memcpy(bytes + 4 + 65536, "\x40\x01\x00\x04more", 8);
    while (fed < 4 + 65536 + 8) {
        size_t rest = 4 + 65536 + 8 - fed;

        fed += hws_turn_stream_feed(&stream, (struct hws_bytes){bytes + fed, rest});
        while (hws_turn_stream_next(&stream, &message) == HWS_OK) {
            ck_assert_uint_eq(message.len, 8);
            got++;
        }
    }
    ck_assert_uint_eq(got, 1);
}
END_TEST

START_TEST(a_lost_stream_is_told)
{
    static struct hws_turn_stream stream;
    struct hws_bytes message;

    memset(&stream, 0, sizeof(stream));
    (void)hws_turn_stream_feed(&stream, hws_bytes_of("\x80\x01\x01\x01"));
    ck_assert(hws_turn_stream_next(&stream, &message) == HWS_ERR_MALFORMED);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("turn");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, allocates_with_two_round_trips);
    tcase_add_test(tc, both_families);
    tcase_add_test(tc, one_family);
    tcase_add_test(tc, a_server_open_to_all);
    tcase_add_test(tc, sha256_and_userhash);
    tcase_add_test(tc, bidding_down_is_refused);
    tcase_add_test(tc, wrong_credentials_stop_at_once);
    tcase_add_test(tc, unsigned_success_is_as_if_lost);
    tcase_add_test(tc, repeats_as_the_rfc_says);
    tcase_add_test(tc, patience_with_a_dead_server);
    tcase_add_test(tc, a_stream_repeats_nothing);
    tcase_add_test(tc, loss_of_every_packet_once);
    tcase_add_loop_test(tc, refusal_of_an_allocation, 0, ROWS(refusals));
    tcase_add_test(tc, a_full_server_is_not_asked_for_ever);
    tcase_add_test(tc, a_stale_nonce_is_replaced);
    tcase_add_test(tc, follows_to_another_server);
    tcase_add_test(tc, is_not_led_in_circles);
    tcase_add_test(tc, lives_for_hours);
    tcase_add_test(tc, lives_through_loss);
    tcase_add_test(tc, short_and_odd_lifetimes);
    tcase_add_test(tc, a_restarted_server);
    tcase_add_test(tc, expired_credentials);
    tcase_add_test(tc, a_server_that_dies);
    tcase_add_test(tc, a_stream_that_breaks);
    tcase_add_test(tc, closing_gives_it_back);
    tcase_add_test(tc, permissions_share_requests);
    tcase_add_test(tc, permissions_are_bounded);
    tcase_add_test(tc, one_forbidden_peer_hurts_no_other);
    tcase_add_test(tc, a_mismatched_family_is_refused);
    tcase_add_test(tc, indications_then_channels);
    tcase_add_test(tc, a_refused_channel_leaves_indications);
    tcase_add_test(tc, padding_is_zero_and_for_streams_only);
    tcase_add_test(tc, data_needs_a_permission);
    tcase_add_test(tc, channel_data_needs_a_channel);
    tcase_add_test(tc, answers_of_strangers_change_nothing);
    tcase_add_test(tc, bounds_of_the_configuration);
    tcase_add_test(tc, a_realm_too_long_is_refused);
    tcase_add_test(tc, a_stream_is_cut_into_messages);
    tcase_add_test(tc, a_stream_leaves_out_what_is_too_long);
    tcase_add_test(tc, a_lost_stream_is_told);
    return run_case("turn", tc);
}

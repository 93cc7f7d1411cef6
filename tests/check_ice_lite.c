/* A lite agent (RFC 8445 section 2.5): against a scripted peer, and a lite peer against a full one. */
#include "support/check_main.h"
#include "support/ice_script.h"
#include "support/peer_world.h"

#include <string.h>

static struct hws_ice *full; /* the fixture's own agent, replaced by a lite one */

static void set_up_lite(void)
{
    struct hws_ice_config config = {
        .random = {script_fill, NULL},
          .controlling = true, .lite = true
    };
    struct hws_address server = net_addr("203.0.113.3", 3478);

    set_up();
    full = ice;
    ck_assert_int_eq(hws_ice_new(&config, &ice), HWS_OK);
    ck_assert_int_eq(hws_ice_add_local(ice, &here, start), HWS_OK);
    ck_assert_int_eq(hws_ice_add_server(ice, &server, start), HWS_OK);
    hws_ice_end_local(ice, start);
    know_peer(start);
}

static void tear_down_lite(void)
{
    hws_ice_free(full);
    tear_down();
}

START_TEST(it_asks_for_nothing)
{
    ck_assert(!hws_ice_is_controlling(ice));
    hws_ice_set_controlling(ice, true);
    ck_assert(!hws_ice_is_controlling(ice));
    ck_assert(next_event(HWS_ICE_LOCAL_END));
    for (int i = 0; i < 1000 && hws_ice_deadline(ice) < HWS_NEVER; i++) {
        hws_ice_tick(ice, hws_ice_deadline(ice));
        expect_silence();
    }
    ck_assert(next_event(HWS_ICE_FAILED)); /* nobody came */
}
END_TEST

START_TEST(the_peer_chooses)
{
    struct request check = {.controlling = true};
    struct hws_ice_path path;

    ck_assert_int_eq(ask(&check, start + HWS_MS(10)), HWS_OK);
    (void)expect(HWS_STUN_SUCCESS);
    expect_silence();                     /* no check of our own */
    ck_assert(!hws_ice_path(ice, &path)); /* nor data before a nomination: the peer saw an answer */
    ck_assert(hws_ice_admits(ice, &here, &there));
    check.use = true;
    ck_assert_int_eq(ask(&check, start + HWS_MS(30)), HWS_OK);
    (void)expect(HWS_STUN_SUCCESS);
    expect_silence();
    ck_assert(next_event(HWS_ICE_SELECTED));
    ck_assert(next_event(HWS_ICE_NOMINATED));
    ck_assert(hws_ice_path(ice, &path));
    ck_assert(hws_address_equal(&path.remote, &there));
    check.from = net_addr("198.51.100.9", 99); /* it finds a better pair */
    check.priority = INT32_MAX;
    ck_assert_int_eq(ask(&check, start + HWS_MS(60)), HWS_OK);
    ck_assert(next_event(HWS_ICE_SELECTED));
    ck_assert(hws_ice_path(ice, &path));
    ck_assert(hws_address_equal(&path.remote, &check.from));
}
END_TEST

/* RFC 8445 section 6.1.1: whatever the tiebreakers are, the full agent controls. */
START_TEST(it_is_controlled_for_ever)
{
    struct request check = {.tiebreaker = _i == 0 ? 0 : UINT64_MAX};
    struct sent refusal;

    ck_assert_int_eq(ask(&check, start + HWS_MS(10)), HWS_ERR_REFUSED);
    refusal = expect(HWS_STUN_ERROR);
    ck_assert_uint_eq(refusal.msg.error_code, HWS_STUN_ROLE_CONFLICT);
    ck_assert(!hws_ice_is_controlling(ice));
}
END_TEST

/* The checks of the peer are its consent; without them the path ends. */
START_TEST(consent_is_what_the_peer_asks)
{
    struct request check = {.controlling = true, .use = true};
    struct hws_ice_path path;
    hws_time now = start;

    ck_assert_int_eq(ask(&check, now), HWS_OK);
    (void)expect(HWS_STUN_SUCCESS);
    check.use = false;
    for (int i = 0; i < 20; i++) {
        now += HWS_SEC(5);
        ck_assert_int_eq(ask(&check, now), HWS_OK);
        (void)expect(HWS_STUN_SUCCESS);
        expect_silence();
    }
    ck_assert(hws_ice_path(ice, &path));
    ck_assert_int_eq(hws_ice_deadline(ice), now + HWS_SEC(30));
    check.from = net_addr("198.51.100.9", 99); /* of another path it says nothing */
    ck_assert_int_eq(ask(&check, now + HWS_SEC(10)), HWS_OK);
    ck_assert_int_eq(hws_ice_deadline(ice), now + HWS_SEC(30));
    hws_ice_tick(ice, now + HWS_SEC(30));
    ck_assert(next_event(HWS_ICE_EXPIRED));
    ck_assert(!hws_ice_path(ice, &path));
    ck_assert(hws_ice_lost_path(ice, &path));
    ck_assert(hws_address_equal(&path.remote, &there));
}
END_TEST

START_TEST(two_lite_agents_are_refused)
{
    struct hws_ice before;

    hws_ice_restart(ice, start);
    before = snapshot();
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, true, start),
                     HWS_ERR_UNSUPPORTED);
    assert_unchanged(&before, "a lite peer");
}
END_TEST

/* ---- Whole peers */

static struct world world;

static bool both_connected(struct world *w)
{
    return world_saw(&w->peers[0], HWS_EVENT_CONNECTED) &&
           world_saw(&w->peers[1], HWS_EVENT_CONNECTED);
}

static bool one_closed(struct world *w)
{
    return world_saw(&w->peers[0], HWS_EVENT_CLOSED) || world_saw(&w->peers[1], HWS_EVENT_CLOSED);
}

static bool description_is_lite;

static void look_at(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    (void)cap;
    if (kind != HWS_SIGNAL_CANDIDATE && from == &world.peers[1])
        description_is_lite = strstr(text, "\r\na=ice-lite\r\n") != NULL;
}

/* The full one is offerer or answerer; either way it controls, keeps the path, and both live on. */
START_TEST(a_lite_peer_connects)
{
    struct world_peer *peer[2];

    world_init(&world, 7);
    world.loss_percent = _i < 2 ? 0 : 20;
    world.edit = look_at;
    description_is_lite = false;
    peer[0] = world_add(&world, &(struct hws_peer_config){0});
    peer[1] = world_add(&world, &(struct hws_peer_config){.ice_lite = true});
    world_pair(peer[0], peer[1]);
    ck_assert_int_eq(hws_peer_offer(peer[_i % 2]->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(30), both_connected));
    ck_assert(description_is_lite);
    world.loss_percent = 0;
    world_pass(&world, HWS_SEC(100));
    ck_assert(!one_closed(&world));
    ck_assert_int_eq(hws_peer_restart_ice(peer[0]->peer, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(100));
    ck_assert(!one_closed(&world));
    world_fini(&world);
}
END_TEST

START_TEST(two_lite_peers_do_not_try)
{
    struct world_peer *peer[2];

    world_init(&world, 8);
    for (int i = 0; i < 2; i++) {
        peer[i] = world_add(&world, &(struct hws_peer_config){.ice_lite = true});
    }
    world_pair(peer[0], peer[1]);
    ck_assert_int_eq(hws_peer_offer(peer[0]->peer, world.now), HWS_OK);
    world_pass(&world, HWS_SEC(1));
    ck_assert_uint_eq(world.datagrams, 0);
    ck_assert_str_eq(hws_peer_fault_text(peer[1]->peer),
                     "ice: both sides are ICE lite: nobody would check");
    world_fini(&world);
}
END_TEST

/* The reason of an expiry names the pair, and its times are the configuration's. */
START_TEST(expiry_names_the_pair)
{
    struct hws_peer_config config = {.consent_expiry = HWS_SEC(12), .consent_period = HWS_SEC(4)};
    struct world_peer *peer[2];
    hws_time cut;

    world_init(&world, 9);
    for (int i = 0; i < 2; i++) {
        peer[i] = world_add(&world, &config);
    }
    world_pair(peer[0], peer[1]);
    ck_assert_int_eq(hws_peer_offer(peer[0]->peer, world.now), HWS_OK);
    ck_assert(world_run(&world, HWS_SEC(5), both_connected));
    world_pass(&world, HWS_SEC(60));
    cut = world.now;
    peer[0]->mute = true;
    ck_assert(world_run(&world, HWS_SEC(20), one_closed));
    ck_assert_int_ge(world.now - cut, HWS_SEC(7));
    ck_assert_int_le(world.now - cut, HWS_SEC(12));
    world_pass(&world, HWS_SEC(10));
    ck_assert_str_eq(hws_peer_fault_text(peer[0]->peer),
                     "ice: the other side fell silent: host 10.0.0.1:4000 to host 10.0.0.2:4000");
    world_fini(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice lite");
    TCase *agent = tcase_create("agent"), *peer = tcase_create("peer");

    tcase_add_checked_fixture(agent, set_up_lite, tear_down_lite);
    tcase_add_test(agent, it_asks_for_nothing);
    tcase_add_test(agent, the_peer_chooses);
    tcase_add_loop_test(agent, it_is_controlled_for_ever, 0, 2);
    tcase_add_test(agent, consent_is_what_the_peer_asks);
    tcase_add_test(agent, two_lite_agents_are_refused);
    suite_add_tcase(suite, agent);
    tcase_add_loop_test(peer, a_lite_peer_connects, 0, 4);
    tcase_add_test(peer, two_lite_peers_do_not_try);
    tcase_add_test(peer, expiry_names_the_pair);
    suite_add_tcase(suite, peer);
    return run_suite(suite);
}

/* Two agents and the network between them, in virtual time. What is measured is what a program
 * sees: when data may flow, where, and when it must stop. Protocol details against a scripted peer are in
 * check_ice_peer.c. */
#include "support/ice_net.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static struct net net;
static hws_time start;

static void begin(uint64_t seed)
{
    net_init(&net, seed);
    start = net.now;
}

static void end(void)
{
    ck_assert_msg(!net.saw_busy, "a tick did not move its deadline");
    net_fini(&net);
}

static void two_hosts(uint64_t seed)
{
    begin(seed);
    net_site_start(&net, 0, true, NULL);
    net_site_start(&net, 1, false, NULL);
    net_site_addr(&net, 0, "192.0.2.1", 1111);
    net_site_addr(&net, 1, "198.51.100.2", 2222);
}

static struct hws_ice_path path_of(int site)
{
    struct hws_ice_path path = {0};

    ck_assert(hws_ice_path(net.sites[site].ice, &path));
    return path;
}

/* Both sides name the same path, and it is one on which they let packets in. */
static void assert_agree(void)
{
    struct hws_ice_path a = path_of(0), b = path_of(1);

    ck_assert(hws_ice_admits(net.sites[0].ice, &a.local, &a.remote));
    ck_assert(hws_ice_admits(net.sites[1].ice, &b.local, &b.remote));
    if (net.sites[0].nat == NET_NAT_NONE) ck_assert(hws_address_equal(&a.local, &b.remote));
    if (net.sites[1].nat == NET_NAT_NONE) ck_assert(hws_address_equal(&b.local, &a.remote));
}

/* ---- Set-up */

START_TEST(direct)
{
    two_hosts(1);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    /* Description 10 ms, check 10 ms, response 10 ms: one round trip after the description. */
    ck_assert_int_le(net.sites[0].selected_at - start, HWS_MS(30));
    ck_assert_int_le(net.sites[1].selected_at - start, HWS_MS(30));
    net_run(&net, start + HWS_SEC(2));
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert_int_ge(net.sites[1].nominated_at, 0);
    ck_assert_int_le(net.sites[0].nominated_at - start, HWS_MS(60));
    ck_assert_uint_eq(net.sites[0].selected_count, 1);
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_HOST);
    ck_assert_int_eq(path_of(0).remote_type, HWS_CANDIDATE_HOST);
    ck_assert_int_eq(path_of(0).rtt, HWS_MS(20));
    ck_assert_uint_lt(net.sites[0].packets_out, 8);
    assert_agree();
    end();
}
END_TEST

START_TEST(both_families)
{
    two_hosts(2);
    net_site_addr(&net, 0, "2001:db8::1", 1111);
    net_site_addr(&net, 1, "2001:db8::2", 2222);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(2));
    ck_assert_int_eq(path_of(0).local.family, HWS_FAMILY_IP6); /* RFC 8421 section 4 */
    assert_agree();
    end();
}
END_TEST

/* No server: the public side learns the other from its check. */
START_TEST(peer_reflexive)
{
    begin(3);
    net_site_start(&net, 0, _i == 0, NULL);
    net_site_start(&net, 1, _i != 0, NULL);
    net_site_addr(&net, 0, "10.0.0.5", 1111);
    net_site_nat(&net, 0, NET_NAT_SYMMETRIC, "192.0.2.9");
    net_site_addr(&net, 1, "198.51.100.2", 2222);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(1)));
    ck_assert_int_le(net.sites[1].selected_at - start, HWS_MS(60));
    net_run(&net, start + HWS_SEC(2));
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_PRFLX);
    ck_assert_int_eq(path_of(1).remote_type, HWS_CANDIDATE_PRFLX);
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert_int_ge(net.sites[1].nominated_at, 0);
    end();
}
END_TEST

static const struct {
    enum net_nat a, b;
    bool works;
} nats[] = {
    {NET_NAT_CONE,       NET_NAT_CONE,       true },
    {NET_NAT_CONE,       NET_NAT_SYMMETRIC,  true },
    {NET_NAT_RESTRICTED, NET_NAT_RESTRICTED, true },
    {NET_NAT_SYMMETRIC,  NET_NAT_CONE,       true },
    {NET_NAT_NONE,       NET_NAT_SYMMETRIC,  true },
    {NET_NAT_RESTRICTED, NET_NAT_SYMMETRIC,  false},
    {NET_NAT_SYMMETRIC,  NET_NAT_SYMMETRIC,  false},
};

START_TEST(through_nats)
{
    begin(4);
    net_server(&net, "203.0.113.3", 3478);
    for (int i = 0; i < NET_SITES; i++) {
        enum net_nat nat = i == 0 ? nats[_i].a : nats[_i].b;

        net_site_start(&net, i, i == 0, NULL);
        net_site_addr(&net, i,
                      nat == NET_NAT_NONE ? "198.51.100.7"
                      : i                 ? "10.1.0.5"
                                          : "10.0.0.5",
                      (uint16_t)(1111 + i));
        net_site_nat(&net, i, nat, i ? "192.0.2.20" : "192.0.2.10");
    }
    net_call(&net);
    if (nats[_i].works) {
        ck_assert_msg(net_run_connected(&net, start + HWS_SEC(2)), "row %d did not connect", _i);
        net_run(&net, start + HWS_SEC(60)); /* and stays */
        ck_assert_int_ge(net.sites[0].nominated_at, 0);
        ck_assert_int_lt(net.sites[0].expired_at, 0);
        assert_agree();
    } else {
        net_run(&net, start + HWS_SEC(39));
        ck_assert_int_lt(net.sites[0].failed_at, 0); /* RFC 8863 section 4 */
        net_run(&net, start + HWS_SEC(45));
        ck_assert_int_ge(net.sites[0].failed_at, start + HWS_MS(39500));
        ck_assert_int_ge(net.sites[1].failed_at, start + HWS_MS(39500));
        ck_assert_int_eq(hws_ice_deadline(net.sites[0].ice), HWS_NEVER);
    }
    if (nats[_i].a != NET_NAT_NONE) ck_assert_uint_eq(net.sites[0].srflx_count, 1);
    if (nats[_i].a == NET_NAT_NONE) ck_assert_uint_eq(net.sites[0].srflx_count, 0); /* redundant */
    end();
}
END_TEST

START_TEST(dead_server_delays_nothing)
{
    two_hosts(5);
    for (int i = 0; i < NET_SITES; i++) {
        struct hws_address dead = net_addr("203.0.113.99", 3478);

        ck_assert_int_eq(hws_ice_add_server(net.sites[i].ice, &dead, net.now), HWS_OK);
    }
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    ck_assert_int_le(net.sites[0].selected_at - start, HWS_MS(40));
    ck_assert_int_le(net.sites[1].selected_at - start, HWS_MS(40));
    net_run(&net, start + HWS_MS(5400));
    ck_assert_int_lt(net.sites[0].local_end_at, 0);
    net_run(&net, start + HWS_MS(6000));
    ck_assert_int_ge(net.sites[0].local_end_at, 0);
    end();
}
END_TEST

/* The offerer is checked before it knows the answer: it answers, the other side is ready at once,
 * and it is itself one round trip after the answer. */
START_TEST(checks_before_answer)
{
    hws_time answered;

    two_hosts(6);
    net.trickle = false;
    for (int i = 0; i < NET_SITES; i++) {
        ck_assert_int_eq(hws_ice_add_local(net.sites[i].ice, &net.sites[i].addrs[0], net.now),
                         HWS_OK);
        hws_ice_end_local(net.sites[i].ice, net.now);
    }
    net_drain(&net);
    net_describe(&net, 0);
    ck_assert_int_eq(hws_ice_add_remote(net.sites[1].ice, &net.sites[0].candidates[0], net.now),
                     HWS_OK);
    net_run(&net, start + HWS_MS(500));
    ck_assert_int_ge(net.sites[1].selected_at, 0);
    ck_assert_int_lt(net.sites[0].selected_at, 0);
    ck_assert(hws_ice_admits(net.sites[0].ice, &net.sites[0].addrs[0], &net.sites[1].addrs[0]));
    net_describe(&net, 1);
    answered = net.now + net.signal_delay;
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    ck_assert_int_eq(net.sites[0].selected_at, answered + 2 * net.delay);
    net_run(&net, net.now + HWS_SEC(1));
    ck_assert_int_ge(net.sites[1].nominated_at, 0);
    end();
}
END_TEST

START_TEST(candidates_before_credentials)
{
    two_hosts(7);
    net_call(&net); /* puts the description in front, so hand the candidates over by hand */
    for (int i = 0; i < NET_SITES; i++) {
        struct hws_candidate foreign = net.sites[i].candidates[0];

        foreign.addr = net_addr("203.0.113.77", 7);
        memcpy(foreign.ufrag, "OLDGENERATION", sizeof("OLDGENERATION"));
        ck_assert_int_eq(hws_ice_add_remote(net.sites[1 - i].ice, &foreign, net.now), HWS_OK);
        ck_assert_int_eq(
            hws_ice_add_remote(net.sites[1 - i].ice, &net.sites[i].candidates[0], net.now), HWS_OK);
    }
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    ck_assert_int_le(net.sites[0].selected_at - start, HWS_MS(30));
    for (int i = 0; i < NET_SITES; i++) {
        struct hws_ice_stats stats;

        hws_ice_stats(net.sites[i].ice, &stats);
        ck_assert_uint_eq(stats.remote_count, 1); /* the one of another generation is gone */
        ck_assert_uint_eq(stats.pair_count, 1);
    }
    end();
}
END_TEST

START_TEST(role_conflict)
{
    begin((uint64_t)_i);
    net_site_start(&net, 0, _i % 2 == 0, NULL);
    net_site_start(&net, 1, _i % 2 == 0, NULL);
    net_site_addr(&net, 0, "192.0.2.1", 1111);
    net_site_addr(&net, 1, "198.51.100.2", 2222);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    ck_assert_int_le(net.sites[0].selected_at - start, HWS_MS(80));
    ck_assert_int_le(net.sites[1].selected_at - start, HWS_MS(80));
    net_run(&net, start + HWS_SEC(2));
    ck_assert(hws_ice_is_controlling(net.sites[0].ice) != hws_ice_is_controlling(net.sites[1].ice));
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert_int_ge(net.sites[1].nominated_at, 0);
    assert_agree();
    end();
}
END_TEST

static struct hws_candidate made_up(unsigned n, const char *foundation)
{
    struct hws_candidate c = {.type = HWS_CANDIDATE_HOST, .priority = 2000000000u + n};

    c.addr = net_addr("203.0.113.1", (uint16_t)(1 + n % 60000));
    c.addr.ip[3] = (uint8_t)(1 + n / 60000);
    (void)snprintf(c.foundation, sizeof(c.foundation), foundation, n);
    return c;
}

/* Sixty-three dead candidates of higher priority, and the other side only answers. */
START_TEST(one_of_64_works)
{
    struct hws_candidate real;

    two_hosts(8);
    net.trickle = false;
    for (int i = 0; i < NET_SITES; i++) {
        ck_assert_int_eq(hws_ice_add_local(net.sites[i].ice, &net.sites[i].addrs[0], net.now),
                         HWS_OK);
    }
    net_drain(&net);
    for (unsigned n = 0; n < 63; n++) {
        struct hws_candidate dead = made_up(n, _i ? "same" : "f%u");

        dead.priority = 2140000000u + n;
        ck_assert_int_eq(hws_ice_add_remote(net.sites[0].ice, &dead, net.now), HWS_OK);
    }
    real = net.sites[1].candidates[0];
    if (_i) memcpy(real.foundation, "same", sizeof("same"));
    ck_assert_int_eq(hws_ice_add_remote(net.sites[0].ice, &real, net.now), HWS_OK);
    net_describe(&net, 1);
    net_run(&net, start + HWS_SEC(2));
    ck_assert_int_ge(net.sites[0].selected_at, 0);
    end();
}
END_TEST

/* ---- Bounds */

START_TEST(ten_thousand_candidates)
{
    struct hws_ice_stats stats;
    unsigned taken = 0;

    begin(9);
    net_site_start(&net, 0, true, NULL);
    for (unsigned i = 0; i < 8; i++) {
        struct hws_address addr = net_addr("192.0.2.1", (uint16_t)(1000 + i));

        ck_assert_int_eq(hws_ice_add_local(net.sites[0].ice, &addr, net.now), HWS_OK);
    }
    ck_assert_int_eq(
        hws_ice_set_remote(net.sites[0].ice, "ufrag", "passwordpasswordpassword", false, net.now),
        HWS_OK);
    for (unsigned n = 0; n < 10000; n++) {
        struct hws_candidate c = made_up(n, "f%u");
        enum hws_err err = hws_ice_add_remote(net.sites[0].ice, &c, net.now);

        if (!err) taken++;
        ck_assert(!err || err == HWS_ERR_FULL);
        hws_ice_stats(net.sites[0].ice, &stats);
        ck_assert_uint_le(stats.pair_count, HWS_ICE_PAIR_MAX);
        net_run(&net, net.now + HWS_MS(1));
    }
    ck_assert_uint_eq(taken, HWS_ICE_REMOTE_MAX);
    ck_assert_uint_eq(stats.remote_count, HWS_ICE_REMOTE_MAX);
    ck_assert_uint_eq(stats.pair_count, HWS_ICE_PAIR_MAX);
    end();
}
END_TEST

/* ---- Loss */

static int by_value(const void *a, const void *b)
{
    hws_time x = *(const hws_time *)a, y = *(const hws_time *)b;

    return x < y ? -1 : x > y;
}

enum { LOSS_SEEDS = 400 };

START_TEST(loss)
{
    static hws_time took[LOSS_SEEDS];
    unsigned expired = 0;

    for (uint64_t seed = 0; seed < LOSS_SEEDS; seed++) {
        two_hosts(seed);
        net.loss_percent = 30;
        net.jitter = HWS_MS(15);
        net_call(&net);
        ck_assert_msg(net_run_connected(&net, start + HWS_SEC(39)), "seed %u did not connect",
                      (unsigned)seed);
        took[seed] = net.now - start;
        net_run(&net, net.now + HWS_SEC(60));
        /* Six consent requests in a row may be lost: 0.51^6, in the time that we look. */
        if (net.sites[0].expired_at < 0 && net.sites[1].expired_at < 0) {
            ck_assert_msg(net.sites[0].nominated_at >= 0 && net.sites[1].nominated_at >= 0,
                          "seed %u was not nominated", (unsigned)seed);
            assert_agree();
        } else {
            expired++;
        }
        end();
    }
    ck_assert_uint_le(expired, LOSS_SEEDS / 4);
    qsort(took, LOSS_SEEDS, sizeof(took[0]), by_value);
    printf("set-up at 30%% loss, ms: p50 %d p95 %d max %d\n", (int)(took[LOSS_SEEDS / 2] / 1000),
           (int)(took[LOSS_SEEDS * 95 / 100] / 1000), (int)(took[LOSS_SEEDS - 1] / 1000));
    ck_assert_int_le(took[LOSS_SEEDS / 2], HWS_MS(600));
    ck_assert_int_le(took[LOSS_SEEDS * 95 / 100], HWS_SEC(4));
}
END_TEST

START_TEST(loss_and_nats)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        begin(seed);
        net.loss_percent = 30;
        net.jitter = HWS_MS(15);
        net_server(&net, "203.0.113.3", 3478);
        for (int i = 0; i < NET_SITES; i++) {
            net_site_start(&net, i, i == 0, NULL);
            net_site_addr(&net, i, i ? "10.1.0.5" : "10.0.0.5", (uint16_t)(1111 + i));
            net_site_nat(&net, i, NET_NAT_CONE, i ? "192.0.2.20" : "192.0.2.10");
        }
        net_call(&net);
        /* All four questions of both sides may be lost: then nobody can connect. */
        if (!net_run_connected(&net, start + HWS_SEC(39)))
            ck_assert_msg(net.sites[0].srflx_count == 0 && net.sites[1].srflx_count == 0,
                          "seed %u did not connect", (unsigned)seed);
        end();
    }
}
END_TEST

START_TEST(same_seed_same_trace)
{
    uint32_t traces[3];

    for (int i = 0; i < 3; i++) {
        two_hosts(i == 2 ? 78 : 77);
        net.loss_percent = 20;
        net.jitter = HWS_MS(30);
        net_call(&net);
        net_run(&net, start + HWS_SEC(30));
        traces[i] = net.trace;
        end();
    }
    ck_assert_uint_eq(traces[0], traces[1]);
    ck_assert_uint_ne(traces[0], traces[2]);
}
END_TEST

/* ---- Consent */

static bool cut;

static bool cut_wire(void *user, int from, const struct hws_datagram *sent)
{
    (void)user;
    (void)from;
    (void)sent;
    return !cut;
}

/* Run until a response arrives at site 0, then cut: the path dies 30 s after that response. */
START_TEST(consent_cut)
{
    struct hws_ice_stats before, after;
    struct hws_ice_path path;
    hws_time cut_at;

    two_hosts((uint64_t)_i);
    net.tap = cut_wire;
    cut = false;
    net_call(&net);
    net_run(&net, start + HWS_SEC(60));
    ck_assert_int_lt(net.sites[0].expired_at, 0);
    hws_ice_stats(net.sites[0].ice, &before);
    do {
        net_run(&net, net.now + HWS_MS(1));
        hws_ice_stats(net.sites[0].ice, &after);
    } while (after.responses_received == before.responses_received);
    cut = true;
    cut_at = net.now;
    net_run(&net, cut_at + HWS_SEC(120));
    ck_assert_int_ge(net.sites[0].expired_at, cut_at + HWS_MS(29900));
    ck_assert_int_le(net.sites[0].expired_at, cut_at + HWS_MS(30100));
    ck_assert_int_le(net.sites[0].last_out_at, cut_at + HWS_MS(30100));
    ck_assert_int_le(net.sites[1].last_out_at, cut_at + HWS_MS(30100));
    ck_assert(!hws_ice_path(net.sites[0].ice, &path));
    ck_assert(!hws_ice_admits(net.sites[0].ice, &net.sites[0].addrs[0], &net.sites[1].addrs[0]));
    ck_assert_int_eq(hws_ice_deadline(net.sites[0].ice), HWS_NEVER);
    cut = false; /* the wire is whole again: consent does not come back by itself */
    net_run(&net, net.now + HWS_SEC(60));
    ck_assert(!hws_ice_path(net.sites[0].ice, &path));
    end();
}
END_TEST

START_TEST(consent_stands_loss)
{
    unsigned expired = 0;

    for (uint64_t seed = 0; seed < 20; seed++) {
        two_hosts(seed);
        net.loss_percent = 5;
        net_call(&net);
        net_run(&net, start + HWS_SEC(600));
        if (net.sites[0].expired_at >= 0) expired++;
        end();
    }
    ck_assert_uint_eq(expired, 0);
}
END_TEST

/* ---- Restart */

static void restart_both(void)
{
    for (int i = 0; i < NET_SITES; i++) {
        net.sites[i].candidate_count = 0;
        net.sites[i].local_end_at = net.sites[i].nominated_at = -1;
        hws_ice_restart(net.sites[i].ice, net.now);
        net_describe(&net, i);
        net_drain(&net);
    }
}

START_TEST(restart_keeps_the_path)
{
    char ufrag[HWS_ICE_UFRAG_LEN + 1], pwd[HWS_ICE_PWD_LEN + 1];
    struct hws_ice_path before, during;

    two_hosts(20);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(10));
    before = path_of(0);
    memcpy(ufrag, hws_ice_ufrag(net.sites[0].ice), sizeof(ufrag));
    memcpy(pwd, hws_ice_pwd(net.sites[0].ice), sizeof(pwd));

    /* One side begins; the signalling takes longer than the consent of the old path lasts. */
    net.sites[0].candidate_count = 0;
    net.sites[0].nominated_at = -1;
    hws_ice_restart(net.sites[0].ice, net.now);
    net_drain(&net);
    ck_assert_str_ne(ufrag, hws_ice_ufrag(net.sites[0].ice));
    ck_assert_str_ne(pwd, hws_ice_pwd(net.sites[0].ice));
    ck_assert_uint_eq(net.sites[0].candidate_count, 1); /* announced again */
    ck_assert_str_eq(net.sites[0].candidates[0].ufrag, hws_ice_ufrag(net.sites[0].ice));
    for (int i = 0; i < 100; i++) {
        net_run(&net, net.now + HWS_SEC(1));
        during = path_of(0);
        ck_assert(hws_address_equal(&before.remote, &during.remote));
        ck_assert(hws_ice_admits(net.sites[0].ice, &during.local, &during.remote));
        (void)path_of(1);
    }
    ck_assert_int_lt(net.sites[0].expired_at, 0);
    ck_assert_int_lt(net.sites[1].expired_at, 0);

    /* The other side follows; the new list takes over without a gap. */
    net.sites[1].nominated_at = -1;
    hws_ice_restart(net.sites[1].ice, net.now);
    net_drain(&net);
    net_describe(&net, 0);
    net_describe(&net, 1);
    for (int i = 0; i < 1000; i++) {
        net_run(&net, net.now + HWS_MS(1));
        (void)path_of(0);
        (void)path_of(1);
    }
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert_int_ge(net.sites[1].nominated_at, 0);
    net_run(&net, net.now + HWS_SEC(120));
    ck_assert_int_lt(net.sites[0].expired_at, 0);
    ck_assert_int_lt(net.sites[1].expired_at, 0);
    assert_agree();
    end();
}
END_TEST

START_TEST(restart_twice_and_after_death)
{
    two_hosts(21);
    net.tap = cut_wire;
    cut = false;
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(3));
    hws_ice_restart(net.sites[0].ice, net.now);
    restart_both();
    net_run(&net, net.now + HWS_SEC(1));
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    assert_agree();

    cut = true;
    net_run(&net, net.now + HWS_SEC(40));
    ck_assert_int_ge(net.sites[0].expired_at, 0);
    cut = false;
    restart_both();
    net_run(&net, net.now + HWS_SEC(1));
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert_int_ge(net.sites[1].nominated_at, 0);
    assert_agree();
    end();
}
END_TEST

/* ---- Patience */

START_TEST(fails_when_alone)
{
    struct hws_ice_config config = {.fail_after = _i < 2 ? 0 : HWS_SEC(7)};
    hws_time patience = _i < 2 ? HWS_MS(39500) : HWS_SEC(7);
    bool ended = _i % 2 == 0;

    begin(30);
    net_site_start(&net, 0, true, &config);
    net_site_addr(&net, 0, "192.0.2.1", 1111);
    ck_assert_int_eq(hws_ice_add_local(net.sites[0].ice, &net.sites[0].addrs[0], start), HWS_OK);
    hws_ice_end_local(net.sites[0].ice, start);
    ck_assert_int_eq(
        hws_ice_set_remote(net.sites[0].ice, "ufrag", "passwordpasswordpassword", false, start),
        HWS_OK);
    if (ended) hws_ice_end_remote(net.sites[0].ice, start);
    net_run(&net, start + HWS_SEC(300));
    ck_assert_int_eq(net.sites[0].failed_at, start + (ended ? patience : 2 * patience));
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice_agent");
    TCase *tc = tcase_create("network");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, direct);
    tcase_add_test(tc, both_families);
    tcase_add_loop_test(tc, peer_reflexive, 0, 2);
    tcase_add_loop_test(tc, through_nats, 0, COUNT(nats));
    tcase_add_test(tc, dead_server_delays_nothing);
    tcase_add_test(tc, checks_before_answer);
    tcase_add_test(tc, candidates_before_credentials);
    tcase_add_loop_test(tc, role_conflict, 0, 40);
    tcase_add_loop_test(tc, one_of_64_works, 0, 2);
    tcase_add_test(tc, ten_thousand_candidates);
    tcase_add_test(tc, loss);
    tcase_add_test(tc, loss_and_nats);
    tcase_add_test(tc, same_seed_same_trace);
    tcase_add_loop_test(tc, consent_cut, 0, 5);
    tcase_add_test(tc, consent_stands_loss);
    tcase_add_test(tc, restart_keeps_the_path);
    tcase_add_test(tc, restart_twice_and_after_death);
    tcase_add_loop_test(tc, fails_when_alone, 0, 4);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

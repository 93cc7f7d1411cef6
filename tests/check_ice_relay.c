/* The ICE agent with TURN servers: relayed candidates beside the others, when nothing else works,
 * alone when asked for, and what a refusing or dead server does to everybody: nothing. */
#include "support/check_main.h"
#include "support/ice_net.h"

#include <string.h>

static struct net net;
static struct turn_server servers[2];
static hws_time start;

static void begin(uint64_t seed)
{
    net_init(&net, seed);
    start = net.now;
    server_init(&servers[0]);
    server_init(&servers[1]);
    servers[1].addr.ip[3] = 210;
    servers[1].relay4.ip[3] = 211;
    net_turn(&net, &servers[0]);
    net_turn(&net, &servers[1]);
}

static void end(void)
{
    ck_assert_msg(!net.saw_busy, "a tick did not move its deadline");
    net_fini(&net);
}

/* Two sites behind NATs that no direct check passes. */
static void two_behind_nat(uint64_t seed, const struct hws_ice_config *config)
{
    begin(seed);
    net_site_start(&net, 0, true, config);
    net_site_start(&net, 1, false, config);
    net_site_addr(&net, 0, "10.0.0.1", 1111);
    net_site_addr(&net, 1, "192.168.0.2", 2222);
    net_site_nat(&net, 0, NET_NAT_SYMMETRIC, "203.0.113.1");
    net_site_nat(&net, 1, NET_NAT_SYMMETRIC, "203.0.113.2");
    net_server(&net, "192.0.2.100", 3478); /* so that the relay knows whom to let through */
}

static struct hws_ice_path path_of(int site)
{
    struct hws_ice_path path = {0};

    ck_assert(hws_ice_path(net.sites[site].ice, &path));
    return path;
}

static unsigned candidates_of(int site, enum hws_candidate_type type)
{
    unsigned count = 0;

    for (unsigned i = 0; i < net.sites[site].candidate_count; i++) {
        if (net.sites[site].candidates[i].type == type) count++;
    }
    return count;
}

START_TEST(one_relay_is_enough)
{
    struct hws_ice_stats stats;

    two_behind_nat(1, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(3));
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_RELAY);
    ck_assert_int_eq(path_of(1).remote_type, HWS_CANDIDATE_RELAY);
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert_uint_eq(candidates_of(0, HWS_CANDIDATE_RELAY), 1);
    ck_assert_uint_eq(candidates_of(0, HWS_CANDIDATE_SRFLX), 2); /* the Allocate told one too */
    /* Two round trips to the server, one for the permission, one check: 4 x 20 ms and signalling. */
    ck_assert_int_le(net.sites[0].selected_at - start, HWS_MS(300));
    /* No check was sent before the server let it through. */
    hws_ice_stats(net.sites[0].ice, &stats);
    ck_assert_uint_eq(stats.packets_dropped, 0);
    end();
}
END_TEST

START_TEST(relay_to_relay)
{
    two_behind_nat(2, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_site_turn(&net, 1, &servers[1]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(3));
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert(path_of(0).local_type == HWS_CANDIDATE_RELAY ||
              path_of(0).remote_type == HWS_CANDIDATE_RELAY);
    end();
}
END_TEST

START_TEST(lasts_for_an_hour)
{
    two_behind_nat(3, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    net_run(&net, start + HWS_SEC(3600));
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_RELAY);
    ck_assert_int_eq(net.sites[0].expired_at, -1);
    ck_assert_int_eq(net.sites[1].expired_at, -1);
    ck_assert_uint_gt(servers[0].channel_datas, 100); /* consent runs over the channel */
    ck_assert_uint_lt(servers[0].sends, 20);
    ck_assert_uint_eq(net.sites[0].server_failures, 0);
    end();
}
END_TEST

/* Two public sites, of which the first has a relay. */
static void a_direct_call(uint64_t seed, bool named)
{
    begin(seed);
    net_site_start(&net, 0, true, NULL);
    net_site_start(&net, 1, false, NULL);
    net_site_addr(&net, 0, "192.0.2.1", 1111);
    net_site_addr(&net, 1, "198.51.100.2", 2222);
    net.sites[1].named = named;
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    net_run(&net, start + HWS_SEC(3));
}

START_TEST(a_direct_path_wins)
{
    begin(4);
    net_site_start(&net, 0, true, NULL);
    net_site_start(&net, 1, false, NULL);
    net_site_addr(&net, 0, "192.0.2.1", 1111);
    net_site_addr(&net, 1, "198.51.100.2", 2222);
    net_site_turn(&net, 0, &servers[0]);
    net_site_turn(&net, 1, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    /* As fast as without a relay. */
    ck_assert_int_le(net.sites[0].selected_at - start, HWS_MS(30));
    net_run(&net, start + HWS_SEC(3));
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_HOST);
    ck_assert_int_eq(path_of(0).remote_type, HWS_CANDIDATE_HOST);
    ck_assert_uint_eq(candidates_of(0, HWS_CANDIDATE_RELAY), 1);
    end();
}
END_TEST

/* draft-ietf-mmusic-mdns-ice-candidates section 3.3.2: a server would learn the address. */
START_TEST(names_are_never_relayed_to)
{
    enum { CREATE_PERMISSION = 8 };

    for (int named = 0; named <= 1; named++) {
        struct hws_pair_stats pairs[10];
        size_t count;
        unsigned relayed = 0;

        a_direct_call(14, named == 1);
        count = hws_ice_pairs(net.sites[0].ice, pairs, 10);
        ck_assert_uint_ge(count, 1);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(pairs[i].local_type, "relay") == 0) relayed++;
        }
        ck_assert_uint_eq(relayed, named ? 0 : 1);
        ck_assert_uint_eq(servers[0].seen[CREATE_PERMISSION] > 0, !named);
        end();
    }
}
END_TEST

START_TEST(relay_only_hides_the_host)
{
    struct hws_ice_config config = {.relay_only = true};

    begin(5);
    net_site_start(&net, 0, true, &config);
    net_site_start(&net, 1, false, NULL);
    net_site_addr(&net, 0, "192.0.2.1", 1111);
    net_site_addr(&net, 1, "198.51.100.2", 2222);
    net_server(&net, "192.0.2.100", 3478);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(60));
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_RELAY);
    ck_assert_uint_eq(net.sites[0].candidate_count, 1);
    ck_assert_int_eq(net.sites[0].candidates[0].type, HWS_CANDIDATE_RELAY);
    ck_assert_int_eq(net.sites[0].candidates[0].related.family, HWS_FAMILY_NONE);
    ck_assert_uint_eq(net.sites[0].host_in, 0); /* nobody learned where to send to */
    hws_ice_restart(net.sites[0].ice, net.now); /* nor is it told later */
    net_run(&net, net.now + HWS_SEC(1));
    ck_assert_uint_eq(net.sites[0].candidate_count, 2);
    ck_assert_int_eq(net.sites[0].candidates[1].type, HWS_CANDIDATE_RELAY);
    end();
}
END_TEST

static unsigned untold_locals(const struct hws_ice_config *config)
{
    struct hws_ice_stats stats;

    two_behind_nat(15, config);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    net_run(&net, start + HWS_SEC(3));
    hws_ice_stats(net.sites[0].ice, &stats);
    ck_assert_uint_ge(stats.local_count, net.sites[0].candidate_count);
    end();
    return (unsigned)stats.local_count - net.sites[0].candidate_count;
}

START_TEST(statistics_count_what_was_told)
{
    ck_assert_uint_eq(untold_locals(NULL), 0);
    ck_assert_uint_eq(untold_locals(&(struct hws_ice_config){.relay_only = true}), 0);
}
END_TEST

START_TEST(relay_only_answers_nobody_else)
{
    struct hws_ice_config config = {.relay_only = true};
    struct hws_address host, stranger;

    begin(6);
    net_site_start(&net, 0, true, &config);
    net_site_start(&net, 1, false, NULL);
    net_site_addr(&net, 0, "192.0.2.1", 1111);
    net_site_addr(&net, 1, "198.51.100.2", 2222);
    net_call(&net);
    /* The peer guesses where we are: an authentic check, but not through the relay. */
    {
        struct hws_candidate guess = {
            .type = HWS_CANDIDATE_HOST, .priority = 1000, .addr = net_addr("192.0.2.1", 1111)};

        ck_assert(hws_ice_add_remote(net.sites[1].ice, &guess, net.now) == HWS_OK);
    }
    net_run(&net, start + HWS_SEC(3));
    ck_assert_uint_gt(net.sites[0].host_in, 0);
    ck_assert_uint_eq(net.sites[0].packets_out, 0);
    host = net_addr("192.0.2.1", 1111);
    stranger = net_addr("198.51.100.2", 2222);
    ck_assert(!hws_ice_admits(net.sites[0].ice, &host, &stranger));
    end();
}
END_TEST

START_TEST(a_useless_server_delays_nothing)
{
    static const uint16_t codes[] = {0, 401, 403, 437, 441, 442, 486, 508};

    for (int i = 0; i < ROWS(codes); i++) {
        begin(7);
        servers[0].dead = codes[i] == 0;
        if (codes[i] == 401) servers[0].realm = "elsewhere";
        servers[0].force[3] = codes[i];
        servers[0].force_count[3] = codes[i] != 0 && codes[i] != 401 ? 100 : 0;
        net_site_start(&net, 0, true, NULL);
        net_site_start(&net, 1, false, NULL);
        net_site_addr(&net, 0, "192.0.2.1", 1111);
        net_site_addr(&net, 1, "198.51.100.2", 2222);
        net_site_turn(&net, 0, &servers[0]);
        if (codes[i] == 401) servers[0].password = "another";
        net_site_turn(&net, 0, &servers[1]);
        net_call(&net);
        ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
        ck_assert_int_le(net.sites[0].selected_at - start, HWS_MS(30));
        net_run(&net, start + HWS_SEC(6));
        ck_assert_uint_eq(net.sites[0].server_failures, 1);
        ck_assert_int_eq(net.sites[0].server_fault.foreign, codes[i]);
        ck_assert(net.sites[0].server_fault.what != NULL);
        ck_assert_int_ge(net.sites[0].local_end_at, 0);
        ck_assert_int_le(net.sites[0].local_end_at - start, HWS_SEC(5) + HWS_MS(50));
        ck_assert_uint_eq(candidates_of(0, HWS_CANDIDATE_RELAY), 1); /* the other server's */
        end();
    }
}
END_TEST

START_TEST(a_forbidden_peer_fails_its_pairs_only)
{
    two_behind_nat(8, NULL);
    servers[0].forbidden = net_addr("192.168.0.2", 0); /* as servers do with private addresses */
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(3));
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_RELAY);
    end();
}
END_TEST

START_TEST(through_loss)
{
    unsigned connected = 0;

    for (uint64_t seed = 0; seed < 200; seed++) {
        two_behind_nat(100 + seed, NULL);
        net.loss_percent = 20;
        net_site_turn(&net, 0, &servers[0]);
        net_site_turn(&net, 1, &servers[1]);
        net_call(&net);
        if (net_run_connected(&net, start + HWS_SEC(60))) connected++;
        end();
    }
    /* Where both never learn how the other's NAT looks from outside, no relay can let it in. */
    ck_assert_uint_ge(connected, 198);
}
END_TEST

START_TEST(a_lost_allocation_fails_its_pairs)
{
    two_behind_nat(9, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    server_restart(&servers[0], "other-nonce");
    net_run(&net, start + HWS_SEC(700));
    ck_assert_int_ge(net.sites[0].expired_at, 0); /* consent is gone, as it should */
    ck_assert_int_ge(net.sites[1].expired_at, 0);
    ck_assert(server_find(&servers[0], &net.sites[0].mappings[0].outside) != NULL); /* anew */
    end();
}
END_TEST

START_TEST(restart_over_a_relay)
{
    two_behind_nat(10, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(2));
    for (int i = 0; i < NET_SITES; i++) {
        hws_ice_restart(net.sites[i].ice, net.now);
        net.sites[i].nominated_at = -1;
    }
    net_describe(&net, 0);
    net_describe(&net, 1);
    net_drain(&net);
    net_run(&net, net.now + HWS_SEC(10));
    ck_assert_int_ge(net.sites[0].nominated_at, 0);
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_RELAY);
    ck_assert_uint_eq(servers[0].seen[3], 2); /* the allocation stayed */
    end();
}
END_TEST

/* An offered restart that is taken back: what became of the allocation meanwhile stays true. */
START_TEST(a_withdrawn_restart_keeps_the_relay)
{
    two_behind_nat(16, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    net_run(&net, start + HWS_SEC(2));
    ck_assert(hws_ice_offer_restart(net.sites[0].ice, net.now) == HWS_OK);
    net_run(&net, net.now + HWS_SEC(400)); /* permissions were asked for anew */
    hws_ice_withdraw_restart(net.sites[0].ice, net.now);
    net_run(&net, net.now + HWS_SEC(1200));
    ck_assert_int_eq(path_of(0).local_type, HWS_CANDIDATE_RELAY);
    ck_assert_int_eq(net.sites[0].expired_at, -1);
    end();
}
END_TEST

START_TEST(a_withdrawn_restart_knows_a_lost_relay)
{
    two_behind_nat(17, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    ck_assert(hws_ice_offer_restart(net.sites[0].ice, net.now) == HWS_OK);
    servers[0].dead = true;
    net_run(&net, net.now + HWS_SEC(900));
    hws_ice_withdraw_restart(net.sites[0].ice, net.now);
    net_run(&net, net.now + HWS_SEC(100));
    ck_assert_int_ge(net.sites[0].expired_at, 0);
    ck_assert_uint_eq(net.sites[0].server_failures, 1);
    end();
}
END_TEST

START_TEST(bounds)
{
    struct hws_turn_server server = {.address = net_addr("192.0.2.7", 3478)};
    static char text[1000];

    begin(11);
    net_site_start(&net, 0, true, NULL);
    for (int i = 0; i < HWS_ICE_SERVER_MAX; i++) {
        server.address.ip[3] = (uint8_t)(i + 1);
        ck_assert(hws_ice_add_turn(net.sites[0].ice, &server, net.now) == HWS_OK);
        ck_assert(hws_ice_add_turn(net.sites[0].ice, &server, net.now) == HWS_OK); /* again */
    }
    server.address.ip[3] = 99;
    ck_assert(hws_ice_add_turn(net.sites[0].ice, &server, net.now) == HWS_ERR_FULL);
    for (uint8_t i = 0; i < 20; i++) { /* 160 allocations would be many */
        struct hws_address addr = net_addr("198.51.100.1", 1000);

        addr.ip[3] = i;
        ck_assert(hws_ice_add_local(net.sites[0].ice, &addr, net.now) == HWS_OK);
    }
    net_run(&net, start + HWS_SEC(1));
    end();
    begin(12);
    net_site_start(&net, 0, true, NULL);
    memset(text, 'a', sizeof(text) - 1);
    server.username = text;
    ck_assert(hws_ice_add_turn(net.sites[0].ice, &server, net.now) == HWS_ERR_TOO_BIG);
    server.username = NULL;
    server.transport = HWS_TRANSPORT_TLS; /* without our end of the connection */
    ck_assert(hws_ice_add_turn(net.sites[0].ice, &server, net.now) == HWS_ERR_ARGUMENT);
    server.transport = HWS_TRANSPORT_UDP;
    server.address = net_addr("224.0.0.1", 3478);
    ck_assert(hws_ice_add_turn(net.sites[0].ice, &server, net.now) == HWS_ERR_ARGUMENT);
    end();
}
END_TEST

START_TEST(closing_gives_relays_back)
{
    two_behind_nat(13, NULL);
    net_site_turn(&net, 0, &servers[0]);
    net_call(&net);
    ck_assert(net_run_connected(&net, start + HWS_SEC(5)));
    hws_ice_close(net.sites[0].ice, net.now);
    net_run(&net, net.now + HWS_SEC(1));
    ck_assert(server_find(&servers[0], &net.sites[0].mappings[0].outside) == NULL);
    end();
}
END_TEST

/* ---- STUN servers */

START_TEST(stun_servers_may_send_us_on)
{
    struct hws_address alternate;

    begin(14);
    net_site_start(&net, 0, true, NULL);
    net_site_addr(&net, 0, "10.0.0.1", 1111);
    net_site_nat(&net, 0, NET_NAT_CONE, "203.0.113.1");
    servers[0].force[HWS_STUN_BINDING] = 300;
    servers[0].force_count[HWS_STUN_BINDING] = 1000;
    servers[0].alternate = alternate = servers[1].addr;
    ck_assert(hws_ice_add_server(net.sites[0].ice, &servers[0].addr, net.now) == HWS_OK);
    net_site_start(&net, 1, false, NULL);
    net_call(&net);
    net_run(&net, start + HWS_SEC(1));
    ck_assert_uint_eq(servers[1].seen[HWS_STUN_BINDING], 1);
    ck_assert_uint_eq(net.sites[0].srflx_count, 1);
    ck_assert_uint_eq(net.sites[0].server_failures, 0);
    end();
}
END_TEST

START_TEST(but_not_in_circles)
{
    begin(15);
    net_site_start(&net, 0, true, NULL);
    net_site_addr(&net, 0, "10.0.0.1", 1111);
    net_site_nat(&net, 0, NET_NAT_CONE, "203.0.113.1");
    for (int i = 0; i < 2; i++) {
        servers[i].force[HWS_STUN_BINDING] = 300;
        servers[i].force_count[HWS_STUN_BINDING] = 1000;
        servers[i].alternate = servers[1 - i].addr;
    }
    ck_assert(hws_ice_add_server(net.sites[0].ice, &servers[0].addr, net.now) == HWS_OK);
    net_site_start(&net, 1, false, NULL);
    net_call(&net);
    net_run(&net, start + HWS_SEC(10));
    ck_assert_uint_eq(servers[0].seen[HWS_STUN_BINDING] + servers[1].seen[HWS_STUN_BINDING], 5);
    ck_assert_uint_eq(net.sites[0].server_failures, 1);
    ck_assert_int_eq(net.sites[0].server_fault.foreign, 300);
    end();
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("ice_relay");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, one_relay_is_enough);
    tcase_add_test(tc, relay_to_relay);
    tcase_add_test(tc, lasts_for_an_hour);
    tcase_add_test(tc, a_direct_path_wins);
    tcase_add_test(tc, names_are_never_relayed_to);
    tcase_add_test(tc, relay_only_hides_the_host);
    tcase_add_test(tc, statistics_count_what_was_told);
    tcase_add_test(tc, relay_only_answers_nobody_else);
    tcase_add_test(tc, a_useless_server_delays_nothing);
    tcase_add_test(tc, a_forbidden_peer_fails_its_pairs_only);
    tcase_add_test(tc, through_loss);
    tcase_add_test(tc, a_lost_allocation_fails_its_pairs);
    tcase_add_test(tc, restart_over_a_relay);
    tcase_add_test(tc, a_withdrawn_restart_keeps_the_relay);
    tcase_add_test(tc, a_withdrawn_restart_knows_a_lost_relay);
    tcase_add_test(tc, bounds);
    tcase_add_test(tc, closing_gives_relays_back);
    tcase_add_test(tc, stun_servers_may_send_us_on);
    tcase_add_test(tc, but_not_in_circles);
    return run_case("ice_relay", tc);
}

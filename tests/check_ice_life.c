/* One agent against a scripted peer, over a longer time: consent, restart, its own candidates, and
 * what happens when tables and queues are full. */
#include "support/ice_script.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Consent */

START_TEST(consent_rhythm)
{
    uint8_t last[HWS_STUN_TID_LEN] = {0};
    struct reply ok = success();
    hws_time at = start;

    connect_now(start);
    for (int i = 0; i < 50; i++) {
        hws_time next = hws_ice_deadline(ice);
        struct sent request;

        ck_assert_int_ge(next - at, HWS_SEC(4));
        ck_assert_int_le(next - at, HWS_SEC(6) + HWS_MS(10));
        hws_ice_tick(ice, next);
        request = expect(HWS_STUN_REQUEST);
        expect_silence();
        ck_assert_mem_ne(request.msg.transaction, last, sizeof(last));
        memcpy(last, request.msg.transaction, sizeof(last));
        ck_assert_int_eq(answer(&request, &ok, next + HWS_MS(7)), HWS_OK);
        ck_assert_int_eq(answer(&request, &ok, next + HWS_MS(8)), HWS_ERR_UNEXPECTED);
        at = next;
    }
}
END_TEST

/* Nothing but the peer's own response from the path itself keeps it alive. */
START_TEST(consent_is_not_forged)
{
    /* clang-format off */
    struct reply replies[] = {
        {.msg_class = HWS_STUN_SUCCESS},
        {.msg_class = HWS_STUN_SUCCESS, .pwd = "wrongpasswordwrongpasswo"},
        {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .flip_transaction = true},
        {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .from = net_addr("203.0.113.4", 9)},
        {.msg_class = HWS_STUN_ERROR, .error = 403}, /* nor ends it */
        {.msg_class = HWS_STUN_ERROR, .error = 500, .pwd = peer_pwd},
    };
    /* clang-format on */
    struct hws_ice_path path;
    struct sent last;

    connect_now(start);
    while (hws_ice_path(ice, &path)) {
        hws_time now = hws_ice_deadline(ice);

        ck_assert_int_le(now, start + HWS_MS(30006));
        hws_ice_tick(ice, now);
        if (next_of(HWS_STUN_REQUEST, &last)) (void)!answer(&last, &replies[_i], now + 1);
        if (now < start + HWS_MS(30006))
            ck_assert(hws_ice_path(ice, &path));
        else
            break;
    }
    ck_assert(!hws_ice_path(ice, &path));
    ck_assert(next_event(HWS_ICE_EXPIRED));
    ck_assert(log_saw("ice consent.lost"));
    ck_assert_int_eq(hws_ice_deadline(ice), HWS_NEVER);
    expect_silence();
}
END_TEST

START_TEST(late_response_revives_nothing)
{
    struct reply ok = success();
    struct request request = {0};
    struct hws_ice_path path;
    struct sent last = {0};

    connect_now(start);
    for (hws_time at = hws_ice_deadline(ice); at < start + HWS_MS(30006);
         at = hws_ice_deadline(ice)) {
        hws_ice_tick(ice, at);
        last = expect(HWS_STUN_REQUEST);
    }
    /* No tick in between: the response itself comes when it is too late. */
    ck_assert_int_eq(answer(&last, &ok, start + HWS_MS(30006)), HWS_ERR_UNEXPECTED);
    ck_assert(!hws_ice_path(ice, &path));
    ck_assert(next_event(HWS_ICE_EXPIRED));
    /* And the peer gets no more answers, so that its own consent ends too. */
    ck_assert_int_eq(ask(&request, start + HWS_SEC(31)), HWS_ERR_UNEXPECTED);
    expect_silence();
}
END_TEST

START_TEST(consent_revoked)
{
    struct reply forbidden = {.msg_class = HWS_STUN_ERROR, .error = 403, .pwd = peer_pwd};
    struct hws_ice_path path;
    struct sent request;

    connect_now(start);
    hws_ice_tick(ice, hws_ice_deadline(ice));
    request = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&request, &forbidden, start + HWS_SEC(7)), HWS_OK);
    ck_assert(!hws_ice_path(ice, &path));
    ck_assert(next_event(HWS_ICE_EXPIRED));
}
END_TEST

/* ---- Restart */

/* The path of before stays until the new list has nominated, unless it has gone silent; its
 * credentials are forgotten when the peer needs them no more. */
START_TEST(restart_hands_over)
{
    struct request request = {.user = NULL};
    struct reply ok = success();
    char old_user[32], old_pwd[HWS_ICE_PWD_LEN + 1];
    hws_time now = _i == 0 ? start + HWS_SEC(1) : start + HWS_SEC(15);
    struct hws_pair_stats before, path;
    struct sent check;

    connect_now(start);
    (void)snprintf(old_user, sizeof(old_user), "%s:%s", hws_ice_ufrag(ice), peer_ufrag);
    (void)snprintf(old_pwd, sizeof(old_pwd), "%s", hws_ice_pwd(ice));
    hws_ice_tick(ice, now);
    while (next_sent(&check)) {
    }
    (void)next_event(HWS_ICE_FAILED); /* drain */
    ck_assert(hws_ice_path_stats(ice, &before) && before.nominated && before.priority > 0);
    hws_ice_restart(ice, now);
    request.user = old_user;
    request.pwd = old_pwd;
    ck_assert_int_eq(ask(&request, now), HWS_OK); /* consent of the peer goes on */
    (void)expect(HWS_STUN_SUCCESS);
    ck_assert_uint_eq(hws_ice_pairs(ice, NULL, 0), 0);
    ck_assert(hws_ice_path_stats(ice, &path) && path.selected && path.priority == 0);
    ck_assert_uint_eq(path.checks_sent, before.checks_sent);
    ck_assert_uint_eq(path.checks_received, before.checks_received + 1);
    ck_assert_int_eq(path.rtt, before.rtt);
    know_peer(now);
    check = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&check, &ok, now + HWS_MS(20)), HWS_OK);
    ck_assert_int_eq(next_event(HWS_ICE_SELECTED), _i == 1);
    check = expect(HWS_STUN_REQUEST);
    ck_assert(check.msg.use_candidate);
    ck_assert_int_eq(answer(&check, &ok, now + HWS_MS(40)), HWS_OK);
    if (_i == 0) ck_assert(next_event(HWS_ICE_SELECTED));
    ck_assert(next_event(HWS_ICE_NOMINATED));
    /* The peer may not have our answer yet; its first check of the new generation shows it. */
    ck_assert_int_eq(ask(&request, now + HWS_MS(50)), HWS_OK);
    ck_assert_int_eq(ask(&(struct request){.user = NULL}, now + HWS_MS(60)), HWS_OK);
    ck_assert_int_eq(ask(&request, now + HWS_MS(70)), HWS_ERR_INTEGRITY);
}
END_TEST

/* The peer moved to another address by its restart, but has not heard of ours yet: what it sends
 * from where it was is let in, until its first check shows that it knows. */
START_TEST(the_old_path_is_let_in_for_a_while)
{
    struct hws_address moved = net_addr("203.0.113.99", 99);
    struct request request = {.from = moved};
    struct reply ok = success();
    hws_time now = start + HWS_SEC(1);
    struct sent check;

    connect_now(start);
    hws_ice_restart(ice, now);
    add_remote(&moved, 1000, now);
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, now), HWS_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert(hws_ice_admits(ice, &here, &there));
        do {
            check = expect(HWS_STUN_REQUEST);
        } while (!hws_address_equal(&check.remote, &moved));
        ok.from = moved;
        ck_assert_int_eq(answer(&check, &ok, now + HWS_MS(20 * (i + 1))), HWS_OK);
    }
    ck_assert(next_event(HWS_ICE_NOMINATED));
    ck_assert(hws_ice_admits(ice, &here, &moved));
    ck_assert(hws_ice_admits(ice, &here, &there));
    ck_assert_int_eq(ask(&request, now + HWS_MS(60)), HWS_OK);
    ck_assert(hws_ice_admits(ice, &here, &moved));
    ck_assert(!hws_ice_admits(ice, &here, &there));
}
END_TEST

/* ---- Local candidates */

START_TEST(local_priorities)
{
    static const char *const ips[] = {"192.0.2.2", "2001:db8::1", "192.0.2.3", "2001:db8::2"};
    struct hws_ice_event event;
    struct hws_candidate c[5];

    for (int i = 0; i < 4; i++) {
        struct hws_address addr = net_addr(ips[i], 1000);

        ck_assert_int_eq(hws_ice_add_local(ice, &addr, start), HWS_OK);
    }
    for (int i = 0; i < 5; i++) { /* announced at once, in the order in which they came */
        ck_assert(hws_ice_next_event(ice, &event));
        ck_assert_int_eq(event.kind, HWS_ICE_LOCAL_CANDIDATE);
        c[i] = event.candidate;
        ck_assert_str_eq(c[i].ufrag, hws_ice_ufrag(ice));
        ck_assert_uint_eq(c[i].priority >> 24, 126);
        for (int j = 0; j < i; j++) {
            ck_assert_uint_ne(c[i].priority, c[j].priority);
            ck_assert_str_ne(c[i].foundation, c[j].foundation);
        }
    }
    ck_assert(!hws_ice_next_event(ice, &event));
    /* RFC 8421 section 4: v6 v4 v6 v4 v4; c[0] is the 192.0.2.1 of every test. */
    ck_assert_uint_gt(c[2].priority, c[0].priority);
    ck_assert_uint_gt(c[0].priority, c[4].priority);
    ck_assert_uint_gt(c[4].priority, c[1].priority);
    ck_assert_uint_gt(c[1].priority, c[3].priority);
}
END_TEST

static enum hws_err serve(const struct sent *question, const char *mapped, hws_time now)
{
    uint8_t buffer[128];
    struct hws_stun_writer msg = hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_SUCCESS,
                                                HWS_STUN_BINDING, question->msg.transaction);
    struct hws_address addr = net_addr(mapped, 6000);
    struct hws_datagram in = {question->local, question->remote, {0}};

    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &addr);
    ck_assert_int_eq(hws_stun_end(&msg, &in.bytes), HWS_OK);
    return hws_ice_feed(ice, &in, now);
}

/* Two sockets, two servers: four questions at once, one candidate for each different answer. */
START_TEST(reflexive_candidates)
{
    struct hws_address second = net_addr("192.0.2.1", 1112);
    struct hws_address servers[2] = {net_addr("203.0.113.3", 3478), net_addr("203.0.113.4", 3478)};
    struct hws_ice_event event;
    struct hws_candidate c[8];
    size_t count = 0, ends = 0;

    ck_assert_int_eq(hws_ice_add_local(ice, &second, start), HWS_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(hws_ice_add_server(ice, &servers[i], start), HWS_OK);
        ck_assert_int_eq(hws_ice_add_server(ice, &servers[i], start), HWS_OK); /* known */
    }
    hws_ice_end_local(ice, start);
    for (int i = 0; i < 4; i++) {
        struct sent question = expect(HWS_STUN_REQUEST);
        hws_time now = start + HWS_MS(5 * i);

        /* The first socket is seen alike by both servers, the second one not. */
        ck_assert_int_eq(serve(&question,
                               question.local.port == 1111                        ? "198.51.100.50"
                               : hws_address_equal(&question.remote, &servers[0]) ? "198.51.100.51"
                                                                                  : "198.51.100.52",
                               now + 1),
                         HWS_OK);
        ck_assert_int_eq(serve(&question, "198.51.100.66", now + 1), HWS_ERR_UNEXPECTED);
        hws_ice_tick(ice, start + HWS_MS(5 * (i + 1)));
    }
    while (hws_ice_next_event(ice, &event)) {
        if (event.kind == HWS_ICE_LOCAL_END) {
            ends++;
            continue;
        }
        ck_assert_uint_eq(ends, 0); /* nothing after the end */
        c[count++] = event.candidate;
    }
    ck_assert_uint_eq(ends, 1);
    ck_assert_uint_eq(count, 5);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            ck_assert_uint_ne(c[i].priority, c[j].priority);
        }
        if (i < 2) continue;
        ck_assert_int_eq(c[i].type, HWS_CANDIDATE_SRFLX);
        ck_assert_uint_eq(c[i].priority >> 24, 100);
        ck_assert(c[i].related.family != HWS_FAMILY_NONE);
    }
    /* RFC 8445 section 5.1.1.3: same type, base IP and server, same foundation. */
    ck_assert_str_eq(c[0].foundation, c[1].foundation);
    ck_assert_str_ne(c[0].foundation, c[2].foundation);
}
END_TEST

/* Events up to the end: how many candidates, the last reflexive one, and whether the end came. */
static size_t drain_candidates(struct hws_candidate *out, bool *out_end)
{
    struct hws_ice_event event;
    size_t count = 0;

    *out_end = false;
    while (hws_ice_next_event(ice, &event)) {
        if (event.kind == HWS_ICE_LOCAL_END) *out_end = true;
        if (event.kind != HWS_ICE_LOCAL_CANDIDATE) continue;
        ck_assert_str_eq(event.candidate.ufrag, hws_ice_ufrag(ice));
        if (event.candidate.type == HWS_CANDIDATE_SRFLX) *out = event.candidate;
        count++;
    }
    return count;
}

/* What a server said before may be true no more: it is asked again, by a restart of either kind,
 * and what it does not say again is not told again. */
START_TEST(a_restart_asks_the_servers_again)
{
    static const char *const seen[] = {"198.51.100.50", "198.51.100.50", "198.51.100.51"};
    struct hws_address server = net_addr("203.0.113.3", 3478);
    struct hws_candidate known[4], reflexive;
    struct sent question;
    hws_time now = start;
    bool end;

    ck_assert_int_eq(hws_ice_add_server(ice, &server, now), HWS_OK);
    hws_ice_end_local(ice, now);
    for (size_t i = 0; i < 3; i++) {
        struct hws_address mapped = net_addr(seen[i], 6000);

        question = expect(HWS_STUN_REQUEST);
        ck_assert_uint_eq(drain_candidates(&reflexive, &end), 1); /* the host at once */
        ck_assert(!end);
        ck_assert_uint_eq(hws_ice_known(ice, known, 4, &end), 1);
        ck_assert_int_eq(serve(&question, seen[i], now + HWS_MS(10)), HWS_OK);
        ck_assert_uint_eq(hws_ice_known(ice, known, 4, &end), 2);
        ck_assert(end);
        ck_assert(hws_address_equal(&known[1].addr, &mapped));
        ck_assert_str_ne(known[0].foundation, known[1].foundation);
        ck_assert_uint_eq(drain_candidates(&reflexive, &end), 1);
        ck_assert(hws_address_equal(&reflexive.addr, &mapped));
        ck_assert(end);
        now += HWS_SEC(1);
        if (i == 0)
            hws_ice_restart(ice, now);
        else
            ck_assert_int_eq(hws_ice_offer_restart(ice, now), i == 1 ? HWS_OK : HWS_ERR_STATE);
    }
    ck_assert_uint_eq(ice->local_count, 2); /* in the place of the one before */
}
END_TEST

/* A restart taken back leaves the agent as it was, but for what belongs to no generation. */
START_TEST(a_restart_taken_back_changes_nothing)
{
    struct hws_address late = net_addr("192.0.2.1", 1113);
    struct hws_candidate reflexive, known[4];
    struct request request = {.user = NULL};
    struct hws_ice before;
    bool end;

    connect_now(start);
    hws_ice_end_local(ice, start + HWS_MS(50));
    (void)drain_candidates(&reflexive, &end);
    before = snapshot();
    ck_assert_int_eq(hws_ice_offer_restart(ice, start + HWS_MS(60)), HWS_OK);
    ck_assert_uint_eq(drain_candidates(&reflexive, &end), 1);
    ck_assert(end);
    hws_ice_withdraw_restart(ice, start + HWS_MS(70));
    hws_ice_withdraw_restart(ice, start + HWS_MS(70)); /* none is offered */
    assert_unchanged(&before, "a restart taken back");
    ck_assert_uint_eq(drain_candidates(&reflexive, &end), 0);
    ck_assert(!end);
    ck_assert_int_eq(ask(&request, start + HWS_MS(80)), HWS_OK);
    /* A socket that is new since is not announced in a generation that had ended. */
    ck_assert_int_eq(hws_ice_offer_restart(ice, start + HWS_MS(90)), HWS_OK);
    ck_assert_int_eq(hws_ice_add_local(ice, &late, start + HWS_MS(91)), HWS_OK);
    hws_ice_withdraw_restart(ice, start + HWS_MS(92));
    ck_assert_uint_eq(drain_candidates(&reflexive, &end), 0);
    ck_assert_uint_eq(hws_ice_known(ice, known, 4, &end), 1);
    hws_ice_restart(ice, start + HWS_MS(93));
    ck_assert_uint_eq(drain_candidates(&reflexive, &end), 2);
}
END_TEST

START_TEST(forged_reflexive)
{
    struct hws_address server = net_addr("203.0.113.3", 3478), other = net_addr("203.0.113.9", 1);
    struct hws_ice before;
    struct sent question, forged;

    ck_assert_int_eq(hws_ice_add_server(ice, &server, start), HWS_OK);
    question = expect(HWS_STUN_REQUEST);
    before = snapshot();
    forged = question;
    forged.remote = other; /* from elsewhere */
    ck_assert_int_eq(serve(&forged, "198.51.100.50", start + 1), HWS_ERR_MISMATCH);
    forged = question;
    forged.msg.transaction[0] ^= 1;
    ck_assert_int_eq(serve(&forged, "198.51.100.50", start + 1), HWS_ERR_UNEXPECTED);
    assert_unchanged(&before, "a forged answer of a server");
    ck_assert_int_eq(serve(&question, "0.0.0.0", start + 2), HWS_OK); /* useless, but an answer */
    ck_assert_uint_eq(ice->local_count, 1);
}
END_TEST

START_TEST(tables_fill_up)
{
    enum hws_err err = HWS_OK;

    for (unsigned i = 0; i < HWS_ICE_LOCAL_MAX; i++) {
        struct hws_address addr = net_addr("192.0.2.1", (uint16_t)(2000 + i));

        err = hws_ice_add_local(ice, &addr, start);
        ck_assert_int_eq(err, i + 1 < HWS_ICE_LOCAL_MAX ? HWS_OK : HWS_ERR_FULL);
    }
    for (unsigned i = 0; i <= HWS_ICE_SERVER_MAX; i++) {
        struct hws_address addr = net_addr("203.0.113.1", (uint16_t)(2000 + i));

        err = hws_ice_add_server(ice, &addr, start);
        ck_assert_int_eq(err, i < HWS_ICE_SERVER_MAX ? HWS_OK : HWS_ERR_FULL);
    }
}
END_TEST

/* Nobody takes the packets: the oldest go, the rest is whole. */
START_TEST(undrained_queue)
{
    struct request request = {0};
    struct sent sent;
    unsigned count = 0;

    for (unsigned i = 0; i < 500; i++) {
        request.from = net_addr("203.0.113.8", (uint16_t)(1000 + i));
        ck_assert_int_eq(ask(&request, start), HWS_OK);
    }
    while (next_sent(&sent)) {
        count++;
    }
    ck_assert_uint_eq(count, HWS_ICE_QUEUE);
    ck_assert_uint_eq(sent.remote.port, 1499);
}
END_TEST

/* Big packets come round the end of the ring of bytes; none is written over another. */
START_TEST(undrained_queue_of_big_packets)
{
    char ufrag[HWS_UFRAG_MAX + 1], pwd[HWS_PWD_MAX + 1];
    struct request request = {0};
    hws_time now = start;
    struct sent sent;

    memset(ufrag, 'u', HWS_UFRAG_MAX);
    memset(pwd, 'p', HWS_PWD_MAX);
    ufrag[HWS_UFRAG_MAX] = pwd[HWS_PWD_MAX] = '\0';
    for (unsigned i = 0; i < HWS_ICE_REMOTE_MAX; i++) {
        struct hws_address addr = net_addr("203.0.113.1", (uint16_t)(1000 + i));

        add_remote(&addr, 1000 + i, now);
    }
    ck_assert_int_eq(hws_ice_set_remote(ice, ufrag, pwd, false, now), HWS_OK);
    for (int i = 0; i < 300; i++) {
        unsigned count = 0;

        now = hws_ice_deadline(ice);
        hws_ice_tick(ice, now);
        if (i % 3 == 0) ck_assert_int_eq(ask(&request, now), HWS_OK); /* a small packet between */
        if (i % 70 != 69) continue; /* then take a part of what is there, or all */
        while ((i % 140 == 139 || count < 10) && next_sent(&sent)) {
            const char *key = sent.msg.msg_class == HWS_STUN_REQUEST ? pwd : hws_ice_pwd(ice);

            ck_assert_int_eq(hws_stun_verify(&sent.msg, hws_bytes_of(key)), HWS_STUN_INTEGRITY_OK);
            count++;
        }
        ck_assert_uint_gt(count, 9);
    }
}
END_TEST

START_TEST(refused_configurations)
{
    struct hws_ice_config good =
                              {
                                  .random = {script_fill, NULL}
    },
                          bad;
    struct hws_ice *made = NULL;

    for (int i = 0; i < 5; i++) {
        bad = good;
        if (i == 0) bad.random.fill = NULL;
        if (i == 1) bad.pacing = -1;
        if (i == 2) bad.consent_period = -1;
        if (i == 3) bad.consent_expiry = -1;
        if (i == 4) bad.fail_after = -1;
        ck_assert_int_eq(hws_ice_new(&bad, &made), HWS_ERR_ARGUMENT);
        ck_assert_ptr_null(made);
    }
    good.consent_expiry = good.consent_period = good.fail_after = good.pacing = HWS_NEVER;
    ck_assert_int_eq(hws_ice_new(&good, &made), HWS_OK); /* absurd, but no overflow */
    ck_assert_int_eq(hws_ice_add_local(made, &here, start), HWS_OK);
    ck_assert_int_eq(hws_ice_set_remote(made, peer_ufrag, peer_pwd, false, start), HWS_OK);
    for (int i = 0; i < 100; i++) {
        hws_ice_tick(made, hws_ice_deadline(made));
    }
    ck_assert_int_eq(hws_ice_deadline(made), HWS_NEVER);
    hws_ice_free(made);
    hws_ice_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice_life");
    TCase *tc = tcase_create("peer");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, consent_rhythm);
    tcase_add_loop_test(tc, consent_is_not_forged, 0, 6);
    tcase_add_test(tc, late_response_revives_nothing);
    tcase_add_test(tc, consent_revoked);
    tcase_add_loop_test(tc, restart_hands_over, 0, 2);
    tcase_add_test(tc, local_priorities);
    tcase_add_test(tc, reflexive_candidates);
    tcase_add_test(tc, the_old_path_is_let_in_for_a_while);
    tcase_add_test(tc, a_restart_asks_the_servers_again);
    tcase_add_test(tc, a_restart_taken_back_changes_nothing);
    tcase_add_test(tc, forged_reflexive);
    tcase_add_test(tc, tables_fill_up);
    tcase_add_test(tc, undrained_queue);
    tcase_add_test(tc, undrained_queue_of_big_packets);
    tcase_add_test(tc, refused_configurations);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One agent against a scripted peer: what exactly it sends, what it accepts, and that everything
 * else leaves it as it was. */
#include "support/ice_script.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* ---- Our checks */

START_TEST(check_as_sent)
{
    struct sent check;
    char user[64];

    know_peer(start);
    check = expect(HWS_STUN_REQUEST); /* at once, without a tick */
    (void)snprintf(user, sizeof(user), "%s:%s", peer_ufrag, hws_ice_ufrag(ice));
    ck_assert(hws_bytes_equal(check.msg.username, hws_bytes_of(user)));
    ck_assert_int_eq(hws_stun_verify(&check.msg, hws_bytes_of(peer_pwd)), HWS_STUN_INTEGRITY_OK);
    ck_assert(check.msg.has_fingerprint);
    ck_assert(check.msg.has_ice_controlling && !check.msg.has_ice_controlled);
    ck_assert_uint_eq(check.msg.priority >> 24, 110); /* RFC 8445 section 7.1.1 */
    ck_assert(!check.msg.use_candidate);
    ck_assert(hws_address_equal(&check.remote, &there));
    expect_silence();
    ck_assert(log_saw("ice check.send pair=0"));
    ck_assert(log_saw("ice pair.state pair=0 from=frozen to=in_progress"));
    ck_assert(!log_saw(hws_ice_pwd(ice)) && !log_saw(peer_pwd));
}
END_TEST

START_TEST(retransmission_schedule)
{
    static const hws_time at[] = {0, 100, 300, 700, 1500, 3100, 6300, 12700, 25500};
    struct hws_ice_stats stats;

    know_peer(start);
    for (int i = 0; i < COUNT(at); i++) {
        if (i > 0) {
            ck_assert_int_eq(hws_ice_deadline(ice), start + HWS_MS(at[i]));
            hws_ice_tick(ice, hws_ice_deadline(ice) - 1);
            expect_silence();
            hws_ice_tick(ice, hws_ice_deadline(ice));
        }
        (void)expect(HWS_STUN_REQUEST);
        expect_silence();
    }
    ck_assert_int_eq(hws_ice_deadline(ice), start + HWS_MS(39500));
    hws_ice_tick(ice, start + HWS_MS(39500));
    hws_ice_stats(ice, &stats);
    ck_assert_uint_eq(stats.failed_count, 1);
    expect_silence();
}
END_TEST

START_TEST(pacing)
{
    hws_time began[10] = {0}, last = start;
    unsigned begun = 0;

    for (unsigned i = 0; i < 10; i++) {
        struct hws_address addr = net_addr("203.0.113.1", (uint16_t)(1000 + i));
        struct hws_candidate c = candidate(&addr, 1000 + i, "");

        (void)snprintf(c.foundation, sizeof(c.foundation), "%u", i);
        ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_OK);
    }
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    while (begun < 10) {
        struct sent check;

        while (next_of(HWS_STUN_REQUEST, &check)) {
            if (check.remote.port != 1009 - begun) continue; /* one that is sent again */
            began[begun++] = last;                           /* best first */
        }
        last = hws_ice_deadline(ice);
        hws_ice_tick(ice, last);
        ck_assert_int_lt(last, start + HWS_SEC(1));
    }
    for (int i = 1; i < 10; i++) {
        ck_assert_int_eq(began[i] - began[i - 1], i < 4 ? HWS_MS(5) : HWS_MS(20));
    }
}
END_TEST

/* A hundred pairs are not enough for all, but every candidate has one, the last and least too. */
START_TEST(every_candidate_is_tried)
{
    struct hws_address second = net_addr("192.0.2.1", 1112), last = net_addr("198.51.100.7", 7);
    hws_time now = start;
    struct sent check;
    bool seen = false;

    ck_assert_int_eq(hws_ice_add_local(ice, &second, now), HWS_OK);
    for (unsigned i = 0; i + 1 < HWS_ICE_REMOTE_MAX; i++) {
        struct hws_address addr = net_addr("203.0.113.1", (uint16_t)(1000 + i));

        add_remote(&addr, 2000000000 - i, now);
    }
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, now), HWS_OK);
    for (hws_time end = now + HWS_SEC(_i == 0 ? 0 : 4); now < end; now = hws_ice_deadline(ice)) {
        hws_ice_tick(ice, now); /* by then all pairs are being checked */
        while (next_sent(&check)) {
        }
    }
    add_remote(&last, 1, now);
    ck_assert_uint_le(hws_ice_pairs(ice, NULL, 0), HWS_ICE_PAIR_MAX);
    for (hws_time end = now + HWS_SEC(4); !seen && now < end; now = hws_ice_deadline(ice)) {
        hws_ice_tick(ice, now);
        while (next_sent(&check)) {
            seen = seen || hws_address_equal(&check.remote, &last);
        }
    }
    ck_assert(seen);
}
END_TEST

/* A late tick does not make up for lost time by a burst. */
START_TEST(late_tick_is_no_burst)
{
    struct sent check;

    for (unsigned i = 0; i < 10; i++) {
        struct hws_address addr = net_addr("203.0.113.1", (uint16_t)(1000 + i));
        struct hws_candidate c = candidate(&addr, 1000 + i, "");

        ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_OK);
    }
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    (void)expect(HWS_STUN_REQUEST);
    hws_ice_tick(ice, start + HWS_MS(90));
    check = expect(HWS_STUN_REQUEST);
    (void)check;
    expect_silence();
}
END_TEST

START_TEST(first_valid_pair_carries_data)
{
    struct reply ok = success();
    struct hws_ice_path path;
    struct sent check;

    know_peer(start);
    check = expect(HWS_STUN_REQUEST);
    ck_assert(!hws_ice_path(ice, &path));
    ck_assert(!hws_ice_admits(ice, &here, &there));
    ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(30)), HWS_OK);
    ck_assert(next_event(HWS_ICE_SELECTED));
    ck_assert(hws_ice_path(ice, &path));
    ck_assert(hws_address_equal(&path.local, &here) && hws_address_equal(&path.remote, &there));
    ck_assert_int_eq(path.rtt, HWS_MS(30));
    ck_assert(hws_ice_admits(ice, &here, &there));
    ck_assert(log_saw("ice selected pair=0"));
    /* The only pair: nominated at once, by a check of its own. */
    check = expect(HWS_STUN_REQUEST);
    ck_assert(check.msg.use_candidate);
    ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(60)), HWS_OK);
    ck_assert(next_event(HWS_ICE_NOMINATED));
    ck_assert(log_saw("ice nominated pair=0"));
}
END_TEST

/* We answer, and control: not before the peer shows that it has the answer, by a check of its own,
 * or has shown nothing for long. */
START_TEST(a_nomination_does_not_overtake_the_answer)
{
    struct reply ok = success();
    struct sent check;
    bool heard = _i == 1;
    hws_time valid = start + HWS_MS(30), due = heard ? valid + HWS_MS(200) : valid + HWS_SEC(1);

    hws_ice_answers(ice);
    know_peer(start);
    check = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&check, &ok, valid), HWS_OK);
    ck_assert(next_event(HWS_ICE_SELECTED)); /* data does not wait */
    hws_ice_tick(ice, valid + HWS_MS(199));
    expect_silence();
    if (heard) ck_assert_int_eq(ask(&(struct request){0}, due), HWS_OK);
    if (heard) (void)expect(HWS_STUN_SUCCESS);
    if (!heard) ck_assert_int_eq(hws_ice_deadline(ice), due);
    hws_ice_tick(ice, due);
    check = expect(HWS_STUN_REQUEST);
    ck_assert(check.msg.use_candidate);
}
END_TEST

/* The peer is said to be gone before it nominated anything: pairs that worked before are no reason
 * to wait longer. */
START_TEST(a_doubt_is_about_all_pairs)
{
    struct hws_address other = net_addr("198.51.100.3", 3333);
    struct reply ok = success();
    struct sent check;
    hws_time doubted = start + HWS_SEC(1), end = doubted + HWS_SEC(10);

    hws_ice_set_controlling(ice, false);
    know_peer(start);
    add_remote(&other, 2130706000, start);
    for (int i = 0; i < 2; i++) {
        hws_ice_tick(ice, start + HWS_MS(20 * i));
        check = expect(HWS_STUN_REQUEST);
        ok.from = check.remote;
        ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(20 * i)), HWS_OK);
    }
    ck_assert(next_event(HWS_ICE_SELECTED));
    hws_ice_doubt(ice, doubted);
    for (hws_time now = doubted; now < end; now += HWS_MS(500)) {
        hws_ice_tick(ice, now);
        ck_assert(!next_event(HWS_ICE_EXPIRED));
    }
    hws_ice_tick(ice, end);
    ck_assert(next_event(HWS_ICE_EXPIRED));
}
END_TEST

START_TEST(settles_before_nominating_a_lesser_pair)
{
    struct hws_address better = net_addr("198.51.100.3", 3333);
    struct reply ok = success();
    struct sent checks[2];

    add_remote(&better, 2140000000, start);
    know_peer(start);
    checks[0] = expect(HWS_STUN_REQUEST);
    ck_assert(hws_address_equal(&checks[0].remote, &better));
    hws_ice_tick(ice, start + HWS_MS(5));
    checks[1] = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&checks[1], &ok, start + HWS_MS(10)), HWS_OK);
    ck_assert(next_event(HWS_ICE_SELECTED)); /* data does not wait */
    expect_silence();
    if (_i == 0) { /* the better one answers in time */
        ck_assert_int_eq(answer(&checks[0], &ok, start + HWS_MS(50)), HWS_OK);
        checks[0] = expect(HWS_STUN_REQUEST);
        ck_assert(checks[0].msg.use_candidate);
        ck_assert(hws_address_equal(&checks[0].remote, &better));
        ck_assert_int_eq(answer(&checks[0], &ok, start + HWS_MS(60)), HWS_OK);
        ck_assert(next_event(HWS_ICE_SELECTED)); /* the path moved */
    } else {
        ck_assert_int_eq(hws_ice_deadline(ice), start + HWS_MS(100));
        hws_ice_tick(ice, start + HWS_MS(100));
        checks[0] = expect(HWS_STUN_REQUEST); /* the better one, once more */
        ck_assert(!checks[0].msg.use_candidate);
        ck_assert_int_eq(hws_ice_deadline(ice), start + HWS_MS(110));
        hws_ice_tick(ice, start + HWS_MS(110));
        checks[0] = expect(HWS_STUN_REQUEST);
        ck_assert(checks[0].msg.use_candidate);
        ck_assert(hws_address_equal(&checks[0].remote, &there));
    }
}
END_TEST

/* ---- Responses */

/* clang-format off */
static const struct {
    const char *what;
    struct reply reply;
    enum hws_err err;
} bad_replies[] = {
    {"no integrity", {.msg_class = HWS_STUN_SUCCESS}, HWS_ERR_INTEGRITY},
    {"wrong password",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = "wrongpasswordwrongpasswo"}, HWS_ERR_INTEGRITY},
    {"another transaction",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .flip_transaction = true},
     HWS_ERR_UNEXPECTED},
    {"no mapped address",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .no_mapped = true}, HWS_ERR_MALFORMED},
    {"no fingerprint",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .no_fingerprint = true}, HWS_ERR_MALFORMED},
    {"unknown required attribute",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .unknown = 0x7777}, HWS_ERR_UNSUPPORTED},
    {"error without integrity", {.msg_class = HWS_STUN_ERROR, .error = 401}, HWS_ERR_INTEGRITY},
    {"role conflict without integrity",
     {.msg_class = HWS_STUN_ERROR, .error = 487}, HWS_ERR_INTEGRITY},
};
/* clang-format on */

START_TEST(bad_reply_changes_nothing)
{
    struct hws_ice before;
    struct sent check;
    struct reply ok = success();

    know_peer(start);
    check = expect(HWS_STUN_REQUEST);
    before = snapshot();
    ck_assert_int_eq(answer(&check, &bad_replies[_i].reply, start + HWS_MS(20)),
                     bad_replies[_i].err);
    assert_unchanged(&before, bad_replies[_i].what);
    ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(21)), HWS_OK); /* the right one counts */
    ck_assert(next_event(HWS_ICE_SELECTED));
    ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(22)), HWS_ERR_UNEXPECTED); /* once */
}
END_TEST

/* RFC 8445 section 7.2.5.2.1: from elsewhere, or to another socket of ours, the pair has failed. */
START_TEST(asymmetric_reply_fails_the_pair)
{
    struct reply reply = success();
    struct hws_ice_stats stats;
    struct sent check;

    if (_i == 0) {
        reply.from = net_addr("198.51.100.2", 2223);
    } else {
        reply.to = net_addr("2001:db8::1", 1111);
        ck_assert_int_eq(hws_ice_add_local(ice, &reply.to, start), HWS_OK);
    }
    know_peer(start);
    check = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&check, &reply, start + HWS_MS(20)), HWS_ERR_MISMATCH);
    hws_ice_stats(ice, &stats);
    ck_assert_uint_eq(stats.failed_count, 1);
    ck_assert(!next_event(HWS_ICE_SELECTED));
    ck_assert(!hws_ice_admits(ice, &here, &there));
}
END_TEST

START_TEST(role_conflict_response)
{
    struct reply conflict = {.msg_class = HWS_STUN_ERROR, .error = 487, .pwd = peer_pwd};
    struct sent first, second;

    /* Roles are between agents: from another address it counts all the same. */
    if (_i == 1) conflict.from = net_addr("198.51.100.2", 2223);
    know_peer(start);
    first = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&first, &conflict, start + HWS_MS(20)), HWS_OK);
    ck_assert(!hws_ice_is_controlling(ice));
    second = expect(HWS_STUN_REQUEST); /* tried again at once, in the other role */
    ck_assert(second.msg.has_ice_controlled && !second.msg.has_ice_controlling);
    ck_assert_uint_ne(second.msg.ice_controlled, first.msg.ice_controlling);
    ck_assert_mem_ne(second.msg.transaction, first.msg.transaction, HWS_STUN_TID_LEN);
    ck_assert(log_saw("ice role.switch controlling=0"));
}
END_TEST

/* No damage to a good response, and no damage to a good request, does anything but count. */
START_TEST(damage)
{
    struct reply ok = success();
    struct request good = {0};
    struct hws_ice before;
    struct sent check;
    uint8_t bytes[512];

    know_peer(start);
    check = expect(HWS_STUN_REQUEST);
    before = snapshot();
    for (int kind = 0; kind < 2; kind++) {
        uint8_t buffer[512];
        struct hws_bytes whole = kind ? build_request(&good, buffer, sizeof(buffer))
                                      : build_reply(&check, &ok, buffer, sizeof(buffer));
        struct hws_datagram in = {
            here, there, {bytes, whole.len}
        };

        for (size_t cut = 0; cut < whole.len; cut++) {
            memcpy(bytes, whole.data, whole.len);
            in.bytes.len = cut;
            ck_assert_int_eq(hws_err_class(hws_ice_feed(ice, &in, start + 1)), HWS_CLASS_PEER);
            assert_unchanged(&before, "a truncated message");
        }
        in.bytes.len = whole.len;
        for (size_t bit = 0; bit < whole.len * 8; bit++) {
            enum hws_err err;

            memcpy(bytes, whole.data, whole.len);
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            err = hws_ice_feed(ice, &in, start + 1);
            ck_assert_msg(hws_err_class(err) == HWS_CLASS_PEER, "bit %zu: %s", bit,
                          hws_err_name(err));
            assert_unchanged(&before, "a damaged message");
        }
    }
}
END_TEST

START_TEST(other_input_changes_nothing)
{
    static const uint8_t noise[HWS_DATAGRAM_IN_MAX + 1];
    struct hws_datagram in = {
        here, there, {noise, sizeof(noise)}
    };
    struct hws_candidate c = candidate(&there, 1, "1");
    struct hws_address bad = net_addr("0.0.0.0", 1);
    struct hws_ice before;
    char long_text[HWS_UFRAG_MAX + 2];

    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    know_peer(start);
    (void)expect(HWS_STUN_REQUEST);
    before = snapshot();
    ck_assert_int_eq(hws_ice_feed(ice, &in, start), HWS_ERR_MALFORMED);
    in.bytes = (struct hws_bytes){NULL, 0};
    ck_assert_int_eq(hws_ice_feed(ice, &in, start), HWS_ERR_TRUNCATED);
    in.local.port++; /* not a socket of ours */
    ck_assert_int_eq(hws_ice_feed(ice, &in, start), HWS_ERR_UNEXPECTED);

    c.addr = (struct hws_address){0};
    ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_ERR_UNSUPPORTED); /* an mDNS name */
    c.addr = bad;
    ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_ERR_UNSUPPORTED);
    c.addr = net_addr("::ffff:192.0.2.1", 5);
    ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_ERR_UNSUPPORTED);
    c.addr = net_addr("224.0.0.1", 5);
    ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_ERR_UNSUPPORTED);
    c.addr = net_addr("198.51.100.77", 5);
    c.priority = 0;
    ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_ERR_MALFORMED);
    c.priority = 5;
    (void)snprintf(c.ufrag, sizeof(c.ufrag), "past"); /* another generation */
    ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_OK);
    c = candidate(&there, 1, "2"); /* known */
    ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_OK);

    ck_assert_int_eq(hws_ice_add_local(ice, &bad, start), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_ice_add_local(ice, &here, start), HWS_OK); /* known */
    ck_assert_int_eq(hws_ice_add_server(ice, &bad, start), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    ck_assert_int_eq(hws_ice_set_remote(ice, "other", peer_pwd, false, start), HWS_ERR_STATE);
    ck_assert_int_eq(hws_ice_set_remote(ice, NULL, peer_pwd, false, start), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_ice_set_remote(ice, "abc", peer_pwd, false, start), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_ice_set_remote(ice, "ab:c", peer_pwd, false, start), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_ice_set_remote(ice, long_text, peer_pwd, false, start), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_ice_set_remote(ice, "abcd", long_text, false, start), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_ice_set_remote(ice, "abcd", "tooshort", false, start), HWS_ERR_ARGUMENT);
    hws_ice_set_controlling(ice, false); /* too late, a check is out */
    assert_unchanged(&before, "input that is refused");
    expect_silence();
}
END_TEST

/* The longest credentials there may be still make a message. */
START_TEST(longest_credentials)
{
    char ufrag[HWS_UFRAG_MAX + 1], pwd[HWS_PWD_MAX + 1];
    struct sent check;

    memset(ufrag, 'u', HWS_UFRAG_MAX);
    memset(pwd, 'p', HWS_PWD_MAX);
    ufrag[HWS_UFRAG_MAX] = pwd[HWS_PWD_MAX] = '\0';
    add_remote(&there, 5, start);
    ck_assert_int_eq(hws_ice_set_remote(ice, ufrag, pwd, false, start), HWS_OK);
    check = expect(HWS_STUN_REQUEST);
    ck_assert_uint_eq(check.msg.username.len, HWS_UFRAG_MAX + 1 + HWS_ICE_UFRAG_LEN);
    ck_assert_int_eq(hws_stun_verify(&check.msg, hws_bytes_of(pwd)), HWS_STUN_INTEGRITY_OK);
}
END_TEST

/* ---- Checks of the peer */

START_TEST(check_is_answered_and_triggers)
{
    struct request request = {.priority = 1234567, .sha256 = _i == 1};
    struct hws_ice_stats stats;
    struct sent sent;

    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    expect_silence();
    ck_assert_int_eq(ask(&request, start), HWS_OK);
    ck_assert(next_sent(&sent));
    ck_assert_int_eq(sent.msg.msg_class, HWS_STUN_SUCCESS);
    ck_assert(hws_address_equal(&sent.msg.xor_mapped, &there));
    ck_assert(!sent.msg.username.data); /* RFC 8489 section 9.1.3 */
    ck_assert(sent.msg.has_fingerprint);
    ck_assert_int_eq(hws_stun_verify(&sent.msg, hws_bytes_of(hws_ice_pwd(ice))),
                     HWS_STUN_INTEGRITY_OK);
    ck_assert_int_eq(sent.msg.integrity_sha256.data != NULL, _i == 1);
    ck_assert(next_sent(&sent)); /* in the same breath */
    ck_assert_int_eq(sent.msg.msg_class, HWS_STUN_REQUEST);
    ck_assert(hws_address_equal(&sent.remote, &there));
    hws_ice_stats(ice, &stats);
    ck_assert_uint_eq(stats.remote_count, 1);
    ck_assert_uint_eq(ice->remotes[0].priority, 1234567);
    ck_assert_int_eq(ice->remotes[0].type, HWS_CANDIDATE_PRFLX);
    ck_assert(hws_ice_admits(ice, &here, &there));

    /* The peer signals it after all: it is the same candidate, by its real name. */
    add_remote(&there, 2130706431, start);
    hws_ice_stats(ice, &stats);
    ck_assert_uint_eq(stats.remote_count, 1);
    ck_assert_uint_eq(stats.pair_count, 1);
    ck_assert_int_eq(ice->remotes[0].type, HWS_CANDIDATE_HOST);
    ck_assert_uint_eq(ice->pairs[0].priority,
                      hws_ice_pair_priority(ice->locals[0].priority, 2130706431));
}
END_TEST

/* RFC 8445 section 7.3.1.4: a check in progress is sent again when the peer is heard, at once unless
 * it has only just left, and a response to either counts. */
START_TEST(triggered_check_repeats)
{
    struct request request = {0};
    struct reply ok = success();
    hws_time heard = start + HWS_MS(_i == 0 ? 60 : 30);
    struct sent first, second;

    know_peer(start);
    first = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(ask(&request, heard), HWS_OK);
    (void)expect(HWS_STUN_SUCCESS);
    if (_i == 1) {
        expect_silence();
        ck_assert_int_eq(hws_ice_deadline(ice), start + HWS_MS(50));
        hws_ice_tick(ice, start + HWS_MS(50));
    }
    second = expect(HWS_STUN_REQUEST);
    ck_assert_mem_eq(first.msg.transaction, second.msg.transaction, HWS_STUN_TID_LEN);
    ck_assert_int_eq(answer(&first, &ok, start + HWS_MS(70)), HWS_OK);
    ck_assert(next_event(HWS_ICE_SELECTED));
    ck_assert_int_eq(answer(&second, &ok, start + HWS_MS(71)), HWS_ERR_UNEXPECTED); /* once */
}
END_TEST

/* However often the peer is heard, our checks go out at their own pace. */
START_TEST(many_checks_trigger_few)
{
    struct request request = {0};
    unsigned sent = 0;

    know_peer(start);
    for (int i = 0; i < 100; i++) {
        struct sent check;

        ck_assert_int_eq(ask(&request, start + HWS_MS(i)), HWS_OK);
        while (next_sent(&check)) {
            if (check.msg.msg_class == HWS_STUN_REQUEST) sent++;
        }
    }
    ck_assert_uint_eq(sent, 2); /* at 0 and 50 ms */
}
END_TEST

START_TEST(foreign_second_half)
{
    struct request request = {0};
    struct hws_ice_stats stats;
    char user[32];

    (void)snprintf(user, sizeof(user), "%s:else", hws_ice_ufrag(ice));
    request.user = user;
    if (_i == 0) ck_assert_int_eq(ask(&request, start), HWS_OK); /* before the credentials */
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    if (_i == 1) ck_assert_int_eq(ask(&request, start), HWS_OK);
    (void)expect(HWS_STUN_SUCCESS);
    expect_silence(); /* answered, but nothing is built on it */
    hws_ice_stats(ice, &stats);
    ck_assert_uint_eq(stats.remote_count, 0);
    ck_assert(!hws_ice_admits(ice, &here, &there));
}
END_TEST

START_TEST(early_checks_are_bounded)
{
    struct request request = {0};
    struct hws_ice_stats stats;

    for (unsigned i = 0; i < 200; i++) {
        request.from = net_addr("203.0.113.8", (uint16_t)(100 + i / 2)); /* each twice */
        ck_assert_int_eq(ask(&request, start), HWS_OK);
        (void)expect(HWS_STUN_SUCCESS);
    }
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    hws_ice_stats(ice, &stats);
    ck_assert_uint_eq(stats.remote_count, HWS_ICE_EARLY_MAX);
    for (unsigned i = 0; i < 200; i++) { /* and so is what is learned later */
        request.from = net_addr("203.0.113.9", (uint16_t)(100 + i));
        ck_assert_int_eq(ask(&request, start), HWS_OK);
    }
    hws_ice_stats(ice, &stats);
    ck_assert_uint_le(stats.remote_count, HWS_ICE_PRFLX_MAX);
}
END_TEST

START_TEST(unknown_attribute)
{
    struct request request = {.unknown = 0x7777};
    struct sent reply;

    know_peer(start);
    (void)expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(ask(&request, start), HWS_ERR_UNSUPPORTED);
    reply = expect(HWS_STUN_ERROR);
    ck_assert_uint_eq(reply.msg.error_code, 420);
    ck_assert_uint_eq(reply.msg.unknown_list.len, 2);
    ck_assert_uint_eq(reply.msg.unknown_list.data[0], 0x77);
    ck_assert_int_eq(hws_stun_verify(&reply.msg, hws_bytes_of(hws_ice_pwd(ice))),
                     HWS_STUN_INTEGRITY_OK);
    ck_assert(!hws_ice_admits(ice, &here, &there));
}
END_TEST

/* At most 20 error replies a second, and never more bytes out than in. */
START_TEST(refusals_are_limited)
{
    static const struct request bad[] = {
        {.no_integrity = true}, {.pwd = "wrongpasswordwrongpasswo"}, {.user = "x:y"}};
    size_t in = 0, out = 0;
    unsigned replies = 0;

    for (unsigned i = 0; i < 1000; i++) {
        uint8_t buffer[512];
        struct hws_bytes bytes = build_request(&bad[i % 3], buffer, sizeof(buffer));
        struct hws_datagram packet = {here, there, bytes}, sent;

        in += bytes.len;
        ck_assert_int_eq(hws_err_class(hws_ice_feed(ice, &packet, start + HWS_MS(i))),
                         HWS_CLASS_PEER);
        while (hws_ice_next_packet(ice, &sent)) {
            ck_assert_uint_le(sent.bytes.len, bytes.len);
            out += sent.bytes.len;
            replies++;
        }
    }
    ck_assert_uint_eq(replies, HWS_ICE_ERROR_REPLIES);
    ck_assert_uint_le(out, in);
    ck_assert_int_eq(ask(&bad[0], start + HWS_MS(1001)), HWS_ERR_MALFORMED);
    (void)expect(HWS_STUN_ERROR); /* the next second has its own */
}
END_TEST

static const struct {
    bool controlling;
    uint64_t tiebreaker;
    bool switches;
} conflicts[] = {
    {true,  1,          false},
    {true,  UINT64_MAX, true },
    {false, 1,          true },
    {false, UINT64_MAX, false},
};

START_TEST(role_conflict_request)
{
    bool ours = conflicts[_i].controlling;
    struct request request = {.controlling = ours, .tiebreaker = conflicts[_i].tiebreaker};
    struct sent reply;

    hws_ice_set_controlling(ice, ours);
    know_peer(start);
    (void)expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(ask(&request, start + HWS_MS(20)),
                     conflicts[_i].switches ? HWS_OK : HWS_ERR_REFUSED);
    ck_assert(next_sent(&reply));
    if (conflicts[_i].switches) {
        ck_assert_int_eq(reply.msg.msg_class, HWS_STUN_SUCCESS);
        reply = expect(HWS_STUN_REQUEST);
        ck_assert_int_eq(reply.msg.has_ice_controlling, !ours);
    } else {
        ck_assert_uint_eq(reply.msg.error_code, 487);
    }
    ck_assert_int_eq(hws_ice_is_controlling(ice), ours != conflicts[_i].switches);
}
END_TEST

/* Checks on their way claim the old role: they begin anew, all of them. */
START_TEST(role_switch_renews_all_checks)
{
    struct request request = {.controlling = true, .tiebreaker = UINT64_MAX};
    struct hws_address other = net_addr("198.51.100.3", 3333);
    bool seen[2] = {false, false};
    struct sent check;

    add_remote(&other, 1000, start);
    know_peer(start);
    (void)expect(HWS_STUN_REQUEST);
    hws_ice_tick(ice, start + HWS_MS(5));
    (void)expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(ask(&request, start + HWS_MS(20)), HWS_OK);
    hws_ice_tick(ice, start + HWS_MS(25));
    while (next_of(HWS_STUN_REQUEST, &check)) {
        ck_assert(check.msg.has_ice_controlled);
        seen[hws_address_equal(&check.remote, &other)] = true;
    }
    ck_assert(seen[0] && seen[1]);
}
END_TEST

/* ---- The check list */

/* Computed with the formula of RFC 8445 section 6.1.2.3 by another program. */
static const struct {
    uint32_t controlling, controlled;
    uint64_t pair;
} priorities[] = {
    {2130706431, 2130706431, 9151314442783293438u},
    {2130706431, 1694498815, 7277816997797167103u},
    {1694498815, 2130706431, 7277816997797167102u},
    {1,          2147483647, 8589934590u         },
    {2147483647, 1,          8589934591u         },
};

START_TEST(pair_priority)
{
    ck_assert_uint_eq(hws_ice_pair_priority(priorities[_i].controlling, priorities[_i].controlled),
                      priorities[_i].pair);
}
END_TEST

/* RFC 8445 section 7.2.5.3.3: what has the foundation of a pair that works goes first. */
START_TEST(success_unfreezes_its_foundation)
{
    struct hws_address addrs[3] = {there, net_addr("198.51.100.2", 4), net_addr("203.0.113.1", 5)};
    struct hws_candidate c[3] = {candidate(&addrs[0], 2000000000, "a"),
                                 candidate(&addrs[1], 1000, "a"),
                                 candidate(&addrs[2], 1900000000, "b")};
    struct reply ok = success();
    struct sent check;

    hws_ice_set_controlling(ice, false); /* so that no nomination comes between */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(hws_ice_add_remote(ice, &c[i], start), HWS_OK);
    }
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    check = expect(HWS_STUN_REQUEST);
    ck_assert(hws_address_equal(&check.remote, &addrs[0]));
    if (_i == 0) ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(1)), HWS_OK);
    hws_ice_tick(ice, start + HWS_MS(5));
    check = expect(HWS_STUN_REQUEST);
    ck_assert(hws_address_equal(&check.remote, _i == 0 ? &addrs[1] : &addrs[2]));
}
END_TEST

/* ---- Nomination by the peer */

START_TEST(use_candidate_after_integrity_nominates_nothing)
{
    struct request request = {.controlling = true, .use_after_integrity = true};
    struct reply ok = success();
    struct sent check;

    hws_ice_set_controlling(ice, false);
    know_peer(start);
    check = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(20)), HWS_OK);
    ck_assert_int_eq(ask(&request, start + HWS_MS(30)), HWS_OK);
    ck_assert(!next_event(HWS_ICE_NOMINATED));
    request.use_after_integrity = false;
    request.use = true;
    ck_assert_int_eq(ask(&request, start + HWS_MS(40)), HWS_OK);
    ck_assert(next_event(HWS_ICE_NOMINATED));
}
END_TEST

/* Every check of the peer nominates; the best that works wins, in whatever order they come. */
START_TEST(aggressive_nominator)
{
    struct hws_address addrs[2] = {there, net_addr("198.51.100.3", 3333)};
    struct request request = {.controlling = true, .use = true};
    struct reply ok = success();
    struct hws_ice_path path;

    hws_ice_set_controlling(ice, false);
    add_remote(&addrs[0], 2130706431, start);
    add_remote(&addrs[1], 2140000000, start);
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    (void)expect(HWS_STUN_REQUEST);
    for (int i = 0; i < 2; i++) {
        hws_time now = start + HWS_MS(100 * (i + 1));
        struct sent check;
        bool found = false;

        while (next_sent(&check)) { /* ordinary checks so far */
        }
        request.from = addrs[_i == 0 ? i : 1 - i];
        ck_assert_int_eq(ask(&request, now), HWS_OK);
        hws_ice_tick(ice, now + HWS_MS(5));
        while (!found && next_of(HWS_STUN_REQUEST, &check)) {
            found = hws_address_equal(&check.remote, &request.from);
        }
        if (!found) continue;
        ck_assert_int_eq(answer(&check, &ok, now + HWS_MS(20)), HWS_OK);
        ck_assert(next_event(HWS_ICE_NOMINATED));
        while (next_sent(&check)) { /* ordinary checks of the other pair, now called off */
        }
    }
    ck_assert(hws_ice_path(ice, &path));
    ck_assert(hws_address_equal(&path.remote, &addrs[1]));
}
END_TEST

/* A nomination of a lesser pair counts when the first search is over: the peer moves there. */
START_TEST(nomination_of_a_lesser_pair)
{
    struct hws_address better = net_addr("198.51.100.3", 3333);
    struct request request = {.controlling = true, .use = true};
    struct reply ok = success();
    struct hws_ice_path path;
    struct sent check;
    hws_time now = start;

    hws_ice_set_controlling(ice, false);
    add_remote(&better, 2140000000, now);
    know_peer(now);
    for (int i = 0; i < 2; i++) { /* both work */
        check = expect(HWS_STUN_REQUEST);
        ck_assert_int_eq(answer(&check, &ok, now), HWS_OK);
        now += HWS_MS(5);
        hws_ice_tick(ice, now);
    }
    request.from = better;
    ck_assert_int_eq(ask(&request, now), HWS_OK);
    ck_assert(next_event(HWS_ICE_NOMINATED));
    now += _i == 0 ? HWS_SEC(4) : HWS_SEC(6);
    request.from = there;
    ck_assert_int_eq(ask(&request, now), HWS_OK);
    ck_assert(hws_ice_path(ice, &path));
    ck_assert(hws_address_equal(&path.remote, _i == 0 ? &better : &there));
}
END_TEST

/* Two pairs that work; @p better_first or the pair with there is nominated, then the other. */
static void nominate_twice(const uint32_t numbers[2], bool better_first, bool allowed)
{
    struct hws_address addrs[2] = {there, net_addr("198.51.100.3", 3333)};
    struct request request = {.controlling = true, .use = true};
    struct reply ok = success();
    struct sent check;
    hws_time now = start;

    hws_ice_set_controlling(ice, false);
    hws_ice_allow_renomination(ice, allowed);
    add_remote(&addrs[1], 2140000000, now);
    know_peer(now);
    for (int i = 0; i < 2; i++) {
        check = expect(HWS_STUN_REQUEST);
        ck_assert_int_eq(answer(&check, &ok, now), HWS_OK);
        now += HWS_MS(5);
        hws_ice_tick(ice, now);
    }
    for (int i = 0; i < 2; i++) {
        request.from = addrs[better_first ? 1 - i : i];
        request.nomination = numbers[i];
        ck_assert_int_eq(ask(&request, now), HWS_OK);
        now += HWS_MS(20);
    }
}

/* draft-thatcher-ice-renomination: the highest number wins, in whatever order the checks come and
 * whatever the priorities; without the option in both descriptions priorities decide. */
static const struct {
    const char *what;
    uint32_t numbers[2];
    bool better_first, allowed, better_wins;
} renominations[] = {
    {"a lesser pair, later",          {1, 2},          true,  true,  false},
    {"an old one overtaken",          {2, 1},          true,  true,  true },
    {"an old one of a better pair",   {7, 6},          false, true,  false},
    {"a better pair, later",          {1, 2},          false, true,  true },
    {"the highest number there is",   {UINT32_MAX, 1}, false, true,  false},
    {"numbers that nobody asked for", {1, 2},          true,  false, true },
    {"the first without a number",    {0, 1},          true,  true,  false},
};

START_TEST(renomination)
{
    struct hws_ice_path path;

    nominate_twice(renominations[_i].numbers, renominations[_i].better_first,
                   renominations[_i].allowed);
    ck_assert(hws_ice_path(ice, &path));
    ck_assert_msg(hws_address_equal(&path.remote, &there) != renominations[_i].better_wins, "%s",
                  renominations[_i].what);
}
END_TEST

START_TEST(nominations_are_numbered)
{
    struct hws_address better = net_addr("198.51.100.3", 3333);
    struct reply ok = success();
    struct sent check;

    hws_ice_allow_renomination(ice, _i == 1);
    know_peer(start);
    check = expect(HWS_STUN_REQUEST);
    ck_assert(!check.msg.has_nomination);
    ck_assert_int_eq(answer(&check, &ok, start), HWS_OK);
    for (uint32_t number = 1; number <= 2; number++) {
        hws_time now = start + HWS_MS(20 * number);

        hws_ice_tick(ice, now);
        check = expect(HWS_STUN_REQUEST);
        ck_assert(check.msg.use_candidate);
        ck_assert_int_eq(check.msg.has_nomination, _i == 1);
        ck_assert_uint_eq(check.msg.nomination, _i == 1 ? number : 0);
        ck_assert_int_eq(answer(&check, &ok, now), HWS_OK);
        ck_assert(next_event(HWS_ICE_NOMINATED));
        if (number == 2) break;
        /* The peer shows a better pair, which works and is nominated instead. */
        add_remote(&better, 2140000000, now);
        ck_assert_int_eq(ask(&(struct request){.from = better}, now), HWS_OK);
        hws_ice_tick(ice, now + HWS_MS(5));
        do { /* the path in use is asked as well */
            check = expect(HWS_STUN_REQUEST);
        } while (!hws_address_equal(&check.remote, &better));
        ck_assert_int_eq(answer(&check, &ok, now + HWS_MS(5)), HWS_OK);
    }
}
END_TEST

START_TEST(lite_peer)
{
    struct reply ok = success();
    struct sent check;

    hws_ice_set_controlling(ice, false);
    add_remote(&there, 2130706431, start);
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, true, start), HWS_OK);
    ck_assert(hws_ice_is_controlling(ice)); /* RFC 8445 section 6.1.1 */
    hws_ice_set_controlling(ice, false);
    ck_assert(hws_ice_is_controlling(ice));
    check = expect(HWS_STUN_REQUEST);
    ck_assert(check.msg.has_ice_controlling);
    ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(20)), HWS_OK);
    check = expect(HWS_STUN_REQUEST);
    ck_assert(check.msg.use_candidate);
    ck_assert_int_eq(answer(&check, &ok, start + HWS_MS(40)), HWS_OK);
    ck_assert(next_event(HWS_ICE_NOMINATED));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ice_peer");
    TCase *tc = tcase_create("peer");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, check_as_sent);
    tcase_add_test(tc, retransmission_schedule);
    tcase_add_test(tc, pacing);
    tcase_add_loop_test(tc, every_candidate_is_tried, 0, 2);
    tcase_add_test(tc, late_tick_is_no_burst);
    tcase_add_test(tc, first_valid_pair_carries_data);
    tcase_add_loop_test(tc, settles_before_nominating_a_lesser_pair, 0, 2);
    tcase_add_loop_test(tc, bad_reply_changes_nothing, 0, COUNT(bad_replies));
    tcase_add_loop_test(tc, asymmetric_reply_fails_the_pair, 0, 2);
    tcase_add_loop_test(tc, role_conflict_response, 0, 2);
    tcase_add_test(tc, damage);
    tcase_add_test(tc, other_input_changes_nothing);
    tcase_add_test(tc, longest_credentials);
    tcase_add_loop_test(tc, check_is_answered_and_triggers, 0, 2);
    tcase_add_loop_test(tc, triggered_check_repeats, 0, 2);
    tcase_add_test(tc, many_checks_trigger_few);
    tcase_add_loop_test(tc, foreign_second_half, 0, 2);
    tcase_add_test(tc, early_checks_are_bounded);
    tcase_add_test(tc, unknown_attribute);
    tcase_add_test(tc, refusals_are_limited);
    tcase_add_loop_test(tc, role_conflict_request, 0, COUNT(conflicts));
    tcase_add_test(tc, role_switch_renews_all_checks);
    tcase_add_loop_test(tc, pair_priority, 0, COUNT(priorities));
    tcase_add_loop_test(tc, success_unfreezes_its_foundation, 0, 2);
    tcase_add_test(tc, use_candidate_after_integrity_nominates_nothing);
    tcase_add_loop_test(tc, aggressive_nominator, 0, 2);
    tcase_add_loop_test(tc, nomination_of_a_lesser_pair, 0, 2);
    tcase_add_loop_test(tc, renomination, 0, sizeof(renominations) / sizeof(renominations[0]));
    tcase_add_loop_test(tc, nominations_are_numbered, 0, 2);
    tcase_add_loop_test(tc, a_nomination_does_not_overtake_the_answer, 0, 2);
    tcase_add_test(tc, a_doubt_is_about_all_pairs);
    tcase_add_test(tc, lite_peer);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

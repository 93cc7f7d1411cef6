/* One agent against a scripted peer: what exactly it sends, what it accepts, and that everything
 * else leaves it as it was. Looks inside the agent only to compare before and after. */
#include "ice/ice_internal.h"
#include "support/ice_net.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static const char peer_ufrag[] = "peer", peer_pwd[] = "peerpasswordpeerpassword";
static const hws_time start = HWS_SEC(50);

static struct hws_ice *ice;
static struct hws_address here, there;
static uint64_t random_state;
static char log_text[65536];
static size_t log_len;

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)net_random(&random_state);
    }
}

static void keep_log(void *user, const char *line, size_t len)
{
    (void)user;
    if (log_len + len + 2 > sizeof(log_text)) return;
    memcpy(log_text + log_len, line, len);
    log_len += len;
    log_text[log_len++] = '\n';
    log_text[log_len] = '\0';
}

static bool log_saw(const char *what)
{
    return strstr(log_text, what) != NULL;
}

static void set_up(void)
{
    struct hws_ice_config config = {
        .random = {fill,              NULL                  },
        .log = {.write = keep_log, .level = HWS_LOG_TRACE},
        .controlling = true
    };

    random_state = 42;
    log_len = 0;
    log_text[0] = '\0';
    here = net_addr("192.0.2.1", 1111);
    there = net_addr("198.51.100.2", 2222);
    ck_assert_int_eq(hws_ice_new(&config, &ice), HWS_OK);
    ck_assert_int_eq(hws_ice_add_local(ice, &here, start), HWS_OK);
}

static void tear_down(void)
{
    hws_ice_free(ice);
}

static struct hws_candidate candidate(const struct hws_address *addr, uint32_t priority,
                                      const char *foundation)
{
    struct hws_candidate c = {.type = HWS_CANDIDATE_HOST, .priority = priority, .addr = *addr};

    (void)snprintf(c.foundation, sizeof(c.foundation), "%s", foundation);
    return c;
}

static void add_remote(const struct hws_address *addr, uint32_t priority, hws_time now)
{
    struct hws_candidate c = candidate(addr, priority, "1");

    ck_assert_int_eq(hws_ice_add_remote(ice, &c, now), HWS_OK);
}

static void know_peer(hws_time now)
{
    add_remote(&there, 2130706431, now);
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, now), HWS_OK);
}

/* ---- What the agent sent */

struct sent {
    struct hws_address local, remote;
    uint8_t bytes[700];
    struct hws_stun_message msg;
};

static bool next_sent(struct sent *out)
{
    struct hws_datagram packet;

    if (!hws_ice_next_packet(ice, &packet)) return false;
    out->local = packet.local;
    out->remote = packet.remote;
    ck_assert_uint_le(packet.bytes.len, sizeof(out->bytes));
    memcpy(out->bytes, packet.bytes.data, packet.bytes.len);
    ck_assert_int_eq(
        hws_stun_read((struct hws_bytes){out->bytes, packet.bytes.len}, &out->msg, NULL), HWS_OK);
    return true;
}

/* The next message of this class; others before it are thrown away. */
static bool next_of(enum hws_stun_class msg_class, struct sent *out)
{
    while (next_sent(out)) {
        if (out->msg.msg_class == msg_class) return true;
    }
    return false;
}

static struct sent expect(enum hws_stun_class msg_class)
{
    static struct sent sent;

    ck_assert_msg(next_of(msg_class, &sent), "the agent sent no message of class %d", msg_class);
    return sent;
}

static void expect_silence(void)
{
    struct sent sent;

    ck_assert_msg(!next_sent(&sent), "the agent sent something");
}

static bool next_event(enum hws_ice_event_kind kind)
{
    struct hws_ice_event event;

    while (hws_ice_next_event(ice, &event)) {
        if (event.kind == kind) return true;
    }
    return false;
}

/* ---- What the peer sends */

struct reply {
    struct hws_address from; /* none: the right one */
    struct hws_address to;
    const char *pwd; /* NULL: no integrity */
    enum hws_stun_class msg_class;
    uint16_t error, unknown;
    bool no_mapped, no_fingerprint, flip_transaction;
};

static struct reply success(void)
{
    return (struct reply){.pwd = peer_pwd, .msg_class = HWS_STUN_SUCCESS};
}

static struct hws_bytes build_reply(const struct sent *check, const struct reply *reply,
                                    uint8_t *buffer, size_t cap)
{
    uint8_t transaction[HWS_STUN_TID_LEN];
    struct hws_stun_writer msg;
    struct hws_bytes bytes = {0};

    memcpy(transaction, check->msg.transaction, sizeof(transaction));
    if (reply->flip_transaction) transaction[11] ^= 1;
    msg = hws_stun_begin(buffer, cap, reply->msg_class, HWS_STUN_BINDING, transaction);
    if (reply->error) hws_stun_add_error(&msg, reply->error, "");
    if (reply->msg_class == HWS_STUN_SUCCESS && !reply->no_mapped)
        hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &check->local);
    if (reply->unknown) hws_stun_add_u32(&msg, reply->unknown, 0);
    if (reply->pwd) hws_stun_add_integrity(&msg, hws_bytes_of(reply->pwd));
    if (!reply->no_fingerprint) hws_stun_add_fingerprint(&msg);
    ck_assert_int_eq(hws_stun_end(&msg, &bytes), HWS_OK);
    return bytes;
}

static enum hws_err answer(const struct sent *check, const struct reply *reply, hws_time now)
{
    uint8_t buffer[256];
    struct hws_datagram in = {check->local, check->remote, {0}};

    in.bytes = build_reply(check, reply, buffer, sizeof(buffer));
    if (reply->from.family != HWS_FAMILY_NONE) in.remote = reply->from;
    if (reply->to.family != HWS_FAMILY_NONE) in.local = reply->to;
    return hws_ice_feed(ice, &in, now);
}

struct request {
    const char *user; /* NULL: ours and the peer's */
    const char *pwd;  /* NULL: ours */
    struct hws_address from;
    uint32_t priority;
    bool controlling, use, use_after_integrity, no_integrity, sha256;
    uint64_t tiebreaker;
    uint16_t unknown;
};

static struct hws_bytes build_request(const struct request *r, uint8_t *buffer, size_t cap)
{
    uint8_t transaction[HWS_STUN_TID_LEN];
    char user[64];
    struct hws_stun_writer msg;
    struct hws_bytes bytes = {0}, pwd = hws_bytes_of(r->pwd ? r->pwd : hws_ice_pwd(ice));

    fill(NULL, transaction, sizeof(transaction));
    (void)snprintf(user, sizeof(user), "%s:%s", hws_ice_ufrag(ice), peer_ufrag);
    msg = hws_stun_begin(buffer, cap, HWS_STUN_REQUEST, HWS_STUN_BINDING, transaction);
    hws_stun_add_bytes(&msg, HWS_STUN_USERNAME, hws_bytes_of(r->user ? r->user : user));
    hws_stun_add_u32(&msg, HWS_STUN_PRIORITY, r->priority ? r->priority : 1845494271);
    hws_stun_add_u64(&msg, r->controlling ? HWS_STUN_ICE_CONTROLLING : HWS_STUN_ICE_CONTROLLED,
                     r->tiebreaker ? r->tiebreaker : 1);
    if (r->use) hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE);
    if (r->unknown) hws_stun_add_u32(&msg, r->unknown, 0);
    if (r->sha256)
        hws_stun_add_integrity_sha256(&msg, pwd);
    else if (!r->no_integrity)
        hws_stun_add_integrity(&msg, pwd);
    if (r->use_after_integrity) hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE);
    hws_stun_add_fingerprint(&msg);
    ck_assert_int_eq(hws_stun_end(&msg, &bytes), HWS_OK);
    return bytes;
}

static enum hws_err ask(const struct request *r, hws_time now)
{
    uint8_t buffer[512];
    struct hws_datagram in = {here, there, build_request(r, buffer, sizeof(buffer))};

    if (r->from.family != HWS_FAMILY_NONE) in.remote = r->from;
    return hws_ice_feed(ice, &in, now);
}

/* The pair works and is nominated; the time is the same. */
static void connect_now(hws_time now)
{
    struct reply ok = success();
    struct sent check;

    know_peer(now);
    check = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(answer(&check, &ok, now), HWS_OK);
    hws_ice_tick(ice, now + HWS_MS(5));
    check = expect(HWS_STUN_REQUEST);
    ck_assert(check.msg.use_candidate);
    ck_assert_int_eq(answer(&check, &ok, now + HWS_MS(6)), HWS_OK);
    ck_assert(next_event(HWS_ICE_NOMINATED));
}

/* ---- Snapshots: equal but for what counts and queues */

static struct hws_ice snapshot(void)
{
    struct hws_ice copy;

    memcpy(&copy, ice, sizeof(copy));
    copy.packets_dropped = 0;
    copy.responses_received = 0;
    copy.error_window_at = 0;
    copy.error_count = 0;
    memset(&copy.outbox, 0, sizeof(copy.outbox));
    return copy;
}

static void assert_unchanged(const struct hws_ice *before, const char *what)
{
    struct hws_ice after = snapshot();

    ck_assert_msg(memcmp(before, &after, sizeof(after)) == 0, "%s changed the agent", what);
}

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
    static const hws_time at[] = {0, 500, 1500, 3500, 7500, 15500, 31500};
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
    hws_time last = start;

    for (unsigned i = 0; i < 10; i++) {
        struct hws_address addr = net_addr("203.0.113.1", (uint16_t)(1000 + i));
        struct hws_candidate c = candidate(&addr, 1000 + i, "");

        (void)snprintf(c.foundation, sizeof(c.foundation), "%u", i);
        ck_assert_int_eq(hws_ice_add_remote(ice, &c, start), HWS_OK);
    }
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, start), HWS_OK);
    for (unsigned i = 0; i < 10; i++) {
        struct sent check = expect(HWS_STUN_REQUEST);

        ck_assert_uint_eq(check.remote.port, 1009 - i); /* best first */
        expect_silence();
        if (i == 9) break;
        ck_assert_int_eq(hws_ice_deadline(ice) - last, i < 3 ? HWS_MS(5) : HWS_MS(20));
        last = hws_ice_deadline(ice);
        hws_ice_tick(ice, last);
    }
    ck_assert_int_gt(hws_ice_deadline(ice), last + HWS_MS(300)); /* now only retransmissions */
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
    hws_ice_tick(ice, start + HWS_MS(400));
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
        ck_assert_int_eq(hws_ice_deadline(ice), start + HWS_MS(110));
        hws_ice_tick(ice, start + HWS_MS(110));
        checks[0] = expect(HWS_STUN_REQUEST);
        ck_assert(checks[0].msg.use_candidate);
        ck_assert(hws_address_equal(&checks[0].remote, &there));
    }
}
END_TEST

/* ---- Responses */

static const struct {
    const char *what;
    struct reply reply;
    enum hws_err err;
} bad_replies[] = {
    {"no integrity",                    {.msg_class = HWS_STUN_SUCCESS},             HWS_ERR_INTEGRITY},
    {"our own password",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = "wrongpasswordwrongpasswo"},
     HWS_ERR_INTEGRITY                                                                                },
    {"another transaction",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .flip_transaction = true},
     HWS_ERR_UNEXPECTED                                                                               },
    {"no mapped address",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .no_mapped = true},
     HWS_ERR_MALFORMED                                                                                },
    {"no fingerprint",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .no_fingerprint = true},
     HWS_ERR_MALFORMED                                                                                },
    {"unknown required attribute",
     {.msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .unknown = 0x7777},
     HWS_ERR_UNSUPPORTED                                                                              },
    {"error without integrity",         {.msg_class = HWS_STUN_ERROR, .error = 401}, HWS_ERR_INTEGRITY},
    {"role conflict without integrity",
     {.msg_class = HWS_STUN_ERROR, .error = 487},
     HWS_ERR_INTEGRITY                                                                                },
};

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
}
END_TEST

/* RFC 8445 section 7.3.1.4: a check in progress is replaced, and its late response still counts. */
START_TEST(triggered_check_replaces)
{
    struct request request = {0};
    struct reply ok = success();
    struct sent first, second;

    know_peer(start);
    first = expect(HWS_STUN_REQUEST);
    ck_assert_int_eq(ask(&request, start + HWS_MS(30)), HWS_OK);
    second = expect(HWS_STUN_REQUEST);
    ck_assert_mem_ne(first.msg.transaction, second.msg.transaction, HWS_STUN_TID_LEN);
    ck_assert_int_eq(answer(&first, &ok, start + HWS_MS(40)), HWS_OK);
    ck_assert(next_event(HWS_ICE_SELECTED));
    ck_assert_int_eq(answer(&second, &ok, start + HWS_MS(50)), HWS_ERR_UNEXPECTED);
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

        request.from = addrs[_i == 0 ? i : 1 - i];
        ck_assert_int_eq(ask(&request, now), HWS_OK);
        hws_ice_tick(ice, now + HWS_MS(5));
        if (!next_of(HWS_STUN_REQUEST, &check)) continue;
        ck_assert_int_eq(answer(&check, &ok, now + HWS_MS(20)), HWS_OK);
        ck_assert(next_event(HWS_ICE_NOMINATED));
        while (next_sent(&check)) { /* ordinary checks of the other pair, now called off */
        }
    }
    ck_assert(hws_ice_path(ice, &path));
    ck_assert(hws_address_equal(&path.remote, &addrs[1]));
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
    struct reply replies[] = {
        {.msg_class = HWS_STUN_SUCCESS},
        { .msg_class = HWS_STUN_SUCCESS,                .pwd = "wrongpasswordwrongpasswo"},
        { .msg_class = HWS_STUN_SUCCESS, .pwd = peer_pwd, .flip_transaction = true},
        { .msg_class = HWS_STUN_SUCCESS,   .pwd = peer_pwd, .from = net_addr("203.0.113.4", 9)},
        {                           .msg_class = HWS_STUN_ERROR,                  .error = 403}, /* nor ends it */
        {   .msg_class = HWS_STUN_ERROR,    .error = 500, .pwd = peer_pwd},
    };
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

START_TEST(refused_configurations)
{
    struct hws_ice_config good =
                              {
                                  .random = {fill, NULL}
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
    tcase_add_test(tc, late_tick_is_no_burst);
    tcase_add_test(tc, first_valid_pair_carries_data);
    tcase_add_loop_test(tc, settles_before_nominating_a_lesser_pair, 0, 2);
    tcase_add_loop_test(tc, bad_reply_changes_nothing, 0, COUNT(bad_replies));
    tcase_add_loop_test(tc, asymmetric_reply_fails_the_pair, 0, 2);
    tcase_add_test(tc, role_conflict_response);
    tcase_add_test(tc, damage);
    tcase_add_test(tc, other_input_changes_nothing);
    tcase_add_test(tc, longest_credentials);
    tcase_add_loop_test(tc, check_is_answered_and_triggers, 0, 2);
    tcase_add_test(tc, triggered_check_replaces);
    tcase_add_loop_test(tc, foreign_second_half, 0, 2);
    tcase_add_test(tc, early_checks_are_bounded);
    tcase_add_test(tc, unknown_attribute);
    tcase_add_test(tc, refusals_are_limited);
    tcase_add_loop_test(tc, role_conflict_request, 0, COUNT(conflicts));
    tcase_add_test(tc, use_candidate_after_integrity_nominates_nothing);
    tcase_add_loop_test(tc, aggressive_nominator, 0, 2);
    tcase_add_test(tc, lite_peer);
    tcase_add_test(tc, consent_rhythm);
    tcase_add_loop_test(tc, consent_is_not_forged, 0, 6);
    tcase_add_test(tc, late_response_revives_nothing);
    tcase_add_test(tc, consent_revoked);
    tcase_add_test(tc, local_priorities);
    tcase_add_test(tc, reflexive_candidates);
    tcase_add_test(tc, forged_reflexive);
    tcase_add_test(tc, tables_fill_up);
    tcase_add_test(tc, undrained_queue);
    tcase_add_test(tc, refused_configurations);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

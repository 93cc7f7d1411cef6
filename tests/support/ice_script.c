#include "support/ice_script.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char peer_ufrag[] = "peer", peer_pwd[] = "peerpasswordpeerpassword";
const hws_time start = HWS_SEC(50);

struct hws_ice *ice;
struct hws_address here, there;
static uint64_t random_state;
static char log_text[65536];
static size_t log_len;

void script_fill(void *user, uint8_t *out, size_t len)
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

bool log_saw(const char *what)
{
    return strstr(log_text, what) != NULL;
}

void set_up(void)
{
    struct hws_ice_config config = {
        .random = {script_fill,       NULL                  },
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

void tear_down(void)
{
    hws_ice_free(ice);
}

struct hws_candidate candidate(const struct hws_address *addr, uint32_t priority,
                               const char *foundation)
{
    struct hws_candidate c = {.type = HWS_CANDIDATE_HOST, .priority = priority, .addr = *addr};

    (void)snprintf(c.foundation, sizeof(c.foundation), "%s", foundation);
    return c;
}

void add_remote(const struct hws_address *addr, uint32_t priority, hws_time now)
{
    struct hws_candidate c = candidate(addr, priority, "1");

    ck_assert_int_eq(hws_ice_add_remote(ice, &c, now), HWS_OK);
}

void know_peer(hws_time now)
{
    add_remote(&there, 2130706431, now);
    ck_assert_int_eq(hws_ice_set_remote(ice, peer_ufrag, peer_pwd, false, now), HWS_OK);
}

/* ---- What the agent sent */

bool next_sent(struct sent *out)
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
bool next_of(enum hws_stun_class msg_class, struct sent *out)
{
    while (next_sent(out)) {
        if (out->msg.msg_class == msg_class) return true;
    }
    return false;
}

struct sent expect(enum hws_stun_class msg_class)
{
    static struct sent sent;

    ck_assert_msg(next_of(msg_class, &sent), "the agent sent no message of class %d", msg_class);
    return sent;
}

void expect_silence(void)
{
    struct sent sent;

    ck_assert_msg(!next_sent(&sent), "the agent sent something");
}

bool next_event(enum hws_ice_event_kind kind)
{
    struct hws_ice_event event;

    while (hws_ice_next_event(ice, &event)) {
        if (event.kind == kind) return true;
    }
    return false;
}

/* ---- What the peer sends */

struct reply success(void)
{
    return (struct reply){.pwd = peer_pwd, .msg_class = HWS_STUN_SUCCESS};
}

struct hws_bytes build_reply(const struct sent *check, const struct reply *reply, uint8_t *buffer,
                             size_t cap)
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

enum hws_err answer(const struct sent *check, const struct reply *reply, hws_time now)
{
    uint8_t buffer[256];
    struct hws_datagram in = {check->local, check->remote, {0}};

    in.bytes = build_reply(check, reply, buffer, sizeof(buffer));
    if (reply->from.family != HWS_FAMILY_NONE) in.remote = reply->from;
    if (reply->to.family != HWS_FAMILY_NONE) in.local = reply->to;
    return hws_ice_feed(ice, &in, now);
}

struct hws_bytes build_request(const struct request *r, uint8_t *buffer, size_t cap)
{
    uint8_t transaction[HWS_STUN_TID_LEN];
    char user[64];
    struct hws_stun_writer msg;
    struct hws_bytes bytes = {0}, pwd = hws_bytes_of(r->pwd ? r->pwd : hws_ice_pwd(ice));

    script_fill(NULL, transaction, sizeof(transaction));
    (void)snprintf(user, sizeof(user), "%s:%s", hws_ice_ufrag(ice), peer_ufrag);
    msg = hws_stun_begin(buffer, cap, HWS_STUN_REQUEST, HWS_STUN_BINDING, transaction);
    hws_stun_add_bytes(&msg, HWS_STUN_USERNAME, hws_bytes_of(r->user ? r->user : user));
    hws_stun_add_u32(&msg, HWS_STUN_PRIORITY, r->priority ? r->priority : 1845494271);
    hws_stun_add_u64(&msg, r->controlling ? HWS_STUN_ICE_CONTROLLING : HWS_STUN_ICE_CONTROLLED,
                     r->tiebreaker ? r->tiebreaker : 1);
    if (r->use) hws_stun_add_flag(&msg, HWS_STUN_USE_CANDIDATE);
    if (r->nomination) hws_stun_add_u32(&msg, HWS_STUN_NOMINATION, r->nomination);
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

enum hws_err ask(const struct request *r, hws_time now)
{
    uint8_t buffer[512];
    struct hws_datagram in = {here, there, build_request(r, buffer, sizeof(buffer))};

    if (r->from.family != HWS_FAMILY_NONE) in.remote = r->from;
    return hws_ice_feed(ice, &in, now);
}

/* The pair works and is nominated; the time is the same. */
void connect_now(hws_time now)
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

struct hws_ice snapshot(void)
{
    struct hws_ice copy;

    memcpy(&copy, ice, sizeof(copy));
    memset(&copy.totals, 0, sizeof(copy.totals));
    for (size_t i = 0; i < copy.pair_count; i++) {
        memset(&copy.pairs[i].counts, 0, sizeof(copy.pairs[i].counts));
    }
    copy.error_window_at = 0;
    copy.error_count = 0;
    memset(&copy.outbox, 0, sizeof(copy.outbox));
    return copy;
}

void assert_unchanged(const struct hws_ice *before, const char *what)
{
    struct hws_ice after = snapshot();

    ck_assert_msg(memcmp(before, &after, sizeof(after)) == 0, "%s changed the agent", what);
}

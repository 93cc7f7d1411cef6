/* ICE-TCP in the ready-made loop, with connections over loopback: of two peers, and of strangers who
 * are sent away. */
#include "base/address.h"
#include "base/bytes.h"
#include "ice/ice.h"
#include "io/clock.h"
#include "io/tcp.h"
#include "sdp/candidate.h"
#include "stun/frame.h"
#include "stun/stun_writer.h"
#include "support/check_main.h"

#include <hawser/loop.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OFFERER, ANSWERER, TEXT_MAX = 4096 };

static struct hws_loop *loop;
static struct hws_peer *peers[2];
static struct hws_channel channel;
static size_t received;
static bool closed[2], connect_them;
static struct hws_address listener; /* of the answerer, as it told */
static char ufrag[HWS_UFRAG_MAX + 1];

static hws_time now(void)
{
    return hws_loop_now(loop);
}

/* ---- Signals, without any candidate of UDP */

static void note(const char *line)
{
    struct hws_candidate candidate;
    enum hws_candidate_verdict verdict;
    const char *at = strstr(line, "a=ice-ufrag:");

    if (at == line) (void)sscanf(line, "a=ice-ufrag:%256s", ufrag);
    if (hws_candidate_read(hws_bytes_of(line), &candidate, &verdict) == HWS_OK &&
        verdict == HWS_CANDIDATE_TCP && candidate.tcp_type == HWS_TCP_PASSIVE &&
        candidate.addr.family == HWS_FAMILY_IP4)
        listener = candidate.addr;
}

static void carry(const struct hws_loop_item *item)
{
    int from = item->peer == peers[OFFERER] ? OFFERER : ANSWERER;
    char text[TEXT_MAX], kept[TEXT_MAX] = "";
    struct hws_signal signal = item->signal;
    char *rest = text, *line;

    ck_assert_uint_lt(signal.text.len, sizeof(text));
    memcpy(text, signal.text.data, signal.text.len);
    text[signal.text.len] = '\0';
    if (signal.kind == HWS_SIGNAL_CANDIDATE && strstr(text, " udp ")) return;
    while ((line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = '\0';
        if (from == ANSWERER) note(line);
        if (strstr(line, " udp ") || line[0] == '\0') continue;
        (void)snprintf(kept + strlen(kept), sizeof(kept) - strlen(kept), "%s\r\n", line);
    }
    if (signal.kind != HWS_SIGNAL_CANDIDATE) signal.text = hws_bytes_of(kept);
    if (from == OFFERER || connect_them)
        ck_assert_int_eq(hws_peer_signal(peers[1 - from], &signal, now()), HWS_OK);
}

static void take(const struct hws_loop_item *item)
{
    if (item->is_signal) {
        carry(item);
    } else if (item->event.kind == HWS_EVENT_MESSAGE) {
        received += item->event.message.len;
    } else if (item->event.kind == HWS_EVENT_CLOSED) {
        closed[item->peer == peers[ANSWERER]] = true;
    }
}

static void turn(hws_time timeout)
{
    struct hws_loop_item item;

    ck_assert_int_eq(hws_loop_wait(loop, timeout), HWS_OK);
    while (hws_loop_next(loop, &item)) {
        take(&item);
    }
}

/* A number that is free now, or 0 for a port of each. */
static uint16_t free_port(bool shared)
{
    struct hws_address any = {
        .ip = {127, 0, 0, 1},
          .family = HWS_FAMILY_IP4
    };
    int fd;

    if (!shared) return 0;
    ck_assert_int_eq(hws_tcp_listen(&any, &fd), HWS_OK);
    close(fd);
    return any.port;
}

static void begin(bool shared, bool connects)
{
    struct hws_loop_config config = {.ice_tcp = true, .loopback = true, .port = free_port(shared)};

    connect_them = connects;
    ck_assert_int_eq(hws_loop_new(&config, &loop, NULL), HWS_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(hws_loop_add_peer(loop, &(struct hws_peer_config){0}, NULL, &peers[i]),
                         HWS_OK);
    }
    ck_assert_int_eq(
        hws_peer_open_channel(peers[OFFERER], &(struct hws_channel_config){0}, now(), &channel),
        HWS_OK);
    ck_assert_int_eq(hws_peer_offer(peers[OFFERER], now()), HWS_OK);
    while (ufrag[0] == '\0' || listener.family == HWS_FAMILY_NONE) {
        turn(HWS_SEC(10));
    }
    if (shared) ck_assert_uint_eq(listener.port, config.port);
}

/* ---- Two peers */

START_TEST(two_peers_talk)
{
    static uint8_t data[200 * 1024];
    struct hws_path path;

    begin(_i == 1, true);
    for (int i = 0; i < 20; i++) {
        while (hws_peer_send(peers[OFFERER], channel, HWS_BINARY,
                             (struct hws_bytes){data, sizeof(data)}, now()) != HWS_OK) {
            turn(HWS_SEC(10));
        }
    }
    while (received < 20 * sizeof(data)) {
        turn(HWS_SEC(10));
    }
    for (int i = 0; i < 2; i++) {
        ck_assert(hws_peer_path(peers[i], &path));
        ck_assert(path.local.tcp && path.remote.tcp);
    }
    hws_peer_close(peers[OFFERER], now());
    hws_loop_remove_peer(loop, peers[OFFERER]); /* its goodbye still leaves */
    peers[OFFERER] = NULL;
    while (!closed[ANSWERER]) {
        turn(HWS_SEC(10));
    }
    hws_loop_free(loop);
}
END_TEST

START_TEST(a_taken_port_is_refused)
{
    struct hws_address any = {
        .ip = {127, 0, 0, 1},
          .family = HWS_FAMILY_IP4
    };
    const char *reason = "";
    int fd;

    ck_assert_int_eq(hws_tcp_listen(&any, &fd), HWS_OK);
    ck_assert_int_eq(
        hws_loop_new(&(struct hws_loop_config){.ice_tcp = true, .loopback = true, .port = any.port},
                     &loop, &reason),
        HWS_ERR_IO);
    ck_assert(strstr(reason, "taken") != NULL);
    close(fd);
}
END_TEST

/* ---- Strangers */

static int visit(void)
{
    struct hws_address from = {
        .ip = {127, 0, 0, 1},
          .family = HWS_FAMILY_IP4
    };
    const struct hws_address *own = hws_address_is_loopback(&listener) ? &from : NULL;
    int fd = -1, code;

    ck_assert_int_eq(hws_tcp_connect(own, &listener, &fd), HWS_OK);
    while (!hws_tcp_is_connected(fd, &code)) {
        ck_assert_int_eq(code, 0);
    }
    return fd;
}

static void say(int fd, const void *bytes, size_t len)
{
    size_t sent = 0;

    ck_assert_int_eq(hws_tcp_write(fd, (struct hws_bytes){bytes, len}, &sent), HWS_OK);
    ck_assert_uint_eq(sent, len);
}

static bool is_over(int fd)
{
    uint8_t byte;
    size_t len;

    return hws_tcp_read(fd, &byte, 1, &len) == HWS_ERR_CLOSED;
}

static void expect_end(int fd)
{
    hws_time end = now() + HWS_SEC(3); /* before the patience with a first frame ends */

    while (!is_over(fd)) {
        ck_assert(now() < end);
        turn(HWS_MS(10));
    }
    close(fd);
}

static void say_frame(int fd, struct hws_bytes bytes)
{
    uint8_t head[HWS_FRAME_HEAD];

    hws_frame_head(bytes.len, head);
    say(fd, head, sizeof(head));
    say(fd, bytes.data, bytes.len);
}

static struct hws_bytes check_for(const char *name, const char *pwd)
{
    static uint8_t buffer[HWS_STUN_MESSAGE_MAX];
    uint8_t transaction[HWS_STUN_TID_LEN] = {1, 2, 3};
    char username[2 * HWS_UFRAG_MAX];
    struct hws_stun_writer out =
        hws_stun_begin(buffer, sizeof(buffer), HWS_STUN_REQUEST, HWS_STUN_BINDING, transaction);
    struct hws_bytes bytes;

    (void)snprintf(username, sizeof(username), "%s:else", name);
    hws_stun_add_bytes(&out, HWS_STUN_USERNAME, hws_bytes_of(username));
    hws_stun_add_u32(&out, HWS_STUN_PRIORITY, 1);
    hws_stun_add_u64(&out, HWS_STUN_ICE_CONTROLLING, 7);
    hws_stun_add_integrity(&out, hws_bytes_of(pwd));
    hws_stun_add_fingerprint(&out);
    ck_assert_int_eq(hws_stun_end(&out, &bytes), HWS_OK);
    return bytes;
}

START_TEST(strangers_are_sent_away)
{
    static const uint8_t zeros[4000], dtls[20] = {22, 0xFE, 0xFD};
    int fd;

    begin(_i == 1, false);
    fd = visit(); /* no frames at all */
    say(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    expect_end(fd);
    fd = visit(); /* a check without its frame */
    say(fd, check_for(ufrag, "guess").data, 60);
    expect_end(fd);
    fd = visit(); /* a frame that is longer than any */
    say(fd, "\x08\x01", 2);
    expect_end(fd);
    fd = visit(); /* not STUN */
    say_frame(fd, (struct hws_bytes){dtls, sizeof(dtls)});
    expect_end(fd);
    fd = visit(); /* a check for nobody here */
    say_frame(fd, check_for("nobody00", "guess"));
    expect_end(fd);
    fd = visit(); /* for somebody, without the password */
    say_frame(fd, check_for(ufrag, "guess"));
    expect_end(fd);
    fd = visit(); /* empty frames are legal and no reason to stay */
    say(fd, zeros, sizeof(zeros));
    say(fd, "\xFF\xFF", 2);
    expect_end(fd);
    fd = visit(); /* in pieces */
    say(fd, "\x00", 1);
    turn(HWS_MS(10));
    ck_assert(!is_over(fd));
    say(fd, "\x01?", 2);
    expect_end(fd);
    hws_loop_free(loop);
}
END_TEST

START_TEST(who_says_nothing_is_sent_away_in_time)
{
    hws_time since;
    int fd;

    begin(false, false);
    fd = visit();
    turn(HWS_MS(10));
    since = now();
    while (!is_over(fd)) {
        ck_assert(now() - since < HWS_SEC(8));
        turn(HWS_SEC(1));
    }
    ck_assert(now() - since > HWS_SEC(4));
    close(fd);
    hws_loop_free(loop);
}
END_TEST

/* The crowd goes oldest first, and does not keep the other side out. */
START_TEST(a_crowd_keeps_nobody_out)
{
    int fds[100];
    size_t over = 0;

    begin(_i == 1, false);
    for (size_t i = 0; i < 100; i++) {
        fds[i] = visit();
        turn(HWS_MS(5));
    }
    for (size_t i = 0; i < 100; i++) {
        bool gone = is_over(fds[i]);

        over += gone;
        ck_assert(gone == (i < over));
    }
    ck_assert_uint_ge(over, 36);
    ck_assert_uint_le(over, 40);
    for (size_t i = 0; i < 100; i++) {
        close(fds[i]);
    }
    hws_loop_free(loop);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("tcp");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, two_peers_talk, 0, 2);
    tcase_add_test(tc, a_taken_port_is_refused);
    tcase_add_loop_test(tc, strangers_are_sent_away, 0, 2);
    tcase_add_test(tc, who_says_nothing_is_sent_away_in_time);
    tcase_add_loop_test(tc, a_crowd_keeps_nobody_out, 0, 2);
    return run_case("io tcp", tc);
}

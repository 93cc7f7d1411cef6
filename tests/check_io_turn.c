/* TURN servers of the loop, over real sockets on loopback: a scripted server answers between two
 * turns of the loop, by UDP and by TCP. */
#include "base/address.h"
#include "base/bytes.h"
#include "io/clock.h"
#include "io/sockaddr.h"
#include "io/turn_link.h"
#include "stun/channel_data.h"
#include "support/check_main.h"
#include "support/turn_server.h"
#include "turn/stream.h"

#include <hawser/loop.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct turn_server server;
static int udp, listener, accepted;
static char url[64];

static int open_socket(int type, struct hws_address *addr)
{
    struct sockaddr_storage sa;
    socklen_t len;
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *addr = (struct hws_address){
        .ip = {127, 0, 0, 1},
          .family = HWS_FAMILY_IP4
    };
    len = hws_sockaddr_write(addr, &sa);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sa, len), 0);
    len = sizeof(sa);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    addr->port = hws_sockaddr_read((struct sockaddr *)&sa).port;
    return fd;
}

static void setup(void)
{
    server_init(&server);
    udp = listener = accepted = -1;
}

static void teardown(void)
{
    if (udp >= 0) close(udp);
    if (listener >= 0) close(listener);
    if (accepted >= 0) close(accepted);
}

static void serve_udp(void)
{
    uint8_t packet[2048];
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    ssize_t got;

    while ((got = recvfrom(udp, packet, sizeof(packet), 0, (struct sockaddr *)&sa, &len)) > 0) {
        struct hws_address client = hws_sockaddr_read((struct sockaddr *)&sa);
        struct server_output out;

        if (server_take(&server, &client, (struct hws_bytes){packet, (size_t)got}, hws_clock_now(),
                        &out) &&
            out.relayed.family == HWS_FAMILY_NONE)
            ck_assert_int_gt(
                sendto(udp, out.bytes.data, out.bytes.len, 0, (struct sockaddr *)&sa, len), 0);
    }
}

static void serve_tcp(void)
{
    static struct hws_turn_stream stream;
    static const struct hws_address client = {
        .ip = {127, 0, 0, 2},
          .port = 1, .family = 1
    };
    uint8_t bytes[1500];
    struct hws_bytes message;
    ssize_t got;

    if (accepted < 0) {
        accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        memset(&stream, 0, sizeof(stream));
    }
    if (accepted < 0) return;
    while ((got = recv(accepted, bytes, sizeof(bytes), 0)) > 0) {
        (void)hws_turn_stream_feed(&stream, (struct hws_bytes){bytes, (size_t)got});
        while (hws_turn_stream_next(&stream, &message) == HWS_OK) {
            struct server_output out;

            if (!server_take(&server, &client, message, hws_clock_now(), &out)) continue;
            for (size_t i = 0; i < out.bytes.len; i++) { /* byte by byte */
                ck_assert_int_eq(send(accepted, out.bytes.data + i, 1, 0), 1);
            }
        }
    }
}

/* Candidates and failures that a peer of a loop tells of until its candidates have ended. */
struct seen {
    unsigned relays, hosts, failures;
    int code;
    char url[64], reason[128];
};

static struct seen gather(const struct hws_loop_config *config)
{
    struct seen seen = {0};
    struct hws_loop_item item;
    struct hws_loop *loop;
    struct hws_peer *peer;
    bool ended = false;

    ck_assert(hws_loop_new(config, &loop, NULL) == HWS_OK);
    ck_assert(hws_loop_add_peer(loop, &(struct hws_peer_config){0}, NULL, &peer) == HWS_OK);
    ck_assert(hws_peer_offer(peer, hws_loop_now(loop)) == HWS_OK);
    for (int turns = 0; turns < 2000 && !(ended && (seen.relays || seen.failures)); turns++) {
        ck_assert(hws_loop_wait(loop, HWS_MS(5)) == HWS_OK);
        if (udp >= 0) serve_udp();
        if (listener >= 0) serve_tcp();
        while (hws_loop_next(loop, &item)) {
            const char *text = (const char *)item.signal.text.data;

            if (!item.is_signal && item.event.kind == HWS_EVENT_SERVER_FAILED) {
                seen.failures++;
                seen.code = (int)item.event.fault.foreign;
                (void)snprintf(seen.url, sizeof(seen.url), "%s", item.event.server);
                (void)snprintf(seen.reason, sizeof(seen.reason), "%s", item.event.fault.what);
            }
            if (!item.is_signal) continue;
            if (memmem(text, item.signal.text.len, "typ relay", 9)) seen.relays++;
            if (memmem(text, item.signal.text.len, "typ host", 8)) seen.hosts++;
            if (item.signal.kind == HWS_SIGNAL_CANDIDATE && item.signal.text.len == 0) ended = true;
        }
    }
    hws_loop_free(loop);
    if (udp >= 0) serve_udp();
    if (listener >= 0) serve_tcp();
    return seen;
}

static struct seen gather_at(const char *password)
{
    struct hws_ice_server servers[] = {
        {.url = url, .username = "user", .password = password}
    };
    struct hws_loop_config config = {
        .servers = servers, .server_count = 1, .loopback = true, .relay_only = true};

    return gather(&config);
}

START_TEST(relayed_candidates_over_udp)
{
    struct seen seen;

    udp = open_socket(SOCK_DGRAM, &server.addr);
    (void)snprintf(url, sizeof(url), "turn:127.0.0.1:%u", server.addr.port);
    seen = gather_at("secret");
    ck_assert_uint_eq(seen.relays, 1);
    ck_assert_uint_eq(seen.hosts, 0);
    ck_assert_uint_eq(seen.failures, 0);
    ck_assert_uint_eq(server.seen[HWS_STUN_ALLOCATE], 2);
}
END_TEST

static uint16_t free_port(void)
{
    struct hws_address addr;

    close(open_socket(SOCK_DGRAM, &addr));
    return addr.port;
}

/* Two peers on one port: a server tells allocations apart by our ends, so each has one of its own. */
START_TEST(peers_of_a_shared_port_have_a_relay_each)
{
    struct hws_ice_server servers[] = {
        {.url = url, .username = "user", .password = "secret"}
    };
    struct hws_loop_config config = {
        .servers = servers, .server_count = 1, .loopback = true, .port = free_port()};
    struct hws_loop_item item;
    struct hws_loop *loop;
    struct hws_peer *peers[2];
    bool relayed[2] = {false, false};
    unsigned used = 0;

    udp = open_socket(SOCK_DGRAM, &server.addr);
    (void)snprintf(url, sizeof(url), "turn:127.0.0.1:%u", server.addr.port);
    ck_assert(hws_loop_new(&config, &loop, NULL) == HWS_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert(hws_loop_add_peer(loop, &(struct hws_peer_config){0}, &relayed[i], &peers[i]) ==
                  HWS_OK);
        ck_assert(hws_peer_offer(peers[i], hws_loop_now(loop)) == HWS_OK);
    }
    for (int turns = 0; turns < 2000 && !(relayed[0] && relayed[1]); turns++) {
        ck_assert(hws_loop_wait(loop, HWS_MS(5)) == HWS_OK);
        serve_udp();
        while (hws_loop_next(loop, &item)) {
            ck_assert(item.is_signal || item.event.kind != HWS_EVENT_SERVER_FAILED);
            if (item.is_signal &&
                memmem(item.signal.text.data, item.signal.text.len, "typ relay", 9))
                *(bool *)item.user = true;
        }
    }
    ck_assert(relayed[0] && relayed[1]);
    for (size_t i = 0; i < SERVER_CLIENTS; i++) {
        if (!server.allocations[i].used) continue;
        ck_assert_uint_ne(server.allocations[i].client.port, config.port);
        used++;
    }
    ck_assert_uint_eq(used, 2);
    hws_loop_free(loop);
}
END_TEST

START_TEST(another_port_when_the_server_wants_one)
{
    struct seen seen;

    udp = open_socket(SOCK_DGRAM, &server.addr);
    (void)snprintf(url, sizeof(url), "turn:127.0.0.1:%u", server.addr.port);
    server.force[HWS_STUN_ALLOCATE] = 437;
    server.force_count[HWS_STUN_ALLOCATE] = 1;
    seen = gather_at("secret");
    ck_assert_uint_eq(seen.failures, 0);
    ck_assert_uint_eq(server.seen[HWS_STUN_ALLOCATE], 4);
    server.force_count[HWS_STUN_ALLOCATE] = 100; /* but only once */
    seen = gather_at("secret");
    ck_assert_uint_eq(seen.failures, 1);
    ck_assert_int_eq(seen.code, 437);
    ck_assert_str_eq(seen.url, url);
    ck_assert_uint_eq(server.seen[HWS_STUN_ALLOCATE], 8);
}
END_TEST

START_TEST(refusal_has_url_and_reason)
{
    struct seen seen;

    udp = open_socket(SOCK_DGRAM, &server.addr);
    (void)snprintf(url, sizeof(url), "turn:127.0.0.1:%u?transport=udp", server.addr.port);
    seen = gather_at("wrong");
    ck_assert_uint_eq(seen.failures, 1);
    ck_assert_int_eq(seen.code, 401);
    ck_assert_str_eq(seen.url, url);
    ck_assert_str_eq(seen.reason, "the credentials are refused");
}
END_TEST

START_TEST(relayed_candidates_over_tcp)
{
    struct seen seen;

    listener = open_socket(SOCK_STREAM, &server.addr);
    ck_assert_int_eq(listen(listener, 5), 0);
    (void)snprintf(url, sizeof(url), "turn:127.0.0.1:%u?transport=tcp", server.addr.port);
    seen = gather_at("secret");
    ck_assert_uint_eq(seen.relays, 1);
    ck_assert_uint_eq(seen.hosts, 0);
    ck_assert_uint_eq(seen.failures, 0);
}
END_TEST

START_TEST(a_connection_refused_is_named)
{
    struct seen seen;
    int fd = open_socket(SOCK_STREAM, &server.addr); /* nobody listens */

    (void)snprintf(url, sizeof(url), "turn:127.0.0.1:%u?transport=tcp", server.addr.port);
    seen = gather_at("secret");
    ck_assert_uint_eq(seen.failures, 1);
    ck_assert_str_eq(seen.url, url);
    ck_assert_str_eq(seen.reason, "the server does not take a connection");
    close(fd);
}
END_TEST

START_TEST(a_connection_that_breaks_is_named_once)
{
    struct hws_ice_server servers[] = {
        {.url = url, .username = "user", .password = "secret"}
    };
    struct hws_loop_config config = {
        .servers = servers, .server_count = 1, .loopback = true, .relay_only = true};
    unsigned failures = 0, relays = 0;
    struct hws_loop_item item;
    struct hws_loop *loop;
    struct hws_peer *peer;

    listener = open_socket(SOCK_STREAM, &server.addr);
    ck_assert_int_eq(listen(listener, 5), 0);
    (void)snprintf(url, sizeof(url), "turn:127.0.0.1:%u?transport=tcp", server.addr.port);
    ck_assert(hws_loop_new(&config, &loop, NULL) == HWS_OK);
    ck_assert(hws_loop_add_peer(loop, &(struct hws_peer_config){0}, NULL, &peer) == HWS_OK);
    ck_assert(hws_peer_offer(peer, hws_loop_now(loop)) == HWS_OK);
    for (int turns = 0; turns < 1000 && failures == 0; turns++) {
        ck_assert(hws_loop_wait(loop, HWS_MS(5)) == HWS_OK);
        if (relays == 0) serve_tcp();
        while (hws_loop_next(loop, &item)) {
            if (item.is_signal &&
                memmem(item.signal.text.data, item.signal.text.len, "typ relay", 9)) {
                relays++;
                close(accepted);
                accepted = -1;
            }
            if (item.is_signal || item.event.kind != HWS_EVENT_SERVER_FAILED) continue;
            failures++;
            ck_assert_str_eq(item.event.server, url);
            ck_assert_str_eq(item.event.fault.what, "the server closed the connection");
        }
    }
    ck_assert_uint_eq(relays, 1);
    for (int turns = 0; turns < 20; turns++) {
        ck_assert(hws_loop_wait(loop, HWS_MS(5)) == HWS_OK);
        while (hws_loop_next(loop, &item)) {
            if (!item.is_signal && item.event.kind == HWS_EVENT_SERVER_FAILED) failures++;
        }
    }
    ck_assert_uint_eq(failures, 1);
    hws_loop_free(loop);
}
END_TEST

START_TEST(an_unusable_server_is_named)
{
    static const char *const urls[] = {"stuns:127.0.0.1"};
    struct hws_loop_config config = {.ice_servers = urls, .ice_server_count = 1, .loopback = true};
    struct seen seen = gather(&config);

    ck_assert_uint_eq(seen.failures, 1);
    ck_assert_str_eq(seen.url, "stuns:127.0.0.1");
}
END_TEST

/* ---- The connection by itself */

static struct hws_turn_link *connect_link(void)
{
    struct hws_turn_link *link;
    enum hws_err err = HWS_ERR_AGAIN;

    listener = open_socket(SOCK_STREAM, &server.addr);
    ck_assert_int_eq(listen(listener, 5), 0);
    ck_assert(hws_turn_link_new(&server.addr, NULL, "", &link) == HWS_OK);
    for (int i = 0; i < 1000 && !hws_turn_link_is_up(link); i++) {
        struct pollfd wait = {.fd = hws_turn_link_fd(link), .events = POLLOUT};

        (void)poll(&wait, 1, 10);
        err = hws_turn_link_ready(link);
    }
    ck_assert(err == HWS_ERR_AGAIN && hws_turn_link_is_up(link));
    accepted = accept(listener, NULL, NULL);
    ck_assert_int_ge(accepted, 0);
    return link;
}

static bool next_within(struct hws_turn_link *link, struct hws_bytes *out)
{
    for (int i = 0; i < 100; i++) {
        struct pollfd wait = {.fd = hws_turn_link_fd(link), .events = POLLIN};

        if (hws_turn_link_next(link, out)) return true;
        if (hws_turn_link_fault(link).err) return false;
        (void)poll(&wait, 1, 10);
    }
    return false;
}

START_TEST(messages_both_ways)
{
    static const uint8_t message[] = {0x40, 0, 0, 4, 'm', 'o', 'r', 'e'};
    struct hws_turn_link *link = connect_link();
    struct hws_bytes got;
    uint8_t bytes[16];

    ck_assert(hws_turn_link_send(link, (struct hws_bytes){message, sizeof(message)}));
    ck_assert_int_eq(recv(accepted, bytes, sizeof(message), MSG_WAITALL), (int)sizeof(message));
    ck_assert(memcmp(bytes, message, sizeof(message)) == 0);
    for (size_t i = 0; i < sizeof(message); i++) {
        ck_assert_int_eq(send(accepted, message + i, 1, 0), 1);
    }
    ck_assert(next_within(link, &got));
    ck_assert(hws_bytes_equal(got, (struct hws_bytes){message, sizeof(message)}));
    close(accepted);
    accepted = -1;
    ck_assert(!next_within(link, &got));
    ck_assert_int_eq(hws_turn_link_fault(link).err, HWS_ERR_CLOSED);
    ck_assert(hws_turn_link_send(link, got)); /* swallowed */
    hws_turn_link_free(link);
}
END_TEST

START_TEST(a_full_connection_holds_back_whole_messages)
{
    static uint8_t message[1004] = {0x40, 0, 0x03, 0xE8};
    struct hws_turn_link *link = connect_link();
    static struct hws_turn_stream stream;
    size_t sent = 0, received = 0;
    uint8_t bytes[1500];

    memset(&stream, 0, sizeof(stream));
    while (sent < 100000 && hws_turn_link_send(link, (struct hws_bytes){message, 1004})) {
        sent++;
    }
    ck_assert_uint_lt(sent, 100000); /* nobody reads: it is full */
    ck_assert(hws_turn_link_wants_write(link));
    while (received < sent) {
        ssize_t got = recv(accepted, bytes, sizeof(bytes), MSG_DONTWAIT);
        struct hws_bytes cut;

        if (got < 0) {
            ck_assert(hws_turn_link_ready(link) == HWS_ERR_AGAIN);
            continue;
        }
        for (size_t at = 0; at < (size_t)got;) {
            at += hws_turn_stream_feed(&stream, (struct hws_bytes){bytes + at, (size_t)got - at});
            while (hws_turn_stream_next(&stream, &cut) == HWS_OK) {
                ck_assert_uint_eq(cut.len, 1004);
                received++;
            }
        }
    }
    hws_turn_link_free(link);
}
END_TEST

START_TEST(garbage_ends_the_connection)
{
    struct hws_turn_link *link = connect_link();
    struct hws_bytes got;

    ck_assert_int_eq(send(accepted, "\xFF\xFF\xFF\xFF", 4, 0), 4);
    ck_assert(!next_within(link, &got));
    ck_assert_int_eq(hws_turn_link_fault(link).err, HWS_ERR_MALFORMED);
    ck_assert(hws_turn_link_ready(link) == HWS_ERR_MALFORMED);
    hws_turn_link_free(link);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("io_turn");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, relayed_candidates_over_udp);
    tcase_add_test(tc, peers_of_a_shared_port_have_a_relay_each);
    tcase_add_test(tc, another_port_when_the_server_wants_one);
    tcase_add_test(tc, refusal_has_url_and_reason);
    tcase_add_test(tc, relayed_candidates_over_tcp);
    tcase_add_test(tc, a_connection_refused_is_named);
    tcase_add_test(tc, a_connection_that_breaks_is_named_once);
    tcase_add_test(tc, an_unusable_server_is_named);
    tcase_add_test(tc, messages_both_ways);
    tcase_add_test(tc, a_full_connection_holds_back_whole_messages);
    tcase_add_test(tc, garbage_ends_the_connection);
    return run_case("io_turn", tc);
}

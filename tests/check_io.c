/* The edge to the operating system: URLs and look-ups, sockets on loopback, and the loop. */
#include "base/address.h"
#include "base/bytes.h"
#include "io/clock.h"
#include "io/ice_url.h"
#include "io/interfaces.h"
#include "io/resolve.h"
#include "io/udp.h"
#include "support/check_main.h"

#include <hawser/loop.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* ---- URLs of ICE servers */

static const struct {
    const char *text, *host;
    uint16_t port;
    bool is_turn;
    enum hws_transport transport;
} good_urls[] = {
    {"stun:stun.example.org",             "stun.example.org", 3478,  false, HWS_TRANSPORT_UDP},
    {"stun:stun.example.org:19302",       "stun.example.org", 19302, false, HWS_TRANSPORT_UDP},
    {"STUN:192.0.2.1:1",                  "192.0.2.1",        1,     false, HWS_TRANSPORT_UDP},
    {"stun:[2001:db8::1]",                "2001:db8::1",      3478,  false, HWS_TRANSPORT_UDP},
    {"stun:[2001:db8::1]:65535",          "2001:db8::1",      65535, false, HWS_TRANSPORT_UDP},
    {"stuns:stun.example.org",            "stun.example.org", 5349,  false, HWS_TRANSPORT_TLS},
    {"turn:t.example",                    "t.example",        3478,  true,  HWS_TRANSPORT_UDP},
    {"turn:t.example?transport=udp",      "t.example",        3478,  true,  HWS_TRANSPORT_UDP},
    {"turn:t.example?transport=tcp",      "t.example",        3478,  true,  HWS_TRANSPORT_TCP},
    {"turn:t.example:80?transport=TCP",   "t.example",        80,    true,  HWS_TRANSPORT_TCP},
    {"turns:t.example",                   "t.example",        5349,  true,  HWS_TRANSPORT_TLS},
    {"turns:[2001:db8::1]:443",           "2001:db8::1",      443,   true,  HWS_TRANSPORT_TLS},
    {"turns:t.example:443?transport=tcp", "t.example",        443,   true,  HWS_TRANSPORT_TLS},
};

START_TEST(url_is_read)
{
    struct hws_ice_url url;
    const char *reason;

    ck_assert_int_eq(hws_ice_url_read(good_urls[_i].text, &url, &reason), HWS_OK);
    ck_assert_str_eq(url.endpoint.host, good_urls[_i].host);
    ck_assert_uint_eq(url.endpoint.port, good_urls[_i].port);
    ck_assert_int_eq(url.is_turn, good_urls[_i].is_turn);
    ck_assert_int_eq(url.transport, good_urls[_i].transport);
    ck_assert_str_eq(reason, "");
}
END_TEST

static const char *const bad_urls[] = {
    "",
    "stun:",
    "stun:host:",
    "stun:host:0",
    "stun:host:65536",
    "stun:host:4295021617",
    "stun:host:12x",
    "stun::3478",
    "stun:[]",
    "stun:[::1",
    "stun:::1",
    "stun://host",
    "turn:user@host",
    "turn:",
    "turn:?transport=udp",
    "turn:host?transport=",
    "turn:host?transport=sctp",
    "turn:host?transport=udp&x",
    "turn:host?",
    "stuns:host?transport=tcp",
    "http://host",
    "stun:host?transport=udp",
    "stun:[::1]x",
    "stun:host:-1",
};

START_TEST(bad_url_is_refused)
{
    struct hws_ice_url url = {.endpoint.host = "untouched"};
    const char *reason = "";

    ck_assert_msg(hws_ice_url_read(bad_urls[_i], &url, &reason) == HWS_ERR_ARGUMENT, "'%s'",
                  bad_urls[_i]);
    ck_assert_str_eq(url.endpoint.host, "untouched");
    ck_assert_str_ne(reason, "");
}
END_TEST

START_TEST(turn_over_dtls_is_told_apart)
{
    struct hws_ice_url url;
    const char *reason = "";

    ck_assert(hws_ice_url_read("turns:host?transport=udp", &url, &reason) == HWS_ERR_UNSUPPORTED);
    ck_assert(strstr(reason, "DTLS") != NULL);
}
END_TEST

/* ---- Look-ups */

static void wake_flag(void *user)
{
    __atomic_store_n((bool *)user, true, __ATOMIC_SEQ_CST);
}

START_TEST(number_is_looked_up_at_once)
{
    struct hws_endpoint url = {.host = "127.0.0.1", .port = 9};
    struct hws_address found[HWS_RESOLVED_MAX];
    struct hws_lookup *lookup;
    size_t count;

    ck_assert_int_eq(hws_lookup_start(&url, NULL, NULL, &lookup), HWS_OK);
    ck_assert(hws_lookup_done(lookup, found, &count));
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(found[0].port, 9);
    ck_assert(hws_address_is_loopback(&found[0]));
    hws_lookup_free(lookup);
}
END_TEST

START_TEST(name_is_looked_up_beside_us)
{
    struct hws_endpoint url = {.host = "localhost", .port = 7};
    struct hws_address found[HWS_RESOLVED_MAX];
    struct hws_lookup *lookup;
    bool woken = false;
    size_t count = 0;

    ck_assert_int_eq(hws_lookup_start(&url, wake_flag, &woken, &lookup), HWS_OK);
    while (!hws_lookup_done(lookup, found, &count)) {
        /* until its thread is done; Check ends a test that hangs */
    }
    ck_assert_uint_ge(count, 1);
    ck_assert(hws_address_is_loopback(&found[0]));
    hws_lookup_free(lookup);
    ck_assert_int_eq(hws_lookup_start(&url, wake_flag, &woken, &lookup), HWS_OK);
    hws_lookup_free(lookup); /* while it runs: nobody is told, nothing leaks */
}
END_TEST

/* ---- Sockets */

static struct hws_address loopback(void)
{
    return (struct hws_address){
        .ip = {127, 0, 0, 1},
          .family = HWS_FAMILY_IP4
    };
}

START_TEST(datagrams_go_and_come_in_batches)
{
    static struct hws_udp_batch batch;
    struct hws_datagram out[HWS_UDP_BATCH + 8];
    struct hws_address a = loopback(), b = loopback();
    uint8_t bytes[HWS_UDP_BATCH + 8];
    size_t sent, got = 0;
    int fd_a, fd_b;

    ck_assert_int_eq(hws_udp_open(&a, &fd_a), HWS_OK);
    ck_assert_int_eq(hws_udp_open(&b, &fd_b), HWS_OK);
    ck_assert_uint_ne(a.port, 0);
    for (size_t i = 0; i < HWS_UDP_BATCH + 8; i++) {
        bytes[i] = (uint8_t)i;
        out[i] = (struct hws_datagram){
            .local = a, .remote = b, .bytes = {&bytes[i], 1}
        };
    }
    ck_assert(hws_udp_send(fd_a, out, HWS_UDP_BATCH + 8, &sent));
    ck_assert_uint_eq(sent, HWS_UDP_BATCH + 8);
    while (got < HWS_UDP_BATCH + 8) {
        size_t count = hws_udp_receive(fd_b, &b, &batch);

        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_eq(batch.datagrams[i].bytes.data[0], got + i);
            ck_assert(hws_address_equal(&batch.datagrams[i].remote, &a));
            ck_assert(hws_address_equal(&batch.datagrams[i].local, &b));
        }
        got += count;
    }
    ck_assert_uint_eq(hws_udp_receive(fd_b, &b, &batch), 0);
    hws_udp_close(fd_a);
    hws_udp_close(fd_b);
}
END_TEST

START_TEST(what_cannot_be_sent_is_lost_and_the_rest_goes)
{
    static struct hws_udp_batch batch;
    struct hws_address a = loopback(), b = loopback(), nowhere = {.family = HWS_FAMILY_IP6};
    uint8_t byte = 7;
    size_t sent;
    int fd_a, fd_b;

    ck_assert_int_eq(hws_udp_open(&a, &fd_a), HWS_OK);
    ck_assert_int_eq(hws_udp_open(&b, &fd_b), HWS_OK);
    struct hws_datagram out[2] = {
        {.local = a, .remote = nowhere, .bytes = {&byte, 1}},
        {.local = a, .remote = b,       .bytes = {&byte, 1}}
    };
    ck_assert(hws_udp_send(fd_a, out, 2, &sent));
    ck_assert_uint_eq(sent, 2);
    while (hws_udp_receive(fd_b, &b, &batch) == 0) {
        /* it is on its way through the kernel */
    }
    hws_udp_close(fd_a);
    hws_udp_close(fd_b);
}
END_TEST

START_TEST(interfaces_are_listed)
{
    const struct hws_interface_filter all = {0};
    struct hws_address list[32];
    size_t count = hws_interfaces_list(list, 32, &all, true);
    bool loop = false;

    ck_assert_uint_ge(count, 1);
    for (size_t i = 0; i < count; i++) {
        loop = loop || hws_address_is_loopback(&list[i]);
        ck_assert_uint_eq(list[i].port, 0);
    }
    ck_assert(loop);
    ck_assert_uint_eq(hws_interfaces_list(list, 1, &all, true), 1);
    ck_assert_uint_eq(hws_interfaces_list(list, 0, &all, true), 0);
}
END_TEST

START_TEST(interfaces_are_chosen_by_name)
{
    struct hws_interface_filter filter = {0};
    struct hws_address list[32];
    size_t count;

    ck_assert_int_eq(hws_interface_filter_add(&filter, "no-such-one"), HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_interface_filter_add(&filter, "a-name-that-is-too-long"),
                     HWS_ERR_ARGUMENT);
    ck_assert_int_eq(hws_interface_filter_add(&filter, "lo"), HWS_OK);
    count = hws_interfaces_list(list, 32, &filter, false);
    ck_assert_uint_ge(count, 1);
    for (size_t i = 0; i < count; i++) {
        ck_assert(hws_address_is_loopback(&list[i]));
    }
    for (size_t i = filter.count; i < HWS_INTERFACES_MAX; i++) {
        ck_assert_int_eq(hws_interface_filter_add(&filter, "lo"), HWS_OK);
    }
    ck_assert_int_eq(hws_interface_filter_add(&filter, "lo"), HWS_ERR_ARGUMENT);
}
END_TEST

/* ---- The loop */

START_TEST(bad_ports_are_refused)
{
    static const char *const nobody = "no-such-one";
    const struct hws_loop_config bad[] = {
        {.port = 4000,          .port_min = 4000, .port_max = 4001},
        {.port_min = 4001,                     .port_max = 4000                     },
        {.port_max = 4000                    },
        {.interfaces = &nobody, .interface_count = 1},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hws_loop *loop = NULL;
        const char *reason = "";

        ck_assert_int_eq(hws_loop_new(&bad[i], &loop, &reason), HWS_ERR_ARGUMENT);
        ck_assert_str_ne(reason, "");
        ck_assert_ptr_null(loop);
    }
}
END_TEST

static void *wake_soon(void *loop)
{
    hws_loop_wake(loop);
    return NULL;
}

START_TEST(another_thread_wakes_the_loop)
{
    struct hws_loop *loop;
    pthread_t thread;
    hws_time before;

    ck_assert_int_eq(hws_loop_new(&(struct hws_loop_config){0}, &loop, NULL), HWS_OK);
    before = hws_loop_now(loop);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_soon, loop), 0);
    ck_assert_int_eq(hws_loop_wait(loop, HWS_SEC(30)), HWS_OK);
    ck_assert_int_lt(hws_loop_now(loop) - before, HWS_SEC(10));
    pthread_join(thread, NULL);
    hws_loop_free(loop);
}
END_TEST

static atomic_bool woken;

static void *wake_later(void *arg)
{
    (void)poll(NULL, 0, 20);
    atomic_store(&woken, true);
    hws_loop_wake(arg);
    return NULL;
}

/* Moments past the end of time, and milliseconds past the end of an int. */
static const hws_time long_times[] = {HWS_NEVER - 1, ((hws_time)1 << 32) * 1000, HWS_NEVER};

START_TEST(a_very_long_sleep_is_one)
{
    struct hws_loop *loop;
    pthread_t thread;

    ck_assert_int_eq(hws_loop_new(&(struct hws_loop_config){0}, &loop, NULL), HWS_OK);
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_later, loop), 0);
    ck_assert_int_eq(hws_loop_wait(loop, long_times[_i]), HWS_OK);
    ck_assert_msg(atomic_load(&woken), "it did not sleep");
    pthread_join(thread, NULL);
    hws_loop_free(loop);
}
END_TEST

START_TEST(bad_servers_and_second_loops_are_refused)
{
    const char *servers[] = {"stun:127.0.0.1:9", "nonsense"};
    struct hws_loop_config config = {.ice_servers = servers, .ice_server_count = 2};
    struct hws_loop *loop = NULL, *second = NULL;
    const char *reason = "";

    ck_assert_int_eq(hws_loop_new(&config, &loop, &reason), HWS_ERR_ARGUMENT);
    ck_assert_str_ne(reason, "");
    ck_assert_ptr_null(loop);
    ck_assert_int_eq(hws_loop_new(&(struct hws_loop_config){0}, &loop, &reason), HWS_OK);
    ck_assert_int_eq(hws_loop_new(&(struct hws_loop_config){0}, &second, &reason), HWS_ERR_STATE);
    hws_loop_free(loop);
    ck_assert_int_eq(hws_loop_new(&(struct hws_loop_config){0}, &loop, &reason), HWS_OK);
    hws_loop_free(loop);
    hws_loop_free(NULL);
}
END_TEST

struct exchange {
    struct hws_loop *loop;
    struct hws_peer *offerer, *answerer;
    size_t received;
    bool closed;
};

static void take(struct exchange *x, const struct hws_loop_item *item)
{
    struct hws_peer *other = item->peer == x->offerer ? x->answerer : x->offerer;

    if (item->is_signal) {
        ck_assert_int_eq(hws_peer_signal(other, &item->signal, hws_loop_now(x->loop)), HWS_OK);
    } else if (item->event.kind == HWS_EVENT_MESSAGE) {
        x->received += item->event.message.len;
    } else if (item->event.kind == HWS_EVENT_CLOSED) {
        x->closed = true;
    }
}

START_TEST(two_peers_talk_over_real_sockets)
{
    static uint8_t data[200 * 1024];
    const char *servers[] = {"stun:127.0.0.1:9"}; /* nobody answers there: nothing waits for it */
    struct exchange x = {0};
    struct hws_loop_item item;
    struct hws_channel channel;

    ck_assert_int_eq(hws_loop_new(&(struct hws_loop_config){.ice_servers = servers,
                                                            .ice_server_count = 1,
                                                            .loopback = true},
                                  &x.loop, NULL),
                     HWS_OK);
    ck_assert_int_eq(hws_loop_add_peer(x.loop, &(struct hws_peer_config){0}, &x, &x.offerer),
                     HWS_OK);
    ck_assert_int_eq(hws_loop_add_peer(x.loop, &(struct hws_peer_config){0}, &x, &x.answerer),
                     HWS_OK);
    ck_assert_int_eq(hws_peer_open_channel(x.offerer, &(struct hws_channel_config){0},
                                           hws_loop_now(x.loop), &channel),
                     HWS_OK);
    ck_assert_int_eq(hws_peer_offer(x.offerer, hws_loop_now(x.loop)), HWS_OK);
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(hws_peer_send(x.offerer, channel, HWS_BINARY,
                                       (struct hws_bytes){data, sizeof(data)},
                                       hws_loop_now(x.loop)),
                         HWS_OK);
    }
    while (x.received < 5 * sizeof(data)) {
        ck_assert_int_eq(hws_loop_wait(x.loop, HWS_SEC(10)), HWS_OK);
        while (hws_loop_next(x.loop, &item)) {
            ck_assert_ptr_eq(item.user, &x);
            take(&x, &item);
        }
    }
    hws_peer_close(x.offerer, hws_loop_now(x.loop));
    hws_loop_remove_peer(x.loop, x.offerer); /* its goodbye still leaves */
    while (!x.closed) {
        ck_assert_int_eq(hws_loop_wait(x.loop, HWS_SEC(10)), HWS_OK);
        while (hws_loop_next(x.loop, &item)) {
            take(&x, &item);
        }
    }
    hws_loop_free(x.loop);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("edge");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, url_is_read, 0, (int)(sizeof(good_urls) / sizeof(good_urls[0])));
    tcase_add_test(tc, turn_over_dtls_is_told_apart);
    tcase_add_loop_test(tc, bad_url_is_refused, 0, (int)(sizeof(bad_urls) / sizeof(bad_urls[0])));
    tcase_add_test(tc, number_is_looked_up_at_once);
    tcase_add_test(tc, name_is_looked_up_beside_us);
    tcase_add_test(tc, datagrams_go_and_come_in_batches);
    tcase_add_test(tc, what_cannot_be_sent_is_lost_and_the_rest_goes);
    tcase_add_test(tc, interfaces_are_listed);
    tcase_add_test(tc, interfaces_are_chosen_by_name);
    tcase_add_test(tc, bad_ports_are_refused);
    tcase_add_test(tc, another_thread_wakes_the_loop);
    tcase_add_loop_test(tc, a_very_long_sleep_is_one, 0, 3);
    tcase_add_test(tc, bad_servers_and_second_loops_are_refused);
    tcase_add_test(tc, two_peers_talk_over_real_sockets);
    return run_case("io", tc);
}

/* Why a connection ends: every cause of hawser/cause.h that a peer can have, in virtual time,
 * within the limit that the configuration sets, and with the details in its sentence. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static struct hws_channel channel;

static void make_pair(uint64_t seed, const struct hws_peer_config *of_client,
                      const struct hws_peer_config *of_worker)
{
    static const struct hws_peer_config plain;

    world_init(&world, seed);
    client = world_add(&world, of_client ? of_client : &plain);
    worker = world_add(&world, of_worker ? of_worker : &plain);
    world_pair(client, worker);
}

static void open_channel(void)
{
    ck_assert_int_eq(hws_peer_open_channel(client->peer,
                                           &(struct hws_channel_config){.label = "test"}, world.now,
                                           &channel),
                     HWS_OK);
}

static void offer(void)
{
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
}

static bool both_connected(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CONNECTED) && world_saw(worker, HWS_EVENT_CONNECTED);
}

static bool channel_is_open(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CHANNEL_OPEN);
}

static bool client_closed(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CLOSED);
}

static bool both_closed(struct world *w)
{
    return client_closed(w) && world_saw(worker, HWS_EVENT_CLOSED);
}

static bool both_secured(struct world *w)
{
    struct hws_timeline a, b;

    (void)w;
    hws_peer_timeline(client->peer, &a);
    hws_peer_timeline(worker->peer, &b);
    return a.secured && b.secured;
}

static void connect_pair(void)
{
    offer();
    ck_assert(world_run(&world, HWS_SEC(10), both_connected));
}

static void connect_with_channel(void)
{
    open_channel();
    offer();
    ck_assert(world_run(&world, HWS_SEC(10), channel_is_open));
}

static void expect(const struct world_peer *it, enum hws_cause cause, const char *detail)
{
    ck_assert_msg(hws_peer_cause(it->peer) == cause, "%s: %s",
                  hws_cause_name(hws_peer_cause(it->peer)), hws_peer_fault_text(it->peer));
    ck_assert_msg(strstr(hws_peer_fault_text(it->peer), detail) != NULL, "no '%s' in '%s'", detail,
                  hws_peer_fault_text(it->peer));
}

START_TEST(no_answer_to_the_first_offer)
{
    make_pair(1, &(struct hws_peer_config){.answer_limit = HWS_SEC(5)}, NULL);
    world.signal_delay = HWS_SEC(3600);
    offer();
    world_pass(&world, HWS_MS(4900));
    ck_assert_int_eq(hws_peer_cause(client->peer), HWS_CAUSE_NONE);
    ck_assert(world_run(&world, HWS_MS(200), client_closed));
    expect(client, HWS_CAUSE_NO_ANSWER, "not answered in time");
    world_fini(&world);
}
END_TEST

START_TEST(no_answer_to_a_later_offer)
{
    make_pair(2, NULL, NULL);
    connect_with_channel();
    world.signal_delay = HWS_SEC(3600);
    offer();
    world_pass(&world, HWS_SEC(299)); /* the limit is five minutes when none is set */
    ck_assert_int_eq(hws_peer_cause(client->peer), HWS_CAUSE_NONE);
    ck_assert(world_run(&world, HWS_SEC(2), both_closed)); /* the other side is told */
    expect(client, HWS_CAUSE_NO_ANSWER, "not answered in time");
    expect(worker, HWS_CAUSE_CLOSED_BY_PEER, "");
    world_fini(&world);
}
END_TEST

START_TEST(an_answered_offer_has_no_limit)
{
    make_pair(3, &(struct hws_peer_config){.answer_limit = HWS_SEC(5)}, NULL);
    connect_with_channel();
    offer();
    world_pass(&world, HWS_SEC(20));
    ck_assert_int_eq(hws_peer_cause(client->peer), HWS_CAUSE_NONE);
    world_fini(&world);
}
END_TEST

START_TEST(checks_failed_names_the_pairs)
{
    char want[64];

    make_pair(4, &(struct hws_peer_config){.connect_limit = HWS_SEC(5)}, NULL);
    worker->mute = true;
    offer();
    ck_assert(world_run(&world, HWS_SEC(6), client_closed));
    expect(client, HWS_CAUSE_CHECKS_FAILED, "1 pair tried: ");
    (void)snprintf(want, sizeof(want), ":%u -> ", (unsigned)client->addr.port);
    expect(client, HWS_CAUSE_CHECKS_FAILED, want);
    (void)snprintf(want, sizeof(want), ":%u ", (unsigned)worker->addr.port);
    expect(client, HWS_CAUSE_CHECKS_FAILED, want);
    world_fini(&world);
}
END_TEST

START_TEST(a_path_without_dtls)
{
    make_pair(5, &(struct hws_peer_config){.connect_limit = HWS_SEC(5)}, NULL);
    offer();
    while (!world_saw(client, HWS_EVENT_PATH)) {
        world_pass(&world, HWS_MS(1));
    }
    worker->mute = true;
    ck_assert(world_run(&world, HWS_SEC(6), client_closed));
    expect(client, HWS_CAUSE_DTLS_FAILED, "DTLS");
    world_fini(&world);
}
END_TEST

/* The one that sees it says so, the other one names the alert. */
START_TEST(a_wrong_fingerprint)
{
    struct world_peer *sees, *hears;

    make_pair(6, NULL, NULL);
    world.spoil_fingerprint = true;
    offer();
    ck_assert(world_run(&world, HWS_SEC(60), both_closed));
    sees = hws_peer_cause(client->peer) == HWS_CAUSE_FINGERPRINT ? client : worker;
    hears = sees == client ? worker : client;
    expect(sees, HWS_CAUSE_FINGERPRINT, "fingerprint");
    if (hws_peer_cause(hears->peer) != HWS_CAUSE_FINGERPRINT)
        expect(hears, HWS_CAUSE_DTLS_FAILED, "alert 48 unknown_ca");
    world_fini(&world);
}
END_TEST

START_TEST(dtls_without_sctp)
{
    make_pair(7, &(struct hws_peer_config){.connect_limit = HWS_SEC(5)}, NULL);
    offer();
    while (!both_secured(&world)) {
        world_pass(&world, HWS_MS(1));
    }
    ck_assert(!world_saw(client, HWS_EVENT_CONNECTED));
    worker->mute = true;
    ck_assert(world_run(&world, HWS_SEC(6), client_closed));
    expect(client, HWS_CAUSE_SCTP_REFUSED, "SCTP");
    world_fini(&world);
}
END_TEST

static void move_port(struct world_peer *from, enum hws_signal_kind kind, char *text, size_t cap)
{
    char *port = strstr(text, "a=sctp-port:5000");

    (void)from;
    (void)kind;
    (void)cap;
    if (port) port[strlen("a=sctp-port:")] = '6';
}

START_TEST(sctp_at_another_port)
{
    make_pair(8, NULL, NULL);
    world.edit = move_port;
    offer();
    ck_assert(world_run(&world, HWS_SEC(60), client_closed));
    expect(client, HWS_CAUSE_SCTP_REFUSED, "");
    world_fini(&world);
}
END_TEST

START_TEST(connected_without_a_channel)
{
    make_pair(9, NULL, &(struct hws_peer_config){.open_limit = HWS_SEC(5)});
    connect_pair();
    world_pass(&world, HWS_MS(4500));
    ck_assert_int_eq(hws_peer_cause(worker->peer), HWS_CAUSE_NONE);
    ck_assert(world_run(&world, HWS_SEC(1), both_closed));
    expect(worker, HWS_CAUSE_NO_CHANNEL, "no data channel");
    expect(client, HWS_CAUSE_CLOSED_BY_PEER, "");
    world_fini(&world);
}
END_TEST

START_TEST(a_channel_ends_the_limit)
{
    make_pair(10, NULL, &(struct hws_peer_config){.open_limit = HWS_SEC(5)});
    connect_with_channel();
    world_pass(&world, HWS_SEC(20));
    ck_assert_int_eq(hws_peer_cause(worker->peer), HWS_CAUSE_NONE);
    world_fini(&world);
}
END_TEST

START_TEST(closed_by_one_side)
{
    make_pair(11, NULL, NULL);
    connect_with_channel();
    hws_peer_close(client->peer, world.now);
    ck_assert(world_run(&world, HWS_SEC(5), both_closed));
    expect(client, HWS_CAUSE_CLOSED_HERE, "closed by this side");
    expect(worker, HWS_CAUSE_CLOSED_BY_PEER, "");
    world_fini(&world);
}
END_TEST

START_TEST(silence)
{
    make_pair(12, &(struct hws_peer_config){.consent_expiry = HWS_SEC(10)}, NULL);
    connect_with_channel();
    worker->mute = true;
    ck_assert(world_run(&world, HWS_SEC(20), client_closed));
    expect(client, HWS_CAUSE_CONSENT_EXPIRED, "silent");
    world_fini(&world);
}
END_TEST

/* The program's own limit: the cause is that of what was waited for. */
START_TEST(expired_by_the_program)
{
    make_pair(13, NULL, NULL);
    hws_peer_expire(client->peer, world.now); /* at rest */
    ck_assert_int_eq(hws_peer_cause(client->peer), HWS_CAUSE_NONE);
    offer();
    hws_peer_expire(client->peer, world.now);
    expect(client, HWS_CAUSE_NO_ANSWER, "");
    hws_peer_expire(client->peer, world.now); /* once */
    expect(client, HWS_CAUSE_NO_ANSWER, "");
    world_fini(&world);
    make_pair(14, NULL, NULL);
    connect_with_channel();
    hws_peer_expire(client->peer, world.now); /* waits for nothing */
    ck_assert_int_eq(hws_peer_cause(client->peer), HWS_CAUSE_NONE);
    world_fini(&world);
}
END_TEST

START_TEST(limits_are_checked)
{
    struct hws_peer_config config = {.answer_limit = -1};
    struct hws_peer *peer = NULL;

    world_init(&world, 15);
    config.stack = world.stack;
    config.identity = world.identity;
    ck_assert_int_eq(hws_peer_new(&config, world.now, &peer), HWS_ERR_ARGUMENT);
    config.answer_limit = 0;
    config.open_limit = -1;
    ck_assert_int_eq(hws_peer_new(&config, world.now, &peer), HWS_ERR_ARGUMENT);
    ck_assert_ptr_null(peer);
    world_fini(&world);
}
END_TEST

START_TEST(every_cause_has_a_name_and_a_text)
{
    for (int i = 0; i < HWS_CAUSE_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(hws_cause_name((enum hws_cause)i), hws_cause_name((enum hws_cause)j));
            ck_assert_str_ne(hws_cause_text((enum hws_cause)i), hws_cause_text((enum hws_cause)j));
        }
    }
    ck_assert_str_eq(hws_cause_name(HWS_CAUSE_NO_ANSWER), "no_answer");
    ck_assert_str_eq(hws_cause_name(HWS_CAUSE_COUNT), "unknown");
    ck_assert_str_eq(hws_cause_text(HWS_CAUSE_COUNT), "unknown cause");
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("causes");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, no_answer_to_the_first_offer);
    tcase_add_test(tc, no_answer_to_a_later_offer);
    tcase_add_test(tc, an_answered_offer_has_no_limit);
    tcase_add_test(tc, checks_failed_names_the_pairs);
    tcase_add_test(tc, a_path_without_dtls);
    tcase_add_test(tc, a_wrong_fingerprint);
    tcase_add_test(tc, dtls_without_sctp);
    tcase_add_test(tc, sctp_at_another_port);
    tcase_add_test(tc, connected_without_a_channel);
    tcase_add_test(tc, a_channel_ends_the_limit);
    tcase_add_test(tc, closed_by_one_side);
    tcase_add_test(tc, silence);
    tcase_add_test(tc, expired_by_the_program);
    tcase_add_test(tc, limits_are_checked);
    tcase_add_test(tc, every_cause_has_a_name_and_a_text);
    return run_case("peer causes", tc);
}

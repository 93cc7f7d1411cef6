/* What two peers in virtual time say of themselves, compared with what was really done: statistics,
 * and the tap. */
#include "support/check_main.h"
#include "support/peer_world.h"

#include "base/bytes.h"
#include "peer/peer_internal.h"

#include <string.h>

static struct world world; /* big; Check runs each test in its own process */
static struct world_peer *client, *worker;
static struct hws_channel channel;

/* What a tap saw, by layer and direction. */
static struct {
    uint64_t packets[2][2], bytes[2][2];
    bool strange; /* an address or a time that cannot be */
} seen;

static void see(void *user, enum hws_tap_layer layer, bool sent, const struct hws_datagram *packet,
                hws_time now)
{
    bool ours = memcmp(&packet->local, &client->addr, sizeof(client->addr)) == 0;
    bool theirs = memcmp(&packet->remote, &worker->addr, sizeof(worker->addr)) == 0;

    ck_assert_ptr_eq(user, &seen);
    if (!ours || !theirs || now != world.now) seen.strange = true;
    seen.packets[layer][sent]++;
    seen.bytes[layer][sent] += packet->bytes.len;
}

static void start(const struct hws_channel_config *config)
{
    struct hws_peer_config tapped = {
        .tap = {.packet = see, .user = &seen}
    };

    world_init(&world, 7);
    memset(&seen, 0, sizeof(seen));
    client = world_add(&world, &tapped);
    worker = world_add(&world, &(struct hws_peer_config){0});
    worker->echo = true;
    world_pair(client, worker);
    ck_assert_int_eq(hws_peer_open_channel(client->peer, config, world.now, &channel), HWS_OK);
    ck_assert_int_eq(hws_peer_offer(client->peer, world.now), HWS_OK);
}

static bool both_open(struct world *w)
{
    (void)w;
    return world_saw(client, HWS_EVENT_CHANNEL_OPEN) &&
           world_saw(worker, HWS_EVENT_CHANNEL_INCOMING);
}

static void connect_pair(void)
{
    start(&(struct hws_channel_config){.label = "test", .protocol = "p"});
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
}

static size_t wanted;

static bool client_has_wanted(struct world *w)
{
    (void)w;
    return client->message_count >= wanted;
}

static void say(size_t len)
{
    static const uint8_t zeros[100000];

    ck_assert_int_eq(
        hws_peer_send(client->peer, channel, HWS_BINARY, (struct hws_bytes){zeros, len}, world.now),
        HWS_OK);
}

static struct hws_peer_stats stats_of(const struct world_peer *peer)
{
    struct hws_peer_stats stats;

    memset(&stats, 0xAA, sizeof(stats));
    hws_peer_stats(peer->peer, &stats);
    return stats;
}

/* ---- Numbers that match */

START_TEST(a_new_peer_has_done_nothing)
{
    struct hws_peer_stats stats;

    world_init(&world, 1);
    client = world_add(&world, &(struct hws_peer_config){0});
    stats = stats_of(client);
    ck_assert_str_eq(stats.state, "new");
    ck_assert_uint_eq(stats.wire.datagrams_sent + stats.wire.datagrams_received, 0);
    ck_assert(!stats.has_path);
    ck_assert_str_eq(stats.path.local_type, "none");
    ck_assert_str_eq(stats.dtls.role, "none");
    ck_assert_str_eq(stats.dtls.suite, "none");
    ck_assert_uint_eq(stats.sctp.packets_sent, 0);
    ck_assert_uint_eq(stats.ice.local_candidates, 1);
    ck_assert_uint_eq(hws_peer_pairs(client->peer, NULL, 0), 0);
    ck_assert_uint_eq(hws_peer_channels(client->peer, NULL, 0), 0);
    world_fini(&world);
}
END_TEST

START_TEST(messages_and_bytes_are_those_that_were_sent)
{
    static const size_t sizes[] = {0, 1, 1200, 50000};
    struct hws_channel_stats mine, theirs;
    struct hws_peer_stats stats;

    connect_pair();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        say(sizes[i]);
    }
    wanted = 4;
    ck_assert(world_run(&world, HWS_SEC(10), client_has_wanted));
    ck_assert(hws_peer_channel_stats(client->peer, channel, &mine));
    ck_assert(hws_peer_channel_stats(worker->peer, worker->channel, &theirs));
    ck_assert_uint_eq(mine.messages_sent, 4);
    ck_assert_uint_eq(mine.messages_received, 4);
    ck_assert_uint_eq(mine.bytes_sent, 51201);
    ck_assert_uint_eq(mine.bytes_received, 51201);
    ck_assert_uint_eq(theirs.messages_sent, 4);
    ck_assert_uint_eq(theirs.bytes_received, 51201);
    ck_assert_uint_eq(mine.expired, 0);
    ck_assert_uint_eq(mine.buffered, 0);
    ck_assert_str_eq(mine.state, "open");
    ck_assert(mine.has_id && theirs.has_id);
    ck_assert_uint_eq(mine.id, theirs.id);
    ck_assert(hws_bytes_equal(theirs.label, hws_bytes_of("test")));
    ck_assert(hws_bytes_equal(theirs.protocol, hws_bytes_of("p")));
    stats = stats_of(client);
    ck_assert_str_eq(stats.state, "connected");
    ck_assert_uint_eq(stats.channels.messages_sent, 4);
    ck_assert_uint_eq(stats.channels.bytes_received, 51201);
    ck_assert_uint_eq(stats.channels.opened, 1);
    ck_assert_uint_eq(stats.channels.accepted, 0);
    ck_assert_uint_eq(stats_of(worker).channels.accepted, 1);
    ck_assert_uint_eq(stats.sctp.messages_sent, 5); /* and the OPEN */
    ck_assert_uint_eq(stats.sctp.messages_received, 5);
    world_fini(&world);
}
END_TEST

/* What one end sent the other end received, and there is nothing between them that is not counted. */
START_TEST(packets_and_bytes_are_those_on_the_wire)
{
    struct hws_peer_stats mine, theirs;

    connect_pair();
    say(50000);
    world_pass(&world, HWS_SEC(2)); /* all of it has arrived */
    mine = stats_of(client);
    theirs = stats_of(worker);
    ck_assert_uint_eq(mine.wire.datagrams_sent + theirs.wire.datagrams_sent, world.datagrams);
    ck_assert_uint_eq(mine.wire.datagrams_sent, theirs.wire.datagrams_received);
    ck_assert_uint_eq(mine.wire.datagrams_received, theirs.wire.datagrams_sent);
    ck_assert_uint_eq(mine.wire.bytes_sent, theirs.wire.bytes_received);
    ck_assert_uint_eq(mine.wire.bytes_received, theirs.wire.bytes_sent);
    ck_assert_uint_eq(mine.sctp.packets_sent, theirs.sctp.packets_received);
    ck_assert_uint_eq(mine.sctp.bytes_received, theirs.sctp.bytes_sent);
    ck_assert_uint_gt(mine.sctp.bytes_sent, 50000);
    ck_assert_uint_eq(mine.dtls.datagrams_sent, theirs.dtls.datagrams_received);
    ck_assert_uint_eq(mine.dtls.bytes_received, theirs.dtls.bytes_sent);
    ck_assert_uint_gt(mine.dtls.bytes_sent, mine.sctp.bytes_sent);
    ck_assert_uint_gt(mine.wire.bytes_sent, mine.dtls.bytes_sent); /* STUN */
    world_fini(&world);
}
END_TEST

START_TEST(the_tap_sees_every_packet)
{
    struct hws_peer_stats stats;

    connect_pair();
    say(50000);
    world_pass(&world, HWS_SEC(2));
    stats = stats_of(client);
    ck_assert_uint_eq(seen.packets[HWS_TAP_WIRE][true], stats.wire.datagrams_sent);
    ck_assert_uint_eq(seen.packets[HWS_TAP_WIRE][false], stats.wire.datagrams_received);
    ck_assert_uint_eq(seen.bytes[HWS_TAP_WIRE][true], stats.wire.bytes_sent);
    ck_assert_uint_eq(seen.packets[HWS_TAP_SCTP][true], stats.sctp.packets_sent);
    ck_assert_uint_eq(seen.packets[HWS_TAP_SCTP][false], stats.sctp.packets_received);
    ck_assert_uint_eq(seen.bytes[HWS_TAP_SCTP][false], stats.sctp.bytes_received);
    ck_assert(!seen.strange);
    world_fini(&world);
}
END_TEST

/* ---- Paths */

START_TEST(the_path_is_measured)
{
    struct hws_pair_stats pairs[4], untouched;
    struct hws_peer_stats stats;

    connect_pair();
    world_pass(&world, HWS_SEC(60));
    stats = stats_of(client);
    ck_assert_uint_eq(hws_peer_pairs(client->peer, pairs, 4), 1);
    ck_assert(stats.has_path);
    ck_assert_mem_eq(&stats.path.remote, &worker->addr, sizeof(worker->addr));
    ck_assert_str_eq(stats.path.remote_type, "host");
    ck_assert_str_eq(stats.path.state, "succeeded");
    ck_assert(stats.path.selected && stats.path.nominated);
    ck_assert_int_eq(stats.path.rtt, 2 * world.delay);
    ck_assert_int_eq(stats.path.rtt_total, stats.path.rtt_count * stats.path.rtt);
    ck_assert_uint_gt(stats.path.rtt_count, stats.path.consent_sent / 2);
    ck_assert_uint_ge(stats.path.consent_sent, 10); /* every 4 to 6 s */
    ck_assert_int_le(world.now - stats.path.consented_at, HWS_SEC(6) + stats.path.rtt);
    ck_assert_uint_eq(stats.path.responses_received, stats_of(worker).path.responses_sent);
    ck_assert_str_eq(stats.ice.role, "controlling");
    ck_assert_str_eq(stats_of(worker).ice.role, "controlled");
    ck_assert_uint_eq(stats.ice.pairs_succeeded, 1);
    ck_assert_uint_eq(stats.ice.checks_retransmitted, 0);
    ck_assert_mem_eq(&pairs[0].remote, &stats.path.remote, sizeof(pairs[0].remote));
    memset(&untouched, 0x55, sizeof(untouched));
    pairs[0] = untouched;
    ck_assert_uint_eq(hws_peer_pairs(client->peer, pairs, 0), 1);
    ck_assert_mem_eq(&pairs[0], &untouched, sizeof(untouched));
    world_fini(&world);
}
END_TEST

START_TEST(what_is_lost_is_sent_again_and_counted)
{
    struct hws_peer_stats stats;

    start(&(struct hws_channel_config){0});
    world.loss_percent = 20;
    ck_assert(world_run(&world, HWS_SEC(60), both_open));
    for (int i = 0; i < 8; i++) {
        say(50000);
    }
    wanted = 8;
    ck_assert(world_run(&world, HWS_SEC(120), client_has_wanted));
    stats = stats_of(client);
    ck_assert_uint_gt(stats.sctp.chunks_resent, 0);
    ck_assert_uint_gt(stats.sctp.chunks_sent, stats.sctp.chunks_resent);
    ck_assert_uint_lt(stats.wire.datagrams_received, stats_of(worker).wire.datagrams_sent);
    ck_assert_uint_eq(stats.channels.bytes_received, 400000);
    world_fini(&world);
}
END_TEST

START_TEST(layers_say_how_they_are)
{
    struct hws_peer_stats stats, theirs;

    connect_pair();
    say(50000);
    world_pass(&world, HWS_SEC(1));
    stats = stats_of(client);
    theirs = stats_of(worker);
    ck_assert_str_eq(stats.dtls.version, "DTLSv1.3");
    ck_assert_str_ne(stats.dtls.suite, "none");
    ck_assert_str_eq(stats.dtls.group, "X25519");
    ck_assert_str_eq(stats.dtls.role, "server"); /* the answerer is the client */
    ck_assert_str_eq(theirs.dtls.role, "client");
    ck_assert_int_ge(stats.dtls.handshake, 2 * world.delay);
    ck_assert_int_lt(stats.dtls.handshake, HWS_SEC(1));
    ck_assert_uint_eq(stats.sctp.streams_out, 256);
    ck_assert_uint_gt(stats.sctp.congestion_window, 0);
    ck_assert_uint_gt(stats.sctp.peer_window, 100000);
    ck_assert_uint_eq(stats.sctp.buffered, 0);
    world_fini(&world);
}
END_TEST

/* ---- Drops, by reason */

static void feed(const void *bytes, size_t len, const struct hws_address *from)
{
    struct hws_datagram datagram = {
        .local = client->addr, .remote = *from, .bytes = {bytes, len}
    };

    ck_assert_int_ne(hws_peer_feed(client->peer, &datagram, world.now), HWS_OK);
}

START_TEST(drops_are_counted_by_reason)
{
    static const uint8_t dtls[20] = {23, 0xFE, 0xFD, [12] = 9},
                         stun[20] = {0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42};
    static const uint8_t reply[20] = {1, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42};
    const struct hws_address stranger = {
        .ip = {10, 9, 9, 9},
          .port = 9, .family = HWS_FAMILY_IP4
    };
    struct hws_peer_stats before, after;

    connect_pair();
    before = stats_of(client);
    feed("", 0, &worker->addr);
    feed("\x80rtp", 4, &worker->addr);
    feed(dtls, sizeof(dtls), &stranger);
    feed(dtls, sizeof(dtls), &worker->addr); /* a record that is too long for its datagram */
    feed(stun, 19, &worker->addr);           /* cut short */
    feed(stun, sizeof(stun), &worker->addr); /* a check without fingerprint */
    feed(reply, sizeof(reply), &stranger);   /* nobody asked */
    after = stats_of(client);
    ck_assert_uint_eq(after.wire.datagrams_received, before.wire.datagrams_received + 7);
    ck_assert_uint_eq(after.wire.dropped_format, before.wire.dropped_format + 2);
    ck_assert_uint_eq(after.wire.dropped_stranger, before.wire.dropped_stranger + 1);
    ck_assert_uint_eq(after.dtls.dropped_malformed, before.dtls.dropped_malformed + 1);
    ck_assert_uint_eq(after.ice.dropped_malformed, before.ice.dropped_malformed + 1);
    ck_assert_uint_eq(after.ice.dropped_unexpected, before.ice.dropped_unexpected + 2);
    ck_assert_uint_eq(after.ice.dropped_integrity, 0);
    world_fini(&world);
}
END_TEST

START_TEST(a_closed_peer_still_tells)
{
    struct hws_peer_stats before, after;

    connect_pair();
    say(1200);
    wanted = 1;
    ck_assert(world_run(&world, HWS_SEC(10), client_has_wanted));
    before = stats_of(client);
    hws_peer_close(client->peer, world.now);
    world_pass(&world, HWS_SEC(1));
    feed("x", 1, &worker->addr);
    after = stats_of(client);
    ck_assert_str_eq(after.state, "closed");
    ck_assert_uint_ge(after.sctp.packets_sent, before.sctp.packets_sent + 1); /* ABORT */
    ck_assert_uint_eq(after.sctp.messages_sent, before.sctp.messages_sent);
    ck_assert_str_eq(after.dtls.version, before.dtls.version);
    ck_assert_uint_ge(after.wire.dropped_closed, 1);
    ck_assert_uint_eq(after.channels.closed, 1);
    ck_assert_uint_eq(stats_of(worker).channels.closed, 1);
    world_fini(&world);
}
END_TEST

/* ---- Channels */

START_TEST(a_channel_that_is_gone_has_no_statistics)
{
    struct hws_channel_stats stats, untouched;

    connect_pair();
    ck_assert_uint_eq(hws_peer_channels(client->peer, &stats, 1), 1);
    ck_assert_uint_eq(stats.channel.slot, channel.slot);
    ck_assert_uint_eq(stats.channel.generation, channel.generation);
    ck_assert_int_eq(hws_peer_close_channel(client->peer, channel, world.now), HWS_OK);
    ck_assert(hws_peer_channel_stats(client->peer, channel, &stats));
    ck_assert_str_eq(stats.state, "closing");
    world_pass(&world, HWS_SEC(2));
    memset(&untouched, 0x55, sizeof(untouched));
    stats = untouched;
    ck_assert(!hws_peer_channel_stats(client->peer, channel, &stats));
    ck_assert_mem_eq(&stats, &untouched, sizeof(stats));
    ck_assert_uint_eq(hws_peer_channels(client->peer, NULL, 0), 0);
    ck_assert_uint_eq(stats_of(client).channels.closed, 1);
    world_fini(&world);
}
END_TEST

START_TEST(more_channels_than_room_are_counted_all_the_same)
{
    struct hws_channel_stats list[3];
    struct hws_channel more;

    connect_pair();
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(
            hws_peer_open_channel(client->peer, &(struct hws_channel_config){0}, world.now, &more),
            HWS_OK);
    }
    memset(&list, 0x55, sizeof(list));
    ck_assert_uint_eq(hws_peer_channels(client->peer, list, 2), 5);
    ck_assert_str_eq(list[0].state, "open");
    ck_assert_str_eq(list[1].state, "connecting");
    ck_assert_uint_eq(list[2].id, 0x5555);
    world_pass(&world, HWS_SEC(1));
    ck_assert_uint_eq(stats_of(client).channels.opened, 5);
    ck_assert_uint_eq(stats_of(worker).channels.accepted, 5);
    world_fini(&world);
}
END_TEST

/* Messages of a channel with a life of 50 ms, on a network that has fallen silent. */
START_TEST(messages_that_grow_too_old_are_counted)
{
    struct hws_channel_config config = {.reliability = HWS_CHANNEL_MAX_LIFETIME,
                                        .reliability_value = 50};
    struct hws_channel_stats stats;

    start(&config);
    ck_assert(world_run(&world, HWS_SEC(10), both_open));
    client->mute = true;
    for (int i = 0; i < 10; i++) {
        say(100000);
    }
    ck_assert(hws_peer_channel_stats(client->peer, channel, &stats));
    ck_assert_uint_gt(stats.buffered, 0);
    world_pass(&world, HWS_MS(200));
    ck_assert(hws_peer_channel_stats(client->peer, channel, &stats));
    ck_assert_uint_eq(stats.messages_sent, 10);
    ck_assert_uint_ge(stats.expired, 5);
    ck_assert_uint_eq(stats.expired, stats_of(client).channels.expired);
    ck_assert_uint_eq(stats.buffered, 0);
    world_fini(&world);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("stats");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_new_peer_has_done_nothing);
    tcase_add_test(tc, messages_and_bytes_are_those_that_were_sent);
    tcase_add_test(tc, packets_and_bytes_are_those_on_the_wire);
    tcase_add_test(tc, the_tap_sees_every_packet);
    tcase_add_test(tc, the_path_is_measured);
    tcase_add_test(tc, what_is_lost_is_sent_again_and_counted);
    tcase_add_test(tc, layers_say_how_they_are);
    tcase_add_test(tc, drops_are_counted_by_reason);
    tcase_add_test(tc, a_closed_peer_still_tells);
    tcase_add_test(tc, a_channel_that_is_gone_has_no_statistics);
    tcase_add_test(tc, more_channels_than_room_are_counted_all_the_same);
    tcase_add_test(tc, messages_that_grow_too_old_are_counted);
    return run_case("stats", tc);
}

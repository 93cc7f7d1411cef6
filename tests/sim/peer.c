/* A side that is a whole peer: ICE, DTLS and SCTP, with numbered messages both ways. wolfSSL and
 * usrsctp draw numbers of their own, so what is equal between runs is what came of them. */
#include "sim/world.h"

#include "base/bytes.h"

#include <hawser/peer.h>
#include <hawser/stats.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEND_EVERY_MS = 250, MESSAGE_MAX = 3000, DATAGRAMS = 16 };

/* One for all runs, as in a program: making a key for each would be half the time. */
static struct hws_sctp_stack *stack;
static struct hws_identity *identity;

static void prepare(hws_time now)
{
    if (stack) return;
    if (hws_sctp_stack_new(now, &stack) || hws_identity_new(&identity)) abort();
}

static void write_log(void *user, const char *line, size_t len)
{
    struct sim_side *side = user;

    fprintf(side->world->out, "            %d   %.*s\n", side->index, (int)len, line);
}

/* ---- Messages: length and bytes follow from the number */

static size_t message_len(int from, uint64_t number)
{
    return 1 + (size_t)((number * 7919 + (uint64_t)from * 31) % MESSAGE_MAX);
}

static uint8_t message_byte(int from, uint64_t number, size_t at)
{
    return (uint8_t)(number * 131 + at * 7 + (uint64_t)from);
}

static void send_message(struct sim_side *side)
{
    static uint8_t text[MESSAGE_MAX + 1];
    size_t len = message_len(side->index, side->sent);
    enum hws_err err;

    for (size_t i = 0; i < len; i++) {
        text[i] = message_byte(side->index, side->sent, i);
    }
    err = hws_peer_send(side->peer, side->channel, HWS_BINARY, (struct hws_bytes){text, len},
                        side->world->now);
    if (!err) side->sent++;
    side->send_at = side->world->now + HWS_MS(SEND_EVERY_MS);
}

static void take_message(struct sim_side *side, struct hws_bytes message)
{
    int from = 1 - side->index;
    bool same = message.len == message_len(from, side->messages);

    for (size_t i = 0; same && i < message.len; i++) {
        same = message.data[i] == message_byte(from, side->messages, i);
    }
    if (!same)
        sim_break(side->world, "side %d: message %zu is not what was sent", side->index,
                  side->messages);
    side->messages++;
    if (side->first_message_at < 0) side->first_message_at = side->world->now;
}

/* ---- Life */

static void offer(struct sim_side *side)
{
    if (hws_peer_offer(side->peer, side->world->now))
        sim_break(side->world, "side %d cannot offer", side->index);
}

static void start(struct sim_side *side, bool offers)
{
    struct hws_channel_config channel = {.label = "sim"};
    struct hws_peer_config config = {
        .random = {.fill = sim_fill, .user = side}
    };

    prepare(side->world->now);
    config.stack = stack;
    config.identity = identity;
    if (side->world->out)
        config.log =
            (struct hws_log){.write = write_log, .user = side, .level = HWS_LOG_DEBUG, .peer = 1};
    side->send_at = HWS_NEVER;
    if (hws_peer_new(&config, side->world->now, &side->peer)) abort();
    if (side->index == 0 &&
        hws_peer_open_channel(side->peer, &channel, side->world->now, &side->channel))
        abort();
    if (offers) offer(side);
}

static void add(struct sim_side *side, const struct sim_socket *socket)
{
    enum hws_err err = socket->owner == SIM_OWNER_SERVER
                           ? hws_peer_add_stun(side->peer, &socket->addr, side->world->now)
                           : hws_peer_add_local(side->peer, &socket->addr, side->world->now);

    if (err) abort();
}

static void end(struct sim_side *side)
{
    hws_peer_end_local(side->peer, side->world->now);
}

static void restart(struct sim_side *side)
{
    enum hws_err err = hws_peer_restart_ice(side->peer, side->world->now);

    sim_note(side, "restarted", err);
}

static void take_signal(struct sim_side *side, int kind, const char *ufrag, const uint8_t *data,
                        size_t len)
{
    struct hws_signal signal = {
        .kind = (enum hws_signal_kind)kind, .text = {data, len},
              .ufrag = ufrag
    };
    enum hws_err err = hws_peer_signal(side->peer, &signal, side->world->now);

    /* Of two offers that cross, the one of side 1 is taken back (RFC 8829 section 4.1.8.2). */
    if (err == HWS_ERR_STATE && kind == HWS_SIGNAL_OFFER && side->index == 1 && !side->over) {
        sim_note(side, "rollback", 0);
        if (hws_peer_rollback(side->peer, side->world->now) == HWS_OK)
            err = hws_peer_signal(side->peer, &signal, side->world->now);
    }
    if (err) sim_note(side, "signal.refused", err);
}

static void junk(struct sim_side *side, unsigned number)
{
    char text[128];
    struct hws_signal signal = {.kind = HWS_SIGNAL_CANDIDATE, .ufrag = ""};
    int len = snprintf(text, sizeof(text), "candidate:9 1 udp %u 192.0.2.%u 9000 typ host",
                       2000000000 - number, number + 1);

    signal.text = (struct hws_bytes){(const uint8_t *)text, (size_t)len};
    (void)!hws_peer_signal(side->peer, &signal, side->world->now);
}

static void feed(struct sim_side *side, const struct hws_datagram *in)
{
    (void)!hws_peer_feed(side->peer, in, side->world->now);
}

static void tick(struct sim_side *side)
{
    if (side->send_at <= side->world->now) send_message(side);
    hws_peer_tick(side->peer, side->world->now);
}

static hws_time deadline(const struct sim_side *side)
{
    hws_time due = hws_peer_deadline(side->peer);

    return side->send_at < due ? side->send_at : due;
}

static void use_channel(struct sim_side *side, struct hws_channel channel)
{
    side->channel = channel;
    side->send_at = side->world->now;
}

static void on_closed(struct sim_side *side, const struct hws_fault *fault)
{
    struct sim_world *world = side->world;
    bool unanswered = world->now - side->answered_at >= HWS_SEC(29);
    bool told = world->sides[1 - side->index].over; /* the other side told it so */

    sim_note(side, "closed", fault->err);
    side->over = true;
    side->failed = true;
    side->send_at = HWS_NEVER;
    if (!world->plan.reachable && side->first_path_at < 0 && fault->err != HWS_ERR_UNREACHABLE &&
        fault->err != HWS_ERR_TIMEOUT)
        sim_break(world, "side %d found no path and says %s: %s", side->index,
                  hws_err_name(fault->err), fault->what);
    if (world->plan.reachable && !world->hurt && !unanswered && !told)
        sim_break(world, "side %d closed: %s: %s", side->index, fault->layer, fault->what);
}

static void on_event(struct sim_side *side, const struct hws_event *event)
{
    hws_time now = side->world->now;

    switch (event->kind) {
    case HWS_EVENT_PATH:
        sim_note(side, "path", 0);
        if (side->first_path_at < 0) side->first_path_at = now;
        break;
    case HWS_EVENT_CONNECTED:
        sim_note(side, "connected", 0);
        side->nominated = true;
        if (side->first_nominated_at < 0) side->first_nominated_at = now;
        break;
    case HWS_EVENT_CHANNEL_INCOMING:
    case HWS_EVENT_CHANNEL_OPEN:
        use_channel(side, event->channel);
        break;
    case HWS_EVENT_MESSAGE:
        take_message(side, event->message);
        break;
    case HWS_EVENT_CLOSED:
        on_closed(side, &event->fault);
        break;
    case HWS_EVENT_NONE:
    case HWS_EVENT_WRITABLE:
    case HWS_EVENT_BUFFER_LOW:
    case HWS_EVENT_SERVER_FAILED:
    case HWS_EVENT_CHANNEL_CLOSED:
        break;
    }
}

static bool drain(struct sim_side *side)
{
    struct hws_datagram datagrams[DATAGRAMS];
    struct hws_signal signal;
    struct hws_event event;
    size_t count = hws_peer_next_datagrams(side->peer, datagrams, DATAGRAMS);

    for (size_t i = 0; i < count; i++) {
        sim_send(side, &datagrams[i]);
    }
    if (count > 0) return true;
    if (hws_peer_next_signal(side->peer, &signal)) {
        sim_signal(side, (int)signal.kind, signal.ufrag, signal.text.data, signal.text.len);
        return true;
    }
    if (!hws_peer_next_event(side->peer, &event)) return false;
    on_event(side, &event);
    return true;
}

static bool path(const struct sim_side *side, struct hws_address *out_local,
                 struct hws_address *out_remote)
{
    struct hws_path in_use;

    if (!hws_peer_path(side->peer, &in_use)) return false;
    *out_local = in_use.local;
    *out_remote = in_use.remote;
    return true;
}

static size_t pairs(const struct sim_side *side)
{
    return hws_peer_pairs(side->peer, NULL, 0);
}

static void quiet(struct sim_side *side)
{
    side->send_at = HWS_NEVER;
}

static bool done(const struct sim_world *world)
{
    const struct sim_side *a = &world->sides[0], *b = &world->sides[1];

    return a->over || (a->messages == b->sent && b->messages == a->sent);
}

static void judge(struct sim_world *world)
{
    const struct sim_side *a = &world->sides[0], *b = &world->sides[1];

    if (a->over != b->over) sim_break(world, "only side %d is over", a->over ? 0 : 1);
    if (a->over || !world->plan.reachable) return;
    if (a->sent == 0 || b->sent == 0) sim_break(world, "connected, but no channel was open");
    if (a->messages != b->sent || b->messages != a->sent)
        sim_break(world, "%llu and %llu messages sent, %zu and %zu came",
                  (unsigned long long)a->sent, (unsigned long long)b->sent, b->messages,
                  a->messages);
}

static void stop(struct sim_side *side)
{
    hws_peer_free(side->peer);
    side->peer = NULL;
}

const struct sim_kind sim_peers = {
    .name = "peer",
    .start = start,
    .add = add,
    .end = end,
    .signal = take_signal,
    .feed = feed,
    .tick = tick,
    .deadline = deadline,
    .drain = drain,
    .restart = restart,
    .junk = junk,
    .path = path,
    .pairs = pairs,
    .quiet = quiet,
    .done = done,
    .judge = judge,
    .stop = stop,
};

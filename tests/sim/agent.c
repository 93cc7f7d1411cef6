/* A side that is an ICE agent alone: all of it comes from the seed, so its trace is bit-identical. */
#include "sim/world.h"

#include "base/bytes.h"
#include "ice/ice.h"

#include <stdlib.h>
#include <string.h>

enum { SIGNAL_DESCRIPTION, SIGNAL_CANDIDATE, SIGNAL_END };

static void write_log(void *user, const char *line, size_t len)
{
    struct sim_side *side = user;

    fprintf(side->world->out, "            %d   %.*s\n", side->index, (int)len, line);
}

static void describe(struct sim_side *side)
{
    sim_signal(side, SIGNAL_DESCRIPTION, hws_ice_ufrag(side->ice), hws_ice_pwd(side->ice),
               HWS_ICE_PWD_LEN);
}

static void add(struct sim_side *side, const struct sim_socket *socket)
{
    enum hws_err err = socket->owner == SIM_OWNER_SERVER
                           ? hws_ice_add_server(side->ice, &socket->addr, side->world->now)
                           : hws_ice_add_local(side->ice, &socket->addr, side->world->now);

    if (err) abort();
}

static void end(struct sim_side *side)
{
    hws_ice_end_local(side->ice, side->world->now);
}

static void start(struct sim_side *side, bool offers)
{
    const struct sim_plan *plan = &side->world->plan;
    struct hws_ice_config config = {
        .random = {.fill = sim_fill, .user = side},
        .controlling = side->index == 0 || plan->same_role ? plan->controlling : !plan->controlling,
    };

    (void)offers;
    if (side->world->out)
        config.log =
            (struct hws_log){.write = write_log, .user = side, .level = HWS_LOG_DEBUG, .peer = 1};
    if (hws_ice_new(&config, &side->ice)) abort();
    describe(side); /* first: candidates follow their description */
    side->waits = true;
}

/* Not while the other side has not answered the last time, as offers are not. What crosses is each
 * other's answer. */
static void restart(struct sim_side *side)
{
    if (side->waits) return;
    side->nominated = side->failed = false;
    hws_ice_restart(side->ice, side->world->now);
    describe(side);
    side->waits = true;
}

static void take_description(struct sim_side *side, const char *ufrag, const char *pwd)
{
    hws_time now = side->world->now;
    enum hws_err err = hws_ice_set_remote(side->ice, ufrag, pwd, false, now);

    if (err == HWS_ERR_STATE) { /* the other side restarted */
        side->waits = false;
        restart(side);
        err = hws_ice_set_remote(side->ice, ufrag, pwd, false, now);
    }
    side->waits = false;
    if (err) sim_break(side->world, "side %d refuses a description", side->index);
}

static void take_signal(struct sim_side *side, int kind, const char *ufrag, const uint8_t *data,
                        size_t len)
{
    struct hws_candidate candidate;

    (void)len;
    switch (kind) {
    case SIGNAL_DESCRIPTION:
        take_description(side, ufrag, (const char *)data);
        break;
    case SIGNAL_CANDIDATE:
        memcpy(&candidate, data, sizeof(candidate));
        (void)!hws_ice_add_remote(side->ice, &candidate, side->world->now);
        break;
    case SIGNAL_END:
        hws_ice_end_remote(side->ice, side->world->now);
        break;
    }
}

static void junk(struct sim_side *side, unsigned number)
{
    struct hws_candidate candidate = {
        .type = HWS_CANDIDATE_HOST,
        .priority = 2000000000 - number,
        .addr = {.ip = {192, 0, 2, (uint8_t)(number + 1)}, .port = 9000, .family = HWS_FAMILY_IP4},
        .foundation = "9",
    };

    (void)!hws_ice_add_remote(side->ice, &candidate, side->world->now);
}

static void feed(struct sim_side *side, const struct hws_datagram *in)
{
    (void)!hws_ice_feed(side->ice, in, side->world->now);
}

static void tick(struct sim_side *side)
{
    hws_ice_tick(side->ice, side->world->now);
}

static hws_time deadline(const struct sim_side *side)
{
    return hws_ice_deadline(side->ice);
}

static void on_event(struct sim_side *side, const struct hws_ice_event *event)
{
    hws_time now = side->world->now;

    switch (event->kind) {
    case HWS_ICE_LOCAL_CANDIDATE:
        sim_signal(side, SIGNAL_CANDIDATE, hws_ice_ufrag(side->ice), &event->candidate,
                   sizeof(event->candidate));
        break;
    case HWS_ICE_LOCAL_END:
        side->ended = true;
        sim_signal(side, SIGNAL_END, hws_ice_ufrag(side->ice), NULL, 0);
        break;
    case HWS_ICE_SELECTED:
        sim_note(side, "path", 0);
        if (side->first_path_at < 0) side->first_path_at = now;
        break;
    case HWS_ICE_NOMINATED:
        sim_note(side, "nominated", 0);
        side->nominated = true;
        if (side->first_nominated_at < 0) side->first_nominated_at = now;
        break;
    case HWS_ICE_FAILED:
        sim_judge_failed(side);
        sim_lost(side);
        break;
    case HWS_ICE_EXPIRED:
        sim_judge_expired(side);
        if (!hws_ice_is_searching(side->ice)) sim_lost(side);
        break;
    case HWS_ICE_SERVER_FAILED:
        sim_note(side, "server failed", 0);
        break;
    }
}

static bool drain(struct sim_side *side)
{
    struct hws_datagram packet;
    struct hws_ice_event event;

    if (hws_ice_next_packet(side->ice, &packet)) {
        sim_send(side, &packet);
        return true;
    }
    if (!hws_ice_next_event(side->ice, &event)) return false;
    on_event(side, &event);
    return true;
}

static bool path(const struct sim_side *side, struct hws_address *out_local,
                 struct hws_address *out_remote)
{
    struct hws_ice_path in_use;

    if (!hws_ice_path(side->ice, &in_use)) return false;
    *out_local = in_use.local;
    *out_remote = in_use.remote;
    return true;
}

static size_t pairs(const struct sim_side *side)
{
    return hws_ice_pairs(side->ice, NULL, 0);
}

static bool done(const struct sim_world *world)
{
    (void)world;
    return true;
}

static void judge(struct sim_world *world)
{
    (void)world;
}

static void stop(struct sim_side *side)
{
    hws_ice_free(side->ice);
    side->ice = NULL;
}

const struct sim_kind sim_agents = {
    .name = "ice",
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
    .done = done,
    .judge = judge,
    .stop = stop,
};

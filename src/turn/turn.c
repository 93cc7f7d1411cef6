/* The allocation as a whole: its life, its states, and time. */
#include "turn/turn_internal.h"

#include "base/demux.h"
#include "stun/channel_data.h"

#include <stdlib.h>
#include <string.h>

hws_time hws_turn_later(hws_time from, hws_time delta)
{
    return from > HWS_NEVER - delta ? HWS_NEVER : from + delta;
}

static void move(struct hws_turn *turn, enum hws_turn_state to, hws_time now)
{
    static const char *const names[] = {"idle", "asking", "alive", "waiting", "gave_up", "closed"};

    HWS_LOG(&turn->log, HWS_LOG_DEBUG, now, "turn", "state", "from=%s to=%s", names[turn->state],
            names[to]);
    turn->state = to;
}

/* ---- Life */

enum hws_err hws_turn_new(const struct hws_turn_config *config, struct hws_turn **out)
{
    struct hws_turn *turn;

    if (!config->random.fill || config->patience < 0) return HWS_ERR_ARGUMENT;
    if (!hws_address_is_reachable(&config->server)) return HWS_ERR_ARGUMENT;
    if (config->username.len > HWS_TURN_USERNAME_MAX) return HWS_ERR_TOO_BIG;
    if (config->password.len > HWS_TURN_PASSWORD_MAX) return HWS_ERR_TOO_BIG;
    turn = calloc(1, sizeof(*turn));
    if (!turn) return HWS_ERR_NO_MEMORY;
    turn->random = config->random;
    turn->log = config->log;
    turn->server = turn->first_server = config->server;
    turn->families = config->families;
    turn->stream = config->stream;
    turn->patience = config->patience;
    turn->next_number = HWS_CHANNEL_NUMBER_MIN;
    turn->auth.username_len = config->username.len;
    turn->auth.password_len = config->password.len;
    if (config->username.len > 0)
        memcpy(turn->auth.username, config->username.data, config->username.len);
    if (config->password.len > 0)
        memcpy(turn->auth.password, config->password.data, config->password.len);
    *out = turn;
    return HWS_OK;
}

void hws_turn_free(struct hws_turn *turn)
{
    if (!turn) return;
    hws_wipe(turn, sizeof(*turn));
    free(turn);
}

struct hws_address hws_turn_server(const struct hws_turn *turn)
{
    return turn->server;
}

/* What belongs to an allocation goes with it. */
static void forget(struct hws_turn *turn)
{
    memset(turn->requests, 0, sizeof(turn->requests));
    turn->grant_count = turn->channel_count = 0;
    turn->next_number = HWS_CHANNEL_NUMBER_MIN;
    memset(turn->relayed, 0, sizeof(turn->relayed));
    turn->mapped = (struct hws_address){0};
    turn->tell_allocated = false;
}

static void ask(struct hws_turn *turn, hws_time now)
{
    forget(turn);
    turn->server = turn->first_server;
    turn->visited_count = 0;
    hws_turn_auth_forget(&turn->auth);
    move(turn, HWS_TURN_ASKING, now);
    (void)hws_turn_request_begin(turn, HWS_TURN_ALLOCATE, now); /* all slots are free */
}

void hws_turn_start(struct hws_turn *turn, hws_time now)
{
    if (turn->state == HWS_TURN_IDLE) ask(turn, now);
}

void hws_turn_close(struct hws_turn *turn, hws_time now)
{
    bool alive = turn->state == HWS_TURN_ALIVE;

    if (turn->state == HWS_TURN_CLOSED) return;
    forget(turn);
    turn->tell_failed = false;
    move(turn, HWS_TURN_CLOSED, now);
    if (alive) (void)hws_turn_request_begin(turn, HWS_TURN_RELEASE, now);
}

/* ---- States */

/* How long to wait before asking anew; 0: it would be of no use. */
static hws_time pause_after(const struct hws_turn *turn, enum hws_err err, uint16_t code)
{
    if (turn->retries == HWS_TURN_RETRY_MAX) return 0;
    if (code == HWS_STUN_ALLOCATION_QUOTA || code == HWS_STUN_NO_CAPACITY)
        return HWS_TURN_FULL_PAUSE;
    if (code == HWS_STUN_SERVER_ERROR) return HWS_TURN_AGAIN << turn->retries;
    if (turn->state != HWS_TURN_ALIVE) return 0;
    /* The server was started anew, say, or could not be reached for a while. */
    if (code == HWS_STUN_ALLOCATION_MISMATCH || err == HWS_ERR_TIMEOUT)
        return HWS_SEC(1) << turn->retries;
    return 0;
}

void hws_turn_fail(struct hws_turn *turn, enum hws_err err, uint16_t code, const char *reason,
                   hws_time now)
{
    hws_time pause = pause_after(turn, err, code);
    bool mismatch = code == HWS_STUN_ALLOCATION_MISMATCH || code == HWS_STUN_WRONG_CREDENTIALS;

    forget(turn);
    turn->failure = (struct hws_turn_event){
        .kind = HWS_TURN_FAILED,
        .err = err,
        .code = code,
        .reason = reason,
        .retries = pause > 0,
        .wants_port = mismatch && pause == 0,
    };
    turn->tell_failed = true;
    HWS_LOG(&turn->log, HWS_LOG_WARN, now, "turn", "failed",
            "err=%s error=%u retries=%d what=\"%s\"", hws_err_name(err), code, pause > 0, reason);
    if (pause == 0) {
        move(turn, HWS_TURN_GAVE_UP, now);
        return;
    }
    turn->retries++;
    turn->retry_at = hws_turn_later(now, pause);
    move(turn, HWS_TURN_WAITING, now);
}

void hws_turn_probe(struct hws_turn *turn, hws_time now)
{
    if (turn->state != HWS_TURN_ALIVE || turn->refresh_at == HWS_NEVER) return;
    turn->refresh_at = now;
    hws_turn_tick(turn, now);
}

bool hws_turn_is_probing(const struct hws_turn *turn)
{
    return turn->state == HWS_TURN_ALIVE && hws_turn_request_count(turn, HWS_TURN_REFRESH) > 0;
}

void hws_turn_gone(struct hws_turn *turn, hws_time now)
{
    if (turn->state == HWS_TURN_CLOSED || turn->state == HWS_TURN_GAVE_UP) return;
    hws_turn_fail(turn, HWS_ERR_CLOSED, 0, "the connection to the server is over", now);
}

/* A minute before the end, so that a whole transaction fits; of a short life after its half. */
static void set_lifetime(struct hws_turn *turn, const struct hws_stun_message *msg,
                         hws_time asked_at)
{
    uint32_t seconds = msg->has_lifetime ? msg->lifetime : HWS_TURN_LIFETIME;
    hws_time life;

    if (seconds > HWS_TURN_LIFETIME_MAX) seconds = HWS_TURN_LIFETIME_MAX;
    if (seconds < HWS_TURN_LIFETIME_MIN) seconds = HWS_TURN_LIFETIME_MIN;
    life = HWS_SEC(seconds);
    turn->expires_at = hws_turn_later(asked_at, life);
    turn->refresh_at =
        hws_turn_later(asked_at, life >= HWS_SEC(120) ? life - HWS_SEC(60) : life / 2);
}

void hws_turn_allocated(struct hws_turn *turn, const struct hws_stun_message *msg,
                        hws_time asked_at, hws_time now)
{
    struct hws_address addr;
    size_t count = 0;

    for (size_t i = 0; count < 2; i++) {
        if (!hws_stun_find_xor_address(msg, HWS_STUN_XOR_RELAYED_ADDRESS, i, &addr)) break;
        if (!hws_address_is_reachable(&addr) || hws_turn_relayed(turn, addr.family)) continue;
        turn->relayed[count++] = addr;
    }
    if (count == 0) {
        hws_turn_fail(turn, HWS_ERR_MALFORMED, 0, "the server gives no relayed address", now);
        return;
    }
    turn->mapped = msg->xor_mapped;
    set_lifetime(turn, msg, asked_at);
    turn->tell_allocated = true;
    turn->tell_failed = false;
    move(turn, HWS_TURN_ALIVE, now);
    HWS_LOG(&turn->log, HWS_LOG_INFO, now, "turn", "allocated", "addresses=%u", (unsigned)count);
}

void hws_turn_refreshed(struct hws_turn *turn, const struct hws_stun_message *msg,
                        hws_time asked_at)
{
    turn->retries = 0;
    set_lifetime(turn, msg, asked_at);
}

/* ---- Inputs */

enum hws_err hws_turn_feed(struct hws_turn *turn, struct hws_bytes packet, hws_time now,
                           struct hws_turn_data *out)
{
    struct hws_stun_message msg;
    enum hws_err err = HWS_ERR_UNEXPECTED;

    *out = (struct hws_turn_data){0};
    switch (hws_demux(packet)) {
    case HWS_DEMUX_TURN:
        return hws_turn_channel_data(turn, packet, out);
    case HWS_DEMUX_STUN:
        err = hws_stun_read(packet, &msg, NULL);
        break;
    case HWS_DEMUX_DTLS:
    case HWS_DEMUX_DROP:
        return HWS_ERR_UNEXPECTED;
    }
    if (err) return err;
    if (msg.msg_class == HWS_STUN_INDICATION) return hws_turn_indication(turn, &msg, out);
    if (msg.msg_class == HWS_STUN_REQUEST) return HWS_ERR_UNEXPECTED;
    err = hws_turn_response(turn, &msg, now);
    if (!err) hws_turn_tick(turn, now);
    return err;
}

void hws_turn_tick(struct hws_turn *turn, hws_time now)
{
    if (turn->state == HWS_TURN_WAITING && turn->retry_at <= now) ask(turn, now);
    hws_turn_requests_tick(turn, now);
    if (turn->state != HWS_TURN_ALIVE) return;
    if (turn->expires_at <= now) {
        hws_turn_fail(turn, HWS_ERR_TIMEOUT, 0, "the server did not renew the allocation", now);
        return;
    }
    if (turn->refresh_at <= now && hws_turn_request_count(turn, HWS_TURN_REFRESH) == 0 &&
        hws_turn_request_begin(turn, HWS_TURN_REFRESH, now))
        turn->refresh_at = HWS_NEVER; /* until it is answered */
    hws_turn_grants_tick(turn, now);
}

hws_time hws_turn_deadline(const struct hws_turn *turn)
{
    hws_time at = hws_turn_requests_deadline(turn), grants = hws_turn_grants_deadline(turn);

    if (turn->state == HWS_TURN_WAITING && turn->retry_at < at) at = turn->retry_at;
    if (turn->state != HWS_TURN_ALIVE) return at;
    if (grants < at) at = grants;
    if (turn->refresh_at < at) at = turn->refresh_at;
    return turn->expires_at < at ? turn->expires_at : at;
}

/* ---- Outputs */

bool hws_turn_next_event(struct hws_turn *turn, struct hws_turn_event *out)
{
    if (turn->tell_failed) {
        turn->tell_failed = false;
        *out = turn->failure;
        return true;
    }
    if (turn->tell_allocated) {
        turn->tell_allocated = false;
        *out = (struct hws_turn_event){
            .kind = HWS_TURN_ALLOCATED,
            .relayed = {turn->relayed[0], turn->relayed[1]},
            .mapped = turn->mapped,
        };
        return true;
    }
    return hws_turn_next_grant_event(turn, out);
}

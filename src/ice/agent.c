/* The agent as a whole: its life, its verbs, and the pacing of what it begins. */
#include "ice/ice_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- Time and randomness */

hws_time hws_ice_later(hws_time from, hws_time delta)
{
    return from > HWS_NEVER - delta ? HWS_NEVER : from + delta;
}

/* RFC 8489 section 5: 96 bits that nobody can guess; they never leave but on the wire. */
void hws_ice_new_transaction(struct hws_ice *ice, uint8_t out[HWS_STUN_TID_LEN])
{
    ice->random.fill(ice->random.user, out, HWS_STUN_TID_LEN);
}

uint64_t hws_ice_random_u64(struct hws_ice *ice)
{
    uint8_t bytes[8];
    uint64_t value = 0;

    ice->random.fill(ice->random.user, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* ---- Life */

/* More than a day counts as a day, so that sums of a few of them cannot overflow. */
static hws_time or_default(hws_time configured, hws_time otherwise)
{
    if (configured > HWS_SEC(86400)) return HWS_SEC(86400);
    return configured != 0 ? configured : otherwise;
}

enum hws_err hws_ice_new(const struct hws_ice_config *config, struct hws_ice **out)
{
    struct hws_ice *ice;

    if (!config->random.fill || config->pacing < 0 || config->consent_period < 0 ||
        config->consent_expiry < 0 || config->fail_after < 0 ||
        (config->lite && config->relay_only))
        return HWS_ERR_ARGUMENT;
    ice = calloc(1, sizeof(*ice));
    if (!ice) return HWS_ERR_NO_MEMORY;
    ice->random = config->random;
    ice->log = config->log;
    ice->lite = config->lite;
    ice->controlling = config->controlling && !config->lite; /* RFC 8445 section 6.1.1 */
    ice->relay_only = config->relay_only;
    ice->tcp = config->tcp;
    ice->pacing = or_default(config->pacing, HWS_ICE_PACING);
    if (ice->pacing < HWS_ICE_PACING_FLOOR) ice->pacing = HWS_ICE_PACING_FLOOR;
    ice->consent_period = or_default(config->consent_period, HWS_ICE_CONSENT_PERIOD);
    ice->consent_expiry = or_default(config->consent_expiry, HWS_ICE_CONSENT_EXPIRY);
    ice->fail_after = or_default(config->fail_after, HWS_ICE_FAIL_AFTER);
    ice->tiebreaker = hws_ice_random_u64(ice);
    ice->lane.pair = ice->parting.base = HWS_ICE_NONE;
    ice->restart_at = HWS_NEVER;
    ice->last_new_at = INT64_MIN / 2; /* long ago: the first transaction waits for nothing */
    ice->error_window_at = INT64_MIN / 2;
    hws_ice_begin_generation(ice);
    *out = ice;
    return HWS_OK;
}

void hws_ice_free(struct hws_ice *ice)
{
    if (!ice) return;
    hws_ice_forget_before(ice);
    hws_ice_relays_free(ice);
    hws_wipe(ice, sizeof(*ice));
    free(ice);
}

bool hws_ice_has_ufrag(const struct hws_ice *ice, struct hws_bytes ufrag)
{
    return (ice->cur.has_local && hws_bytes_equal(ufrag, hws_bytes_of(ice->cur.local_ufrag))) ||
           (ice->old.has_local && hws_bytes_equal(ufrag, hws_bytes_of(ice->old.local_ufrag)));
}

const char *hws_ice_ufrag(const struct hws_ice *ice)
{
    return ice->cur.local_ufrag;
}

const char *hws_ice_pwd(const struct hws_ice *ice)
{
    return ice->cur.local_pwd;
}

bool hws_ice_is_controlling(const struct hws_ice *ice)
{
    return ice->controlling;
}

/* ---- Roles */

void hws_ice_switch_role(struct hws_ice *ice, bool controlling, hws_time now)
{
    if (ice->lite) return;
    HWS_LOG(&ice->log, HWS_LOG_INFO, now, "ice", "role.switch", "controlling=%d", controlling);
    ice->controlling = controlling;
    ice->nominee = HWS_ICE_NONE;
    for (size_t i = 0; i < ice->pair_count; i++) {
        ice->pairs[i].nominate = false;
        ice->pairs[i].peer_nominates = false;
        if (ice->pairs[i].state == HWS_ICE_PAIR_IN_PROGRESS) hws_ice_trigger(ice, (uint8_t)i, now);
    }
    hws_ice_pairs_reprioritize(ice);
}

void hws_ice_allow_renomination(struct hws_ice *ice, bool allowed)
{
    ice->renomination = allowed;
}

void hws_ice_set_controlling(struct hws_ice *ice, bool controlling)
{
    if (ice->checked || ice->lite || ice->remote_lite || ice->controlling == controlling) return;
    ice->controlling = controlling;
    hws_ice_pairs_reprioritize(ice);
}

/* ---- Pacing: RFC 8445 section 14.2, one new transaction in Ta, whatever it is for */

/* When the next new transaction may begin, HWS_NEVER when none is waiting. */
static hws_time next_begin_at(const struct hws_ice *ice)
{
    uint8_t pair = hws_ice_pair_next(ice);
    bool at_floor = ice->triggered_count > 0 || ice->fresh_count < HWS_ICE_FAST_CHECKS;

    if (hws_ice_ask_waits(ice) && (pair == HWS_ICE_NONE || ice->ask_turn))
        at_floor = true;
    else if (pair == HWS_ICE_NONE)
        return HWS_NEVER;
    return hws_ice_later(ice->last_new_at, at_floor ? HWS_ICE_PACING_FLOOR : ice->pacing);
}

static void begin_next(struct hws_ice *ice, hws_time now)
{
    uint8_t pair = hws_ice_pair_next(ice);

    if (next_begin_at(ice) > now) return;
    if (hws_ice_ask_waits(ice) && (pair == HWS_ICE_NONE || ice->ask_turn)) {
        ice->ask_turn = false;
        hws_ice_ask_begin(ice, now);
    } else if (pair != HWS_ICE_NONE) {
        ice->ask_turn = true;
        hws_ice_check_begin(ice, pair, now);
    } else {
        return;
    }
    ice->last_new_at = now;
}

void hws_ice_tick(struct hws_ice *ice, hws_time now)
{
    hws_ice_silence_tick(ice, now);
    hws_ice_consent_tick(ice, now);
    hws_ice_checks_tick(ice, now);
    hws_ice_gather_tick(ice, now);
    hws_ice_relays_tick(ice, now);
    hws_ice_nominate_tick(ice, now);
    begin_next(ice, now);
    hws_ice_gather_check_end(ice, now);
    hws_ice_fail_tick(ice, now);
    hws_ice_relays_drain(ice);
}

static hws_time earlier(hws_time a, hws_time b)
{
    return a < b ? a : b;
}

hws_time hws_ice_deadline(const struct hws_ice *ice)
{
    hws_time at = earlier(hws_ice_consent_deadline(ice), hws_ice_checks_deadline(ice));

    at = earlier(at, hws_ice_silence_deadline(ice));
    at = earlier(at, hws_ice_gather_deadline(ice));
    at = earlier(at, hws_ice_relays_deadline(ice));
    at = earlier(at, hws_ice_nominate_deadline(ice));
    at = earlier(at, next_begin_at(ice));
    return earlier(at, hws_ice_fail_deadline(ice));
}

/* ---- Inputs; each ends with a tick, so that what became possible happens at once */

enum hws_err hws_ice_add_local(struct hws_ice *ice, const struct hws_address *addr, hws_time now)
{
    bool known = hws_ice_find_base(ice, addr) != HWS_ICE_NONE;
    enum hws_err err = hws_ice_local_add_host(ice, addr, now);

    if (err) return err;
    if (!known) {
        uint8_t base = hws_ice_find_base(ice, addr);

        hws_ice_ask_all_from(ice, base, now);
        hws_ice_relays_of_base(ice, base, now);
    }
    hws_ice_tick(ice, now);
    return HWS_OK;
}

enum hws_err hws_ice_add_server(struct hws_ice *ice, const struct hws_address *addr, hws_time now)
{
    enum hws_err err = hws_ice_server_add(ice, addr, now);

    if (err) return err;
    hws_ice_tick(ice, now);
    return HWS_OK;
}

void hws_ice_end_local(struct hws_ice *ice, hws_time now)
{
    ice->local_ended = true;
    hws_ice_tick(ice, now);
}

/* RFC 8839 section 5.4. */
static bool is_ice_text(const char *text, size_t min, size_t max)
{
    size_t len = text ? strnlen(text, max + 1) : 0;

    if (len < min || len > max) return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '+' &&
            c != '/')
            return false;
    }
    return true;
}

void hws_ice_answers(struct hws_ice *ice)
{
    if (!ice->cur.has_remote) ice->unheard = true;
}

enum hws_err hws_ice_set_remote(struct hws_ice *ice, const char *ufrag, const char *pwd, bool lite,
                                hws_time now)
{
    if (!is_ice_text(ufrag, 4, HWS_UFRAG_MAX) || !is_ice_text(pwd, 22, HWS_PWD_MAX))
        return HWS_ERR_ARGUMENT;
    if (ice->lite && lite) return HWS_ERR_UNSUPPORTED;
    if (ice->cur.has_remote) {
        bool equal = hws_bytes_equal(hws_bytes_of(ufrag), hws_bytes_of(ice->cur.remote_ufrag)) &&
                     hws_bytes_equal(hws_bytes_of(pwd), hws_bytes_of(ice->cur.remote_pwd));

        return equal ? HWS_OK : HWS_ERR_STATE;
    }
    hws_ice_forget_before(ice); /* the restart was answered */
    memcpy(ice->cur.remote_ufrag, ufrag, strlen(ufrag) + 1);
    memcpy(ice->cur.remote_pwd, pwd, strlen(pwd) + 1);
    ice->cur.has_remote = true;
    ice->started_at = now;
    ice->remote_lite = lite;
    if (lite && !ice->controlling) hws_ice_switch_role(ice, true, now);
    hws_ice_remote_drop_foreign(ice, hws_ice_generation(hws_bytes_of(ufrag)));
    for (size_t i = 0; i < ice->remote_count; i++) {
        hws_ice_pairs_of_remote(ice, (uint8_t)i, now);
    }
    hws_ice_replay_early(ice, now);
    hws_ice_tick(ice, now);
    return HWS_OK;
}

enum hws_err hws_ice_add_remote(struct hws_ice *ice, const struct hws_candidate *candidate,
                                hws_time now)
{
    enum hws_err err = hws_ice_remote_add(ice, candidate, now);

    if (err) return err;
    hws_ice_tick(ice, now);
    return HWS_OK;
}

void hws_ice_end_remote(struct hws_ice *ice, hws_time now)
{
    ice->remote_ended = true;
    hws_ice_tick(ice, now);
}

enum hws_err hws_ice_feed(struct hws_ice *ice, const struct hws_datagram *in, hws_time now)
{
    uint8_t base = hws_ice_find_base(ice, &in->local);
    struct hws_stun_message msg;
    enum hws_err err = HWS_ERR_UNEXPECTED;

    hws_ice_consent_tick(ice, now); /* a response that comes after the expiry revives nothing */
    if (in->bytes.len > HWS_DATAGRAM_IN_MAX) {
        err = HWS_ERR_MALFORMED;
    } else if (base != HWS_ICE_NONE && hws_ice_local_pairs(ice, base)) {
        err = hws_stun_read(in->bytes, &msg, NULL);
        if (!err && msg.msg_class == HWS_STUN_REQUEST)
            err = hws_ice_request(ice, base, &in->remote, &msg, now);
        else if (!err && msg.msg_class != HWS_STUN_INDICATION) /* which only keeps NATs open */
            err = hws_ice_response(ice, base, &in->remote, &msg, now);
    }
    if (err) hws_ice_count_drop(ice, err);
    hws_ice_tick(ice, now);
    return err;
}

/* ---- Outputs */

bool hws_ice_next_packet(struct hws_ice *ice, struct hws_datagram *out)
{
    return hws_ice_outbox_pop(ice, out);
}

static bool take(bool *pending)
{
    bool was = *pending;

    *pending = false;
    return was;
}

/* Candidates in the order in which they were learned, then their end; then what became of the path.
 * A state that was overtaken before anybody looked is not told. */
bool hws_ice_next_event(struct hws_ice *ice, struct hws_ice_event *out)
{
    struct hws_ice_event event = {0};

    for (size_t i = 0; i < ice->local_count; i++) {
        if (ice->locals[i].announced || !hws_ice_local_is_known(ice, i)) continue;
        ice->locals[i].announced = true;
        out->kind = HWS_ICE_LOCAL_CANDIDATE;
        hws_ice_local_describe(ice, i, &out->candidate);
        return true;
    }
    if (hws_ice_next_stun_failure(ice, out) || hws_ice_next_turn_failure(ice, out)) return true;
    if (take(&ice->pending_end))
        event.kind = HWS_ICE_LOCAL_END;
    else if (take(&ice->pending_expired))
        event.kind = HWS_ICE_EXPIRED;
    else if (take(&ice->pending_selected))
        event.kind = HWS_ICE_SELECTED;
    else if (take(&ice->pending_nominated))
        event.kind = HWS_ICE_NOMINATED;
    else if (take(&ice->pending_failed))
        event.kind = HWS_ICE_FAILED;
    else
        return false;
    *out = event;
    return true;
}

size_t hws_ice_known(const struct hws_ice *ice, struct hws_candidate *out, size_t cap,
                     bool *out_ended)
{
    size_t count = 0;

    for (size_t i = 0; i < ice->local_count && count < cap; i++) {
        if (hws_ice_local_is_known(ice, i)) hws_ice_local_describe(ice, i, &out[count++]);
    }
    *out_ended = ice->local_end_raised;
    return count;
}

void hws_ice_mark_known(struct hws_ice *ice)
{
    for (size_t i = 0; i < ice->local_count; i++) {
        if (hws_ice_local_is_known(ice, i)) ice->locals[i].announced = true;
    }
    ice->pending_end = false;
}

bool hws_ice_is_searching(const struct hws_ice *ice)
{
    return ice->phase == HWS_ICE_RUNNING;
}

bool hws_ice_path(const struct hws_ice *ice, struct hws_ice_path *out)
{
    if (!ice->lane.active) return false;
    *out = ice->lane.path;
    out->rto = hws_ice_rto(hws_ice_guess_rtt(ice, out->rtt));
    if (ice->lane.pair != HWS_ICE_NONE) { /* a candidate may have got its real name since */
        const struct hws_ice_pair *pair = &ice->pairs[ice->lane.pair];

        out->local_type = pair->local_type;
        out->remote_type = ice->remotes[pair->remote].type;
        out->remote_named = ice->remotes[pair->remote].named;
    }
    return true;
}

bool hws_ice_lost_path(const struct hws_ice *ice, struct hws_ice_path *out)
{
    if (!ice->has_lost) return false;
    *out = ice->lost;
    return true;
}

bool hws_ice_admits(const struct hws_ice *ice, const struct hws_address *local,
                    const struct hws_address *remote)
{
    uint8_t base = hws_ice_find_base(ice, local), known, pair;

    if (base == HWS_ICE_NONE || ice->phase == HWS_ICE_DEAD) return false;
    if (ice->lane.active && ice->lane.base == base &&
        hws_ice_same_endpoint(&ice->lane.path.remote, remote))
        return true;
    if (ice->old.has_local && !ice->lane.old && ice->parting.base == base &&
        hws_ice_same_endpoint(&ice->parting.remote, remote))
        return true;
    for (size_t i = 0; i < ice->early_count; i++) {
        if (ice->early[i].base == base && hws_address_equal(&ice->early[i].remote, remote))
            return true;
    }
    known = hws_ice_find_remote(ice, remote);
    if (known == HWS_ICE_NONE) return false;
    pair = hws_ice_pair_find(ice, base, known);
    return pair != HWS_ICE_NONE && (ice->pairs[pair].valid || ice->pairs[pair].heard);
}

#include "doctor/behaviour.h"

#include "base/address.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"

#include <stdlib.h>
#include <string.h>

enum question_name {
    MAPPING_1,      /* where does the server see the shared end? */
    OWN_1,          /* and the own end? */
    MAPPING_2,      /* and the server's other address, at the same port? */
    MAPPING_3,      /* and its other port? */
    FILTERING_2,    /* does an answer from the other address and port come through? */
    FILTERING_3,    /* and one from the other port alone? */
    HAIRPIN_SHARED, /* from the shared end to the own one, by the outside */
    HAIRPIN_OWN,    /* and the other way */
    QUESTION_COUNT
};

enum state { NOT_ASKED, ASKED, ANSWERED, SILENT, REFUSED };

enum { TRIES = 5 }; /* before silence counts: at 10 % loss each way, one in 4000 is wrong */
#define FIRST_INTERVAL HWS_MS(250)
#define INTERVAL_MIN   HWS_MS(100)
#define INTERVAL_MAX   HWS_MS(500)

struct question {
    enum state state;
    enum hws_behaviour_end end;
    struct hws_address to, from; /* where it goes, and where its answer must come from */
    uint32_t change;             /* CHANGE-REQUEST; 0 = none */
    struct hws_address mapped;   /* of the answer */
    hws_time asked_at, next_at, interval, give_up_at;
    bool growing; /* the interval doubles */
    bool waits;   /* to be sent */
    uint8_t transaction[HWS_STUN_TID_LEN];
};

struct hws_behaviour {
    struct hws_behaviour_config config;
    struct question questions[QUESTION_COUNT];
    struct hws_address other;
    hws_time rtt;
    uint16_t error_code;
};

const char *hws_nat_rule_name(enum hws_nat_rule rule)
{
    static const char *const names[] = {
        [HWS_NAT_RULE_UNKNOWN] = "unknown",
        [HWS_NAT_ENDPOINT_INDEPENDENT] = "endpoint-independent",
        [HWS_NAT_ADDRESS_DEPENDENT] = "address-dependent",
        [HWS_NAT_ADDRESS_AND_PORT_DEPENDENT] = "address-and-port-dependent",
    };

    return names[rule];
}

const char *hws_known_name(enum hws_known known)
{
    static const char *const names[] = {
        [HWS_KNOWN_NOT] = "unknown", [HWS_KNOWN_NO] = "no", [HWS_KNOWN_YES] = "yes"};

    return names[known];
}

/* ---- Life */

enum hws_err hws_behaviour_new(const struct hws_behaviour_config *config,
                               struct hws_behaviour **out)
{
    struct hws_behaviour *behaviour;

    if (!config->random.fill || config->patience < 0 || config->server.port == 0 ||
        config->server.family == HWS_FAMILY_NONE)
        return HWS_ERR_ARGUMENT;
    behaviour = calloc(1, sizeof(*behaviour));
    if (!behaviour) return HWS_ERR_NO_MEMORY;
    behaviour->config = *config;
    if (config->patience == 0) behaviour->config.patience = HWS_BEHAVIOUR_PATIENCE;
    *out = behaviour;
    return HWS_OK;
}

void hws_behaviour_free(struct hws_behaviour *behaviour)
{
    free(behaviour);
}

/* ---- Asking */

static struct question *ask(struct hws_behaviour *behaviour, enum question_name name,
                            enum hws_behaviour_end end, const struct hws_address *to, hws_time now)
{
    struct question *question = &behaviour->questions[name];
    hws_time interval = 2 * behaviour->rtt;

    if (interval < INTERVAL_MIN) interval = INTERVAL_MIN;
    if (interval > INTERVAL_MAX) interval = INTERVAL_MAX;
    *question = (struct question){
        .state = ASKED,
        .end = end,
        .to = *to,
        .from = *to,
        .asked_at = now,
        .next_at = now + interval,
        .interval = interval,
        /* The last try has two intervals, that is four round trips, to be answered. */
        .give_up_at = now + (TRIES + 1) * interval,
        .waits = true,
    };
    behaviour->config.random.fill(behaviour->config.random.user, question->transaction,
                                  sizeof(question->transaction));
    return question;
}

/* Nothing is known of the server yet: be patient. */
static void ask_first(struct hws_behaviour *behaviour, enum question_name name,
                      enum hws_behaviour_end end, hws_time now)
{
    struct question *question = ask(behaviour, name, end, &behaviour->config.server, now);

    question->interval = FIRST_INTERVAL;
    question->growing = true;
    question->give_up_at = now + behaviour->config.patience;
    question->next_at = behaviour->config.once ? question->give_up_at : now + FIRST_INTERVAL;
}

void hws_behaviour_start(struct hws_behaviour *behaviour, hws_time now)
{
    ask_first(behaviour, MAPPING_1, HWS_BEHAVIOUR_SHARED, now);
    if (!behaviour->config.once) ask_first(behaviour, OWN_1, HWS_BEHAVIOUR_OWN, now);
}

static bool is_answered(const struct hws_behaviour *behaviour, enum question_name name)
{
    return behaviour->questions[name].state == ANSWERED;
}

static bool is_new(const struct hws_behaviour *behaviour, enum question_name name)
{
    return behaviour->questions[name].state == NOT_ASKED;
}

static void ask_mapping(struct hws_behaviour *behaviour, hws_time now)
{
    struct hws_address same_port = behaviour->other;

    same_port.port = behaviour->config.server.port;
    (void)ask(behaviour, MAPPING_2, HWS_BEHAVIOUR_SHARED, &same_port, now);
    (void)ask(behaviour, MAPPING_3, HWS_BEHAVIOUR_SHARED, &behaviour->other, now);
}

static void ask_filtering(struct hws_behaviour *behaviour, hws_time now)
{
    const struct hws_address *server = &behaviour->config.server;
    struct question *question = ask(behaviour, FILTERING_2, HWS_BEHAVIOUR_OWN, server, now);

    question->change = HWS_STUN_CHANGE_IP | HWS_STUN_CHANGE_PORT;
    question->from = behaviour->other;
    question = ask(behaviour, FILTERING_3, HWS_BEHAVIOUR_OWN, server, now);
    question->change = HWS_STUN_CHANGE_PORT;
    question->from.port = behaviour->other.port;
}

static enum hws_known nat_known(const struct hws_behaviour *behaviour, enum question_name name,
                                enum hws_behaviour_end end)
{
    const struct hws_address *local = &behaviour->config.local[end];

    if (!is_answered(behaviour, name) || local->family == HWS_FAMILY_NONE) return HWS_KNOWN_NOT;
    return hws_address_equal(local, &behaviour->questions[name].mapped) ? HWS_KNOWN_NO
                                                                        : HWS_KNOWN_YES;
}

/* Each end writes to where the server sees the other one, so that each filter lets the other in. */
static void ask_hairpin(struct hws_behaviour *behaviour, hws_time now)
{
    const struct hws_address *shared = &behaviour->questions[MAPPING_1].mapped;
    const struct hws_address *own = &behaviour->questions[OWN_1].mapped;

    if (nat_known(behaviour, MAPPING_1, HWS_BEHAVIOUR_SHARED) == HWS_KNOWN_NO) return;
    if (!hws_address_is_reachable(shared) || !hws_address_is_reachable(own)) return;
    (void)ask(behaviour, HAIRPIN_SHARED, HWS_BEHAVIOUR_SHARED, own, now);
    (void)ask(behaviour, HAIRPIN_OWN, HWS_BEHAVIOUR_OWN, shared, now);
}

static void go_on(struct hws_behaviour *behaviour, hws_time now)
{
    bool mapping = is_answered(behaviour, MAPPING_1), own = is_answered(behaviour, OWN_1);

    if (behaviour->other.family != HWS_FAMILY_NONE) {
        if (mapping && is_new(behaviour, MAPPING_2)) ask_mapping(behaviour, now);
        if (own && is_new(behaviour, FILTERING_2)) ask_filtering(behaviour, now);
    }
    if (mapping && own && is_new(behaviour, HAIRPIN_OWN)) ask_hairpin(behaviour, now);
}

/* ---- Answers */

static struct question *find(struct hws_behaviour *behaviour, const uint8_t *transaction)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        struct question *question = &behaviour->questions[i];

        if (question->state != NOT_ASKED &&
            memcmp(question->transaction, transaction, HWS_STUN_TID_LEN) == 0)
            return question;
    }
    return NULL;
}

static bool is_hairpin(const struct hws_behaviour *behaviour, const struct question *question)
{
    return question == &behaviour->questions[HAIRPIN_SHARED] ||
           question == &behaviour->questions[HAIRPIN_OWN];
}

/* Somewhere else that we can ask: a server with one address has nothing to tell us of. */
static bool is_other(const struct hws_address *server, const struct hws_address *other)
{
    return other->family == server->family && other->port != server->port &&
           !hws_address_same_ip(server, other) && hws_address_is_reachable(other);
}

static void take_answer(struct hws_behaviour *behaviour, struct question *question,
                        const struct hws_stun_message *message, hws_time now)
{
    hws_time rtt = now - question->asked_at;
    bool first =
        question == &behaviour->questions[MAPPING_1] || question == &behaviour->questions[OWN_1];

    question->state = ANSWERED;
    question->waits = false;
    question->mapped =
        message->xor_mapped.family != HWS_FAMILY_NONE ? message->xor_mapped : message->mapped;
    if (!first) return;
    if (behaviour->rtt == 0 || rtt < behaviour->rtt) behaviour->rtt = rtt > 0 ? rtt : 1;
    if (is_other(&behaviour->config.server, &message->other_address))
        behaviour->other = message->other_address;
}

static void take_refusal(struct hws_behaviour *behaviour, struct question *question, uint16_t code)
{
    question->state = REFUSED;
    question->waits = false;
    if (question == &behaviour->questions[MAPPING_1]) behaviour->error_code = code;
}

enum hws_err hws_behaviour_feed(struct hws_behaviour *behaviour, enum hws_behaviour_end end,
                                const struct hws_address *from, struct hws_bytes datagram,
                                hws_time now)
{
    struct hws_stun_message message;
    enum hws_err err = hws_stun_read(datagram, &message, NULL);
    struct question *question;

    if (err) return err;
    question = find(behaviour, message.transaction);
    if (!question || question->state != ASKED) return HWS_ERR_UNEXPECTED;
    if (message.msg_class == HWS_STUN_REQUEST) { /* our own words, from outside */
        if (!is_hairpin(behaviour, question) || end == question->end) return HWS_ERR_UNEXPECTED;
        question->state = ANSWERED;
        question->waits = false;
        return HWS_OK;
    }
    if (end != question->end || is_hairpin(behaviour, question)) return HWS_ERR_UNEXPECTED;
    if (!hws_address_equal(from, &question->from)) {
        /* An answer from where we asked, not from where we asked for: this server cannot. */
        if (question->change == 0 || !hws_address_equal(from, &question->to))
            return HWS_ERR_UNEXPECTED;
        take_refusal(behaviour, question, message.error_code);
    } else if (message.msg_class == HWS_STUN_SUCCESS) {
        if (message.xor_mapped.family == HWS_FAMILY_NONE &&
            message.mapped.family == HWS_FAMILY_NONE)
            return HWS_ERR_MALFORMED;
        take_answer(behaviour, question, &message, now);
    } else if (message.msg_class == HWS_STUN_ERROR && message.error_code != 0) {
        take_refusal(behaviour, question, message.error_code);
    } else {
        return HWS_ERR_UNEXPECTED;
    }
    go_on(behaviour, now);
    return HWS_OK;
}

/* ---- Time and packets */

void hws_behaviour_tick(struct hws_behaviour *behaviour, hws_time now)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        struct question *question = &behaviour->questions[i];

        if (question->state != ASKED) continue;
        if (question->give_up_at <= now) {
            question->state = SILENT;
            question->waits = false;
            continue;
        }
        if (question->next_at > now) continue;
        question->waits = true;
        if (question->growing) question->interval *= 2;
        question->next_at = now + question->interval;
        /* What is sent in the last interval would not be waited for. */
        if (question->next_at + question->interval >= question->give_up_at)
            question->next_at = question->give_up_at;
    }
}

hws_time hws_behaviour_deadline(const struct hws_behaviour *behaviour)
{
    hws_time deadline = HWS_NEVER;

    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        const struct question *question = &behaviour->questions[i];

        if (question->state != ASKED) continue;
        if (question->next_at < deadline) deadline = question->next_at;
        if (question->give_up_at < deadline) deadline = question->give_up_at;
    }
    return deadline;
}

bool hws_behaviour_next_packet(struct hws_behaviour *behaviour, struct hws_behaviour_packet *out)
{
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        struct question *question = &behaviour->questions[i];
        struct hws_stun_writer msg;
        struct hws_bytes bytes;

        if (!question->waits) continue;
        question->waits = false;
        msg = hws_stun_begin(out->data, sizeof(out->data), HWS_STUN_REQUEST, HWS_STUN_BINDING,
                             question->transaction);
        if (question->change) hws_stun_add_u32(&msg, HWS_STUN_CHANGE_REQUEST, question->change);
        hws_stun_add_fingerprint(&msg);
        if (hws_stun_end(&msg, &bytes)) continue;
        out->len = bytes.len;
        out->end = question->end;
        out->to = question->to;
        return true;
    }
    return false;
}

/* ---- What it means */

bool hws_behaviour_is_done(const struct hws_behaviour *behaviour)
{
    return behaviour->questions[MAPPING_1].state != NOT_ASKED &&
           hws_behaviour_deadline(behaviour) == HWS_NEVER;
}

/* RFC 5780 section 4.3. */
static enum hws_nat_rule mapping_of(const struct hws_behaviour *behaviour, enum hws_known nat)
{
    const struct question *q = behaviour->questions;

    if (nat == HWS_KNOWN_NO) return HWS_NAT_ENDPOINT_INDEPENDENT;
    if (!is_answered(behaviour, MAPPING_2)) return HWS_NAT_RULE_UNKNOWN;
    if (hws_address_equal(&q[MAPPING_1].mapped, &q[MAPPING_2].mapped))
        return HWS_NAT_ENDPOINT_INDEPENDENT;
    if (is_answered(behaviour, MAPPING_3) &&
        !hws_address_equal(&q[MAPPING_2].mapped, &q[MAPPING_3].mapped))
        return HWS_NAT_ADDRESS_AND_PORT_DEPENDENT;
    return HWS_NAT_ADDRESS_DEPENDENT;
}

/* RFC 5780 section 4.4. */
static enum hws_nat_rule filtering_of(const struct hws_behaviour *behaviour)
{
    enum state both = behaviour->questions[FILTERING_2].state;
    enum state port = behaviour->questions[FILTERING_3].state;

    if (both == ANSWERED) return HWS_NAT_ENDPOINT_INDEPENDENT;
    if (both != SILENT) return HWS_NAT_RULE_UNKNOWN;
    if (port == ANSWERED) return HWS_NAT_ADDRESS_DEPENDENT;
    return port == SILENT ? HWS_NAT_ADDRESS_AND_PORT_DEPENDENT : HWS_NAT_RULE_UNKNOWN;
}

static enum hws_known hairpinning_of(const struct hws_behaviour *behaviour)
{
    enum state shared = behaviour->questions[HAIRPIN_SHARED].state;
    enum state own = behaviour->questions[HAIRPIN_OWN].state;

    if (shared == ANSWERED || own == ANSWERED) return HWS_KNOWN_YES;
    return shared == SILENT && own == SILENT ? HWS_KNOWN_NO : HWS_KNOWN_NOT;
}

struct hws_behaviour_result hws_behaviour_result(const struct hws_behaviour *behaviour)
{
    enum hws_known nat = nat_known(behaviour, MAPPING_1, HWS_BEHAVIOUR_SHARED);
    const struct question *first = &behaviour->questions[MAPPING_1];

    return (struct hws_behaviour_result){
        .reachable = first->state == ANSWERED || first->state == REFUSED,
        .error_code = behaviour->error_code,
        .rtt = behaviour->rtt,
        .mapped = first->mapped,
        .other = behaviour->other,
        .nat = nat,
        .mapping = mapping_of(behaviour, nat),
        .filtering = filtering_of(behaviour),
        .hairpinning = hairpinning_of(behaviour),
    };
}

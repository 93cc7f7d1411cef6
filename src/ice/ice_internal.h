/**
 * @file
 * The inside of the ICE agent, shared by the files of ice/.
 *
 *     agent.c      the public verbs, the life of the object
 *     restart.c    generations, restart and taking one back
 *     candidate.c  local and remote tables          gather.c    STUN servers
 *     pair.c       check list, states, priorities   check.c     our checks and their responses
 *     answer.c     checks of the peer               nominate.c  which pair carries data
 *     consent.c    the path in use                  rule.c      verdict on one request
 *     timing.c     when to send again               relay.c     TURN servers
 *     outbox.c     packets waiting to be sent
 *     change.c     addresses that go, a path that is silent
 *     tcp.c        ICE-TCP: what is different there
 *
 * Tables are arrays inside the one block of the agent; entries are named by index. A pair is a
 * base of ours and a remote candidate: local reflexive candidates share the pair of their base
 * (RFC 8445 section 6.1.2.4), a relayed one is a base of its own.
 */
#ifndef HWS_ICE_ICE_INTERNAL_H
#define HWS_ICE_ICE_INTERNAL_H

#include "ice/ice.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"
#include "turn/turn.h"

enum {
    HWS_ICE_NONE = 255,     /* no index */
    HWS_ICE_PRFLX_MAX = 16, /* learned beside the signalled ones */
    HWS_ICE_LEARN_MAX = 40, /* of which one that failed gives way to another, that often */
    HWS_ICE_REMOTE_CAP = HWS_ICE_REMOTE_MAX + HWS_ICE_PRFLX_MAX,
    HWS_ICE_ASK_MAX = 64,             /* requests to STUN servers */
    HWS_ICE_REDIRECT_MAX = 4,         /* of one of them: a guard against loops */
    HWS_ICE_EARLY_MAX = 16,           /* checks before the remote credentials */
    HWS_ICE_OUTBOX_BYTES = 10 * 1024, /* 64 packets of 160; a check has 110 */
    HWS_ICE_CONSENT_OPEN = 8,         /* consent requests that may be answered */
    HWS_ICE_FAST_CHECKS = 4,          /* first ones, sent at the floor of Ta */
    HWS_ICE_ERROR_REPLIES = 20,       /* a second, to whoever is not the peer */
};

_Static_assert((int)HWS_ICE_PAIR_MAX < (int)HWS_ICE_NONE, "a pair index fits a byte");
_Static_assert((int)HWS_ICE_REMOTE_CAP < (int)HWS_ICE_NONE, "a remote index fits a byte");
_Static_assert((int)HWS_ICE_REMOTE_CAP < (int)HWS_ICE_PAIR_MAX, "every candidate can be tried");
_Static_assert((int)HWS_ICE_LOCAL_MAX < (int)HWS_ICE_NONE, "a local index fits a byte");

#define HWS_ICE_PACING       HWS_MS(20) /* Ta, RFC 8445 section 14.2 */
#define HWS_ICE_PACING_FLOOR HWS_MS(5)
#define HWS_ICE_RTO_DEFAULT  HWS_MS(100) /* nothing is measured yet */
#define HWS_ICE_RTO_MIN      HWS_MS(50)
#define HWS_ICE_RTO_MAX      HWS_MS(500) /* RFC 8489 section 6.2.1, where nothing is known */
#define HWS_ICE_RTO_SLACK    HWS_MS(10)
/* Where the peer was heard it is loss that takes our checks or their answers: RFC 8489 section
 * 6.2.1 would spend the whole patience on nine of them. */
#define HWS_ICE_HEARD_WAIT HWS_SEC(1)
#define HWS_ICE_FAIL_AFTER HWS_MS(39500) /* RFC 8863 section 4 */
#define HWS_ICE_SETTLE     HWS_MS(100)   /* wait for a better pair before nominating */
/* Before nominating a relayed or TCP pair: a check that a NAT dropped because the other side had
 * not yet opened it is sent again within HWS_ICE_RTO_MAX. Data flows on the pair meanwhile. */
#define HWS_ICE_SETTLE_DETOUR      HWS_MS(1000)
#define HWS_ICE_CONSENT_PERIOD     HWS_SEC(5)
#define HWS_ICE_CONSENT_PERIOD_MIN HWS_SEC(4)
/* A peer in doubt is asked three times at that period before it counts as gone. */
#define HWS_ICE_DOUBT          HWS_SEC(10)
#define HWS_ICE_CONSENT_EXPIRY HWS_SEC(30)
/* A request on the path in use counts as missed after this and two round trips; the second one in
 * a row makes the path silent, and all pairs are asked, again and again with this period. */
#define HWS_ICE_MISSED       HWS_MS(500)
#define HWS_ICE_PROBE_PERIOD HWS_SEC(2)
/* When a restart is due: other pairs get their chance first, a restart its time to be answered. */
#define HWS_ICE_RESTART_SILENT HWS_MS(2500)
#define HWS_ICE_RESTART_LOST   HWS_MS(1500)
#define HWS_ICE_RESTART_AGAIN  HWS_SEC(10)
/* A nomination this long after another one is no part of the first search: it is meant to win,
 * whatever the priorities. */
#define HWS_ICE_NOMINATING HWS_SEC(5)
/* How long a nomination waits for a check of a peer that may not have our answer yet. */
#define HWS_ICE_UNHEARD HWS_SEC(1)

/** Of one generation: ours, and the peer's once known. Wiped when it ends. */
struct hws_ice_credentials {
    char local_ufrag[HWS_ICE_UFRAG_LEN + 1];
    char local_pwd[HWS_ICE_PWD_LEN + 1];
    char remote_ufrag[HWS_UFRAG_MAX + 1];
    char remote_pwd[HWS_PWD_MAX + 1];
    bool has_local, has_remote;
};

struct hws_ice_local {
    struct hws_address addr;
    uint32_t priority;
    enum hws_candidate_type type; /**< host, srflx or relay */
    uint16_t preference;          /**< local preference, RFC 8421 section 4 */
    uint8_t base;                 /**< index of the base; its own for a host and a relayed one;
                                     none: a free slot */
    uint8_t server;               /**< that told us (TURN: + HWS_ICE_SERVER_MAX), NONE for a host */
    uint8_t relay;                /**< index of the allocation, HWS_ICE_NONE but for relayed ones */
    uint8_t foundation;           /**< number, unique in the agent */
    bool announced;
    bool late;  /**< came after the end of candidates: the next generation announces it */
    bool stale; /**< what a server said before a restart; it has not said so again */
    bool dead;  /**< relayed, and the allocation is lost */
};

struct hws_ice_remote {
    struct hws_address addr;
    uint32_t priority;
    uint32_t generation; /**< checksum of the ufrag it came with, 0 for none */
    enum hws_candidate_type type;
    enum hws_tcp_type tcp_type; /**< as signalled */
    uint8_t foundation;         /**< index of the first remote candidate with the same text */
    bool signalled;             /**< not (or no longer) only learned from a check */
    bool named;                 /**< it was told as a name: its address is shown nowhere */
    char foundation_text[HWS_FOUNDATION_MAX + 1];
};

enum hws_ice_ask_state { HWS_ICE_ASK_WAITING, HWS_ICE_ASK_SENT, HWS_ICE_ASK_DONE };

/** One question to a STUN server from one socket. */
struct hws_ice_ask {
    enum hws_ice_ask_state state;
    uint8_t base, server, sends;
    uint8_t redirects;     /**< ALTERNATE-SERVERs followed */
    uint16_t code;         /**< of the error that ended it, 0 when there was none */
    struct hws_address to; /**< the server, or the one that it sent us to */
    uint8_t transaction[HWS_STUN_TID_LEN];
    uint32_t rto_us;  /**< the first one */
    hws_time sent_at; /**< first time */
    hws_time next_at; /**< retransmit or give up */
};

/** A TURN server. Owned, wiped. */
struct hws_ice_turn {
    struct hws_address address, local;
    enum hws_transport transport;
    char username[HWS_TURN_USERNAME_MAX + 1], password[HWS_TURN_PASSWORD_MAX + 1], url[256];
    size_t username_len, password_len;
    bool told;                     /**< the failure was */
    struct hws_turn_event failure; /**< the last one */
};

enum hws_ice_relay_state {
    HWS_ICE_RELAY_WAITING, /**< for its turn */
    HWS_ICE_RELAY_ASKING,
    HWS_ICE_RELAY_ALIVE,
    HWS_ICE_RELAY_ENDED, /**< none, now; perhaps it comes later */
};

/** One allocation, from one socket at one server. */
struct hws_ice_relay {
    enum hws_ice_relay_state state;
    struct hws_turn *turn;     /**< owned */
    struct hws_address local;  /**< the socket */
    struct hws_address mapped; /**< as the server sees it */
    hws_time quiet_at;    /**< nobody waits for its answer any longer; HWS_NEVER: none is due */
    bool quiet;           /**< that time has come */
    uint8_t base, server; /**< base: HWS_ICE_NONE for a socket of its own */
    uint8_t locals[2];    /**< candidates, one of each family */
};

/** A check that came before the remote credentials. */
struct hws_ice_early {
    struct hws_address remote;
    uint32_t priority;
    uint32_t generation; /**< checksum of the remote half of its user name */
    uint32_t nomination; /**< number of the nomination, 0 for none */
    uint8_t base;
    bool use_candidate;
};

/** RFC 8445 section 6.1.2.6. */
enum hws_ice_pair_state {
    HWS_ICE_PAIR_FROZEN,
    HWS_ICE_PAIR_WAITING,
    HWS_ICE_PAIR_IN_PROGRESS,
    HWS_ICE_PAIR_SUCCEEDED,
    HWS_ICE_PAIR_FAILED,
};

/** What happened on one pair; the counters of struct hws_pair_stats. */
struct hws_ice_counts {
    hws_time rtt_total;
    uint32_t rtt_count;
    uint32_t checks_sent, checks_retransmitted, checks_received;
    uint32_t responses_sent, responses_received, consent_sent;
};

/** One check of ours on its way. */
struct hws_ice_check {
    uint8_t transaction[HWS_STUN_TID_LEN];
    uint8_t sends;         /**< 0: there is none */
    uint8_t steps;         /**< sends since the wait was the first one */
    bool controlling;      /**< the role it claims */
    bool nominates;        /**< carries USE-CANDIDATE */
    uint32_t nomination;   /**< the number of that nomination, ours */
    uint32_t rto_us;       /**< the first one; doubles with every send */
    hws_time sent_at;      /**< first time */
    hws_time last_at;      /**< last time */
    hws_time patient_from; /**< when the peer was heard, or it was begun */
    hws_time next_at;      /**< retransmit or give up */
};

/** A check that was replaced by a triggered one; its response still counts. */
struct hws_ice_former {
    uint8_t transaction[HWS_STUN_TID_LEN];
    bool open, once, controlling;
    hws_time sent_at;
};

struct hws_ice_pair {
    enum hws_ice_pair_state state;
    uint8_t base, remote; /**< indices of the candidates */
    bool valid;           /**< a check of ours was answered on it */
    bool heard;           /**< an authenticated check of the peer came on it */
    bool queued;          /**< in the triggered-check queue */
    bool gated;           /**< relayed, and the server does not let the peer through yet */
    bool nominate;        /**< ours to nominate: the next check carries USE-CANDIDATE */
    bool peer_nominates;  /**< the controlling peer sent USE-CANDIDATE, not valid yet */
    enum hws_candidate_type local_type; /**< of the candidate that the response showed */
    uint16_t foundation;
    uint64_t priority;
    hws_time confirmed_at; /**< when the last response came, when valid */
    hws_time rtt;
    struct hws_ice_check check;
    struct hws_ice_former former;
    struct hws_ice_counts counts;
};

/** The path that carries data, with what keeps it alive (RFC 7675 section 5.1). */
struct hws_ice_lane {
    bool active;
    bool old; /**< of the generation before the restart */
    struct hws_ice_path path;
    uint8_t base;
    uint8_t pair;       /**< index, HWS_ICE_NONE when old */
    hws_time next_at;   /**< next consent request */
    hws_time heard_at;  /**< last response */
    hws_time asked_at;  /**< last request */
    uint8_t unanswered; /**< requests since the last response, up to 255 */
    hws_time silent_at; /**< since when the path counts as silent; 0 = it does not */
    hws_time next_probe_at;
    struct hws_address mapped; /**< where the peer sees us; none before the first response */
    hws_time doubt_end; /**< the peer may be gone: without a response the path dies then; else 0 */
    struct {
        bool open, controlling;
        uint8_t transaction[HWS_STUN_TID_LEN];
        hws_time sent_at;
    } requests[HWS_ICE_CONSENT_OPEN];
    uint8_t request_next;         /**< the slot to use next: the oldest */
    struct hws_ice_counts counts; /**< when old: what its pair had counted, and since */
};

struct hws_ice_outbox {
    struct {
        struct hws_address local, remote;
        uint16_t at, len;
    } slots[HWS_ICE_QUEUE];
    uint8_t first, count;
    uint8_t bytes[HWS_ICE_OUTBOX_BYTES];
};

enum hws_ice_phase {
    HWS_ICE_RUNNING,
    HWS_ICE_COMPLETE, /**< a pair is nominated */
    HWS_ICE_GAVE_UP,  /**< HWS_ICE_FAILED was told */
    HWS_ICE_DEAD,     /**< consent is gone */
};

struct hws_ice {
    struct hws_random random;
    struct hws_log log;
    hws_time pacing, consent_period, consent_expiry, fail_after;

    enum hws_ice_phase phase;
    bool controlling;
    bool lite, remote_lite;
    bool unheard; /**< we answer, and no check has shown that the peer has the answer */
    bool relay_only;
    bool tcp;
    bool checked; /**< a check was sent: the role is settled by conflicts only */
    uint64_t tiebreaker;
    struct hws_ice_credentials cur, old;
    struct hws_ice *before; /**< owned: the agent before a restart that may be taken back */

    struct hws_ice_local locals[HWS_ICE_LOCAL_MAX];
    struct hws_address servers[HWS_ICE_SERVER_MAX];
    struct hws_ice_ask asks[HWS_ICE_ASK_MAX];
    size_t local_count, server_count, ask_count;
    struct hws_ice_turn *turns[HWS_ICE_SERVER_MAX];
    struct hws_ice_relay relays[HWS_ICE_RELAY_MAX];
    size_t turn_count, relay_count;
    bool relay_turn; /**< of two that wait, the allocation goes first */
    bool servers_heard[HWS_ICE_SERVER_MAX], servers_told[HWS_ICE_SERVER_MAX];
    bool local_ended;      /**< the program said so */
    bool local_end_raised; /**< and the event was made, in this generation */

    struct hws_ice_remote remotes[HWS_ICE_REMOTE_CAP];
    struct hws_ice_early early[HWS_ICE_EARLY_MAX];
    size_t remote_count, signalled_count, early_count;
    unsigned learned_count; /**< remotes that checks showed, the forgotten ones too */
    bool remote_ended;

    struct hws_ice_pair pairs[HWS_ICE_PAIR_MAX];
    size_t pair_count;
    uint8_t stream_count; /**< active TCP pairs formed in this generation, gone ones included */
    uint8_t triggered[HWS_ICE_PAIR_MAX]; /**< first in, first out */
    size_t triggered_count;
    uint8_t nominee;   /**< pair that we are nominating */
    uint8_t nominated; /**< pair that is */
    hws_time nominated_at;
    bool renomination;        /**< nominations carry their number */
    uint32_t nominations;     /**< ours, and the number of the last one */
    uint32_t peer_nomination; /**< the highest of the peer's */
    hws_time restart_at;      /**< when a restart is due; HWS_NEVER: all is well */

    hws_time last_new_at; /**< when the last new transaction began: Ta counts from here */
    unsigned fresh_count; /**< checks begun in this generation, up to HWS_ICE_FAST_CHECKS */
    bool ask_turn;        /**< of two that wait, the question to a server goes first */
    hws_time started_at;  /**< when the remote credentials came */
    hws_time first_valid_at;
    hws_time peer_rtt, server_rtt; /**< last ones measured; 0 = none */

    struct hws_ice_lane lane;
    struct hws_ice_path lost; /**< the last path that consent was lost for */
    bool has_lost;
    /* We left the path of before a restart, which the peer may use until it has our answer: as long
     * as there are old credentials, its checks are answered and its packets let in. */
    struct {
        struct hws_address remote;
        uint8_t base;
    } parting;
    bool pending_end, pending_selected, pending_nominated, pending_failed, pending_expired;

    hws_time error_window_at; /**< start of the second in which error replies are counted */
    unsigned error_count;
    /* Counters only; what describes the tables in it is filled in by hws_ice_stats(). */
    struct hws_ice_stats totals;

    struct hws_ice_outbox outbox;
};

_Static_assert(sizeof(struct hws_ice) <= 48 * 1024, "an agent is to stay small");

/* agent.c */
hws_time hws_ice_later(hws_time from, hws_time delta); /**< saturates at HWS_NEVER */
void hws_ice_new_transaction(struct hws_ice *ice, uint8_t out[HWS_STUN_TID_LEN]);
uint64_t hws_ice_random_u64(struct hws_ice *ice);
void hws_ice_switch_role(struct hws_ice *ice, bool controlling, hws_time now);

/* restart.c */
/** What a generation begins with; the path in use and everything local is not touched. */
void hws_ice_begin_generation(struct hws_ice *ice);
void hws_ice_forget_old(struct hws_ice *ice);    /**< unless the path in use is of then */
void hws_ice_forget_before(struct hws_ice *ice); /**< the restart can no longer be taken back */

/* candidate.c */
/** Is it one of the present generation that the peer may be told? */
bool hws_ice_local_is_known(const struct hws_ice *ice, size_t index);
uint8_t hws_ice_find_base(const struct hws_ice *ice, const struct hws_address *addr);
enum hws_err hws_ice_local_add_host(struct hws_ice *ice, const struct hws_address *addr,
                                    hws_time now);
void hws_ice_local_add_reflexive(struct hws_ice *ice, uint8_t base, uint8_t server,
                                 const struct hws_address *mapped, hws_time now);
/** Put a relayed candidate into the table, in the place @p at of a lost one if it has one.
 *  @return its place, HWS_ICE_NONE when the table is full */
uint8_t hws_ice_local_add_relayed(struct hws_ice *ice, uint8_t at,
                                  const struct hws_ice_local *local, hws_time now);
/** Is this entry one that nobody is told of? */
bool hws_ice_local_is_hidden(const struct hws_ice *ice, size_t index);
/** Is this entry a base that pairs are made with? */
bool hws_ice_local_pairs(const struct hws_ice *ice, size_t index);
void hws_ice_local_describe(const struct hws_ice *ice, size_t index, struct hws_candidate *out);
/** Type of the candidate of ours that the peer sees as @p mapped on this base. */
enum hws_candidate_type hws_ice_local_type(const struct hws_ice *ice, uint8_t base,
                                           const struct hws_address *mapped);
/** Equal, where an unknown IPv6 scope fits every scope. */
bool hws_ice_same_endpoint(const struct hws_address *a, const struct hws_address *b);
uint8_t hws_ice_find_remote(const struct hws_ice *ice, const struct hws_address *addr);
enum hws_err hws_ice_remote_add(struct hws_ice *ice, const struct hws_candidate *candidate,
                                hws_time now);
/** HWS_ICE_NONE when the table is full or the address is not one to send to. */
uint8_t hws_ice_remote_learn(struct hws_ice *ice, const struct hws_address *addr, uint32_t priority,
                             hws_time now);
void hws_ice_remote_drop_foreign(struct hws_ice *ice, uint32_t generation);
uint32_t hws_ice_generation(struct hws_bytes ufrag); /**< never 0 */

/* pair.c */
/** RFC 8445 section 6.1.2.3, from the priorities of the two candidates. */
uint64_t hws_ice_pair_priority(uint32_t controlling, uint32_t controlled);
const char *hws_ice_pair_state_name(enum hws_ice_pair_state state);
void hws_ice_pair_move(struct hws_ice *ice, uint8_t pair, enum hws_ice_pair_state to, hws_time now);
uint8_t hws_ice_pair_find(const struct hws_ice *ice, uint8_t base, uint8_t remote);
/** Form the pair unless it is there; @p force makes room for one on which the peer was heard. */
uint8_t hws_ice_pair_form(struct hws_ice *ice, uint8_t base, uint8_t remote, bool force,
                          hws_time now);
void hws_ice_pair_remove(struct hws_ice *ice, uint8_t pair); /**< the last one takes its index */
void hws_ice_pairs_of_local(struct hws_ice *ice, uint8_t base, hws_time now);
void hws_ice_pairs_of_remote(struct hws_ice *ice, uint8_t remote, hws_time now);
void hws_ice_pairs_reprioritize(struct hws_ice *ice);
void hws_ice_pairs_unfreeze(struct hws_ice *ice, uint16_t foundation, hws_time now);
void hws_ice_trigger(struct hws_ice *ice, uint8_t pair, hws_time now);
void hws_ice_untrigger(struct hws_ice *ice, uint8_t pair);
/** The pair whose check is to begin next, HWS_ICE_NONE if there is none. */
uint8_t hws_ice_pair_next(const struct hws_ice *ice);
bool hws_ice_any_alive(const struct hws_ice *ice); /**< frozen, waiting or in progress */
bool hws_ice_any_valid(const struct hws_ice *ice);

/* check.c */
void hws_ice_send_request(struct hws_ice *ice, const struct hws_ice_credentials *creds,
                          uint8_t base, const struct hws_address *remote,
                          const uint8_t transaction[HWS_STUN_TID_LEN], uint32_t nomination);
void hws_ice_check_begin(struct hws_ice *ice, uint8_t pair, hws_time now);
void hws_ice_check_again(struct hws_ice *ice, uint8_t pair, hws_time now);
void hws_ice_checks_tick(struct hws_ice *ice, hws_time now); /**< retransmit, give up */
hws_time hws_ice_checks_deadline(const struct hws_ice *ice);
enum hws_err hws_ice_response(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                              const struct hws_stun_message *msg, hws_time now);
void hws_ice_pair_give_up(struct hws_ice *ice, uint8_t pair, hws_time now); /**< it failed */
void hws_ice_role_conflict(struct hws_ice *ice, bool claimed, hws_time now);

/* answer.c */
enum hws_err hws_ice_request(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                             const struct hws_stun_message *msg, hws_time now);
void hws_ice_replay_early(struct hws_ice *ice, hws_time now);

/* nominate.c */
/** Did a check of the peer come in this generation? */
bool hws_ice_is_heard(const struct hws_ice *ice);
void hws_ice_pair_validated(struct hws_ice *ice, uint8_t pair, bool nominated, hws_time now);
/** The best pair whose last answer is younger than consent lasts and not older than @p since,
 *  nominated or not. */
uint8_t hws_ice_best_confirmed(const struct hws_ice *ice, hws_time since, hws_time now);
void hws_ice_peer_nominates(struct hws_ice *ice, uint8_t pair, hws_time now);
void hws_ice_nominate_tick(struct hws_ice *ice, hws_time now);
hws_time hws_ice_nominate_deadline(const struct hws_ice *ice);
void hws_ice_fail_tick(struct hws_ice *ice, hws_time now);
hws_time hws_ice_fail_deadline(const struct hws_ice *ice);

/** Nominate another pair than the one that is. */
void hws_ice_renominate(struct hws_ice *ice, uint8_t pair, hws_time now);
/** Stop checking all but this pair; HWS_ICE_NONE: all. */
void hws_ice_stop_others(struct hws_ice *ice, uint8_t winner, hws_time now);

/* change.c */
void hws_ice_ask_path(struct hws_ice *ice, hws_time now); /**< hws_ice_suspect() at the next tick */
void hws_ice_silence_tick(struct hws_ice *ice, hws_time now);
hws_time hws_ice_silence_deadline(const struct hws_ice *ice);

/** The path in use is gone, not merely silent. */
void hws_ice_path_lost(struct hws_ice *ice, hws_time now);

/* tcp.c */
/** What a local address is; NONE is UDP. */
enum hws_tcp_type hws_ice_tcp_type(const struct hws_address *local);
/** Priority of a candidate of this type with the local preference and protocol of @p local. */
uint32_t hws_ice_priority(const struct hws_ice_local *local, enum hws_candidate_type type);
/** May a pair be formed, as far as the protocols go? @p heard: a check came on it. */
bool hws_ice_tcp_allows(const struct hws_ice *ice, uint8_t base, uint8_t remote, bool heard);

/* consent.c */
void hws_ice_lane_open(struct hws_ice *ice, uint8_t pair, hws_time now);
bool hws_ice_lane_is_stale(const struct hws_ice *ice, hws_time now);
const struct hws_ice_credentials *hws_ice_lane_credentials(const struct hws_ice *ice);
void hws_ice_consent_tick(struct hws_ice *ice, hws_time now);
hws_time hws_ice_consent_deadline(const struct hws_ice *ice);
/** HWS_ERR_UNEXPECTED when the response is not for a consent request. */
enum hws_err hws_ice_consent_response(struct hws_ice *ice, uint8_t base,
                                      const struct hws_address *remote,
                                      const struct hws_stun_message *msg, hws_time now);
/** Where what happens on the path in use is counted: with its pair while there is one. */
struct hws_ice_counts *hws_ice_lane_counts(struct hws_ice *ice);
/** A lite agent asks for nothing: that the peer checks the path in use is its consent. */
void hws_ice_consent_heard(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                           hws_time now);
/** A check was answered on this pair, which proves consent too. */
void hws_ice_consent_renew(struct hws_ice *ice, uint8_t pair, hws_time rtt, hws_time now);

/* gather.c */
enum hws_err hws_ice_server_add(struct hws_ice *ice, const struct hws_address *addr, hws_time now);
void hws_ice_ask_all_from(struct hws_ice *ice, uint8_t base, hws_time now);
/** Ask all again: what the servers said before may be true no more. */
void hws_ice_gather_again(struct hws_ice *ice);
bool hws_ice_ask_waits(const struct hws_ice *ice);
void hws_ice_ask_begin(struct hws_ice *ice, hws_time now); /**< the first that waits */
void hws_ice_gather_tick(struct hws_ice *ice, hws_time now);
hws_time hws_ice_gather_deadline(const struct hws_ice *ice);
enum hws_err hws_ice_gather_response(struct hws_ice *ice, uint8_t base,
                                     const struct hws_address *remote,
                                     const struct hws_stun_message *msg, hws_time now);
void hws_ice_gather_check_end(struct hws_ice *ice, hws_time now);
bool hws_ice_next_stun_failure(struct hws_ice *ice, struct hws_ice_event *out);

/* relay.c */
/** The socket of this base is gone, and with it the allocations that were made from it. */
void hws_ice_relays_drop_base(struct hws_ice *ice, uint8_t base, hws_time now);
void hws_ice_relays_of_base(struct hws_ice *ice, uint8_t base, hws_time now);
void hws_ice_relays_free(struct hws_ice *ice);
bool hws_ice_relay_waits(const struct hws_ice *ice);
void hws_ice_relay_begin(struct hws_ice *ice, hws_time now);  /**< the first that waits */
void hws_ice_relays_doubt(struct hws_ice *ice, hws_time now); /**< are they still there? */
bool hws_ice_relays_settled(const struct hws_ice *ice);       /**< none is waited for */
/** Does an allocation of this base at this server, numbered as in hws_ice_local, live? */
bool hws_ice_relay_lives(const struct hws_ice *ice, uint8_t base, uint8_t server);
/** Pairs of a generation that comes back learn what became of their allocations meanwhile. */
void hws_ice_relays_resume(struct hws_ice *ice, hws_time now);
void hws_ice_relays_tick(struct hws_ice *ice, hws_time now);
hws_time hws_ice_relays_deadline(const struct hws_ice *ice);
bool hws_ice_next_turn_failure(struct hws_ice *ice, struct hws_ice_event *out);
/** Let the peer through; false when that cannot be. @p out_gated: it is not through yet. */
bool hws_ice_relay_permit(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                          bool *out_gated, hws_time now);
void hws_ice_relay_bind(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                        hws_time now);
/** Wrap a packet that leaves from a relayed address, and queue it. */
void hws_ice_relay_push(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                        struct hws_bytes bytes);
void hws_ice_relays_drain(struct hws_ice *ice); /**< queue what allocations have to say */

/* stats.c */
void hws_ice_count_drop(struct hws_ice *ice, enum hws_err reason);
void hws_ice_count_rtt(struct hws_ice_counts *counts, hws_time rtt);
/** A check of the other side was answered; @p old: on the path from before a restart. */
void hws_ice_count_check(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                         bool old);

/* timing.c */
hws_time hws_ice_rto(hws_time rtt); /**< for a round trip, 0 = not known */
/** Of a path with this round trip, 0 = not known: then what others tell, or 0. */
hws_time hws_ice_guess_rtt(const struct hws_ice *ice, hws_time own);
uint32_t hws_ice_check_rto(const struct hws_ice *ice, hws_time own_rtt);
/** The wait after that many sends: doubled with each, up to @p most. */
hws_time hws_ice_backoff(hws_time rto, unsigned sends, hws_time most);

/* rule.c */
enum hws_ice_ruling hws_ice_rule_message(const struct hws_ice_ruler *ruler,
                                         const struct hws_stun_message *msg);
/** The two halves of a user name; false when there is no colon or a half is empty. */
bool hws_ice_split_username(struct hws_bytes username, struct hws_bytes *first,
                            struct hws_bytes *second);

/* outbox.c */
/** Queue a packet of a base of ours. */
void hws_ice_outbox_push(struct hws_ice *ice, uint8_t base, const struct hws_address *remote,
                         struct hws_bytes bytes);
/** Queue a packet as it is. */
void hws_ice_outbox_put(struct hws_ice *ice, const struct hws_address *local,
                        const struct hws_address *remote, struct hws_bytes bytes);
/** Drop what would leave from there. */
void hws_ice_outbox_drop(struct hws_ice *ice, const struct hws_address *local);
bool hws_ice_outbox_pop(struct hws_ice *ice, struct hws_datagram *out);

#endif /* HWS_ICE_ICE_INTERNAL_H */

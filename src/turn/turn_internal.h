/**
 * @file
 * The inside of an allocation, shared by the files of turn/.
 *
 *     turn.c      the life of the object, its states, tick      auth.c      who we are
 *     request.c   transactions: writing, repeating, giving up   response.c  what answers mean
 *     grant.c     permissions and channels                      data.c      what is relayed
 *
 *              start             success
 *      IDLE ---------> ASKING -----------> ALIVE
 *                       |  ^                 |  437, credentials refused, expired
 *      error, silence   |  | pause is over   |
 *                       v  |                 v
 *        FAILED <----- WAITING <-------------+       close: from everywhere to CLOSED
 */
#ifndef HWS_TURN_TURN_INTERNAL_H
#define HWS_TURN_TURN_INTERNAL_H

#include "base/address.h"
#include "base/bytes.h"
#include "stun/stun_auth.h"
#include "stun/stun_reader.h"
#include "stun/stun_writer.h"
#include "turn/turn.h"

enum {
    HWS_TURN_NONE = 255,            /* no index */
    HWS_TURN_REQUEST_MAX = 8,       /* transactions at a time */
    HWS_TURN_PERMITS_AT_ONCE = 4,   /* of them; what comes meanwhile shares the next one */
    HWS_TURN_BINDS_AT_ONCE = 2,     /* likewise */
    HWS_TURN_PEERS_IN_REQUEST = 8,  /* of one CreatePermission */
    HWS_TURN_SENDS = 7,             /* Rc, RFC 8489 section 6.2.1 */
    HWS_TURN_RELEASE_SENDS = 3,     /* nobody waits for that answer */
    HWS_TURN_LAST_WAIT = 16,        /* Rm, RFC 8489 section 6.2.1 */
    HWS_TURN_REDIRECT_MAX = 4,      /* RFC 8489 section 10 asks for a guard against loops */
    HWS_TURN_CHALLENGE_MAX = 3,     /* 401 and 438 of one request */
    HWS_TURN_RETRY_MAX = 5,         /* allocations asked for anew */
    HWS_TURN_REALM_MAX = 763,       /* RFC 8489 section 14.9; the nonce likewise */
    HWS_TURN_ALGORITHMS_MAX = 64,   /* bytes of PASSWORD-ALGORITHMS */
    HWS_TURN_CREDENTIALS_MAX = 880, /* user name, realm and nonce must fit one message */
    HWS_TURN_LIFETIME = 600,        /* seconds, RFC 8656 section 3.2 */
    HWS_TURN_LIFETIME_MAX = 3600,   /* a longer one is refreshed earlier than it need be */
    HWS_TURN_LIFETIME_MIN = 10,     /* a shorter one would have us busy with refreshes only */
};

#define HWS_TURN_RTO             HWS_MS(500)   /* RFC 8489 section 6.2.1 */
#define HWS_TURN_STREAM_WAIT     HWS_MS(39500) /* Ti, RFC 8489 section 6.2.2 */
#define HWS_TURN_PERMISSION_TIME HWS_SEC(300)  /* RFC 8656 section 9 */
#define HWS_TURN_PERMISSION_NEW  HWS_SEC(240)
#define HWS_TURN_CHANNEL_TIME    HWS_SEC(600) /* RFC 8656 section 12 */
#define HWS_TURN_CHANNEL_NEW     HWS_SEC(480)
#define HWS_TURN_AGAIN           HWS_SEC(5)  /* after a refresh that came to nothing */
#define HWS_TURN_FULL_PAUSE      HWS_SEC(60) /* 486, 508: RFC 8656 section 7.4 */

/** Long-term credentials (RFC 8489 section 9.2) and what the server last asked for. */
struct hws_turn_auth {
    uint8_t username[HWS_TURN_USERNAME_MAX];
    uint8_t password[HWS_TURN_PASSWORD_MAX];
    uint8_t realm[HWS_TURN_REALM_MAX];
    uint8_t nonce[HWS_TURN_REALM_MAX];
    uint8_t algorithms[HWS_TURN_ALGORITHMS_MAX]; /**< PASSWORD-ALGORITHMS as it came */
    size_t username_len, password_len, realm_len, nonce_len, algorithms_len;
    enum hws_stun_password_algorithm algorithm;
    struct hws_stun_key key;
    uint8_t userhash[HWS_STUN_USERHASH_LEN];
    bool anonymous; /**< USERHASH in the place of USERNAME */
    bool known;     /**< the server asked: requests are signed from here on */
};

enum hws_turn_request_kind {
    HWS_TURN_FREE, /**< the slot is not in use */
    HWS_TURN_ALLOCATE,
    HWS_TURN_REFRESH,
    HWS_TURN_RELEASE, /**< Refresh of lifetime 0 */
    HWS_TURN_PERMIT,
    HWS_TURN_BIND,
};

struct hws_turn_request {
    enum hws_turn_request_kind kind;
    uint8_t transaction[HWS_STUN_TID_LEN];
    uint8_t sends, challenges;
    uint8_t channel; /**< of a BIND: index */
    bool to_send;    /**< waits for next_packet */
    bool is_signed;
    hws_time sent_at; /**< first time */
    hws_time next_at; /**< repeat or give up */
};

struct hws_turn_grant {
    struct hws_address peer; /**< the port does not matter */
    hws_time refresh_at, expires_at;
    uint8_t request; /**< that asks for it now, HWS_TURN_NONE when none does */
    bool wanted;     /**< to be asked for as soon as a request is free */
    bool open, shut;
    bool alone; /**< asked for together with others it was refused, perhaps because of them */
    bool told;  /**< what it is now has been told */
};

struct hws_turn_channel {
    struct hws_address peer;
    uint16_t number;
    hws_time refresh_at, expires_at;
    uint8_t request;
    bool wanted, open, refused;
};

enum hws_turn_state {
    HWS_TURN_IDLE,
    HWS_TURN_ASKING,
    HWS_TURN_ALIVE,
    HWS_TURN_WAITING,
    HWS_TURN_GAVE_UP,
    HWS_TURN_CLOSED,
};

struct hws_turn {
    struct hws_random random;
    struct hws_log log;
    struct hws_address server, first_server;
    struct hws_address visited[HWS_TURN_REDIRECT_MAX]; /**< that sent us on */
    size_t visited_count;
    enum hws_turn_families families;
    bool stream;
    hws_time patience;

    enum hws_turn_state state;
    struct hws_turn_auth auth;
    struct hws_turn_request requests[HWS_TURN_REQUEST_MAX];

    struct hws_address relayed[2], mapped;
    hws_time refresh_at, expires_at;
    hws_time retry_at; /**< end of the pause */
    unsigned retries;

    struct hws_turn_grant grants[HWS_TURN_PERMISSION_MAX];
    size_t grant_count;
    struct hws_turn_channel channels[HWS_TURN_CHANNEL_MAX];
    size_t channel_count;
    uint16_t next_number; /**< none is used for two peers (RFC 8656 section 12) */

    bool tell_allocated, tell_failed;
    struct hws_turn_event failure;
    uint8_t buffer[HWS_STUN_MESSAGE_MAX]; /**< the packet that is lent */
};

/* turn.c */
hws_time hws_turn_later(hws_time from, hws_time delta); /**< saturates at HWS_NEVER */
/** The allocation came to nothing, or is gone: forget it, tell it, and perhaps try again. */
void hws_turn_fail(struct hws_turn *turn, enum hws_err err, uint16_t code, const char *reason,
                   hws_time now);
void hws_turn_allocated(struct hws_turn *turn, const struct hws_stun_message *msg,
                        hws_time asked_at, hws_time now);
void hws_turn_refreshed(struct hws_turn *turn, const struct hws_stun_message *msg,
                        hws_time asked_at);

/* auth.c */
/** Take what a 401 or 438 asks for. A failure changed nothing.
 *  @retval HWS_ERR_MALFORMED    no nonce, or no realm ever
 *  @retval HWS_ERR_MISMATCH     bidding down (RFC 8489 section 9.2.5)
 *  @retval HWS_ERR_UNSUPPORTED  no password algorithm that we know
 *  @retval HWS_ERR_TOO_BIG @retval HWS_ERR_CRYPTO */
HWS_MUST_USE enum hws_err hws_turn_auth_take(struct hws_turn_auth *auth,
                                             const struct hws_stun_message *msg);
void hws_turn_auth_forget(struct hws_turn_auth *auth); /**< the challenge, not the user */
/** Append all attributes of authentication, the keyed hash last. */
void hws_turn_auth_add(const struct hws_turn_auth *auth, struct hws_stun_writer *msg);
enum hws_stun_integrity hws_turn_auth_verify(const struct hws_turn_auth *auth,
                                             const struct hws_stun_message *msg);

/* request.c */
/** Begin one; NULL when all slots are taken. */
struct hws_turn_request *hws_turn_request_begin(struct hws_turn *turn,
                                                enum hws_turn_request_kind kind, hws_time now);
/** The same question as a new transaction. */
void hws_turn_request_again(struct hws_turn *turn, struct hws_turn_request *request, hws_time now);
size_t hws_turn_request_count(const struct hws_turn *turn, enum hws_turn_request_kind kind);
uint8_t hws_turn_request_index(const struct hws_turn *turn, const struct hws_turn_request *request);
uint16_t hws_turn_request_method(enum hws_turn_request_kind kind);
void hws_turn_requests_tick(struct hws_turn *turn, hws_time now);
hws_time hws_turn_requests_deadline(const struct hws_turn *turn);

/* response.c */
enum hws_err hws_turn_response(struct hws_turn *turn, const struct hws_stun_message *msg,
                               hws_time now);
/** No answer came in all that time. */
void hws_turn_silence(struct hws_turn *turn, struct hws_turn_request *request, hws_time now);

/* grant.c */
const struct hws_turn_grant *hws_turn_find_grant(const struct hws_turn *turn,
                                                 const struct hws_address *peer);
const struct hws_turn_channel *hws_turn_find_channel(const struct hws_turn *turn,
                                                     const struct hws_address *peer);
void hws_turn_grants_tick(struct hws_turn *turn, hws_time now);
hws_time hws_turn_grants_deadline(const struct hws_turn *turn);
/** The answer; code 0 without success is silence. */
void hws_turn_permit_answered(struct hws_turn *turn, const struct hws_turn_request *request,
                              bool success, uint16_t code, hws_time now);
void hws_turn_bind_answered(struct hws_turn *turn, const struct hws_turn_request *request,
                            bool success, uint16_t code, hws_time now);
bool hws_turn_next_grant_event(struct hws_turn *turn, struct hws_turn_event *out);
/** The relayed address of that family; NULL when there is none. */
const struct hws_address *hws_turn_relayed(const struct hws_turn *turn, enum hws_family family);

/* data.c */
enum hws_err hws_turn_indication(const struct hws_turn *turn, const struct hws_stun_message *msg,
                                 struct hws_turn_data *out);
enum hws_err hws_turn_channel_data(const struct hws_turn *turn, struct hws_bytes packet,
                                   struct hws_turn_data *out);

#endif /* HWS_TURN_TURN_INTERNAL_H */

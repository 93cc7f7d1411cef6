/**
 * @file
 * One ICE agent and a peer that does what the test says: what the agent sent, what the peer
 * answers and asks, and whether the agent is as before. The fixture is set_up() and tear_down().
 */
#ifndef TESTS_SUPPORT_ICE_SCRIPT_H
#define TESTS_SUPPORT_ICE_SCRIPT_H

#include "ice/ice_internal.h"
#include "support/ice_net.h"

extern const char peer_ufrag[5], peer_pwd[25];
extern const hws_time start;
extern struct hws_ice *ice; /* controlling, with one socket: here */
extern struct hws_address here, there;

void set_up(void);
void tear_down(void);
bool log_saw(const char *what);
void script_fill(void *user, uint8_t *out, size_t len); /* the randomness of the agent */

struct hws_candidate candidate(const struct hws_address *addr, uint32_t priority,
                               const char *foundation);
void add_remote(const struct hws_address *addr, uint32_t priority, hws_time now);
/** Candidate there and credentials of the peer. */
void know_peer(hws_time now);
/** The pair with the peer works and is nominated, some milliseconds later. */
void connect_now(hws_time now);

/* ---- What the agent sent */

struct sent {
    struct hws_address local, remote;
    uint8_t bytes[700];
    struct hws_stun_message msg;
};

bool next_sent(struct sent *out);
/** The next message of this class; others before it are thrown away. */
bool next_of(enum hws_stun_class msg_class, struct sent *out);
struct sent expect(enum hws_stun_class msg_class);
void expect_silence(void);
bool next_event(enum hws_ice_event_kind kind);

/* ---- What the peer sends */

struct reply {
    struct hws_address from; /* none: the right one */
    struct hws_address to;
    const char *pwd; /* NULL: no integrity */
    enum hws_stun_class msg_class;
    uint16_t error, unknown;
    bool no_mapped, no_fingerprint, flip_transaction;
};

struct reply success(void);
struct hws_bytes build_reply(const struct sent *check, const struct reply *reply, uint8_t *buffer,
                             size_t cap);
enum hws_err answer(const struct sent *check, const struct reply *reply, hws_time now);

struct request {
    const char *user; /* NULL: ours and the peer's */
    const char *pwd;  /* NULL: ours */
    struct hws_address from;
    uint32_t priority;
    bool controlling, use, use_after_integrity, no_integrity, sha256;
    uint64_t tiebreaker;
    uint32_t nomination; /* 0: none */
    uint16_t unknown;
};

struct hws_bytes build_request(const struct request *r, uint8_t *buffer, size_t cap);
enum hws_err ask(const struct request *r, hws_time now);

/* ---- Snapshots: equal but for what counts and queues */

struct hws_ice snapshot(void);
void assert_unchanged(const struct hws_ice *before, const char *what);

#endif /* TESTS_SUPPORT_ICE_SCRIPT_H */

/**
 * @file
 * A TURN server in memory and in virtual time, as honest or as nasty as a test wants it: it checks
 * what a client sends and relays, but listens on nothing.
 */
#ifndef TESTS_SUPPORT_TURN_SERVER_H
#define TESTS_SUPPORT_TURN_SERVER_H

#include "stun/stun_auth.h"
#include "stun/stun_reader.h"

enum { SERVER_CLIENTS = 8, SERVER_PERMISSIONS = 128, SERVER_CHANNELS = 32, SERVER_METHODS = 16 };

struct server_allocation {
    bool used;
    struct hws_address client;
    struct hws_address relayed[2];
    hws_time expires_at;
    uint8_t transaction[HWS_STUN_TID_LEN]; /* that made it: a repetition gets the same answer */
    struct {
        struct hws_address peer;
        hws_time expires_at;
    } permissions[SERVER_PERMISSIONS];
    size_t permission_count;
    struct {
        struct hws_address peer;
        uint16_t number;
        hws_time expires_at;
    } channels[SERVER_CHANNELS];
    size_t channel_count;
};

struct turn_server {
    struct hws_address addr;
    struct hws_address relay4, relay6; /* family NONE: not to be had; the port counts up */
    const char *username, *password, *realm;
    const char *nonce;     /* that is valid now */
    bool open_to_all;      /* no authentication */
    bool sha256;           /* PASSWORD-ALGORITHMS: SHA-256, MD5; the test sets a fitting nonce */
    bool hide_algorithms;  /* ... but somebody takes the list out */
    bool unsigned_answers; /* leave MESSAGE-INTEGRITY out of what must have it */
    uint32_t lifetime;     /* seconds */
    uint16_t force[SERVER_METHODS];       /* error code to give for this method */
    unsigned force_count[SERVER_METHODS]; /* ... so often */
    struct hws_address alternate;         /* with 300 */
    struct hws_address forbidden;         /* peer IP that gets 403 */
    bool dead;                            /* says nothing at all */

    struct server_allocation allocations[SERVER_CLIENTS];
    unsigned seen[SERVER_METHODS];          /* requests of each method */
    unsigned refused[SERVER_METHODS];       /* ... that got an error */
    unsigned sends, channel_datas, dropped; /* packets for peers */
    unsigned userhashes;
    uint8_t buffer[4096];
};

void server_init(struct turn_server *server);

/* A packet of a client: true if there is an answer, or (with @p out_peer set) data for a peer,
 * which comes from @p out_relayed. */
struct server_output {
    struct hws_bytes bytes;     /* borrows the server */
    struct hws_address to;      /* the client, or the peer */
    struct hws_address relayed; /* where data for a peer comes from; family NONE: an answer */
};
bool server_take(struct turn_server *server, const struct hws_address *client,
                 struct hws_bytes packet, hws_time now, struct server_output *out);

/* Data of a peer for a relayed address; true if it is let through. */
bool server_relay(struct turn_server *server, const struct hws_address *relayed,
                  const struct hws_address *peer, struct hws_bytes data, hws_time now,
                  struct server_output *out);

/* Started anew: allocations and nonces are gone. */
void server_restart(struct turn_server *server, const char *nonce);

struct server_allocation *server_find(struct turn_server *server, const struct hws_address *client);

#endif /* TESTS_SUPPORT_TURN_SERVER_H */

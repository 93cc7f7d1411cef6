/*
 * Two associations and a network between them, in virtual time.
 *
 * wolfSSL asks the host's clock how long ago it repeated a flight, so this file also answers
 * gettimeofday() for the whole program.
 */
#ifndef HWS_TESTS_DTLS_WORLD_H
#define HWS_TESTS_DTLS_WORLD_H

#include "dtls/dtls.h"
#include "dtls/dtls_internal.h"

#include <hawser/peer.h>

enum { CLIENT, SERVER, ENDS }; /* index of an end */
enum { IN_FLIGHT_MAX = 1024, TAKEN_MAX = 256, LOG_MAX = 64 * 1024 };

#define LATENCY HWS_MS(10)

struct datagram {
    hws_time at;
    int to;
    size_t len;
    uint8_t bytes[HWS_DATAGRAM_IN_MAX];
};

struct world {
    hws_time now, born;
    struct hws_dtls *end[ENDS];
    struct datagram sky[IN_FLIGHT_MAX];
    size_t sky_count;
    uint64_t random;
    double loss, reorder, duplicate; /* probabilities */
    size_t mtu[ENDS];

    /* Asked for each datagram before chance is; true = it is lost. */
    bool (*lose)(struct world *world, int from, struct hws_bytes datagram);
    int lose_count;

    size_t sent[ENDS];   /* datagrams */
    size_t landed[ENDS]; /* datagrams that came to it */
    size_t biggest;      /* bytes of one datagram */
    bool connected[ENDS], closed[ENDS], failed[ENDS];
    hws_time connected_at[ENDS];
    size_t taken[ENDS]; /* records of plain text */
    uint8_t last[ENDS]; /* first byte of the last of them */
    char log[LOG_MAX];
    size_t log_len;
};

/** A fresh one that speaks these. */
struct hws_identity *world_identity(enum hws_dtls_versions versions);

/** Identities may be of any versions; each end expects the other's certificate. */
void world_init(struct world *world, const struct hws_identity *client,
                const struct hws_identity *server, uint64_t seed);
/** As above, but nothing is expected yet and nothing started. MTU 0 = default. */
void world_init_bare(struct world *world, const struct hws_identity *client,
                     const struct hws_identity *server, uint64_t seed, size_t client_mtu,
                     size_t server_mtu);
void world_fini(struct world *world);

void world_expect(struct world *world, int end, const struct hws_identity *other);
void world_start(struct world *world);

/** Let the next thing happen; false when nothing is to come before @p until. */
bool world_step(struct world *world, hws_time until);
/** Let things happen for @p span. */
void world_run(struct world *world, hws_time span);
/** Until both are connected, one has failed, or @p span is over. True: connected. */
bool world_connect(struct world *world, hws_time span);

/** Collect what the ends say; world_step() does it by itself. */
void world_drain(struct world *world);

/** Send @p count records, the first byte counting from 0. */
void world_send(struct world *world, int from, int count);

bool world_log_saw(const struct world *world, const char *text);
const char *world_log_tail(const struct world *world); /**< its last lines, for a message */

#endif /* HWS_TESTS_DTLS_WORLD_H */

/*
 * A router on a local bus with clients and workers that are only mailboxes, in virtual time. Each
 * input is followed by carrying all outputs, as the gRPC edge does, and by hws_router_check().
 */
#ifndef HWS_TESTS_ROUTER_WORLD_H
#define HWS_TESTS_ROUTER_WORLD_H

#include "distributor/router.h"

#include <stdio.h>

enum { PEER_MAX = 64, STILL_OPEN = -1 };

/* A message that arrived; the payload is copied. */
struct letter {
    struct letter *next;
    struct hws_envelope envelope;
    char text[];
};

struct peer {
    struct hws_stream_id id;
    enum hws_envelope_side side;
    bool is_open;
    bool paused; /* takes one message and no more */
    bool holds;  /* the one that it took */
    bool was_cut;
    int status; /* STILL_OPEN until it ended */
    char text[200];
    struct letter *first, **last;
};

struct world {
    struct hws_router *router;
    struct hws_bus *bus;
    hws_time now;
    uint64_t random;
    struct peer peers[PEER_MAX];
    unsigned lose_publish; /* so many of the next frames for the bus vanish */
    unsigned twice;        /* so many of the next frames are delivered twice */
    FILE *log;             /* NULL = silence */
};

/* Generous limits, for a test to make one of them small. */
struct hws_limits world_limits(void);
void world_init(struct world *world, const struct hws_limits *limits, uint64_t seed);
void world_fini(struct world *world);
uint64_t world_random(struct world *world, uint64_t below);

/* NULL when the router refused. */
struct peer *world_join(struct world *world, enum hws_envelope_side side);
enum hws_err world_say(struct world *world, struct peer *peer, const struct hws_envelope *envelope);
enum hws_err world_say_bytes(struct world *world, struct peer *peer, struct hws_bytes packed);
void world_half_close(struct world *world, struct peer *peer);
void world_leave(struct world *world, struct peer *peer);
void world_resume(struct world *world, struct peer *peer);
void world_wait(struct world *world, hws_time time);
/* Carry whatever is waiting. */
void world_pump(struct world *world);

/* Take the oldest letter into @p out; false = none. Its payload lives until the next call. */
bool world_take(struct peer *peer, struct hws_envelope *out);

#endif /* HWS_TESTS_ROUTER_WORLD_H */

/*
 * What a seed decides: the network, how bad it is, who offers, what happens on the way. A plan is
 * made before anything runs, so that it can be printed and is the same for agents and peers.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "sim/net.h"

#include <stdio.h>

enum { SIM_SIDES = 2, SIM_MISHAPS = 3, SIM_JUNK_MAX = 60 };

uint64_t sim_random(uint64_t *state); /* splitmix64 */
/* Some number from 0 to @p below - 1. */
uint64_t sim_draw(uint64_t *state, uint64_t below);

enum sim_mishap_kind {
    SIM_NO_MISHAP,
    SIM_RESTART,      /* one side restarts ICE */
    SIM_RESTART_BOTH, /* both at once */
    SIM_CUT,          /* nothing passes for a while */
    SIM_REBIND,       /* one NAT loses its memory */
};

struct sim_mishap {
    enum sim_mishap_kind kind;
    hws_time at;     /* since the start */
    hws_time length; /* of a cut */
    unsigned which;  /* side, or NAT */
};

/* How bad the network is. */
struct sim_weather {
    hws_time delay, jitter;   /* one way; a delay of delay to delay + jitter: reorders */
    unsigned loss, duplicate; /* percent */
    hws_time signal_delay, signal_jitter; /* signals keep their order */
};

struct sim_plan {
    uint64_t seed;
    struct sim_net net;
    struct sim_weather weather;
    bool reachable;                  /* some pair of addresses works: oracle.c says so, not ICE */
    bool glare;                      /* both begin at once */
    bool same_role;                  /* and both claim this role */
    bool controlling;                /* the role of side 0, and of side 1 when it is the same */
    hws_time address_gap[SIM_SIDES]; /* between the addresses that a side tells its agent */
    unsigned junk[SIM_SIDES];        /* candidates of nobody that a side is told */
    struct sim_mishap mishaps[SIM_MISHAPS];
};

void sim_plan_make(struct sim_plan *plan, uint64_t seed);
/* No mishaps and nothing odd: two hosts behind NATs that can be traversed, for measuring. */
void sim_plan_make_plain(struct sim_plan *plan, uint64_t seed, unsigned loss);
void sim_plan_print(const struct sim_plan *plan, FILE *out);

/* oracle.c: would two sides that try everything find a pair that works both ways? */
bool sim_is_reachable(struct sim_net *net);

#endif /* SIM_PLAN_H */

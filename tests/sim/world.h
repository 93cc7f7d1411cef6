/*
 * Runs one plan in virtual time: datagrams through NATs with delay, loss, reordering and
 * duplication, signals in order, mishaps. What a side is, an ICE agent or a whole peer, is behind
 * struct sim_kind. All that is decided goes into a trace: the same seed gives the same hash.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "sim/plan.h"

#include <hawser/event.h>

#include <stdio.h>

struct sim_world;
struct hws_ice;
struct hws_peer;

enum { SIM_PROBED = 160, SIM_REASON = 160 };

/* Bytes sent to an address from which nothing came yet. */
struct sim_probed {
    struct hws_address addr;
    size_t bytes;
    bool proven;
};

struct sim_side {
    struct sim_world *world;
    int index;
    struct hws_ice *ice; /* one of the two */
    struct hws_peer *peer;
    uint64_t random; /* its own: what it draws does not depend on the network */
    bool started, described, ended;
    bool waits;             /* of an agent: it described itself, and was not answered */
    bool nominated;         /* of the present generation */
    bool failed;            /* no path, and not restarted since */
    bool over;              /* a peer that is closed */
    hws_time first_path_at; /* -1: never */
    hws_time first_nominated_at, first_message_at;
    hws_time answered_at;  /* last STUN response from the other side */
    hws_time restarted_at; /* last time, -1: never */
    hws_time signal_at;    /* when the last signal to this side arrives */
    unsigned restarts;
    struct sim_probed probed[SIM_PROBED];
    size_t probed_count;
    size_t messages; /* that came, intact and in order */
    uint64_t sent;   /* messages, of a peer */
    struct hws_channel channel;
    hws_time send_at; /* the next message, of a peer */
};

struct sim_kind {
    const char *name;
    void (*start)(struct sim_side *side, bool offers);
    void (*add)(struct sim_side *side, const struct sim_socket *socket); /* own, or a server's */
    void (*end)(struct sim_side *side);                                  /* no more of them */
    void (*signal)(struct sim_side *side, int kind, const char *ufrag, const uint8_t *data,
                   size_t len);
    void (*feed)(struct sim_side *side, const struct hws_datagram *in);
    void (*tick)(struct sim_side *side);
    hws_time (*deadline)(const struct sim_side *side);
    bool (*drain)(struct sim_side *side); /* true: something came out */
    void (*restart)(struct sim_side *side);
    void (*junk)(struct sim_side *side, unsigned number); /* tell it a candidate of nobody */
    bool (*path)(const struct sim_side *side, struct hws_address *out_local,
                 struct hws_address *out_remote);
    size_t (*pairs)(const struct sim_side *side);
    void (*quiet)(struct sim_side *side);        /* the end is near: send no more messages */
    bool (*done)(const struct sim_world *world); /* nothing is on its way */
    void (*judge)(struct sim_world *world);      /* at the end; adds to judge.c's */
    void (*stop)(struct sim_side *side);
};
extern const struct sim_kind sim_agents, sim_peers;

struct sim_item {
    hws_time at;
    uint64_t order;
    enum sim_item_kind {
        SIM_ITEM_START,
        SIM_ITEM_ADDRESS, /* the number is of a side times SIM_SOCKETS, and a socket */
        SIM_ITEM_ADDRESSES_END,
        SIM_ITEM_DATAGRAM,
        SIM_ITEM_SIGNAL,
        SIM_ITEM_MISHAP,
        SIM_ITEM_RESTART, /* the application's answer to a path that is lost */
    } kind;
    int number; /* side, socket or mishap */
    int signal; /* kind */
    struct hws_address source;
    const char *ufrag; /* inside data */
    size_t len;
    uint8_t data[];
};

struct sim_world {
    struct sim_plan plan;
    const struct sim_kind *kind;
    hws_time begun, now, cut_until;
    uint64_t random, order;
    struct sim_side sides[SIM_SIDES];
    struct sim_item **heap;
    size_t heap_count, heap_cap;
    size_t steps_now; /* without time passing */
    uint64_t trace;   /* hash */
    FILE *out;        /* every line of the trace; may be NULL */
    size_t datagrams;
    hws_time mishap_end;     /* last one is over */
    bool hurt;               /* a cut or a rebinding: paths may be lost */
    char broken[SIM_REASON]; /* the first broken invariant, or empty */
};

struct sim_result {
    uint64_t trace;
    bool connected;
    hws_time path, nominated, message; /* since the start, the later side; -1: never */
    char broken[SIM_REASON];
};

/* Run the plan to its end. @p out sees the trace, or is NULL. */
void sim_run(const struct sim_plan *plan, const struct sim_kind *kind, FILE *out,
             struct sim_result *result);

/* For the kinds. */
void sim_send(struct sim_side *side, const struct hws_datagram *datagram);
void sim_signal(struct sim_side *from, int kind, const char *ufrag, const void *data, size_t len);
void sim_note(struct sim_side *side, const char *what, int64_t number);
void sim_fill(void *side, uint8_t *out, size_t len); /* struct hws_random */
/* The side has no path (any more): the application restarts ICE soon. */
void sim_lost(struct sim_side *side);
void sim_break(struct sim_world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_set_clock(hws_time now); /* clock.c: usrsctp's */

/* judge.c */
void sim_judge_step(struct sim_world *world);
void sim_judge_send(struct sim_side *side, const struct hws_datagram *datagram);
void sim_judge_receive(struct sim_side *side, const struct hws_datagram *datagram);
void sim_judge_failed(struct sim_side *side);
void sim_judge_expired(struct sim_side *side);
void sim_judge_end(struct sim_world *world);
bool sim_is_mirrored(struct sim_world *world); /* both sides' paths are one */
bool sim_is_settled(struct sim_world *world);  /* nothing more is to be decided */
hws_time sim_connect_bound(const struct sim_world *world);

#endif /* SIM_WORLD_H */

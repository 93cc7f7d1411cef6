/**
 * @file
 * What the files of the router share: router.c (streams, inputs, outputs), router_queue.c (what
 * waits to go out), router_client.c and router_worker.c (the two halves of a session).
 */
#ifndef HWS_DISTRIBUTOR_ROUTER_INTERNAL_H
#define HWS_DISTRIBUTOR_ROUTER_INTERNAL_H

#include "base/log.h"
#include "distributor/member.h"
#include "distributor/router.h"
#include "distributor/sequence.h"
#include "distributor/table.h"

#define HWS_NO_INDEX UINT32_MAX

enum {
    HWS_STATUS_TEXT_MAX = 160, /* status texts are for reading; with NUL */
    HWS_ITEM_COST = 64,        /* bytes that a waiting message counts beside its own */
};

/* A packed message that waits for its stream. */
struct hws_item {
    struct hws_item *next;
    uint32_t seat; /* it is charged to this seat too, or HWS_NO_INDEX */
    size_t len;
    uint8_t bytes[];
};

/* Something that waits for the bus; bounded because the caller drains after each input. */
struct hws_bus_item {
    struct hws_bus_item *next;
    struct hws_router_output output; /* its bytes are those below */
    uint8_t bytes[];
};

/* First in, first out; @c len counts HWS_ITEM_COST for each. */
struct hws_queue {
    struct hws_item *head, *tail;
    size_t len;
};

enum hws_router_state {
    HWS_RS_FREE,
    HWS_RS_NEW,        /* nothing but PING so far */
    HWS_RS_IN_SESSION, /* client */
    HWS_RS_SERVING,    /* worker */
    HWS_RS_ENDING,     /* what waits goes out, then the status */
    HWS_RS_ENDED,      /* the edge knows; waits for hws_router_close() */
};

/* The client's half of a session; only in HWS_RS_IN_SESSION. */
struct hws_client_half {
    uint64_t session;
    uint64_t epoch;             /* of the worker's registration; 0 until it is heard of */
    struct hws_sequence in;     /* from the client */
    struct hws_sequence bus_in; /* from the worker's half */
    uint64_t out_count;         /* messages to the client */
    uint64_t bus_out_count;     /* frames to the worker's half */
    uint32_t candidate_count;   /* from the client since the last OFFER */
};

/* The worker's half; only in HWS_RS_SERVING. */
struct hws_worker_half {
    uint64_t epoch;
    uint32_t first_seat; /* list of all its seats */
    uint32_t seat_count; /* those saying goodbye included */
    uint32_t open_count; /* sessions */
    hws_time last_over;  /* when open_count became 0; rule 7 */
    bool had_session;
};

struct hws_router_stream {
    uint32_t generation;
    enum hws_router_state state;
    enum hws_envelope_side side;
    void *user;     /* borrowed from the edge */
    int64_t worker; /* registered as, or in session with; 0 before */
    struct hws_client_half client;
    struct hws_worker_half serving;
    struct hws_queue queue;
    bool busy; /* a message is under way */
    bool half_closed;
    bool cut;      /* end without waiting for what is under way */
    bool is_ready; /* in the list of those that may have an output */
    uint32_t prev_ready, next_ready;
    hws_time since;         /* of the last message in NEW, or relayed to a half-closed one */
    hws_time busy_since;    /* as the sweep saw it; HWS_NEVER = not seen yet */
    enum hws_status status; /* ENDING, ENDED */
    char text[HWS_STATUS_TEXT_MAX];
};

/* The worker's half of one session. */
struct hws_seat {
    bool used;
    bool open; /* false: only what waits, the last BLANK included, goes out */
    uint64_t session;
    uint64_t instance;          /* of the client's half */
    uint32_t stream;            /* the worker's */
    uint32_t prev, next;        /* among the seats of that worker; next also links free ones */
    struct hws_sequence in;     /* from the worker */
    struct hws_sequence bus_in; /* from the client's half */
    uint64_t out_count;         /* messages to the worker */
    uint64_t bus_out_count;     /* frames to the client's half */
    uint32_t candidate_count;   /* from the worker since the last OFFER */
    uint32_t queued_count;      /* messages waiting for the worker */
    size_t queued_len;          /* their bytes */
};

struct hws_router {
    struct hws_router_config config;
    const struct hws_limits *limits; /* those of config */
    bool stopped;
    uint64_t next_epoch;
    hws_time next_sweep; /* HWS_NEVER while no stream is open */

    struct hws_router_stream *streams; /* owned; limits.streams */
    uint32_t stream_high;              /* streams below have been used */
    uint32_t free_stream;              /* list through next_ready */
    size_t stream_count;
    uint32_t first_ready, last_ready;

    struct hws_seat *seats; /* owned; limits.sessions */
    uint32_t seat_high;
    uint32_t free_seat;
    size_t seat_count;

    struct hws_members members;
    size_t worker_count;
    struct hws_table by_client; /* session -> index of the client's stream */
    struct hws_table by_seat;   /* session -> index of the open seat */

    struct hws_bus_item *bus_head, **bus_tail;
    void *held;        /* owned: what the last output borrows */
    size_t queued_len; /* of all streams */
};

/* ---- router.c */
struct hws_stream_id hws_router_id(const struct hws_router *router, uint32_t index);

/* Begin the end, once; detaches the stream from its sessions or clients. */
void hws_router_end(struct hws_router *router, uint32_t index, hws_time now, enum hws_status status,
                    const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same for a reader that takes nothing: what waits is dropped. */
void hws_router_cut(struct hws_router *router, uint32_t index, hws_time now, const char *limit);

/* Which size limit does this message break? NULL if none. */
const char *hws_router_size_limit(const struct hws_router *router,
                                  const struct hws_envelope *envelope);
bool hws_router_is_candidate(enum hws_rtc_event event);

/* ---- router_queue.c */
void hws_router_make_ready(struct hws_router *router, uint32_t index);
void hws_router_unready(struct hws_router *router, uint32_t index);

/* Room for one more message of this payload? */
size_t hws_router_cost(enum hws_envelope_side side, const struct hws_envelope *envelope);

/* Queue a message for a stream, whatever is waiting; the caller has looked at the limits. */
HWS_MUST_USE enum hws_err hws_router_queue(struct hws_router *router, uint32_t index, uint32_t seat,
                                           const struct hws_envelope *envelope);
/* Take the oldest; NULL when empty. The caller frees it. */
struct hws_item *hws_router_unqueue(struct hws_router *router, uint32_t index);
void hws_router_drop_queue(struct hws_router *router, uint32_t index);

/* Queue for the bus. Out of memory: the frame is lost, which the numbers will show. */
void hws_router_subscribe(struct hws_router *router, int64_t worker, bool listen);
void hws_router_publish(struct hws_router *router, const struct hws_bus_frame *frame,
                        bool to_worker);

/* ---- router_client.c */
enum hws_err hws_client_feed(struct hws_router *router, uint32_t index, struct hws_bytes packed,
                             hws_time now);
/* A frame for the client's half. */
void hws_client_feed_frame(struct hws_router *router, const struct hws_bus_frame *frame,
                           hws_time now);
/* Leave the session, as if there had been none; the worker is told when @p tell. */
void hws_client_detach(struct hws_router *router, uint32_t index, bool tell);

/* ---- router_worker.c */
enum hws_err hws_worker_feed(struct hws_router *router, uint32_t index, struct hws_bytes packed,
                             hws_time now);
void hws_worker_feed_frame(struct hws_router *router, const struct hws_bus_frame *frame,
                           hws_time now);
/* Take the registration back, as if there had been none, and end every session of it. */
void hws_worker_detach(struct hws_router *router, uint32_t index, hws_time now);
/* End one session: the client gets the status; the worker BLANK when @p tell. */
void hws_seat_end(struct hws_router *router, uint32_t seat, hws_time now, bool tell,
                  enum hws_status status, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
/* A message of this seat has gone out; free the seat if it was the last of it. */
void hws_seat_drained(struct hws_router *router, uint32_t seat, size_t cost);

#endif /* HWS_DISTRIBUTOR_ROUTER_INTERNAL_H */

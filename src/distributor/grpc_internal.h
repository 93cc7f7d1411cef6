/**
 * @file
 * What the files of the gRPC edge share: grpc_server.c (the loop), grpc_listen.c (listeners, and
 * their replacement when one died), grpc_call.c (one call and its batches).
 */
#ifndef HWS_DISTRIBUTOR_GRPC_INTERNAL_H
#define HWS_DISTRIBUTOR_GRPC_INTERNAL_H

#include "base/log.h"
#include "distributor/grpc_server.h"

#include <grpc/grpc.h>
#include <stdatomic.h>

enum hws_method {
    HWS_METHOD_CLIENT,
    HWS_METHOD_CLIENT_BARE,
    HWS_METHOD_WORKER,
    HWS_METHOD_WORKER_BARE,
    HWS_METHOD_UNKNOWN, /* whatever is called beside those */
    HWS_METHOD_COUNT
};

/* What a completion tag says: a struct hws_tag is the first thing that the core hands back. */
enum hws_tag_kind {
    HWS_TAG_CALL,     /* a call came in */
    HWS_TAG_METADATA, /* the initial metadata is sent */
    HWS_TAG_RECEIVED, /* a message, or the end of them */
    HWS_TAG_SENT,
    HWS_TAG_STATUS,  /* the status is sent */
    HWS_TAG_CLOSED,  /* the call is gone */
    HWS_TAG_WAKE,    /* of the server: another thread wants attention */
    HWS_TAG_LISTENER /* of a listener: shut down for good */
};
struct hws_tag {
    enum hws_tag_kind kind;
    void *owner; /* struct hws_call, hws_server or hws_listener */
};

/* One grpc_server. There is one in use, and after a replacement an old one with its last calls. */
struct hws_listener {
    struct hws_server *server;
    grpc_server *grpc;
    void *methods[HWS_METHOD_UNKNOWN]; /* the core's handles */
    struct hws_tag tag;
    bool closing; /* takes no more calls */
    struct hws_listener *next;
};

struct hws_server {
    struct hws_server_config config;
    grpc_completion_queue *queue;
    struct hws_listener *listeners; /* owned; the one in use is the first, if any is */
    uint16_t ports[HWS_LISTEN_MAX];
    grpc_channel *wake_channel;
    grpc_call *wake_call;
    struct hws_tag wake_tag;
    atomic_uint stop_count; /* calls of hws_server_stop() */
    enum { HWS_SERVER_RUNS, HWS_SERVER_DRAINS, HWS_SERVER_CUTS } phase;
    hws_time phase_end; /* when the phase has to be over */
    bool healing;       /* the listener died and its successor is not there yet */
    hws_time heal_at;   /* next try */
    size_t call_count;
};

/* One call of a method. Lives as long as a batch of it is under way. */
struct hws_call {
    struct hws_server *server;
    struct hws_listener *listener; /* may be gone before the last batch: only to arm the next */
    enum hws_method method;
    grpc_call *grpc;
    grpc_metadata_array metadata;
    grpc_call_details details;
    gpr_timespec deadline;
    grpc_byte_buffer *received; /* written by the core */
    grpc_byte_buffer *sending;
    int cancelled; /* written by the core */
    unsigned batch_count;
    struct hws_stream_id stream; /* generation 0: the router does not know it */
    bool is_dead;                /* no new batch */
    struct hws_tag tags[HWS_TAG_CLOSED + 1];
};

/* ---- grpc_server.c */
/* Carry everything that router and bus have to give. */
void hws_server_pump(struct hws_server *server);

/* ---- grpc_listen.c */
HWS_MUST_USE enum hws_err hws_listener_open(struct hws_server *server, size_t *out_failed);
void hws_listener_close(struct hws_listener *listener); /* calls go on */
void hws_listener_cut(struct hws_listener *listener);   /* calls end */
void hws_listener_gone(struct hws_listener *listener);  /* HWS_TAG_LISTENER */
/* The C core's log goes to @p log, and tells of a dead listener. */
void hws_listener_watch(const struct hws_log *log);
/* Replace a listener that died; cheap when there is nothing to do. */
void hws_listener_heal(struct hws_server *server, hws_time now);

/* ---- grpc_call.c */
/* Ask for the next call of a method. */
void hws_call_arm(struct hws_listener *listener, enum hws_method method);
void hws_call_complete(struct hws_call *call, enum hws_tag_kind kind, bool ok, hws_time now);
void hws_call_output(struct hws_call *call, const struct hws_router_output *output);

#endif /* HWS_DISTRIBUTOR_GRPC_INTERNAL_H */

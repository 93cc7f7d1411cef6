/* The home of the gRPC C core on the server's side. */
#include "distributor/grpc_server.h"

#include "distributor/host.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include <stdlib.h>
#include <string.h>

enum {
    METHOD_COUNT = 4,
    ARMED = 16, /* calls of one method that may arrive within one turn of the queue */
};

/* What a batch was for. The address of an entry in a call's tags is the tag; its offset tells. */
enum tag { TAG_NEW, TAG_GONE, TAG_METADATA, TAG_RECEIVE, TAG_SEND, TAG_STATUS, TAG_COUNT };

/* One call; freed when no batch of it is in flight. */
struct call {
    /* The queue gives back the address of one of these; each leads to its call. */
    struct tagged {
        struct call *call;
        enum tag tag;
    } tags[TAG_COUNT];
    struct call *prev, *next; /* all calls of the server */
    struct hws_server *server;
    const struct method *method; /* NULL: a method that we do not have */
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    gpr_timespec deadline;
    grpc_byte_buffer *received;
    int cancelled;
    struct hws_stream_id stream;
    bool open;   /* the router knows it */
    bool ending; /* its status is on its way */
    size_t in_flight;
};

static const struct method {
    const char *path;
    enum hws_envelope_side side;
} methods[METHOD_COUNT] = {
    /* Programs of the earlier system know the services by their bare names. */
    {"/hawser.v1.ClientService/NegotiatePeerConnection", HWS_SIDE_CLIENT},
    {"/ClientService/NegotiatePeerConnection",           HWS_SIDE_CLIENT},
    {"/hawser.v1.WorkerService/NegotiatePeerConnection", HWS_SIDE_WORKER},
    {"/WorkerService/NegotiatePeerConnection",           HWS_SIDE_WORKER},
};

struct hws_server {
    const struct hws_config *config;
    struct hws_router *router;
    struct hws_bus *bus;
    grpc_server *grpc;
    grpc_completion_queue *queue;
    void *registered[METHOD_COUNT];
    uint16_t ports[HWS_LISTEN_MAX];
    struct call *calls;

    /* A call that goes nowhere: a batch of nothing on it wakes the queue from another thread. */
    grpc_channel *lame;
    grpc_call *waker;
    uint8_t wake_tag, shutdown_tag;
    bool stopping, cancelled, down;
    hws_time cancel_at;
};

/* ---- Batches */

static bool start(struct call *call, const grpc_op *op, enum tag tag)
{
    if (grpc_call_start_batch(call->call, op, 1, &call->tags[tag], NULL) != GRPC_CALL_OK)
        return false;
    call->in_flight++;
    return true;
}

static void receive_next(struct call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    op.data.recv_message.recv_message = &call->received;
    (void)start(call, &op, TAG_RECEIVE); /* refused only when the call is over */
}

static void send_status(struct call *call, grpc_status_code status, const char *text)
{
    grpc_slice details = grpc_slice_from_copied_string(text);
    grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};

    if (!call->ending) {
        op.data.send_status_from_server.status = status;
        op.data.send_status_from_server.status_details = &details;
        call->ending = start(call, &op, TAG_STATUS);
    }
    grpc_slice_unref(details);
}

static void send_message(struct call *call, struct hws_bytes bytes)
{
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)bytes.data, bytes.len);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

    op.data.send_message.send_message = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    (void)start(call, &op, TAG_SEND);
    grpc_byte_buffer_destroy(op.data.send_message.send_message);
}

/* ---- Calls come and go */

static void free_call(struct call *call)
{
    if (call->prev) {
        call->prev->next = call->next;
    } else {
        call->server->calls = call->next;
    }
    if (call->next) call->next->prev = call->prev;
    if (call->call) grpc_call_unref(call->call);
    if (call->received) grpc_byte_buffer_destroy(call->received);
    grpc_call_details_destroy(&call->details);
    grpc_metadata_array_destroy(&call->metadata);
    free(call);
}

/* Wait for one more call of @p method, or of any other method when it is NULL. */
static bool arm(struct hws_server *server, const struct method *method)
{
    struct call *call = calloc(1, sizeof(*call));
    grpc_call_error refused;

    if (!call) return false;
    for (int tag = 0; tag < TAG_COUNT; tag++) {
        call->tags[tag] = (struct tagged){call, (enum tag)tag};
    }
    call->server = server;
    call->method = method;
    grpc_call_details_init(&call->details);
    grpc_metadata_array_init(&call->metadata);
    call->next = server->calls;
    if (call->next) call->next->prev = call;
    server->calls = call;
    refused = method ? grpc_server_request_registered_call(
                           server->grpc, server->registered[method - methods], &call->call,
                           &call->deadline, &call->metadata, NULL, server->queue, server->queue,
                           &call->tags[TAG_NEW])
                     : grpc_server_request_call(server->grpc, &call->call, &call->details,
                                                &call->metadata, server->queue, server->queue,
                                                &call->tags[TAG_NEW]);
    if (refused != GRPC_CALL_OK) {
        free_call(call);
        return false;
    }
    call->in_flight = 1;
    return true;
}

static void welcome(struct call *call, hws_time now)
{
    grpc_op gone = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    grpc_op metadata = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    enum hws_err err;

    gone.data.recv_close_on_server.cancelled = &call->cancelled;
    if (!start(call, &gone, TAG_GONE)) return;
    if (!call->method) {
        (void)start(call, &metadata, TAG_METADATA);
        send_status(call, GRPC_STATUS_UNIMPLEMENTED, "no such method");
        return;
    }
    /* The caller learns at once that somebody listens. */
    (void)start(call, &metadata, TAG_METADATA);
    err = hws_router_open(call->server->router, call->method->side, call, now, &call->stream);
    if (err) {
        send_status(call, err == HWS_ERR_STATE ? GRPC_STATUS_UNAVAILABLE
                                               : GRPC_STATUS_RESOURCE_EXHAUSTED,
                    err == HWS_ERR_STATE ? "the distributor is shutting down" : "limit: streams");
        return;
    }
    call->open = true;
    receive_next(call);
}

static void leave(struct call *call, hws_time now)
{
    if (!call->open) return;
    call->open = false;
    hws_router_close(call->server->router, call->stream, now);
}

static void take_message(struct call *call, hws_time now)
{
    grpc_byte_buffer_reader reader;
    grpc_slice slice;

    if (!call->received) {
        if (call->open) hws_router_half_close(call->server->router, call->stream, now);
        return;
    }
    if (call->open && grpc_byte_buffer_reader_init(&reader, call->received)) {
        slice = grpc_byte_buffer_reader_readall(&reader);
        grpc_byte_buffer_reader_destroy(&reader);
        (void)hws_router_feed(
            call->server->router, call->stream,
            (struct hws_bytes){GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice)}, now);
        grpc_slice_unref(slice);
    }
    grpc_byte_buffer_destroy(call->received);
    call->received = NULL;
    if (call->open && !call->ending) receive_next(call);
}

static void on_call(struct call *call, enum tag tag, bool ok, hws_time now)
{
    call->in_flight--;
    switch (tag) {
    case TAG_NEW:
        if (!ok) break; /* the server is shutting down */
        (void)arm(call->server, call->method);
        welcome(call, now);
        break;
    case TAG_GONE:
        leave(call, now);
        break;
    case TAG_RECEIVE:
        if (ok) take_message(call, now);
        break;
    case TAG_SEND:
        if (ok && call->open) hws_router_sent(call->server->router, call->stream, now);
        break;
    case TAG_METADATA:
    case TAG_STATUS:
    case TAG_COUNT:
        break;
    }
    if (call->in_flight == 0) {
        leave(call, now);
        free_call(call);
    }
}

/* ---- The router's wishes */

static void publish(struct hws_server *server, const struct hws_router_output *out, hws_time now)
{
    const struct hws_bus_ops *ops = server->bus->ops;
    enum hws_err err =
        out->kind == HWS_ROUTER_PUBLISH_WORKER
            ? ops->publish_worker(server->bus, out->worker, out->session, out->bytes)
            : ops->publish_session(server->bus, out->instance, out->session, out->bytes);

    if (err) hws_router_bus_lost(server->router, out->session, now);
}

static void serve_output(struct hws_server *server, const struct hws_router_output *out,
                         hws_time now)
{
    struct call *call = out->user;

    switch (out->kind) {
    case HWS_ROUTER_SEND:
        send_message(call, out->bytes);
        break;
    case HWS_ROUTER_END:
        send_status(call, (grpc_status_code)out->status, out->text);
        break;
    case HWS_ROUTER_CUT:
        send_status(call, (grpc_status_code)out->status, out->text);
        grpc_call_cancel_with_status(call->call, (grpc_status_code)out->status, out->text, NULL);
        break;
    case HWS_ROUTER_SUBSCRIBE:
        (void)!server->bus->ops->subscribe(server->bus, out->worker); /* "nobody" tells the rest */
        break;
    case HWS_ROUTER_UNSUBSCRIBE:
        server->bus->ops->unsubscribe(server->bus, out->worker);
        break;
    case HWS_ROUTER_PUBLISH_WORKER:
    case HWS_ROUTER_PUBLISH_SESSION:
        publish(server, out, now);
        break;
    }
}

static void drain(struct hws_server *server, hws_time now)
{
    struct hws_router_output out;
    struct hws_bus_delivery delivery;

    do {
        while (hws_router_next_output(server->router, &out)) {
            serve_output(server, &out, now);
        }
        if (!server->bus->ops->next(server->bus, &delivery)) return;
        (void)hws_router_feed_bus(server->router, &delivery, now); /* a bad frame is dropped */
    } while (true);
}

/* ---- Life */

static void say_nothing(gpr_log_func_args *args)
{
    (void)args;
}

/* gRPC complains on standard error about what statuses tell better. */
static void quiet(void)
{
    if (!getenv("GRPC_VERBOSITY")) gpr_set_log_function(say_nothing);
}

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){.type = GRPC_ARG_INTEGER,
                      .key = (char *)(uintptr_t)key, /* gRPC only reads it */
                      .value.integer = value};
}

static int ms(hws_time time)
{
    return (int)(time / 1000);
}

static grpc_server *make_grpc(const struct hws_config *config)
{
    const struct hws_edge_limits *edge = &config->edge;
    grpc_arg list[] = {
        /* A second distributor on the same port must fail, not share it silently. */
        integer(GRPC_ARG_ALLOW_REUSEPORT, 0),
        integer(GRPC_ARG_MAX_CONCURRENT_STREAMS, (int)edge->streams_per_connection),
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)config->limits.message),
        integer(GRPC_ARG_MAX_METADATA_SIZE, (int)edge->metadata),
        integer(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, ms(edge->handshake)),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, ms(edge->keepalive)),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, ms(edge->keepalive_wait)),
        integer(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        /* Below the shortest interval of any client that pings to stay alive. */
        integer(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000),
        integer(GRPC_ARG_MAX_CONNECTION_IDLE_MS, ms(edge->connection_idle)),
    };
    grpc_channel_args args = {sizeof(list) / sizeof(list[0]), list};

    return grpc_server_create(&args, NULL);
}

static enum hws_err listen_all(struct hws_server *server, size_t *out_failed)
{
    for (size_t i = 0; i < server->config->listen_count; i++) {
        grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
        int port = grpc_server_add_http2_port(server->grpc, server->config->listens[i].text, plain);

        grpc_server_credentials_release(plain);
        if (port == 0) {
            *out_failed = i;
            return HWS_ERR_IO;
        }
        server->ports[i] = server->config->listens[i].is_unix ? 0 : (uint16_t)port;
    }
    return HWS_OK;
}

static enum hws_err arm_all(struct hws_server *server)
{
    for (int round = 0; round < ARMED; round++) {
        for (int i = 0; i < METHOD_COUNT; i++) {
            if (!arm(server, &methods[i])) return HWS_ERR_LIBRARY;
        }
        /* Without this one an unknown method would hang until its caller gives up. */
        if (!arm(server, NULL)) return HWS_ERR_LIBRARY;
    }
    return HWS_OK;
}

static enum hws_err init(struct hws_server *server, size_t *out_failed)
{
    enum hws_err err;

    server->queue = grpc_completion_queue_create_for_next(NULL);
    server->grpc = make_grpc(server->config);
    if (!server->grpc) return HWS_ERR_LIBRARY;
    grpc_server_register_completion_queue(server->grpc, server->queue, NULL);
    for (int i = 0; i < METHOD_COUNT; i++) {
        server->registered[i] = grpc_server_register_method(server->grpc, methods[i].path, NULL,
                                                            GRPC_SRM_PAYLOAD_NONE, 0);
        if (!server->registered[i]) return HWS_ERR_LIBRARY;
    }
    err = listen_all(server, out_failed);
    if (err) return err;
    grpc_server_start(server->grpc);
    server->lame = grpc_lame_client_channel_create(NULL, GRPC_STATUS_UNAVAILABLE, "waker");
    server->waker = grpc_channel_create_call(server->lame, NULL, GRPC_PROPAGATE_DEFAULTS,
                                             server->queue, grpc_slice_from_static_string("/wake"),
                                             NULL, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    if (!server->waker) return HWS_ERR_LIBRARY;
    return arm_all(server);
}

enum hws_err hws_server_new(const struct hws_config *config, struct hws_router *router,
                            struct hws_bus *bus, struct hws_server **out, size_t *out_failed)
{
    struct hws_server *server = calloc(1, sizeof(*server));
    enum hws_err err;

    if (!server) return HWS_ERR_NO_MEMORY;
    server->config = config;
    server->router = router;
    server->bus = bus;
    quiet();
    grpc_init();
    err = init(server, out_failed);
    if (err) {
        hws_server_free(server);
        return err;
    }
    *out = server;
    return HWS_OK;
}

uint16_t hws_server_port(const struct hws_server *server, size_t index)
{
    return server->ports[index];
}

void hws_server_stop(struct hws_server *server)
{
    (void)grpc_call_start_batch(server->waker, NULL, 0, &server->wake_tag, NULL);
}

/* ---- Serving */

static void begin_stop(struct hws_server *server, hws_time now)
{
    if (server->stopping) return;
    server->stopping = true;
    server->cancel_at = now + server->config->edge.shutdown;
    hws_router_stop(server->router, now);
    grpc_server_shutdown_and_notify(server->grpc, server->queue, &server->shutdown_tag);
}

static void on_queue(struct hws_server *server, const grpc_event *event, hws_time now)
{
    if (event->tag == &server->wake_tag) {
        begin_stop(server, now);
    } else if (event->tag == &server->shutdown_tag) {
        server->down = true;
    } else {
        struct tagged *tagged = event->tag;

        on_call(tagged->call, tagged->tag, event->success != 0, now);
    }
}

/* How long the queue may sleep. */
static gpr_timespec due(const struct hws_server *server)
{
    hws_time now = hws_host_now();
    hws_time deadline = hws_router_deadline(server->router);

    if (server->stopping && !server->cancelled && server->cancel_at < deadline)
        deadline = server->cancel_at;
    if (deadline == HWS_NEVER) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_micros(deadline > now ? deadline - now : 0, GPR_TIMESPAN));
}

void hws_server_run(struct hws_server *server)
{
    while (!server->down) {
        grpc_event event = grpc_completion_queue_next(server->queue, due(server), NULL);
        hws_time now = hws_host_now();

        if (event.type == GRPC_OP_COMPLETE) on_queue(server, &event, now);
        if (hws_router_deadline(server->router) <= now) hws_router_tick(server->router, now);
        drain(server, now);
        /* Whoever does not let go within the time allowed is cut. */
        if (server->stopping && !server->cancelled && now >= server->cancel_at) {
            server->cancelled = true;
            grpc_server_cancel_all_calls(server->grpc);
        }
    }
}

/* Batches that are still in flight end before the queue does. */
static void empty_queue(struct hws_server *server)
{
    grpc_event event;

    grpc_completion_queue_shutdown(server->queue);
    do {
        event = grpc_completion_queue_next(server->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (event.type == GRPC_OP_COMPLETE) on_queue(server, &event, hws_host_now());
    } while (event.type != GRPC_QUEUE_SHUTDOWN);
    grpc_completion_queue_destroy(server->queue);
}

void hws_server_free(struct hws_server *server)
{
    if (!server) return;
    if (server->grpc && !server->stopping) {
        server->stopping = true; /* it never ran: nobody is to be told */
        grpc_server_shutdown_and_notify(server->grpc, server->queue, &server->shutdown_tag);
        grpc_server_cancel_all_calls(server->grpc);
    }
    if (server->waker) grpc_call_unref(server->waker);
    if (server->lame) grpc_channel_destroy(server->lame);
    empty_queue(server);
    if (server->grpc) grpc_server_destroy(server->grpc);
    free(server);
    grpc_shutdown_blocking();
}

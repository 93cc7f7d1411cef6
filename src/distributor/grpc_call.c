/*
 * One call: which batches are under way, and what their completions mean.
 *
 * Three batches start at once, because each completes in its own time: the close, the initial
 * metadata, the first message. After that there is one receive and at most one send or the status
 * under way; the core refuses more. The call is freed when the last batch has come back.
 */
#include "distributor/grpc_internal.h"

#include <assert.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <stdlib.h>

static void call_free(struct hws_call *call)
{
    if (call->grpc) {
        grpc_call_unref(call->grpc);
        call->server->call_count--;
    }
    grpc_byte_buffer_destroy(call->received);
    grpc_byte_buffer_destroy(call->sending);
    grpc_metadata_array_destroy(&call->metadata);
    grpc_call_details_destroy(&call->details);
    free(call);
}

static void start(struct hws_call *call, const grpc_op *op, enum hws_tag_kind kind)
{
    grpc_call_error error = grpc_call_start_batch(call->grpc, op, 1, &call->tags[kind], NULL);

    /* Refused only for a batch that is not ours to start: a mistake in this file. */
    assert(error == GRPC_CALL_OK);
    (void)error;
    call->batch_count++;
}

static void receive(struct hws_call *call)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    op.data.recv_message.recv_message = &call->received;
    start(call, &op, HWS_TAG_RECEIVED);
}

static void send_status(struct hws_call *call, enum hws_status status, const char *text)
{
    grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    grpc_slice details = grpc_slice_from_copied_string(text);

    if (!call->is_dead) {
        op.data.send_status_from_server.status = (grpc_status_code)status;
        op.data.send_status_from_server.status_details = &details;
        start(call, &op, HWS_TAG_STATUS);
        call->is_dead = true;
    }
    grpc_slice_unref(details);
}

void hws_call_arm(struct hws_listener *listener, enum hws_method method)
{
    struct hws_call *call = calloc(1, sizeof(*call));
    grpc_completion_queue *queue = listener->server->queue;
    void *tag;
    grpc_call_error error;

    if (!call) abort(); /* without it the method would never be served again */
    call->server = listener->server;
    call->listener = listener;
    call->method = method;
    call->batch_count = 1;
    for (unsigned i = 0; i < sizeof(call->tags) / sizeof(call->tags[0]); i++) {
        call->tags[i] = (struct hws_tag){.kind = (enum hws_tag_kind)i, .owner = call};
    }
    grpc_metadata_array_init(&call->metadata);
    grpc_call_details_init(&call->details);
    tag = &call->tags[HWS_TAG_CALL];
    if (method == HWS_METHOD_UNKNOWN) {
        error = grpc_server_request_call(listener->grpc, &call->grpc, &call->details,
                                         &call->metadata, queue, queue, tag);
    } else {
        error = grpc_server_request_registered_call(listener->grpc, listener->methods[method],
                                                    &call->grpc, &call->deadline, &call->metadata,
                                                    NULL, queue, queue, tag);
    }
    assert(error == GRPC_CALL_OK);
    (void)error;
}

static void begin(struct hws_call *call, hws_time now)
{
    struct hws_server *server = call->server;
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    grpc_op metadata = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    bool is_worker = call->method == HWS_METHOD_WORKER || call->method == HWS_METHOD_WORKER_BARE;
    enum hws_err err;

    server->call_count++;
    if (!call->listener->closing) hws_call_arm(call->listener, call->method);
    close.data.recv_close_on_server.cancelled = &call->cancelled;
    start(call, &close, HWS_TAG_CLOSED);
    start(call, &metadata, HWS_TAG_METADATA);
    if (call->method == HWS_METHOD_UNKNOWN) {
        send_status(call, (enum hws_status)GRPC_STATUS_UNIMPLEMENTED, "unknown method");
        return;
    }
    err = hws_router_open(server->config.router, is_worker ? HWS_SIDE_WORKER : HWS_SIDE_CLIENT,
                          call, now, &call->stream);
    if (err == HWS_ERR_FULL) {
        send_status(call, HWS_STATUS_RESOURCE_EXHAUSTED, "limit streams");
    } else if (err) {
        send_status(call, HWS_STATUS_UNAVAILABLE, "the distributor is going away");
    } else {
        receive(call);
    }
}

/* The core hands a message over in slices, maybe compressed. */
static void feed(struct hws_call *call, hws_time now)
{
    struct hws_router *router = call->server->config.router;
    grpc_byte_buffer_reader reader;
    grpc_slice slice;

    if (!grpc_byte_buffer_reader_init(&reader, call->received)) {
        /* It cannot be unpacked: give the router what it will refuse as malformed. */
        (void)hws_router_feed(router, call->stream, (struct hws_bytes){(const uint8_t *)"", 1},
                              now);
        return;
    }
    slice = grpc_byte_buffer_reader_readall(&reader);
    (void)hws_router_feed(router, call->stream,
                          (struct hws_bytes){GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice)},
                          now);
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
}

static void received(struct hws_call *call, bool ok, hws_time now)
{
    if (!ok || !call->received) {
        hws_router_half_close(call->server->config.router, call->stream, now);
        return;
    }
    feed(call, now);
    grpc_byte_buffer_destroy(call->received);
    call->received = NULL;
    if (!call->is_dead) receive(call);
}

void hws_call_complete(struct hws_call *call, enum hws_tag_kind kind, bool ok, hws_time now)
{
    struct hws_router *router = call->server->config.router;

    assert(call->batch_count > 0);
    switch (kind) {
    case HWS_TAG_CALL:
        if (ok) begin(call, now); /* else the listener is shutting down */
        break;
    case HWS_TAG_RECEIVED:
        received(call, ok, now);
        break;
    case HWS_TAG_SENT:
        grpc_byte_buffer_destroy(call->sending);
        call->sending = NULL;
        if (ok) hws_router_sent(router, call->stream, now); /* else the close is coming */
        break;
    case HWS_TAG_CLOSED:
        call->is_dead = true;
        hws_router_close(router, call->stream, now);
        call->stream = (struct hws_stream_id){0};
        break;
    case HWS_TAG_METADATA:
    case HWS_TAG_STATUS:
    case HWS_TAG_WAKE:
    case HWS_TAG_LISTENER:
        break;
    }
    if (--call->batch_count == 0) call_free(call);
}

static void send_message(struct hws_call *call, struct hws_bytes bytes)
{
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    grpc_slice slice;

    if (call->is_dead) return;
    assert(!call->sending);
    slice = grpc_slice_from_copied_buffer((const char *)bytes.data, bytes.len);
    call->sending = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    op.data.send_message.send_message = call->sending;
    start(call, &op, HWS_TAG_SENT);
}

void hws_call_output(struct hws_call *call, const struct hws_router_output *output)
{
    switch (output->kind) {
    case HWS_ROUTER_SEND:
        send_message(call, output->bytes);
        break;
    case HWS_ROUTER_END:
        send_status(call, output->status, output->text);
        break;
    case HWS_ROUTER_CUT:
        call->is_dead = true;
        (void)grpc_call_cancel_with_status(call->grpc, (grpc_status_code)output->status,
                                           output->text, NULL);
        break;
    case HWS_ROUTER_SUBSCRIBE:
    case HWS_ROUTER_UNSUBSCRIBE:
    case HWS_ROUTER_PUBLISH_WORKER:
    case HWS_ROUTER_PUBLISH_SESSION:
        break; /* for the bus */
    }
}

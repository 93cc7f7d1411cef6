#include "support/wire.h"

#include "base/bytes.h"

#include <check.h>
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_S = 60, TEXT_MAX = 512 }; /* sanitizers are slow */

enum tag { TAG_START, TAG_SEND, TAG_RECEIVE, TAG_FINISH, TAG_STATUS };

struct wire {
    enum hws_envelope_side side;
    grpc_channel *channel;
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
    bool has_status;
    uint8_t *last; /* bytes of the last message */
    char text[TEXT_MAX];
};

static void *tag_of(struct wire *wire, enum tag tag)
{
    return (char *)wire + tag;
}

static void start(struct wire *wire, const grpc_op *ops, size_t count, enum tag tag)
{
    ck_assert_int_eq(grpc_call_start_batch(wire->call, ops, count, tag_of(wire, tag), NULL),
                     GRPC_CALL_OK);
}

static bool finish(struct wire *wire, enum tag tag)
{
    gpr_timespec until =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(PATIENCE_S, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_pluck(wire->queue, tag_of(wire, tag), until, NULL);

    ck_assert_msg(event.type == GRPC_OP_COMPLETE, "waited in vain (batch %d)", (int)tag);
    return event.success != 0;
}

struct wire *wire_open(const char *target, const char *method)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    grpc_channel_credentials *credentials;
    grpc_op first[] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                       {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    grpc_op last = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    /* A subchannel of its own: else the core would share one connection among all channels. */
    grpc_arg own = {.type = GRPC_ARG_INTEGER,
                    .key = (char *)(uintptr_t) "grpc.use_local_subchannel_pool",
                    .value.integer = 1};
    grpc_channel_args args = {.num_args = 1, .args = &own};

    ck_assert_ptr_nonnull(wire);
    grpc_init();
    wire->side = strstr(method, "Worker") ? HWS_SIDE_WORKER : HWS_SIDE_CLIENT;
    wire->queue = grpc_completion_queue_create_for_pluck(NULL);
    credentials = grpc_insecure_credentials_create();
    wire->channel = grpc_channel_create(target, credentials, &args);
    grpc_channel_credentials_release(credentials);
    wire->call = grpc_channel_create_call(wire->channel, NULL, GRPC_PROPAGATE_DEFAULTS, wire->queue,
                                          grpc_slice_from_static_string(method), NULL,
                                          gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    grpc_metadata_array_init(&wire->initial);
    grpc_metadata_array_init(&wire->trailing);
    wire->details = grpc_empty_slice();
    first[0].flags = GRPC_INITIAL_METADATA_WAIT_FOR_READY;
    first[1].data.recv_initial_metadata.recv_initial_metadata = &wire->initial;
    last.data.recv_status_on_client.trailing_metadata = &wire->trailing;
    last.data.recv_status_on_client.status = &wire->status;
    last.data.recv_status_on_client.status_details = &wire->details;
    start(wire, &last, 1, TAG_STATUS);
    start(wire, first, 2, TAG_START);
    (void)finish(wire, TAG_START);
    return wire;
}

void wire_close(struct wire *wire)
{
    if (!wire->has_status) {
        (void)grpc_call_cancel(wire->call, NULL);
        (void)finish(wire, TAG_STATUS);
    }
    grpc_call_unref(wire->call);
    grpc_channel_destroy(wire->channel);
    grpc_completion_queue_shutdown(wire->queue);
    grpc_completion_queue_destroy(wire->queue);
    grpc_metadata_array_destroy(&wire->initial);
    grpc_metadata_array_destroy(&wire->trailing);
    grpc_slice_unref(wire->details);
    free(wire->last);
    free(wire);
    grpc_shutdown();
}

void wire_send_bytes(struct wire *wire, struct hws_bytes packed)
{
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)packed.data, packed.len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

    grpc_slice_unref(slice);
    op.data.send_message.send_message = buffer;
    start(wire, &op, 1, TAG_SEND);
    (void)finish(wire, TAG_SEND);
    grpc_byte_buffer_destroy(buffer);
}

void wire_send(struct wire *wire, const struct hws_envelope *envelope)
{
    size_t len = hws_envelope_len(wire->side, envelope);
    uint8_t *packed = calloc(1, len + 1);
    struct hws_writer out = hws_writer_over(packed, len);

    ck_assert_ptr_nonnull(packed);
    hws_envelope_write(&out, wire->side, envelope);
    wire_send_bytes(wire, (struct hws_bytes){packed, out.len});
    free(packed);
}

void wire_half_close(struct wire *wire)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};

    start(wire, &op, 1, TAG_FINISH);
    (void)finish(wire, TAG_FINISH);
}

/* The next message as bytes of ours; false at the end. */
static bool receive_bytes(struct wire *wire, struct hws_bytes *out)
{
    grpc_byte_buffer *buffer = NULL;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    grpc_byte_buffer_reader reader;
    grpc_slice slice;

    op.data.recv_message.recv_message = &buffer;
    start(wire, &op, 1, TAG_RECEIVE);
    (void)finish(wire, TAG_RECEIVE);
    if (!buffer) return false;
    ck_assert(grpc_byte_buffer_reader_init(&reader, buffer));
    slice = grpc_byte_buffer_reader_readall(&reader);
    free(wire->last);
    wire->last = calloc(1, GRPC_SLICE_LENGTH(slice) + 1);
    ck_assert_ptr_nonnull(wire->last);
    memcpy(wire->last, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
    *out = (struct hws_bytes){wire->last, GRPC_SLICE_LENGTH(slice)};
    grpc_slice_unref(slice);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
    return true;
}

bool wire_receive(struct wire *wire, struct hws_envelope *out)
{
    struct hws_bytes packed;

    if (!receive_bytes(wire, &packed)) return false;
    ck_assert_int_eq(hws_envelope_read(wire->side, packed, out, NULL), HWS_OK);
    return true;
}

int wire_status(struct wire *wire, const char **out_text)
{
    struct hws_bytes packed;
    char *text;

    if (!wire->has_status) {
        while (receive_bytes(wire, &packed))
            continue;
        (void)finish(wire, TAG_STATUS);
        wire->has_status = true;
        text = grpc_slice_to_c_string(wire->details);
        (void)snprintf(wire->text, sizeof(wire->text), "%s", text);
        gpr_free(text);
    }
    if (out_text) *out_text = wire->text;
    return (int)wire->status;
}

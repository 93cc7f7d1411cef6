#include "support/grpc_echo.h"

#include <check.h>
#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tag { TAG_NEW, TAG_CLOSE, TAG_INIT, TAG_RECEIVE, TAG_SEND, TAG_STATUS, TAG_COUNT };
enum { TEXT_CAP = 256 };

struct stream {
    struct grpc_echo *echo;
    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *received;
    int cancelled;
    size_t flooded;
    size_t in_flight; /* batches; the stream goes with the last of them */
    bool ended;
    struct tagged {
        struct stream *stream;
        enum tag tag;
    } tags[TAG_COUNT];
};

struct grpc_echo {
    struct grpc_echo_config config;
    grpc_server *server;
    grpc_completion_queue *cq;
    pthread_t thread;
    int port;
    bool down;     /* of its thread: no stream comes any more */
    bool stopping; /* read and written under the lock, as what follows */
    pthread_mutex_t lock;
    size_t streams;
    size_t sent;
    char path[TEXT_CAP], authorization[TEXT_CAP];
};

static void batch(struct stream *stream, const grpc_op *op, enum tag tag)
{
    stream->in_flight++;
    ck_assert_int_eq(grpc_call_start_batch(stream->call, op, 1, &stream->tags[tag], NULL),
                     GRPC_CALL_OK);
}

/* Ask for the next call. */
static void listen_again(struct grpc_echo *echo)
{
    struct stream *stream;

    pthread_mutex_lock(&echo->lock);
    if (!echo->stopping) {
        stream = calloc(1, sizeof(*stream));
        ck_assert_ptr_nonnull(stream);
        stream->echo = echo;
        for (int i = 0; i < TAG_COUNT; i++) {
            stream->tags[i] = (struct tagged){stream, (enum tag)i};
        }
        grpc_call_details_init(&stream->details);
        grpc_metadata_array_init(&stream->metadata);
        stream->in_flight = 1;
        ck_assert_int_eq(grpc_server_request_call(echo->server, &stream->call, &stream->details,
                                                  &stream->metadata, echo->cq, echo->cq,
                                                  &stream->tags[TAG_NEW]),
                         GRPC_CALL_OK);
        echo->streams++;
    }
    pthread_mutex_unlock(&echo->lock);
}

static void release(struct stream *stream)
{
    if (--stream->in_flight > 0) return;
    pthread_mutex_lock(&stream->echo->lock);
    stream->echo->streams--;
    pthread_mutex_unlock(&stream->echo->lock);
    if (stream->call) grpc_call_unref(stream->call);
    grpc_call_details_destroy(&stream->details);
    grpc_metadata_array_destroy(&stream->metadata);
    free(stream);
}

static void receive(struct stream *stream)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    op.data.recv_message.recv_message = &stream->received;
    batch(stream, &op, TAG_RECEIVE);
}

static void finish(struct stream *stream, grpc_status_code code, const char *text)
{
    grpc_slice details = grpc_slice_from_copied_string(text);
    grpc_op op = {.op = GRPC_OP_SEND_STATUS_FROM_SERVER};

    if (!stream->ended) {
        stream->ended = true;
        op.data.send_status_from_server.status = code;
        op.data.send_status_from_server.status_details = &details;
        batch(stream, &op, TAG_STATUS);
    }
    grpc_slice_unref(details);
}

static void send_buffer(struct stream *stream, grpc_byte_buffer *buffer)
{
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

    op.data.send_message.send_message = buffer;
    batch(stream, &op, TAG_SEND);
}

static void flood(struct stream *stream)
{
    grpc_slice slice;
    grpc_byte_buffer *buffer;

    if (stream->flooded == stream->echo->config.flood_count) {
        finish(stream, GRPC_STATUS_OK, "all sent");
        return;
    }
    slice = grpc_slice_malloc(stream->echo->config.flood_len);
    memset(GRPC_SLICE_START_PTR(slice), 'f', GRPC_SLICE_LENGTH(slice));
    memcpy(GRPC_SLICE_START_PTR(slice), &stream->flooded, sizeof(stream->flooded));
    stream->flooded++;
    buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    send_buffer(stream, buffer);
    grpc_byte_buffer_destroy(buffer);
}

static void note(struct stream *stream)
{
    struct grpc_echo *echo = stream->echo;

    pthread_mutex_lock(&echo->lock);
    (void)snprintf(echo->path, TEXT_CAP, "%.*s", (int)GRPC_SLICE_LENGTH(stream->details.method),
                   (const char *)GRPC_SLICE_START_PTR(stream->details.method));
    for (size_t i = 0; i < stream->metadata.count; i++) {
        const grpc_metadata *entry = &stream->metadata.metadata[i];

        if (grpc_slice_str_cmp(entry->key, "authorization") != 0) continue;
        (void)snprintf(echo->authorization, TEXT_CAP, "%.*s", (int)GRPC_SLICE_LENGTH(entry->value),
                       (const char *)GRPC_SLICE_START_PTR(entry->value));
    }
    pthread_mutex_unlock(&echo->lock);
}

static void on_new(struct stream *stream)
{
    grpc_op close = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    grpc_op init = {.op = GRPC_OP_SEND_INITIAL_METADATA};

    listen_again(stream->echo);
    note(stream);
    close.data.recv_close_on_server.cancelled = &stream->cancelled;
    batch(stream, &close, TAG_CLOSE);
    switch (stream->echo->config.mode) {
    case GRPC_ECHO_SILENT:
        return;
    case GRPC_ECHO_REFUSE:
        /* Trailers only: gRPC wants the batch for the metadata all the same. */
        batch(stream, &init, TAG_INIT);
        finish(stream, GRPC_STATUS_UNAUTHENTICATED, "no token");
        return;
    case GRPC_ECHO_FLOOD:
        batch(stream, &init, TAG_INIT);
        flood(stream);
        return;
    case GRPC_ECHO_BACK:
    case GRPC_ECHO_SINK:
    case GRPC_ECHO_NOT_FOUND:
        batch(stream, &init, TAG_INIT);
        receive(stream);
        return;
    }
}

static void on_received(struct stream *stream, bool ok)
{
    if (!ok || !stream->received) {
        finish(stream, GRPC_STATUS_OK, "bye");
        return;
    }
    if (stream->echo->config.mode == GRPC_ECHO_NOT_FOUND) {
        finish(stream, GRPC_STATUS_NOT_FOUND, "worker 7 is\nnot here");
    } else if (stream->echo->config.mode == GRPC_ECHO_BACK) {
        send_buffer(stream, stream->received);
    }
    grpc_byte_buffer_destroy(stream->received);
    stream->received = NULL;
    if (stream->echo->config.mode == GRPC_ECHO_SINK) receive(stream);
}

static void on_sent(struct stream *stream, bool ok)
{
    pthread_mutex_lock(&stream->echo->lock);
    stream->echo->sent += ok;
    pthread_mutex_unlock(&stream->echo->lock);
    if (!ok || stream->ended) return;
    if (stream->echo->config.mode == GRPC_ECHO_FLOOD) {
        flood(stream);
    } else {
        receive(stream);
    }
}

static void on_event(struct stream *stream, enum tag tag, bool ok)
{
    switch (tag) {
    case TAG_NEW:
        if (ok) on_new(stream);
        break;
    case TAG_RECEIVE:
        on_received(stream, ok);
        break;
    case TAG_SEND:
        on_sent(stream, ok);
        break;
    case TAG_CLOSE:
        stream->ended = true;
        break;
    case TAG_INIT:
    case TAG_STATUS:
    case TAG_COUNT:
        break;
    }
    release(stream);
}

/* A server may be down before the last events of its calls have come, and these start further
 * batches, for which the queue must still be open. */
static void close_when_dry(struct grpc_echo *echo)
{
    bool dry;

    pthread_mutex_lock(&echo->lock);
    dry = echo->down && echo->streams == 0;
    pthread_mutex_unlock(&echo->lock);
    if (dry) grpc_completion_queue_shutdown(echo->cq);
}

static void *run(void *arg)
{
    struct grpc_echo *echo = arg;

    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(echo->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        struct tagged *tagged = event.tag;

        if (event.type == GRPC_QUEUE_SHUTDOWN) return NULL;
        if (event.tag == echo) {
            echo->down = true;
        } else {
            on_event(tagged->stream, tagged->tag, event.success != 0);
        }
        close_when_dry(echo);
    }
}

static grpc_server_credentials *credentials_of(const struct grpc_echo_config *config)
{
    grpc_ssl_pem_key_cert_pair own = {config->key, config->certificate};

    if (!config->certificate) return grpc_insecure_server_credentials_create();
    return grpc_ssl_server_credentials_create_ex(
        config->client_roots, &own, 1,
        config->client_roots ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                             : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
        NULL);
}

struct grpc_echo *grpc_echo_start(const struct grpc_echo_config *config)
{
    struct grpc_echo *echo = calloc(1, sizeof(*echo));
    grpc_server_credentials *credentials;

    ck_assert_ptr_nonnull(echo);
    echo->config = *config;
    ck_assert_int_eq(pthread_mutex_init(&echo->lock, NULL), 0);
    grpc_init();
    credentials = credentials_of(config);
    echo->server = grpc_server_create(NULL, NULL);
    echo->cq = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(echo->server, echo->cq, NULL);
    echo->port = grpc_server_add_http2_port(echo->server, "127.0.0.1:0", credentials);
    ck_assert_int_gt(echo->port, 0);
    grpc_server_credentials_release(credentials);
    grpc_server_start(echo->server);
    listen_again(echo);
    ck_assert_int_eq(pthread_create(&echo->thread, NULL, run, echo), 0);
    return echo;
}

void grpc_echo_stop(struct grpc_echo *echo)
{
    pthread_mutex_lock(&echo->lock);
    echo->stopping = true;
    pthread_mutex_unlock(&echo->lock);
    grpc_server_shutdown_and_notify(echo->server, echo->cq, echo);
    grpc_server_cancel_all_calls(echo->server);
    pthread_join(echo->thread, NULL);
    grpc_server_destroy(echo->server);
    grpc_completion_queue_destroy(echo->cq);
    pthread_mutex_destroy(&echo->lock);
    free(echo);
    grpc_shutdown_blocking();
}

int grpc_echo_port(const struct grpc_echo *echo)
{
    return echo->port;
}

size_t grpc_echo_sent(struct grpc_echo *echo)
{
    size_t sent;

    pthread_mutex_lock(&echo->lock);
    sent = echo->sent;
    pthread_mutex_unlock(&echo->lock);
    return sent;
}

void grpc_echo_seen(struct grpc_echo *echo, char *path, char *authorization, size_t cap)
{
    pthread_mutex_lock(&echo->lock);
    (void)snprintf(path, cap, "%s", echo->path);
    (void)snprintf(authorization, cap, "%s", echo->authorization);
    pthread_mutex_unlock(&echo->lock);
}

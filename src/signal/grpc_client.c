/*
 * The home of the gRPC C core on the client's side.
 *
 * The lock guards everything that both threads touch. Batches are started under it, and none is
 * once the stream is closing, since a queue that was shut down takes no more. gRPC allows one batch
 * of a kind in flight: one message being sent and one being received.
 */
#include "signal/grpc_client.h"

#include "signal/url.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_TIMEOUT_MS = 5000, /* one attempt to connect; the default is 20 s */
    KEEPALIVE_MS = 10000,      /* a frozen distributor is noticed in 15 s */
    KEEPALIVE_TIMEOUT_MS = 5000,
    REASON_MAX = 512,
};

/* What a batch on the completion queue was. The address of an entry is its tag. */
enum tag { TAG_BEGIN, TAG_RECEIVE, TAG_SEND, TAG_FINISH, TAG_STATUS, TAG_COUNT };

struct message {
    struct message *next;
    size_t len;
    uint8_t data[];
};

struct queue {
    struct message *head, *tail;
    size_t count;
    size_t len; /* bytes in all messages */
};

struct hws_stream {
    void (*wake)(void *user);
    void *user;
    grpc_channel *channel;
    grpc_completion_queue *cq;
    grpc_call *call;
    pthread_t thread;

    pthread_mutex_t lock; /* guards all below */
    struct queue in, out;
    struct message *lent; /* given out by next_event */
    bool closing;         /* hws_stream_free() has begun: start no batch */
    bool receiving;       /* a batch of that kind is in flight */
    bool received_all;    /* gRPC has said that no message follows */
    bool sending;
    bool lacked_room; /* a send was refused: wake when there is room */
    bool finish_wanted, finished;
    bool begun; /* the answer to our metadata is in, whatever it is */
    bool connected, told_connected;
    bool ended, told_ended;
    char reason[REASON_MAX];

    /* Written by gRPC while a batch is in flight. */
    uint8_t tags[TAG_COUNT];
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *received;
    grpc_status_code status;
    grpc_slice details;
};

/* ---- Queues */

static void push(struct queue *queue, struct message *message)
{
    if (queue->tail) {
        queue->tail->next = message;
    } else {
        queue->head = message;
    }
    queue->tail = message;
    queue->count++;
    queue->len += message->len;
}

static struct message *pop(struct queue *queue)
{
    struct message *message = queue->head;

    if (!message) return NULL;
    queue->head = message->next;
    if (!queue->head) queue->tail = NULL;
    queue->count--;
    queue->len -= message->len;
    message->next = NULL;
    return message;
}

static void clear(struct queue *queue)
{
    for (struct message *message = pop(queue); message; message = pop(queue)) {
        free(message);
    }
}

static struct message *new_message(struct hws_bytes bytes)
{
    struct message *message = calloc(1, sizeof(*message) + bytes.len);

    if (!message) return NULL;
    message->len = bytes.len;
    if (bytes.len > 0) memcpy(message->data, bytes.data, bytes.len);
    return message;
}

/* ---- Batches; the lock is held */

static bool start(struct hws_stream *stream, const grpc_op *ops, size_t count, enum tag tag)
{
    if (stream->closing) return false;
    return grpc_call_start_batch(stream->call, ops, count, &stream->tags[tag], NULL) ==
           GRPC_CALL_OK;
}

/* Also after the status has come: what arrived before a connection broke is still to be read. */
static void receive_next(struct hws_stream *stream)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};

    if (stream->receiving || stream->received_all) return;
    if (stream->in.count >= HWS_STREAM_INBOX_MAX || stream->in.len >= HWS_STREAM_INBOX_LEN_MAX) {
        return;
    }
    op.data.recv_message.recv_message = &stream->received;
    stream->receiving = start(stream, &op, 1, TAG_RECEIVE);
    if (!stream->receiving) stream->received_all = true;
}

static void send_message(struct hws_stream *stream, struct message *message)
{
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)message->data, message->len);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};

    grpc_slice_unref(slice);
    op.data.send_message.send_message = buffer;
    stream->sending = start(stream, &op, 1, TAG_SEND);
    grpc_byte_buffer_destroy(buffer); /* gRPC has taken its own reference */
}

static void send_next(struct hws_stream *stream)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    struct message *message;

    if (stream->sending || stream->ended || stream->finished) return;
    message = pop(&stream->out);
    if (message) {
        send_message(stream, message);
        free(message);
    } else if (stream->finish_wanted) {
        stream->finished = start(stream, &op, 1, TAG_FINISH);
    }
}

static bool has_room(const struct hws_stream *stream)
{
    return stream->out.count < HWS_STREAM_OUTBOX_MAX &&
           stream->out.len + HWS_ENVELOPE_MAX <= HWS_STREAM_OUTBOX_LEN_MAX;
}

/* ---- What the completion queue says; the lock is held. True: the program has something to see */

/* gRPC completes the batches of an end in any order. */
static bool is_over(const struct hws_stream *stream)
{
    return stream->begun && stream->ended && stream->received_all;
}

static struct message *message_of(grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    struct message *message;
    grpc_slice slice;

    if (!grpc_byte_buffer_reader_init(&reader, buffer)) return NULL;
    slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    message =
        new_message((struct hws_bytes){GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice)});
    grpc_slice_unref(slice);
    return message;
}

static bool on_received(struct hws_stream *stream)
{
    struct message *message;

    stream->receiving = false;
    if (!stream->received) {
        stream->received_all = true; /* the status says why */
        return is_over(stream);
    }
    message = message_of(stream->received);
    grpc_byte_buffer_destroy(stream->received);
    stream->received = NULL;
    if (!message) { /* out of memory: to go on without it would break the order */
        (void)grpc_call_cancel_with_status(stream->call, GRPC_STATUS_RESOURCE_EXHAUSTED,
                                           "out of memory", NULL);
        stream->received_all = true;
        return false;
    }
    stream->connected = true;
    push(&stream->in, message);
    receive_next(stream);
    return true;
}

static bool on_sent(struct hws_stream *stream, bool ok)
{
    stream->sending = false;
    if (!ok) return false; /* a status follows */
    send_next(stream);
    if (!stream->lacked_room || !has_room(stream)) return false;
    stream->lacked_room = false;
    return true;
}

/* The text comes from the other side and goes to terminals and logs. */
static bool on_status(struct hws_stream *stream)
{
    char *text = grpc_slice_to_c_string(stream->details);

    (void)snprintf(stream->reason, sizeof(stream->reason), "%s", text);
    gpr_free(text);
    for (char *c = stream->reason; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7F) *c = ' ';
    }
    stream->ended = true;
    clear(&stream->out);
    return is_over(stream);
}

static bool on_event(struct hws_stream *stream, enum tag tag, bool ok)
{
    switch (tag) {
    case TAG_BEGIN:
        stream->begun = true;
        stream->connected = stream->connected || ok;
        return ok || is_over(stream);
    case TAG_RECEIVE:
        return on_received(stream);
    case TAG_SEND:
        return on_sent(stream, ok);
    case TAG_STATUS:
        return on_status(stream);
    case TAG_FINISH:
    case TAG_COUNT:
        break;
    }
    return false;
}

static void *run(void *arg)
{
    struct hws_stream *stream = arg;

    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(stream->cq, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        bool news;

        if (event.type == GRPC_QUEUE_SHUTDOWN) return NULL;
        assert(event.type == GRPC_OP_COMPLETE);
        pthread_mutex_lock(&stream->lock);
        news =
            on_event(stream, (enum tag)((uint8_t *)event.tag - stream->tags), event.success != 0);
        news = news && !stream->closing;
        pthread_mutex_unlock(&stream->lock);
        if (news && stream->wake) stream->wake(stream->user);
    }
}

/* ---- Opening */

static void say_nothing(gpr_log_func_args *args)
{
    (void)args;
}

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

static grpc_channel_credentials *credentials_of(const struct hws_stream_config *config,
                                                const struct hws_url *url)
{
    grpc_ssl_pem_key_cert_pair own = {config->key, config->certificate};

    if (!url->secure) return grpc_insecure_credentials_create();
    return grpc_ssl_credentials_create_ex(config->root_certificates, config->key ? &own : NULL,
                                          NULL, NULL);
}

static grpc_channel *open_channel(const struct hws_stream_config *config, const struct hws_url *url)
{
    /* No look-ups, proxies or retries: a stream that fails says so, at once. */
    grpc_arg list[] = {
        integer(GRPC_ARG_ENABLE_RETRIES, 0),
        integer(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        integer(GRPC_ARG_ENABLE_CHANNELZ, 0),
        integer(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, CONNECT_TIMEOUT_MS),
        integer(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        /* The window stays at 64 KiB: a probed one takes in megabytes that nobody reads. */
        integer(GRPC_ARG_HTTP2_BDP_PROBE, 0),
        integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, HWS_ENVELOPE_MAX),
    };
    grpc_channel_args args = {sizeof(list) / sizeof(list[0]), list};
    grpc_channel_credentials *credentials = credentials_of(config, url);
    grpc_channel *channel;

    if (!credentials) return NULL;
    channel = grpc_channel_create(url->target, credentials, &args);
    grpc_channel_credentials_release(credentials);
    return channel;
}

static grpc_call *open_call(struct hws_stream *stream, enum hws_envelope_side side)
{
    const char *method = side == HWS_SIDE_WORKER
                             ? "/hawser.v1.WorkerService/NegotiatePeerConnection"
                             : "/hawser.v1.ClientService/NegotiatePeerConnection";

    return grpc_channel_create_call(stream->channel, NULL, GRPC_PROPAGATE_DEFAULTS, stream->cq,
                                    grpc_slice_from_static_string(method), NULL,
                                    gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
}

/* The three batches of every stream. @p token may be NULL. */
static bool begin(struct hws_stream *stream, const char *token)
{
    char value[sizeof("Bearer ") + HWS_STREAM_TOKEN_MAX];
    grpc_metadata authorization = {.key = grpc_slice_from_static_string("authorization")};
    grpc_op first[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                        {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    grpc_op last = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    bool ok;

    if (token) {
        (void)snprintf(value, sizeof(value), "Bearer %s", token);
        authorization.value = grpc_slice_from_copied_string(value);
        first[0].data.send_initial_metadata.count = 1;
        first[0].data.send_initial_metadata.metadata = &authorization;
    }
    first[1].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
    last.data.recv_status_on_client.trailing_metadata = &stream->trailing;
    last.data.recv_status_on_client.status = &stream->status;
    last.data.recv_status_on_client.status_details = &stream->details;
    pthread_mutex_lock(&stream->lock);
    ok = start(stream, &last, 1, TAG_STATUS) && start(stream, first, 2, TAG_BEGIN);
    if (ok) receive_next(stream);
    pthread_mutex_unlock(&stream->lock);
    if (token) grpc_slice_unref(authorization.value);
    return ok;
}

/* The stream has its lock; everything else is made here. On failure hws_stream_free() follows. */
static enum hws_err open_stream(struct hws_stream *stream, const struct hws_stream_config *config,
                                const struct hws_url *url)
{
    stream->channel = open_channel(config, url);
    if (!stream->channel) return HWS_ERR_LIBRARY;
    stream->cq = grpc_completion_queue_create_for_next(NULL);
    if (pthread_create(&stream->thread, NULL, run, stream) != 0) {
        grpc_completion_queue_shutdown(stream->cq);
        grpc_completion_queue_destroy(stream->cq);
        stream->cq = NULL; /* means: no thread either */
        return HWS_ERR_NO_MEMORY;
    }
    stream->call = open_call(stream, config->side);
    return stream->call && begin(stream, config->token) ? HWS_OK : HWS_ERR_LIBRARY;
}

static enum hws_err refuse(const char **out_reason, const char *reason)
{
    if (out_reason) *out_reason = reason;
    return HWS_ERR_ARGUMENT;
}

static bool is_token(const char *token)
{
    size_t len = 0;

    for (; token[len] > ' ' && token[len] <= '~' && len <= HWS_STREAM_TOKEN_MAX; len++) {
    }
    return len > 0 && len <= HWS_STREAM_TOKEN_MAX && token[len] == '\0';
}

static enum hws_err check(const struct hws_stream_config *config, struct hws_url *url,
                          const char **out_reason)
{
    enum hws_err err = hws_url_read(config->url, url, out_reason);

    if (err) return err;
    if (!url->secure && !url->local && !config->insecure) {
        return refuse(out_reason, "plain text to a distributor that is not on this host needs "
                                  "--insecure (or use https://)");
    }
    if (!config->certificate != !config->key) {
        return refuse(out_reason, "a certificate and its key belong together");
    }
    if (!url->secure && (config->certificate || config->root_certificates)) {
        return refuse(out_reason, "certificates are for https://");
    }
    if (config->token && !is_token(config->token)) {
        return refuse(out_reason, "the token is empty, too long, or not printable ASCII");
    }
    return HWS_OK;
}

static void start_grpc(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, quiet);
    grpc_init();
}

enum hws_err hws_stream_open(const struct hws_stream_config *config, struct hws_stream **out,
                             const char **out_reason)
{
    struct hws_url url;
    enum hws_err err = check(config, &url, out_reason);
    struct hws_stream *stream;
    sigset_t all, before;

    if (err) return err;
    stream = calloc(1, sizeof(*stream));
    if (!stream || pthread_mutex_init(&stream->lock, NULL) != 0) {
        free(stream);
        if (out_reason) *out_reason = "out of memory";
        return HWS_ERR_NO_MEMORY;
    }
    stream->wake = config->wake;
    stream->user = config->user;
    stream->details = grpc_empty_slice();
    grpc_metadata_array_init(&stream->initial);
    grpc_metadata_array_init(&stream->trailing);
    /* Signals are for the program's own threads: those made here, gRPC's too, inherit the mask. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    start_grpc();
    err = open_stream(stream, config, &url);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err) {
        if (out_reason) *out_reason = "gRPC cannot open a stream";
        hws_stream_free(stream);
        return err;
    }
    *out = stream;
    return HWS_OK;
}

/* After this nothing runs any more. What is in flight ends because the call was cancelled. */
static void stop(struct hws_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->closing = true;
    pthread_mutex_unlock(&stream->lock);
    if (stream->call) (void)grpc_call_cancel(stream->call, NULL);
    if (!stream->cq) return;
    grpc_completion_queue_shutdown(stream->cq);
    pthread_join(stream->thread, NULL);
    grpc_completion_queue_destroy(stream->cq);
}

void hws_stream_free(struct hws_stream *stream)
{
    if (!stream) return;
    stop(stream);
    if (stream->received) grpc_byte_buffer_destroy(stream->received);
    if (stream->call) grpc_call_unref(stream->call);
    if (stream->channel) grpc_channel_destroy(stream->channel);
    grpc_metadata_array_destroy(&stream->initial);
    grpc_metadata_array_destroy(&stream->trailing);
    grpc_slice_unref(stream->details);
    clear(&stream->in);
    clear(&stream->out);
    free(stream->lent);
    pthread_mutex_destroy(&stream->lock);
    free(stream);
    grpc_shutdown_blocking();
}

/* ---- From the program's thread */

enum hws_err hws_stream_send(struct hws_stream *stream, struct hws_bytes packed)
{
    struct message *message;
    enum hws_err err = HWS_OK;

    if (packed.len > HWS_ENVELOPE_MAX) return HWS_ERR_TOO_BIG;
    message = new_message(packed);
    if (!message) return HWS_ERR_NO_MEMORY;
    pthread_mutex_lock(&stream->lock);
    if (stream->ended || stream->finish_wanted) {
        err = HWS_ERR_STATE;
    } else if (!has_room(stream)) {
        stream->lacked_room = true;
        err = HWS_ERR_FULL;
    } else {
        push(&stream->out, message);
        message = NULL;
        send_next(stream);
    }
    pthread_mutex_unlock(&stream->lock);
    free(message);
    return err;
}

bool hws_stream_has_room(struct hws_stream *stream)
{
    bool room;

    pthread_mutex_lock(&stream->lock);
    room = stream->ended || stream->finish_wanted || has_room(stream);
    stream->lacked_room = stream->lacked_room || !room;
    pthread_mutex_unlock(&stream->lock);
    return room;
}

void hws_stream_finish(struct hws_stream *stream)
{
    pthread_mutex_lock(&stream->lock);
    stream->finish_wanted = true;
    send_next(stream);
    pthread_mutex_unlock(&stream->lock);
}

static bool take_event(struct hws_stream *stream, struct hws_stream_event *out)
{
    if (stream->connected && !stream->told_connected) {
        stream->told_connected = true;
        *out = (struct hws_stream_event){.kind = HWS_STREAM_CONNECTED, .reason = ""};
        return true;
    }
    stream->lent = pop(&stream->in);
    receive_next(stream);
    if (stream->lent) {
        *out = (struct hws_stream_event){
            .kind = HWS_STREAM_MESSAGE,
            .packed = {stream->lent->data, stream->lent->len},
            .reason = ""
        };
        return true;
    }
    if (!is_over(stream) || stream->told_ended) return false;
    stream->told_ended = true;
    *out = (struct hws_stream_event){
        .kind = HWS_STREAM_ENDED, .status = (int)stream->status, .reason = stream->reason};
    return true;
}

bool hws_stream_next_event(struct hws_stream *stream, struct hws_stream_event *out)
{
    bool got;

    pthread_mutex_lock(&stream->lock);
    free(stream->lent);
    stream->lent = NULL;
    got = take_event(stream, out);
    pthread_mutex_unlock(&stream->lock);
    return got;
}

enum hws_err hws_err_of_status(int status)
{
    switch (status) {
    case GRPC_STATUS_OK:
    case GRPC_STATUS_CANCELLED:
        return HWS_ERR_CLOSED;
    case GRPC_STATUS_INVALID_ARGUMENT:
        return HWS_ERR_MALFORMED;
    case GRPC_STATUS_DEADLINE_EXCEEDED:
        return HWS_ERR_TIMEOUT;
    case GRPC_STATUS_NOT_FOUND:
        return HWS_ERR_NOT_FOUND;
    case GRPC_STATUS_RESOURCE_EXHAUSTED:
        return HWS_ERR_FULL;
    case GRPC_STATUS_OUT_OF_RANGE:
        return HWS_ERR_TOO_BIG;
    case GRPC_STATUS_UNIMPLEMENTED:
        return HWS_ERR_UNSUPPORTED;
    case GRPC_STATUS_INTERNAL:
        return HWS_ERR_LIBRARY;
    case GRPC_STATUS_UNAVAILABLE:
        return HWS_ERR_UNREACHABLE;
    case GRPC_STATUS_DATA_LOSS:
        return HWS_ERR_INTEGRITY;
    default: /* PERMISSION_DENIED, FAILED_PRECONDITION, ABORTED, ALREADY_EXISTS... */
        return HWS_ERR_REFUSED;
    }
}

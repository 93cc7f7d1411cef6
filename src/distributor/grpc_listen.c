/*
 * Listeners. When accept() runs out of files, the C core's listener never accepts again, so its log
 * is watched for that, and the listener replaced once there are files again: the old one is shut
 * down (its calls go on) and a new one made on the same queue and ports.
 */
#include "distributor/grpc_internal.h"
#include "distributor/host.h"

#include <grpc/grpc_security.h>
#include <grpc/support/log.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARMED = 8,       /* calls of a method that are waited for at once */
    SPARE_FILES = 8, /* to listen and to accept */
    ARG_MAX_COUNT = 16,
};
#define HEAL_RETRY HWS_MS(200)

static const char *const method_names[HWS_METHOD_UNKNOWN] = {
    [HWS_METHOD_CLIENT] = "/hawser.v1.ClientService/NegotiatePeerConnection",
    [HWS_METHOD_CLIENT_BARE] = "/ClientService/NegotiatePeerConnection",
    [HWS_METHOD_WORKER] = "/hawser.v1.WorkerService/NegotiatePeerConnection",
    [HWS_METHOD_WORKER_BARE] = "/WorkerService/NegotiatePeerConnection",
};

/* The core has one log for the process and calls it from any of its threads. */
static struct hws_log core_log;
static atomic_bool accept_failed;

static void take_core_line(gpr_log_func_args *args)
{
    if (strstr(args->message, "Failed accept")) atomic_store(&accept_failed, true);
    HWS_LOG(&core_log, HWS_LOG_INFO, hws_host_now(), "grpc", "core.line", "text=\"%s\"",
            args->message);
}

void hws_listener_watch(const struct hws_log *log)
{
    core_log = *log;
    gpr_set_log_function(take_core_line);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}

struct args {
    grpc_arg list[ARG_MAX_COUNT];
    size_t count;
};

static void add_arg(struct args *args, const char *key, int64_t value)
{
    args->list[args->count++] =
        (grpc_arg){.type = GRPC_ARG_INTEGER,
                   .key = (char *)(uintptr_t)key, /* only read, but not const in the core */
                   .value.integer = (int)value};
}

static grpc_server *make_grpc_server(const struct hws_config *config)
{
    const struct hws_edge_limits *edge = &config->edge;
    struct args args = {.count = 0};
    grpc_channel_args list;

    add_arg(&args, GRPC_ARG_ALLOW_REUSEPORT, 0);
    /* The router refuses a bigger message by name; this only bounds what is read at all. */
    add_arg(&args, GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, 2 * HWS_ENVELOPE_MAX);
    add_arg(&args, GRPC_ARG_MAX_CONCURRENT_STREAMS, edge->streams_per_connection);
    add_arg(&args, GRPC_ARG_MAX_METADATA_SIZE, edge->metadata);
    add_arg(&args, "grpc.server_handshake_timeout_ms", edge->handshake / 1000);
    add_arg(&args, GRPC_ARG_KEEPALIVE_TIME_MS, edge->keepalive / 1000);
    add_arg(&args, GRPC_ARG_KEEPALIVE_TIMEOUT_MS, edge->keepalive_wait / 1000);
    add_arg(&args, GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    add_arg(&args, GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    /* The default of 300 s would cut clients that ask more often than that. */
    add_arg(&args, GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1000);
    add_arg(&args, GRPC_ARG_MAX_CONNECTION_IDLE_MS, edge->connection_idle / 1000);
    add_arg(&args, GRPC_ARG_ENABLE_CHANNELZ, 0);
    list = (grpc_channel_args){.num_args = args.count, .args = args.list};
    return grpc_server_create(&list, NULL);
}

/* The first time a port 0 is chosen by the kernel; a successor takes the same port. */
static bool bind_ports(struct hws_listener *listener, size_t *out_failed)
{
    struct hws_server *server = listener->server;
    const struct hws_config *config = server->config.config;
    grpc_server_credentials *credentials = grpc_insecure_server_credentials_create();
    bool bound = true;

    for (size_t i = 0; i < config->listen_count && bound; i++) {
        const struct hws_listen *listen = &config->listens[i];
        char text[HWS_LISTEN_TEXT_MAX + 8];
        struct hws_writer out = hws_writer_over((uint8_t *)text, sizeof(text));
        int port;

        hws_write_text(&out, "%s", listen->host);
        if (!listen->is_unix) hws_write_text(&out, ":%u", server->ports[i]);
        hws_write_u8(&out, '\0');
        port = grpc_server_add_http2_port(listener->grpc, text, credentials);
        bound = port > 0;
        if (!bound) {
            *out_failed = i;
        } else if (!listen->is_unix) {
            server->ports[i] = (uint16_t)port;
        }
    }
    grpc_server_credentials_release(credentials);
    return bound;
}

enum hws_err hws_listener_open(struct hws_server *server, size_t *out_failed)
{
    struct hws_listener *listener = calloc(1, sizeof(*listener));

    if (!listener) return HWS_ERR_NO_MEMORY;
    listener->server = server;
    listener->tag = (struct hws_tag){.kind = HWS_TAG_LISTENER, .owner = listener};
    listener->grpc = make_grpc_server(server->config.config);
    listener->next = server->listeners;
    server->listeners = listener;
    grpc_server_register_completion_queue(listener->grpc, server->queue, NULL);
    for (unsigned i = 0; i < HWS_METHOD_UNKNOWN; i++) {
        listener->methods[i] = grpc_server_register_method(listener->grpc, method_names[i], NULL,
                                                           GRPC_SRM_PAYLOAD_NONE, 0);
    }
    if (!bind_ports(listener, out_failed)) {
        hws_listener_close(listener);
        return HWS_ERR_IO;
    }
    grpc_server_start(listener->grpc);
    /* Without a request for the unknown ones, such a call would hang until its deadline. */
    for (unsigned i = 0; i < HWS_METHOD_COUNT; i++) {
        for (unsigned n = 0; n < ARMED; n++)
            hws_call_arm(listener, (enum hws_method)i);
    }
    return HWS_OK;
}

void hws_listener_close(struct hws_listener *listener)
{
    if (listener->closing) return;
    listener->closing = true;
    grpc_server_shutdown_and_notify(listener->grpc, listener->server->queue, &listener->tag);
}

void hws_listener_cut(struct hws_listener *listener)
{
    hws_listener_close(listener);
    grpc_server_cancel_all_calls(listener->grpc);
}

void hws_listener_gone(struct hws_listener *listener)
{
    struct hws_listener **at = &listener->server->listeners;

    while (*at != listener)
        at = &(*at)->next;
    *at = listener->next;
    grpc_server_destroy(listener->grpc);
    free(listener);
}

void hws_listener_heal(struct hws_server *server, hws_time now)
{
    size_t failed;

    if (server->phase != HWS_SERVER_RUNS) return;
    if (!server->healing) {
        if (!atomic_exchange(&accept_failed, false)) return;
        HWS_LOG(&server->config.log, HWS_LOG_ERROR, now, "grpc", "listener.dead",
                "reason=files calls=%zu", server->call_count);
        /* Only one generation of old calls may go on: else each such death would add one. */
        for (struct hws_listener *old = server->listeners; old; old = old->next) {
            if (old->closing) hws_listener_cut(old);
        }
        if (server->listeners) hws_listener_close(server->listeners);
        server->healing = true;
        server->heal_at = now + HEAL_RETRY;
        return;
    }
    if (now < server->heal_at) return;
    server->heal_at = now + HEAL_RETRY;
    if (!hws_host_has_files(SPARE_FILES)) return;
    for (size_t i = 0; i < server->config.config->listen_count; i++) {
        if (hws_host_listen_obstacle(&server->config.config->listens[i], server->ports[i])) return;
    }
    if (hws_listener_open(server, &failed)) return;
    server->healing = false;
    atomic_store(&accept_failed, false);
    HWS_LOG(&server->config.log, HWS_LOG_ERROR, now, "grpc", "listener.back", "calls=%zu",
            server->call_count);
}

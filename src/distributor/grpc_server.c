#include "distributor/grpc_internal.h"
#include "distributor/host.h"

#include <grpc/grpc_security.h>
#include <grpc/support/time.h>
#include <stdlib.h>

/* The loop looks around at least so often: the sign of a dead listener wakes nobody. */
#define ROUND HWS_SEC(1)
/* After cancelling everything the core needs a moment; what takes longer is left behind. */
#define CUT_TIME HWS_SEC(2)

enum hws_err hws_server_new(const struct hws_server_config *config, struct hws_server **out,
                            size_t *out_failed)
{
    struct hws_server *server = calloc(1, sizeof(*server));
    enum hws_err err;

    if (!server) return HWS_ERR_NO_MEMORY;
    server->config = *config;
    for (size_t i = 0; i < config->config->listen_count; i++) {
        server->ports[i] = config->config->listens[i].port;
    }
    hws_listener_watch(&config->log);
    grpc_init();
    server->queue = grpc_completion_queue_create_for_next(NULL);
    /* The C core has no alarm: an empty batch on a call that never starts wakes the queue. */
    server->wake_tag = (struct hws_tag){.kind = HWS_TAG_WAKE, .owner = server};
    server->wake_channel = grpc_lame_client_channel_create("wake", GRPC_STATUS_UNAVAILABLE, "");
    server->wake_call = grpc_channel_create_call(
        server->wake_channel, NULL, GRPC_PROPAGATE_DEFAULTS, server->queue,
        grpc_slice_from_static_string("/wake"), NULL, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    err = hws_listener_open(server, out_failed);
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
    atomic_fetch_add(&server->stop_count, 1);
    (void)grpc_call_start_batch(server->wake_call, NULL, 0, &server->wake_tag, NULL);
}

static void carry(struct hws_server *server, const struct hws_router_output *output)
{
    struct hws_bus *bus = server->config.bus;
    enum hws_err err = HWS_OK;

    switch (output->kind) {
    case HWS_ROUTER_SEND:
    case HWS_ROUTER_END:
    case HWS_ROUTER_CUT:
        hws_call_output(output->user, output);
        return;
    case HWS_ROUTER_SUBSCRIBE:
        err = bus->ops->subscribe(bus, output->worker);
        if (err) {
            HWS_LOG(&server->config.log, HWS_LOG_ERROR, hws_host_now(), "bus", "subscribe.failed",
                    "worker=%lld err=%s", (long long)output->worker, hws_err_name(err));
        }
        return;
    case HWS_ROUTER_UNSUBSCRIBE:
        bus->ops->unsubscribe(bus, output->worker);
        return;
    case HWS_ROUTER_PUBLISH_WORKER:
        err = bus->ops->publish_worker(bus, output->worker, output->session, output->bytes);
        break;
    case HWS_ROUTER_PUBLISH_SESSION:
        err = bus->ops->publish_session(bus, output->instance, output->session, output->bytes);
        break;
    }
    if (err) hws_router_bus_lost(server->config.router, output->session, hws_host_now());
}

void hws_server_pump(struct hws_server *server)
{
    struct hws_router *router = server->config.router;
    struct hws_bus *bus = server->config.bus;
    struct hws_router_output output;
    struct hws_bus_delivery delivery;

    for (;;) {
        if (hws_router_next_output(router, &output)) {
            carry(server, &output);
        } else if (bus->ops->next(bus, &delivery)) {
            (void)hws_router_feed_bus(router, &delivery, hws_host_now());
        } else {
            return;
        }
    }
}

/* Stop asked for: drain on the first, cut on the second, or when the time for draining is over. */
static void look_at_stop(struct hws_server *server, hws_time now)
{
    unsigned asked = atomic_load(&server->stop_count);

    if (asked > 0 && server->phase == HWS_SERVER_RUNS) {
        server->phase = HWS_SERVER_DRAINS;
        server->phase_end = now + server->config.config->edge.shutdown;
        HWS_LOG(&server->config.log, HWS_LOG_INFO, now, "grpc", "server.drain", "calls=%zu",
                server->call_count);
        for (struct hws_listener *at = server->listeners; at; at = at->next) {
            hws_listener_close(at);
        }
        hws_router_stop(server->config.router, now);
    }
    if (server->phase == HWS_SERVER_DRAINS && (asked > 1 || now >= server->phase_end)) {
        server->phase = HWS_SERVER_CUTS;
        server->phase_end = now + CUT_TIME;
        HWS_LOG(&server->config.log, HWS_LOG_INFO, now, "grpc", "server.cut", "calls=%zu",
                server->call_count);
        for (struct hws_listener *at = server->listeners; at; at = at->next)
            hws_listener_cut(at);
    }
}

static gpr_timespec wait_until(const struct hws_server *server, hws_time now)
{
    hws_time until = now + ROUND;
    hws_time tick = hws_router_deadline(server->config.router);

    if (tick < until) until = tick;
    if (server->healing && server->heal_at < until) until = server->heal_at;
    if (server->phase != HWS_SERVER_RUNS && server->phase_end < until) until = server->phase_end;
    if (until < now) until = now;
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                        gpr_time_from_micros(until - now, GPR_TIMESPAN));
}

static void complete(const grpc_event *event, hws_time now)
{
    struct hws_tag *tag = event->tag;

    if (tag->kind == HWS_TAG_LISTENER) {
        hws_listener_gone(tag->owner);
    } else if (tag->kind != HWS_TAG_WAKE) {
        hws_call_complete(tag->owner, tag->kind, event->success != 0, now);
    }
}

/* Has everything ended that the end waits for? */
static bool is_over(const struct hws_server *server, hws_time now)
{
    if (server->phase == HWS_SERVER_RUNS) return false;
    if (!server->listeners && server->call_count == 0) return true;
    return server->phase == HWS_SERVER_CUTS && now >= server->phase_end;
}

void hws_server_run(struct hws_server *server)
{
    hws_time now = hws_host_now();

    while (!is_over(server, now)) {
        grpc_event event = grpc_completion_queue_next(server->queue, wait_until(server, now), NULL);

        now = hws_host_now();
        if (event.type == GRPC_OP_COMPLETE) complete(&event, now);
        look_at_stop(server, now);
        hws_listener_heal(server, now);
        hws_router_tick(server->config.router, now);
        hws_server_pump(server);
    }
}

/* Run the queue dry; false when something does not end in time. */
static bool run_dry(struct hws_server *server)
{
    gpr_timespec until =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(CUT_TIME, GPR_TIMESPAN));

    for (;;) {
        grpc_event event = grpc_completion_queue_next(server->queue, until, NULL);

        if (event.type == GRPC_QUEUE_SHUTDOWN) return true;
        if (event.type == GRPC_QUEUE_TIMEOUT) return false;
        complete(&event, hws_host_now());
        if (!server->listeners && server->call_count == 0) {
            grpc_completion_queue_shutdown(server->queue);
        }
    }
}

void hws_server_free(struct hws_server *server)
{
    bool dry;

    if (!server) return;
    server->phase = HWS_SERVER_CUTS;
    for (struct hws_listener *at = server->listeners; at; at = at->next)
        hws_listener_cut(at);
    grpc_call_unref(server->wake_call);
    grpc_channel_destroy(server->wake_channel);
    if (!server->listeners && server->call_count == 0) {
        grpc_completion_queue_shutdown(server->queue);
    }
    dry = run_dry(server);
    /* The core may still use what did not end: then it stays until the process leaves. */
    if (!dry) return;
    grpc_completion_queue_destroy(server->queue);
    grpc_shutdown();
    free(server);
}

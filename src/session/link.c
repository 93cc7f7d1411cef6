#include "session/link.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void wake_loop(void *user)
{
    struct hws_link *link = user;

    hws_loop_wake(link->loop);
}

static char *copy_text(const char *text)
{
    size_t len = strlen(text) + 1;
    char *copy = calloc(1, len);

    if (copy) memcpy(copy, text, len);
    return copy;
}

enum hws_err hws_link_init(struct hws_link *link, const struct hws_link_config *config,
                           const char **out_reason)
{
    enum hws_err err;

    *out_reason = "no distributor is named";
    if (!config->distributor) return HWS_ERR_ARGUMENT;
    *out_reason = "a worker's id is a number above 0";
    if (config->worker <= 0) return HWS_ERR_ARGUMENT;
    *out_reason = "out of memory";
    link->port_min = config->loop.port_min;
    link->port_max = config->loop.port_max;
    link->signal_config = (struct hws_signal_client_config){.side = config->side,
                                                            .worker = config->worker,
                                                            .session_max = config->session_max,
                                                            .log = config->loop.log};
    link->stream_config = (struct hws_stream_config){.url = copy_text(config->distributor),
                                                     .side = config->side,
                                                     .insecure = config->insecure,
                                                     .wake = wake_loop,
                                                     .user = link};
    if (!link->stream_config.url) return HWS_ERR_NO_MEMORY;
    err = hws_signal_client_new(&link->signal_config, &link->signal);
    if (!err) err = hws_loop_new(&config->loop, &link->loop, out_reason);
    if (!err) err = hws_stream_open(&link->stream_config, &link->stream, out_reason);
    return err;
}

void hws_link_fini(struct hws_link *link)
{
    hws_stream_free(link->stream); /* first: its thread wakes the loop */
    hws_signal_client_free(link->signal);
    hws_loop_free(link->loop);
    free((char *)(uintptr_t)link->stream_config.url); /* ours, by copy_text() */
}

enum hws_err hws_link_reopen(struct hws_link *link)
{
    struct hws_signal_client *fresh;
    struct hws_stream *old = link->stream;
    enum hws_err err = hws_signal_client_new(&link->signal_config, &fresh);

    if (err) return err;
    hws_signal_client_free(link->signal);
    link->signal = fresh;
    link->stream = NULL;
    link->stream_up = link->stream_ended = false;
    err = hws_stream_open(&link->stream_config, &link->stream, NULL);
    hws_stream_free(old); /* after the new one, or gRPC would shut down between them */
    return err;
}

void hws_link_because(struct hws_link *link, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(link->reason, sizeof(link->reason), format, args);
    va_end(args);
}

void hws_link_because_no_peer(struct hws_link *link, enum hws_err err)
{
    if (err != HWS_ERR_IO) {
        hws_link_because(link, "a connection cannot be made: %s", hws_strerror(err));
    } else if (link->port_min == 0) {
        hws_link_because(link, "no UDP socket could be opened");
    } else {
        hws_link_because(link, "no UDP port from %u to %u is free", link->port_min, link->port_max);
    }
}

void hws_link_flush(struct hws_link *link)
{
    struct hws_bytes packed;

    /* What the stream has no room for waits; the wake-up that says so comes back here. */
    while (link->stream && hws_stream_has_room(link->stream) &&
           hws_signal_client_next_packet(link->signal, &packed)) {
        if (hws_stream_send(link->stream, packed) != HWS_OK) return; /* the stream is over */
    }
}

static void feed(struct hws_link *link, struct hws_bytes packed)
{
    enum hws_err err = hws_signal_client_feed(link->signal, packed, hws_loop_now(link->loop));

    /* A message that is no good is its sender's affair, and its session has been ended. */
    if (!err || hws_err_class(err) == HWS_CLASS_PEER) return;
    hws_link_because(link, "a message of the distributor could not be taken: %s",
                     hws_strerror(err));
    hws_stream_finish(link->stream);
}

/* Take one thing that came over the stream; false when there is none. */
static bool take_stream(struct hws_link *link)
{
    struct hws_stream_event event;

    if (!link->stream || link->stream_ended || !hws_stream_next_event(link->stream, &event))
        return false;
    switch (event.kind) {
    case HWS_STREAM_CONNECTED:
        link->stream_up = true;
        break;
    case HWS_STREAM_MESSAGE:
        link->stream_up = true;
        feed(link, event.packed);
        break;
    case HWS_STREAM_ENDED:
        link->stream_ended = true;
        link->stream_status = event.status;
        hws_link_because(link, "the distributor %s: %s", link->stream_config.url,
                         event.reason[0] ? event.reason : "ended the stream");
        break;
    }
    return true;
}

bool hws_link_next_signal(struct hws_link *link, struct hws_signal_event *out)
{
    do {
        if (hws_signal_client_next_event(link->signal, out)) return true;
    } while (take_stream(link));
    return false;
}

enum hws_err hws_link_turn(struct hws_link *link, hws_time timeout)
{
    hws_link_flush(link);
    return hws_loop_wait(link->loop, timeout);
}

void hws_link_wake(struct hws_link *link)
{
    atomic_store(&link->woken, true);
    hws_loop_wake(link->loop);
}

bool hws_link_take_wake(struct hws_link *link)
{
    return atomic_exchange(&link->woken, false);
}

hws_time hws_link_deadline(const struct hws_link *link, hws_time timeout)
{
    hws_time now = hws_loop_now(link->loop);

    return timeout >= HWS_NEVER - now ? HWS_NEVER : now + timeout;
}

hws_time hws_link_left(const struct hws_link *link, hws_time deadline)
{
    hws_time now = hws_loop_now(link->loop);

    if (deadline == HWS_NEVER) return HWS_NEVER;
    return deadline > now ? deadline - now : 0;
}

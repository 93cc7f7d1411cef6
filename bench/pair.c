#include "pair.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SIGNAL_MAX = 32 * 1024 };

/* A signal on the pipe: kind and text in one datagram. */
static void put(struct pair_end *end, const struct hws_signal *signal)
{
    static uint8_t packet[SIGNAL_MAX];

    packet[0] = (uint8_t)signal->kind;
    memcpy(packet + 1, signal->text.data, signal->text.len);
    if (send(end->pipe, packet, signal->text.len + 1, 0) < 0) perror("bench: pipe");
}

static void take_signals(struct pair_end *end)
{
    static uint8_t packet[SIGNAL_MAX];
    ssize_t got;

    while ((got = recv(end->pipe, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
        struct hws_signal signal = {
            .kind = (enum hws_signal_kind)packet[0], .text = {packet + 1, (size_t)got - 1}
        };

        if (hws_peer_signal(end->peer, &signal, hws_loop_now(end->loop)) != HWS_OK)
            fprintf(stderr, "bench: %s\n", hws_peer_fault_text(end->peer));
    }
}

bool pair_start(struct pair_end *end, int pipe, bool offers)
{
    const char *reason = "";

    end->pipe = pipe;
    if (hws_loop_new(&(struct hws_loop_config){0}, &end->loop, &reason) != HWS_OK ||
        hws_loop_add_peer(end->loop, &(struct hws_peer_config){0}, end, &end->peer) != HWS_OK) {
        fprintf(stderr, "bench: no loop: %s\n", reason);
        return false;
    }
    if (!offers) return true;
    return hws_peer_open_channel(end->peer, &(struct hws_channel_config){0},
                                 hws_loop_now(end->loop), &end->channel) == HWS_OK &&
           hws_peer_offer(end->peer, hws_loop_now(end->loop)) == HWS_OK;
}

static void on_event(struct pair_end *end, const struct hws_event *event)
{
    switch (event->kind) {
    case HWS_EVENT_CHANNEL_OPEN:
    case HWS_EVENT_CHANNEL_INCOMING:
        end->channel = event->channel;
        end->open = true;
        break;
    case HWS_EVENT_MESSAGE:
        if (end->on_message) end->on_message(end, event->message);
        break;
    case HWS_EVENT_WRITABLE:
        end->writable = true;
        break;
    case HWS_EVENT_CLOSED:
        end->closed = true;
        break;
    case HWS_EVENT_NONE:
    case HWS_EVENT_PATH:
    case HWS_EVENT_CONNECTED:
    case HWS_EVENT_BUFFER_LOW:
    case HWS_EVENT_SERVER_FAILED:
    case HWS_EVENT_CHANNEL_CLOSED:
        break;
    }
}

bool pair_turn(struct pair_end *end, hws_time timeout)
{
    struct hws_loop_item item;

    if (!end->open) {
        take_signals(end);
        if (timeout > HWS_MS(1)) timeout = HWS_MS(1); /* the pipe is not in the loop */
    }
    if (hws_loop_wait(end->loop, timeout) != HWS_OK) return false;
    while (hws_loop_next(end->loop, &item)) {
        if (item.is_signal) {
            put(end, &item.signal);
        } else {
            on_event(end, &item.event);
        }
    }
    return !end->closed;
}

void pair_end(struct pair_end *end)
{
    hws_peer_close(end->peer, hws_loop_now(end->loop));
    hws_loop_free(end->loop);
    close(end->pipe);
}

double pair_cpu_seconds(int who)
{
    struct rusage usage;

    if (getrusage(who, &usage) != 0) return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double pair_median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

#include "sctp_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

/* The time that usrsctp sees. */
static hws_time virtual_now;

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    (void)zone;
    tv->tv_sec = (time_t)(1000000 + virtual_now / 1000000);
    tv->tv_usec = (suseconds_t)(virtual_now % 1000000);
    return 0;
}

struct pair_packet {
    struct pair_packet *next;
    hws_time at;
    size_t len;
    uint8_t bytes[2048];
};

static void must(bool holds, const char *what)
{
    if (holds) return;
    fprintf(stderr, "sctp_pair: %s\n", what);
    abort();
}

uint32_t pair_random(struct pair *pair, uint32_t below)
{
    pair->seed = pair->seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(pair->seed >> 33) % below;
}

void pair_open(struct pair *pair)
{
    virtual_now = pair->now;
    if (pair->config.local_port == 0) pair->config.local_port = 5000;
    if (pair->config.remote_port == 0) pair->config.remote_port = 5001;
    must(pair->stack || hws_sctp_stack_new(pair->now, &pair->stack) == HWS_OK, "no stack");
    for (int i = 0; i < 2; i++) {
        struct hws_sctp_config config = pair->config;

        if (i == 1) {
            config.local_port = pair->config.remote_port;
            config.remote_port = pair->config.local_port;
        }
        if (i == 1 && pair->streams_of_second > 0) config.streams = pair->streams_of_second;
        if (pair->plain[i]) config.no_interleaving = true;
        pair->ends[i].pair = pair;
        must(hws_sctp_new(pair->stack, &config, &pair->ends[i].sctp) == HWS_OK, "no association");
    }
}

void pair_connect(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        must(hws_sctp_connect(pair->ends[i].sctp, pair->now) == HWS_OK, "no connect");
    }
}

void pair_close(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        hws_sctp_free(pair->ends[i].sctp);
        while (pair->ends[i].arriving) {
            struct pair_packet *packet = pair->ends[i].arriving;

            pair->ends[i].arriving = packet->next;
            free(packet);
        }
    }
    if (pair->keeps_stack) return;
    hws_sctp_stack_free(pair->stack);
    pair->stack = NULL;
}

static void put(struct pair *pair, struct pair_end *to, struct hws_bytes bytes)
{
    struct pair_packet **at = &to->arriving;
    struct pair_packet *packet = calloc(1, sizeof(*packet));

    must(packet != NULL, "no memory");
    packet->at = pair->now + pair->delay;
    if (pair->rate > 0) packet->at = pair->busy_until[to == &pair->ends[1]] + pair->delay;
    if (pair_random(pair, 100) < pair->late) packet->at += pair_random(pair, 30000);
    packet->len = bytes.len;
    memcpy(packet->bytes, bytes.data, bytes.len);
    while (*at && (*at)->at <= packet->at) {
        at = &(*at)->next;
    }
    packet->next = *at;
    *at = packet;
}

/* The time a packet spends before it is on its way; false: the queue is full. */
static bool pass(struct pair *pair, int to, size_t len)
{
    hws_time *busy = &pair->busy_until[to];

    if (pair->rate == 0) return true;
    if (*busy < pair->now) *busy = pair->now;
    if (*busy - pair->now > HWS_MS(50)) return false;
    *busy += (hws_time)(len * 1000000 / pair->rate);
    return true;
}

static bool send_all(struct pair *pair, int from)
{
    struct pair_end *end = &pair->ends[from];
    struct hws_bytes packet;
    bool any = false;

    while (hws_sctp_next_packet(end->sctp, &packet)) {
        any = true;
        end->packet_count++;
        if (packet.len > end->packet_max) end->packet_max = packet.len;
        if (pair->on_packet) pair->on_packet(pair, packet);
        if (pair->cut || pair_random(pair, 100) < pair->loss) continue;
        if (!pass(pair, 1 - from, packet.len)) continue;
        put(pair, &pair->ends[1 - from], packet);
        if (pair_random(pair, 100) < pair->twice) put(pair, &pair->ends[1 - from], packet);
    }
    return any;
}

static void note_event(struct pair_end *end, const struct hws_sctp_event *event)
{
    switch (event->kind) {
    case HWS_SCTP_UP:
        must(!end->up, "UP twice");
        end->up = true;
        end->up_at = end->pair->now;
        break;
    case HWS_SCTP_MESSAGE:
        must(end->down_count == 0, "a message after DOWN");
        end->message_at = end->pair->now;
        if (end->on_message) end->on_message(end, event);
        end->message_count++;
        end->byte_count += event->data.len;
        end->last_stream = event->stream;
        end->last_ppid = event->ppid;
        break;
    case HWS_SCTP_RESET_RECEIVED:
        end->reset_received_count++;
        end->last_reset_received = event->stream;
        break;
    case HWS_SCTP_RESET_SENT:
        end->reset_sent_count++;
        end->last_reset_sent = event->stream;
        break;
    case HWS_SCTP_WRITABLE:
        end->writable = true;
        break;
    case HWS_SCTP_DOWN:
        end->down_count++;
        end->down_at = end->pair->now;
        break;
    }
}

static bool take_events(struct pair_end *end)
{
    struct hws_sctp_event event;
    bool any = false;

    while (!end->stalled && hws_sctp_next_event(end->sctp, &event)) {
        any = true;
        note_event(end, &event);
    }
    return any;
}

static bool feed_due(struct pair *pair, struct pair_end *end)
{
    bool any = false;

    /* A few at a time, as a program would that reads a socket. */
    for (int i = 0; i < 16 && end->arriving && end->arriving->at <= pair->now; i++) {
        struct pair_packet *packet = end->arriving;
        enum hws_err err;

        end->arriving = packet->next;
        err = hws_sctp_feed(end->sctp, (struct hws_bytes){packet->bytes, packet->len}, pair->now);
        must(!err || err == HWS_ERR_UNEXPECTED, "a packet of ours was refused");
        free(packet);
        any = true;
    }
    return any;
}

void pair_settle(struct pair *pair)
{
    bool any = true;

    while (any) {
        any = false;
        for (int i = 0; i < 2; i++) {
            any |= take_events(&pair->ends[i]);
            any |= send_all(pair, i);
            any |= feed_due(pair, &pair->ends[i]);
        }
    }
}

static hws_time earliest(const struct pair *pair, hws_time limit)
{
    hws_time at = limit;

    for (int i = 0; i < 2; i++) {
        hws_time deadline = hws_sctp_deadline(pair->ends[i].sctp);

        if (deadline < at) at = deadline;
        if (pair->ends[i].arriving && pair->ends[i].arriving->at < at) {
            at = pair->ends[i].arriving->at;
        }
    }
    return at < pair->now ? pair->now : at;
}

bool pair_run_until(struct pair *pair, hws_time us, bool (*done)(const struct pair *pair))
{
    hws_time end = pair->now + us;

    for (;;) {
        pair_settle(pair);
        if (done && done(pair)) return true;
        if (pair->now >= end) return false;
        pair->now = earliest(pair, end);
        virtual_now = pair->now;
        for (int i = 0; i < 2; i++) {
            if (hws_sctp_deadline(pair->ends[i].sctp) > pair->now) continue;
            hws_sctp_tick(pair->ends[i].sctp, pair->now);
            pair->ends[i].tick_count++;
            must(hws_sctp_deadline(pair->ends[i].sctp) > pair->now || i == 0,
                 "a deadline that a tick does not move");
        }
    }
}

void pair_run(struct pair *pair, hws_time us)
{
    (void)pair_run_until(pair, us, NULL);
}

bool pair_is_up(const struct pair *pair)
{
    return pair->ends[0].up && pair->ends[1].up;
}

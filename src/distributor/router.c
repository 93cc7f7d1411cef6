#include "base/bytes.h"
#include "distributor/router_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How exact timeouts are: one walk over the streams a second costs less than ordering them. */
#define SWEEP HWS_SEC(1)

#define LOG(level, now, name, ...) \
    HWS_LOG(&router->config.log, HWS_LOG_##level, now, "router", name, __VA_ARGS__)

struct hws_stream_id hws_router_id(const struct hws_router *router, uint32_t index)
{
    return (struct hws_stream_id){.index = index, .generation = router->streams[index].generation};
}

static bool limits_are_sane(const struct hws_limits *limits)
{
    const uint32_t counts[] = {
        limits->streams,       limits->sessions,     limits->message,
        limits->description,   limits->candidate,    limits->candidates,
        limits->session_queue, limits->worker_queue, limits->clients_per_worker};
    const hws_time times[] = {limits->idle, limits->linger, limits->stall, limits->grace};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (counts[i] == 0 || counts[i] > INT32_MAX) return false;
    }
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        if (times[i] <= 0) return false;
    }
    return limits->message <= HWS_ENVELOPE_MAX;
}

static enum hws_err allocate(struct hws_router *router)
{
    const struct hws_limits *limits = router->limits;
    uint64_t seeds[3];
    enum hws_err err;

    router->config.random.fill(router->config.random.user, (uint8_t *)seeds, sizeof(seeds));
    router->streams = calloc(limits->streams, sizeof(*router->streams));
    router->seats = calloc(limits->sessions, sizeof(*router->seats));
    if (!router->streams || !router->seats) return HWS_ERR_NO_MEMORY;
    err = hws_members_init(&router->members, limits->streams, seeds[0]);
    if (!err) err = hws_table_init(&router->by_client, limits->streams, seeds[1]);
    if (!err) err = hws_table_init(&router->by_seat, limits->sessions, seeds[2]);
    return err;
}

enum hws_err hws_router_new(const struct hws_router_config *config, struct hws_router **out)
{
    struct hws_router *router;
    enum hws_err err;

    if (!limits_are_sane(&config->limits) || config->first_epoch == 0 || !config->random.fill) {
        return HWS_ERR_ARGUMENT;
    }
    router = calloc(1, sizeof(*router));
    if (!router) return HWS_ERR_NO_MEMORY;
    router->config = *config;
    router->limits = &router->config.limits;
    router->next_epoch = config->first_epoch;
    router->next_sweep = HWS_NEVER;
    router->free_stream = router->free_seat = HWS_NO_INDEX;
    router->first_ready = router->last_ready = HWS_NO_INDEX;
    router->bus_tail = &router->bus_head;
    err = allocate(router);
    if (err) {
        hws_router_free(router);
        return err;
    }
    *out = router;
    return HWS_OK;
}

void hws_router_free(struct hws_router *router)
{
    if (!router) return;
    for (uint32_t i = 0; i < router->stream_high; i++)
        hws_router_drop_queue(router, i);
    while (router->bus_head) {
        struct hws_bus_item *item = router->bus_head;

        router->bus_head = item->next;
        free(item);
    }
    free(router->held);
    hws_table_fini(&router->by_seat);
    hws_table_fini(&router->by_client);
    hws_members_fini(&router->members);
    free(router->seats);
    free(router->streams);
    free(router);
}

/* NULL for an id that is void. */
static struct hws_router_stream *find(struct hws_router *router, struct hws_stream_id id)
{
    struct hws_router_stream *stream;

    if (id.generation == 0 || id.index >= router->stream_high) return NULL;
    stream = &router->streams[id.index];
    return stream->state != HWS_RS_FREE && stream->generation == id.generation ? stream : NULL;
}

enum hws_err hws_router_open(struct hws_router *router, enum hws_envelope_side side, void *user,
                             hws_time now, struct hws_stream_id *out)
{
    struct hws_router_stream *stream;
    uint32_t index = router->free_stream;
    uint32_t generation;

    if (router->stopped) return HWS_ERR_STATE;
    if (index != HWS_NO_INDEX) {
        router->free_stream = router->streams[index].next_ready;
    } else if (router->stream_high < router->limits->streams) {
        index = router->stream_high++;
    } else {
        LOG(WARN, now, "stream.refused", "limit=streams");
        return HWS_ERR_FULL;
    }
    stream = &router->streams[index];
    generation = stream->generation + 1;
    if (generation == 0) generation = 1;
    *stream = (struct hws_router_stream){
        .generation = generation, .state = HWS_RS_NEW, .side = side, .user = user, .since = now};
    stream->serving.first_seat = HWS_NO_INDEX;
    if (router->stream_count++ == 0) router->next_sweep = now + SWEEP;
    *out = hws_router_id(router, index);
    LOG(DEBUG, now, "stream.open", "stream=%u side=%s", index,
        side == HWS_SIDE_CLIENT ? "client" : "worker");
    return HWS_OK;
}

static void detach(struct hws_router *router, uint32_t index, hws_time now)
{
    if (router->streams[index].state == HWS_RS_IN_SESSION) {
        hws_client_detach(router, index, true);
    } else if (router->streams[index].state == HWS_RS_SERVING) {
        hws_worker_detach(router, index, now);
    }
}

static void begin_end(struct hws_router *router, uint32_t index, hws_time now,
                      enum hws_status status)
{
    struct hws_router_stream *stream = &router->streams[index];

    detach(router, index, now);
    stream->state = HWS_RS_ENDING;
    stream->status = status;
    hws_router_make_ready(router, index);
    LOG(INFO, now, "stream.end", "stream=%u side=%s worker=%lld status=%d text=\"%s\"", index,
        stream->side == HWS_SIDE_CLIENT ? "client" : "worker", (long long)stream->worker,
        (int)status, stream->text);
}

void hws_router_end(struct hws_router *router, uint32_t index, hws_time now, enum hws_status status,
                    const char *format, ...)
{
    struct hws_router_stream *stream = &router->streams[index];
    va_list args;

    if (stream->state == HWS_RS_ENDING || stream->state == HWS_RS_ENDED) return;
    va_start(args, format);
    (void)vsnprintf(stream->text, sizeof(stream->text), format, args);
    va_end(args);
    begin_end(router, index, now, status);
}

void hws_router_cut(struct hws_router *router, uint32_t index, hws_time now, const char *limit)
{
    struct hws_router_stream *stream = &router->streams[index];

    if (stream->state == HWS_RS_ENDED) return;
    if (stream->state != HWS_RS_ENDING) {
        (void)snprintf(stream->text, sizeof(stream->text), "limit %s: the reader is too slow",
                       limit);
        begin_end(router, index, now, HWS_STATUS_RESOURCE_EXHAUSTED);
    }
    stream->cut = true;
    hws_router_drop_queue(router, index);
    hws_router_make_ready(router, index);
}

bool hws_router_is_candidate(enum hws_rtc_event event)
{
    return event == HWS_RTC_ICE_CANDIDATE || event == HWS_RTC_LOCAL_ICE_CANDIDATE;
}

const char *hws_router_size_limit(const struct hws_router *router,
                                  const struct hws_envelope *envelope)
{
    switch (envelope->event) {
    case HWS_RTC_OFFER:
    case HWS_RTC_ANSWER:
    case HWS_RTC_ACCEPT_ANSWER: /* some programs repeat the answer in it */
        return envelope->payload.len > router->limits->description ? "description" : NULL;
    case HWS_RTC_ICE_CANDIDATE:
    case HWS_RTC_LOCAL_ICE_CANDIDATE:
    case HWS_RTC_BLANK:
    case HWS_RTC_PING:
        return envelope->payload.len > router->limits->candidate ? "candidate" : NULL;
    case HWS_RTC_EVENT_COUNT:
        break;
    }
    return "message"; /* hws_envelope_read() lets no other event pass */
}

enum hws_err hws_router_feed(struct hws_router *router, struct hws_stream_id id,
                             struct hws_bytes packed, hws_time now)
{
    struct hws_router_stream *stream = find(router, id);

    if (!stream || stream->state == HWS_RS_ENDING || stream->state == HWS_RS_ENDED) {
        return HWS_ERR_CLOSED;
    }
    if (packed.len > router->limits->message) {
        hws_router_end(router, id.index, now, HWS_STATUS_RESOURCE_EXHAUSTED,
                       "limit message: %zu bytes are more than %u", packed.len,
                       router->limits->message);
        return HWS_ERR_TOO_BIG;
    }
    stream->since = now;
    if (stream->side == HWS_SIDE_CLIENT) return hws_client_feed(router, id.index, packed, now);
    return hws_worker_feed(router, id.index, packed, now);
}

void hws_router_half_close(struct hws_router *router, struct hws_stream_id id, hws_time now)
{
    struct hws_router_stream *stream = find(router, id);

    if (!stream) return;
    stream->half_closed = true;
    stream->since = now;
    if (stream->state == HWS_RS_IN_SESSION) return; /* it may wait for answers */
    hws_router_end(router, id.index, now, HWS_STATUS_OK, "%s", "");
}

void hws_router_sent(struct hws_router *router, struct hws_stream_id id, hws_time now)
{
    struct hws_router_stream *stream = find(router, id);

    (void)now;
    if (!stream || !stream->busy) return;
    stream->busy = false;
    if (stream->state != HWS_RS_ENDED) hws_router_make_ready(router, id.index);
}

void hws_router_close(struct hws_router *router, struct hws_stream_id id, hws_time now)
{
    struct hws_router_stream *stream = find(router, id);

    if (!stream) return;
    detach(router, id.index, now);
    hws_router_drop_queue(router, id.index);
    hws_router_unready(router, id.index);
    stream->state = HWS_RS_FREE;
    stream->user = NULL;
    stream->next_ready = router->free_stream;
    router->free_stream = id.index;
    if (--router->stream_count == 0) router->next_sweep = HWS_NEVER;
    LOG(DEBUG, now, "stream.close", "stream=%u", id.index);
}

enum hws_err hws_router_feed_bus(struct hws_router *router, const struct hws_bus_delivery *delivery,
                                 hws_time now)
{
    struct hws_bus_frame frame;
    enum hws_err err;

    if (delivery->kind == HWS_BUS_NOBODY) {
        char text[HWS_STATUS_TEXT_MAX];
        int len = snprintf(text, sizeof(text), "worker %lld is not registered",
                           (long long)delivery->worker);

        frame = (struct hws_bus_frame){
            .kind = HWS_BUS_END,
            .session = delivery->session,
            .worker = delivery->worker,
            .status = HWS_STATUS_NOT_FOUND,
            .bytes = {(const uint8_t *)text, (size_t)len}
        };
        hws_client_feed_frame(router, &frame, now);
        return HWS_OK;
    }
    err = hws_bus_frame_read(delivery->bytes, &frame);
    if (err) {
        LOG(WARN, now, "bus.malformed", "len=%zu", delivery->bytes.len);
        return err;
    }
    if (delivery->kind == HWS_BUS_TO_WORKER) {
        hws_worker_feed_frame(router, &frame, now);
    } else {
        hws_client_feed_frame(router, &frame, now);
    }
    return HWS_OK;
}

void hws_router_bus_lost(struct hws_router *router, uint64_t session, hws_time now)
{
    uint32_t index = hws_table_find(&router->by_client, session);
    uint32_t seat = hws_table_find(&router->by_seat, session);

    if (index != HWS_TABLE_NONE) {
        hws_router_end(router, index, now, HWS_STATUS_UNAVAILABLE, "the bus is not reachable");
    }
    if (seat != HWS_TABLE_NONE) {
        hws_seat_end(router, seat, now, true, HWS_STATUS_UNAVAILABLE, "the bus is not reachable");
    }
}

static void sweep(struct hws_router *router, uint32_t index, hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];

    if (stream->state == HWS_RS_FREE || stream->state == HWS_RS_ENDED) return;
    if (stream->busy && stream->busy_since == HWS_NEVER) stream->busy_since = now;
    if (stream->busy && now - stream->busy_since >= router->limits->stall) {
        hws_router_cut(router, index, now, "stall");
    } else if (stream->state == HWS_RS_NEW && now - stream->since >= router->limits->idle) {
        hws_router_end(router, index, now, HWS_STATUS_DEADLINE_EXCEEDED,
                       "limit idle: neither registered nor offered");
    } else if (stream->state == HWS_RS_IN_SESSION && stream->half_closed &&
               now - stream->since >= router->limits->linger) {
        hws_router_end(router, index, now, HWS_STATUS_OK, "%s", "");
    }
}

void hws_router_tick(struct hws_router *router, hws_time now)
{
    if (now < router->next_sweep) return;
    router->next_sweep = now + SWEEP;
    for (uint32_t i = 0; i < router->stream_high; i++)
        sweep(router, i, now);
}

hws_time hws_router_deadline(const struct hws_router *router)
{
    return router->next_sweep;
}

void hws_router_stop(struct hws_router *router, hws_time now)
{
    router->stopped = true;
    for (uint32_t i = 0; i < router->stream_high; i++) {
        if (router->streams[i].state == HWS_RS_FREE) continue;
        hws_router_end(router, i, now, HWS_STATUS_UNAVAILABLE, "the distributor is going away");
    }
}

static bool next_bus_output(struct hws_router *router, struct hws_router_output *out)
{
    struct hws_bus_item *item = router->bus_head;

    if (!item) return false;
    router->bus_head = item->next;
    if (!router->bus_head) router->bus_tail = &router->bus_head;
    router->held = item;
    *out = item->output;
    return true;
}

/* What this stream has to say now; false = nothing. */
static bool next_stream_output(struct hws_router *router, uint32_t index,
                               struct hws_router_output *out)
{
    struct hws_router_stream *stream = &router->streams[index];
    struct hws_item *item = NULL;

    if (stream->state == HWS_RS_FREE || stream->state == HWS_RS_ENDED) return false;
    if (stream->busy && !stream->cut) return false;
    item = hws_router_unqueue(router, index);
    if (!item && stream->state != HWS_RS_ENDING) return false;
    *out = (struct hws_router_output){.stream = hws_router_id(router, index), .user = stream->user};
    if (item) {
        out->kind = HWS_ROUTER_SEND;
        out->bytes = (struct hws_bytes){item->bytes, item->len};
        router->held = item;
        stream->busy = true;
        stream->busy_since = HWS_NEVER; /* until the next sweep sees it */
        return true;
    }
    out->kind = stream->cut ? HWS_ROUTER_CUT : HWS_ROUTER_END;
    out->status = stream->status;
    out->text = stream->text;
    stream->state = HWS_RS_ENDED;
    return true;
}

bool hws_router_next_output(struct hws_router *router, struct hws_router_output *out)
{
    free(router->held);
    router->held = NULL;
    if (next_bus_output(router, out)) return true;
    while (router->first_ready != HWS_NO_INDEX) {
        uint32_t index = router->first_ready;

        hws_router_unready(router, index);
        if (next_stream_output(router, index, out)) return true;
    }
    return false;
}

struct hws_router_counts hws_router_counts(const struct hws_router *router)
{
    return (struct hws_router_counts){.streams = router->stream_count,
                                      .workers = router->worker_count,
                                      .clients = router->by_client.count,
                                      .seats = router->seat_count,
                                      .queued_len = router->queued_len};
}

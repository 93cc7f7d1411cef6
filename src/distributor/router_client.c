/* The client's half of a session. */
#include "distributor/router_internal.h"

#include <assert.h>

#define LOG(level, now, name, ...) \
    HWS_LOG(&router->config.log, HWS_LOG_##level, now, "router", name, __VA_ARGS__)

static uint64_t new_session(struct hws_router *router)
{
    uint64_t session = 0;

    while (session == 0 || hws_table_find(&router->by_client, session) != HWS_TABLE_NONE) {
        router->config.random.fill(router->config.random.user, (uint8_t *)&session,
                                   sizeof(session));
    }
    return session;
}

static enum hws_err open_session(struct hws_router *router, uint32_t index,
                                 const struct hws_envelope *envelope, hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    enum hws_err err;

    if (envelope->event != HWS_RTC_OFFER) {
        hws_router_end(router, index, now, HWS_STATUS_FAILED_PRECONDITION,
                       "event: %s before the first OFFER", hws_rtc_event_name(envelope->event));
        return HWS_ERR_UNEXPECTED;
    }
    if (envelope->worker == 0) {
        hws_router_end(router, index, now, HWS_STATUS_INVALID_ARGUMENT,
                       "worker_machine_id: missing");
        return HWS_ERR_MALFORMED;
    }
    stream->client.session = new_session(router);
    err = hws_table_add(&router->by_client, stream->client.session, index);
    assert(err == HWS_OK); /* as many places as streams */
    (void)err;
    stream->worker = envelope->worker;
    stream->state = HWS_RS_IN_SESSION;
    LOG(INFO, now, "session.open", "session=%016llx stream=%u worker=%lld",
        (unsigned long long)stream->client.session, index, (long long)stream->worker);
    return HWS_OK;
}

static enum hws_err answer_ping(struct hws_router *router, uint32_t index,
                                const struct hws_envelope *ping, hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    struct hws_envelope answer = {
        .worker = ping->worker, .event = HWS_RTC_PING, .payload = ping->payload};

    if (stream->queue.len + hws_router_cost(stream->side, &answer) >
        router->limits->session_queue) {
        hws_router_cut(router, index, now, "session-queue");
        return HWS_ERR_FULL;
    }
    return hws_router_queue(router, index, HWS_NO_INDEX, &answer);
}

/* Sizes and counts of what goes to the worker. */
static enum hws_err check_limits(struct hws_router *router, uint32_t index,
                                 const struct hws_envelope *envelope, hws_time now)
{
    struct hws_client_half *half = &router->streams[index].client;
    const char *limit = hws_router_size_limit(router, envelope);

    if (limit) {
        hws_router_end(router, index, now, HWS_STATUS_RESOURCE_EXHAUSTED,
                       "limit %s: message has %zu bytes", limit, envelope->payload.len);
        return HWS_ERR_TOO_BIG;
    }
    if (envelope->event == HWS_RTC_OFFER) half->candidate_count = 0;
    if (!hws_router_is_candidate(envelope->event)) return HWS_OK;
    if (half->candidate_count > router->limits->candidates) { /* one more may be the end mark */
        hws_router_end(router, index, now, HWS_STATUS_RESOURCE_EXHAUSTED,
                       "limit candidates: more than %u since the offer",
                       router->limits->candidates);
        return HWS_ERR_FULL;
    }
    half->candidate_count++;
    return HWS_OK;
}

static struct hws_bus_frame frame_to_worker(const struct hws_router *router, uint32_t index,
                                            enum hws_bus_frame_kind kind)
{
    const struct hws_router_stream *stream = &router->streams[index];

    return (struct hws_bus_frame){.kind = kind,
                                  .session = stream->client.session,
                                  .instance = router->config.instance,
                                  .worker = stream->worker,
                                  .epoch = stream->client.epoch};
}

static void relay(struct hws_router *router, uint32_t index, const struct hws_envelope *envelope)
{
    struct hws_bus_frame frame = frame_to_worker(router, index, HWS_BUS_RELAY);

    frame.number = ++router->streams[index].client.bus_out_count;
    frame.event =
        hws_router_is_candidate(envelope->event) ? HWS_RTC_ICE_CANDIDATE : envelope->event;
    frame.bytes = envelope->payload;
    hws_router_publish(router, &frame, true);
}

static enum hws_err take_number(struct hws_router *router, uint32_t index,
                                const struct hws_envelope *envelope, hws_time now)
{
    struct hws_sequence *in = &router->streams[index].client.in;

    if (envelope->event == HWS_RTC_PING && envelope->sequence == 0) return HWS_OK;
    switch (hws_sequence_take(in, envelope->sequence)) {
    case HWS_SEQUENCE_NEXT:
        return HWS_OK;
    case HWS_SEQUENCE_AGAIN:
        return HWS_ERR_UNEXPECTED;
    case HWS_SEQUENCE_GAP:
        break;
    }
    hws_router_end(router, index, now, HWS_STATUS_ABORTED,
                   "sequence: %llu came where %llu was expected",
                   (unsigned long long)envelope->sequence, (unsigned long long)in->last + 1);
    return HWS_ERR_UNEXPECTED;
}

enum hws_err hws_client_feed(struct hws_router *router, uint32_t index, struct hws_bytes packed,
                             hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    struct hws_envelope envelope;
    const char *field;
    enum hws_err err = hws_envelope_read(HWS_SIDE_CLIENT, packed, &envelope, &field);

    if (err) {
        hws_router_end(router, index, now, HWS_STATUS_INVALID_ARGUMENT, "%s: malformed", field);
        return err;
    }
    err = take_number(router, index, &envelope, now);
    if (err) return err;
    if (envelope.event == HWS_RTC_PING) {
        err = check_limits(router, index, &envelope, now);
        return err ? err : answer_ping(router, index, &envelope, now);
    }
    if (stream->state == HWS_RS_IN_SESSION) {
        if (envelope.worker != 0 && envelope.worker != stream->worker) {
            hws_router_end(router, index, now, HWS_STATUS_INVALID_ARGUMENT,
                           "worker_machine_id: %lld, but the session is with worker %lld",
                           (long long)envelope.worker, (long long)stream->worker);
            return HWS_ERR_MISMATCH;
        }
    } else {
        err = open_session(router, index, &envelope, now);
        if (err) return err;
    }
    err = check_limits(router, index, &envelope, now);
    if (err) return err;
    if (envelope.event != HWS_RTC_BLANK) relay(router, index, &envelope); /* rule 4 */
    return HWS_OK;
}

void hws_client_detach(struct hws_router *router, uint32_t index, bool tell)
{
    struct hws_router_stream *stream = &router->streams[index];

    assert(stream->state == HWS_RS_IN_SESSION);
    /* When nothing was published yet, the worker's half does not know the session. */
    if (tell && stream->client.bus_out_count > 0) {
        struct hws_bus_frame frame = frame_to_worker(router, index, HWS_BUS_OVER);

        hws_router_publish(router, &frame, true);
    }
    hws_table_remove(&router->by_client, stream->client.session);
    stream->state = HWS_RS_NEW;
}

/* The worker's half, or the bus, says that it is over. */
static void take_end(struct hws_router *router, uint32_t index, const struct hws_bus_frame *frame,
                     hws_time now)
{
    bool was_there = router->streams[index].client.epoch != 0;
    int text_len =
        frame->bytes.len < HWS_STATUS_TEXT_MAX ? (int)frame->bytes.len : HWS_STATUS_TEXT_MAX;

    hws_client_detach(router, index, false);
    if (frame->status == HWS_STATUS_NOT_FOUND && was_there) {
        hws_router_end(router, index, now, HWS_STATUS_UNAVAILABLE, "worker %lld is gone",
                       (long long)frame->worker);
        return;
    }
    hws_router_end(router, index, now, (enum hws_status)frame->status, "%.*s", text_len,
                   (const char *)frame->bytes.data);
}

static void take_relay(struct hws_router *router, uint32_t index, const struct hws_bus_frame *frame,
                       hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    struct hws_envelope envelope = {
        .worker = stream->worker, .event = frame->event, .payload = frame->bytes};

    switch (hws_sequence_take(&stream->client.bus_in, frame->number)) {
    case HWS_SEQUENCE_NEXT:
        break;
    case HWS_SEQUENCE_AGAIN:
        return;
    case HWS_SEQUENCE_GAP:
        hws_router_end(router, index, now, HWS_STATUS_ABORTED, "the bus lost a message");
        return;
    }
    if (frame->event == HWS_RTC_OFFER) stream->client.candidate_count = 0;
    envelope.sequence = stream->client.out_count + 1;
    if (stream->queue.len + hws_router_cost(stream->side, &envelope) >
        router->limits->session_queue) {
        hws_router_cut(router, index, now, "session-queue");
        return;
    }
    if (hws_router_queue(router, index, HWS_NO_INDEX, &envelope)) {
        hws_router_end(router, index, now, HWS_STATUS_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    stream->client.out_count++;
    stream->since = now;
}

void hws_client_feed_frame(struct hws_router *router, const struct hws_bus_frame *frame,
                           hws_time now)
{
    uint32_t index = hws_table_find(&router->by_client, frame->session);
    struct hws_client_half *half;

    if (index == HWS_TABLE_NONE) return; /* the client left while this was on its way */
    half = &router->streams[index].client;
    if (frame->epoch != 0) {
        if (half->epoch != 0 && half->epoch != frame->epoch) return; /* an earlier registration */
        half->epoch = frame->epoch;
    }
    switch (frame->kind) {
    case HWS_BUS_RELAY:
        take_relay(router, index, frame, now);
        return;
    case HWS_BUS_END:
        take_end(router, index, frame, now);
        return;
    case HWS_BUS_OVER:
        return; /* only for a worker's half */
    }
}

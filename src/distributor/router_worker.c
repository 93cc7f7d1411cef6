/* The worker's half of its sessions: the registration and the seats. */
#include "base/bytes.h"
#include "distributor/router_internal.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LOG(level, now, name, ...) \
    HWS_LOG(&router->config.log, HWS_LOG_##level, now, "router", name, __VA_ARGS__)

/* ---- Seats */

static uint32_t seat_new(struct hws_router *router, uint32_t stream_index)
{
    struct hws_worker_half *half = &router->streams[stream_index].serving;
    uint32_t index = router->free_seat;
    struct hws_seat *seat;

    if (index != HWS_NO_INDEX) {
        router->free_seat = router->seats[index].next;
    } else if (router->seat_high < router->limits->sessions) {
        index = router->seat_high++;
    } else {
        return HWS_NO_INDEX;
    }
    seat = &router->seats[index];
    *seat = (struct hws_seat){.used = true,
                              .open = true,
                              .stream = stream_index,
                              .prev = HWS_NO_INDEX,
                              .next = half->first_seat};
    if (half->first_seat != HWS_NO_INDEX) router->seats[half->first_seat].prev = index;
    half->first_seat = index;
    half->seat_count++;
    half->open_count++;
    half->had_session = true;
    router->seat_count++;
    return index;
}

static void seat_free(struct hws_router *router, uint32_t index)
{
    struct hws_seat *seat = &router->seats[index];
    struct hws_worker_half *half = &router->streams[seat->stream].serving;

    assert(seat->used && !seat->open && seat->queued_count == 0);
    if (seat->prev == HWS_NO_INDEX) {
        half->first_seat = seat->next;
    } else {
        router->seats[seat->prev].next = seat->next;
    }
    if (seat->next != HWS_NO_INDEX) router->seats[seat->next].prev = seat->prev;
    half->seat_count--;
    router->seat_count--;
    *seat = (struct hws_seat){.next = router->free_seat};
    router->free_seat = index;
}

void hws_seat_drained(struct hws_router *router, uint32_t index, size_t cost)
{
    struct hws_seat *seat = &router->seats[index];

    assert(seat->used && seat->queued_count > 0 && seat->queued_len >= cost);
    seat->queued_count--;
    seat->queued_len -= cost;
    if (seat->queued_count == 0 && !seat->open) seat_free(router, index);
}

static struct hws_bus_frame frame_to_client(const struct hws_router *router, uint32_t index,
                                            enum hws_bus_frame_kind kind)
{
    const struct hws_seat *seat = &router->seats[index];
    const struct hws_router_stream *stream = &router->streams[seat->stream];

    return (struct hws_bus_frame){.kind = kind,
                                  .session = seat->session,
                                  .instance = seat->instance,
                                  .worker = stream->worker,
                                  .epoch = stream->serving.epoch};
}

/* The last message of a session. No limit holds it back: there is one for each seat. */
static void say_over(struct hws_router *router, uint32_t index)
{
    struct hws_seat *seat = &router->seats[index];
    struct hws_envelope over = {.worker = router->streams[seat->stream].worker,
                                .event = HWS_RTC_BLANK,
                                .session = seat->session,
                                .sequence = seat->out_count + 1};

    if (hws_router_queue(router, seat->stream, index, &over) == HWS_OK) seat->out_count++;
}

/* The seat takes no more; it stays until what waits for the worker has gone out. */
static void seat_close(struct hws_router *router, uint32_t index, hws_time now, bool tell)
{
    struct hws_seat *seat = &router->seats[index];
    struct hws_worker_half *half = &router->streams[seat->stream].serving;

    assert(seat->used && seat->open);
    LOG(INFO, now, "seat.close", "session=%016llx worker=%lld", (unsigned long long)seat->session,
        (long long)router->streams[seat->stream].worker);
    /* A worker that has not heard of the session need not hear that it is over. */
    if (tell && seat->out_count > 0) say_over(router, index);
    hws_table_remove(&router->by_seat, seat->session);
    seat->open = false;
    if (--half->open_count == 0) half->last_over = now;
    if (seat->queued_count == 0) seat_free(router, index);
}

void hws_seat_end(struct hws_router *router, uint32_t index, hws_time now, bool tell,
                  enum hws_status status, const char *format, ...)
{
    struct hws_bus_frame frame = frame_to_client(router, index, HWS_BUS_END);
    char text[HWS_STATUS_TEXT_MAX];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (len < 0) len = 0;
    if ((size_t)len >= sizeof(text)) len = (int)sizeof(text) - 1;
    frame.status = (uint8_t)status;
    frame.bytes = (struct hws_bytes){(const uint8_t *)text, (size_t)len};
    hws_router_publish(router, &frame, false);
    seat_close(router, index, now, tell);
}

/* ---- Registration */

void hws_worker_detach(struct hws_router *router, uint32_t index, hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    uint32_t seat = stream->serving.first_seat;

    assert(stream->state == HWS_RS_SERVING);
    /* Not so when a newer registration has taken it over: then the subject stays as it is. */
    if (hws_members_release(&router->members, index)) {
        hws_router_subscribe(router, stream->worker, false);
        router->worker_count--;
    }
    while (seat != HWS_NO_INDEX) {
        uint32_t next = router->seats[seat].next;

        if (router->seats[seat].open) {
            hws_seat_end(router, seat, now, false, HWS_STATUS_UNAVAILABLE, "worker %lld has left",
                         (long long)stream->worker);
        }
        seat = next;
    }
    stream->state = HWS_RS_NEW;
    LOG(INFO, now, "worker.leave", "worker=%lld stream=%u", (long long)stream->worker, index);
}

static enum hws_err enroll(struct hws_router *router, uint32_t index,
                           const struct hws_envelope *envelope, hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    struct hws_envelope answer = {.worker = envelope->worker, .event = HWS_RTC_BLANK};
    struct hws_member claim = {
        .worker = envelope->worker, .epoch = router->next_epoch, .stream = index};
    uint32_t superseded;
    enum hws_err err;

    if (envelope->worker == 0) {
        hws_router_end(router, index, now, HWS_STATUS_INVALID_ARGUMENT,
                       "worker_machine_id: missing");
        return HWS_ERR_MALFORMED;
    }
    err = hws_members_claim(&router->members, &claim, &superseded);
    assert(err == HWS_OK); /* the epoch only grows, and there are as many places as streams */
    (void)err;
    router->next_epoch++;
    stream->serving.epoch = claim.epoch;
    stream->worker = envelope->worker;
    stream->state = HWS_RS_SERVING;
    LOG(INFO, now, "worker.enroll", "worker=%lld stream=%u epoch=%llu", (long long)stream->worker,
        index, (unsigned long long)claim.epoch);
    if (superseded == HWS_TABLE_NONE) {
        hws_router_subscribe(router, stream->worker, true);
        router->worker_count++;
    } else {
        hws_router_end(router, superseded, now, HWS_STATUS_ALREADY_EXISTS,
                       "worker %lld has registered anew", (long long)stream->worker);
    }
    return hws_router_queue(router, index, HWS_NO_INDEX, &answer);
}

/* ---- From the worker */

static enum hws_err answer_ping(struct hws_router *router, uint32_t index,
                                const struct hws_envelope *ping, hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    struct hws_envelope answer = *ping;

    answer.sequence = 0;
    if (stream->queue.len + hws_router_cost(stream->side, &answer) > router->limits->worker_queue) {
        hws_router_cut(router, index, now, "worker-queue");
        return HWS_ERR_FULL;
    }
    return hws_router_queue(router, index, HWS_NO_INDEX, &answer);
}

/* An earlier program names no session: it means its only one (rule 7). */
static enum hws_err only_seat(struct hws_router *router, uint32_t index, hws_time now,
                              uint32_t *out_seat)
{
    struct hws_worker_half *half = &router->streams[index].serving;

    if (half->open_count == 1) {
        uint32_t seat = half->first_seat;

        while (!router->seats[seat].open)
            seat = router->seats[seat].next;
        *out_seat = seat;
        return HWS_OK;
    }
    if (half->open_count == 0 && half->had_session &&
        now - half->last_over < router->limits->grace) {
        return HWS_ERR_NOT_FOUND;
    }
    hws_router_end(router, index, now, HWS_STATUS_FAILED_PRECONDITION,
                   "session: missing, and %u sessions are open", half->open_count);
    return HWS_ERR_UNEXPECTED;
}

static enum hws_err find_seat(struct hws_router *router, uint32_t index,
                              const struct hws_envelope *envelope, hws_time now, uint32_t *out_seat)
{
    uint32_t seat;

    if (envelope->session == 0) return only_seat(router, index, now, out_seat);
    seat = hws_table_find(&router->by_seat, envelope->session);
    if (seat == HWS_TABLE_NONE || router->seats[seat].stream != index) {
        LOG(DEBUG, now, "worker.unknown", "worker=%lld session=%016llx",
            (long long)router->streams[index].worker, (unsigned long long)envelope->session);
        return HWS_ERR_NOT_FOUND;
    }
    *out_seat = seat;
    return HWS_OK;
}

static enum hws_err take_number(struct hws_router *router, uint32_t seat,
                                const struct hws_envelope *envelope, hws_time now)
{
    struct hws_sequence *in = &router->seats[seat].in;

    if (envelope->event == HWS_RTC_PING && envelope->sequence == 0) return HWS_OK;
    switch (hws_sequence_take(in, envelope->sequence)) {
    case HWS_SEQUENCE_NEXT:
        return HWS_OK;
    case HWS_SEQUENCE_AGAIN:
        return HWS_ERR_UNEXPECTED;
    case HWS_SEQUENCE_GAP:
        break;
    }
    hws_seat_end(router, seat, now, true, HWS_STATUS_ABORTED,
                 "sequence: the worker's %llu came where %llu was expected",
                 (unsigned long long)envelope->sequence, (unsigned long long)in->last + 1);
    return HWS_ERR_UNEXPECTED;
}

static enum hws_err check_limits(struct hws_router *router, uint32_t index,
                                 const struct hws_envelope *envelope, hws_time now)
{
    struct hws_seat *seat = &router->seats[index];
    const char *limit = hws_router_size_limit(router, envelope);

    if (limit) {
        hws_seat_end(router, index, now, true, HWS_STATUS_RESOURCE_EXHAUSTED,
                     "limit %s: the worker's message has %zu bytes", limit, envelope->payload.len);
        return HWS_ERR_TOO_BIG;
    }
    if (envelope->event == HWS_RTC_OFFER) seat->candidate_count = 0;
    if (!hws_router_is_candidate(envelope->event)) return HWS_OK;
    if (seat->candidate_count > router->limits->candidates) { /* one more may be the end mark */
        hws_seat_end(router, index, now, true, HWS_STATUS_RESOURCE_EXHAUSTED,
                     "limit candidates: more than %u from the worker since the offer",
                     router->limits->candidates);
        return HWS_ERR_FULL;
    }
    seat->candidate_count++;
    return HWS_OK;
}

/* The worker says BLANK to a session: it is over. A text makes it a refusal. */
static void take_over(struct hws_router *router, uint32_t seat, const struct hws_envelope *envelope,
                      hws_time now)
{
    char text[HWS_STATUS_TEXT_MAX];
    size_t len = envelope->payload.len < sizeof(text) ? envelope->payload.len : sizeof(text) - 1;

    for (size_t i = 0; i < len; i++) {
        uint8_t byte = envelope->payload.data[i];

        text[i] = byte >= 0x20 && byte < 0x7F ? (char)byte : '?';
    }
    text[len] = '\0';
    if (len > 0) {
        hws_seat_end(router, seat, now, false, HWS_STATUS_ABORTED, "the worker refused: %s", text);
    } else {
        hws_seat_end(router, seat, now, false, HWS_STATUS_OK, "the worker ended the session");
    }
}

static enum hws_err feed_session(struct hws_router *router, uint32_t index,
                                 const struct hws_envelope *envelope, hws_time now)
{
    struct hws_bus_frame frame;
    uint32_t seat;
    enum hws_err err = find_seat(router, index, envelope, now, &seat);

    if (!err) err = take_number(router, seat, envelope, now);
    if (!err) err = check_limits(router, seat, envelope, now);
    if (err) return err;
    if (envelope->event == HWS_RTC_PING) return answer_ping(router, index, envelope, now);
    if (envelope->event == HWS_RTC_BLANK) {
        take_over(router, seat, envelope, now);
        return HWS_OK;
    }
    frame = frame_to_client(router, seat, HWS_BUS_RELAY);
    frame.number = ++router->seats[seat].bus_out_count;
    frame.event =
        hws_router_is_candidate(envelope->event) ? HWS_RTC_ICE_CANDIDATE : envelope->event;
    frame.bytes = envelope->payload;
    hws_router_publish(router, &frame, false);
    return HWS_OK;
}

enum hws_err hws_worker_feed(struct hws_router *router, uint32_t index, struct hws_bytes packed,
                             hws_time now)
{
    struct hws_router_stream *stream = &router->streams[index];
    struct hws_envelope envelope;
    const char *field;
    enum hws_err err = hws_envelope_read(HWS_SIDE_WORKER, packed, &envelope, &field);

    if (err) {
        hws_router_end(router, index, now, HWS_STATUS_INVALID_ARGUMENT, "%s: malformed", field);
        return err;
    }
    if (stream->state == HWS_RS_NEW) return enroll(router, index, &envelope, now);
    if (envelope.worker != 0 && envelope.worker != stream->worker) {
        hws_router_end(router, index, now, HWS_STATUS_INVALID_ARGUMENT,
                       "worker_machine_id: %lld, but this is worker %lld",
                       (long long)envelope.worker, (long long)stream->worker);
        return HWS_ERR_MISMATCH;
    }
    if (envelope.session == 0 && envelope.event == HWS_RTC_BLANK) return HWS_OK;
    if (envelope.session == 0 && envelope.event == HWS_RTC_PING) {
        if (hws_router_size_limit(router, &envelope)) {
            hws_router_end(router, index, now, HWS_STATUS_RESOURCE_EXHAUSTED,
                           "limit candidate: message has %zu bytes", envelope.payload.len);
            return HWS_ERR_TOO_BIG;
        }
        return answer_ping(router, index, &envelope, now);
    }
    return feed_session(router, index, &envelope, now);
}

/* ---- From the client's half */

/* There is no seat for this session, and there will be none: tell the client's half. */
static void refuse(struct hws_router *router, const struct hws_bus_frame *asked,
                   enum hws_status status, const char *text)
{
    struct hws_bus_frame frame = {.kind = HWS_BUS_END,
                                  .session = asked->session,
                                  .instance = asked->instance,
                                  .worker = asked->worker,
                                  .status = (uint8_t)status};

    frame.bytes = hws_bytes_of(text);
    hws_router_publish(router, &frame, false);
}

/* HWS_NO_INDEX when it was refused. */
static uint32_t open_seat(struct hws_router *router, const struct hws_bus_frame *frame,
                          const struct hws_member *member, hws_time now)
{
    struct hws_worker_half *half = &router->streams[member->stream].serving;
    uint32_t index;
    enum hws_err err;

    if (half->seat_count >= router->limits->clients_per_worker) {
        refuse(router, frame, HWS_STATUS_RESOURCE_EXHAUSTED, "limit clients-per-worker");
        return HWS_NO_INDEX;
    }
    index = seat_new(router, member->stream);
    if (index == HWS_NO_INDEX) {
        refuse(router, frame, HWS_STATUS_RESOURCE_EXHAUSTED, "limit sessions");
        return HWS_NO_INDEX;
    }
    router->seats[index].session = frame->session;
    router->seats[index].instance = frame->instance;
    err = hws_table_add(&router->by_seat, frame->session, index);
    assert(err == HWS_OK); /* as many places as seats */
    (void)err;
    LOG(INFO, now, "seat.open", "session=%016llx worker=%lld", (unsigned long long)frame->session,
        (long long)frame->worker);
    return index;
}

/* Hand the message to the worker, unless too much waits already. */
static void relay(struct hws_router *router, uint32_t index, const struct hws_bus_frame *frame,
                  hws_time now)
{
    struct hws_seat *seat = &router->seats[index];
    struct hws_router_stream *stream = &router->streams[seat->stream];
    struct hws_envelope envelope = {.worker = frame->worker,
                                    .event = frame->event,
                                    .payload = frame->bytes,
                                    .session = frame->session,
                                    .sequence = seat->out_count + 1};
    size_t cost = hws_router_cost(stream->side, &envelope);

    if (frame->event == HWS_RTC_OFFER) seat->candidate_count = 0;
    if (seat->queued_len + cost > router->limits->session_queue) {
        hws_seat_end(router, index, now, true, HWS_STATUS_RESOURCE_EXHAUSTED,
                     "limit session-queue: the worker is too slow");
    } else if (stream->queue.len + cost > router->limits->worker_queue) {
        hws_seat_end(router, index, now, true, HWS_STATUS_RESOURCE_EXHAUSTED,
                     "limit worker-queue: the worker is too slow");
    } else if (hws_router_queue(router, seat->stream, index, &envelope)) {
        hws_seat_end(router, index, now, true, HWS_STATUS_RESOURCE_EXHAUSTED, "out of memory");
    } else {
        seat->out_count++;
    }
}

void hws_worker_feed_frame(struct hws_router *router, const struct hws_bus_frame *frame,
                           hws_time now)
{
    const struct hws_member *member = hws_members_find(&router->members, frame->worker);
    uint32_t seat = hws_table_find(&router->by_seat, frame->session);

    if (frame->kind == HWS_BUS_OVER) {
        if (seat != HWS_TABLE_NONE) seat_close(router, seat, now, true);
        return;
    }
    if (frame->kind != HWS_BUS_RELAY) return; /* END is for a client's half */
    if (!member) {
        refuse(router, frame, HWS_STATUS_UNAVAILABLE, "the worker has left");
        return;
    }
    if (seat == HWS_TABLE_NONE) {
        if (frame->number != 1 || frame->event != HWS_RTC_OFFER) {
            refuse(router, frame, HWS_STATUS_UNAVAILABLE, "the session is over");
            return;
        }
        seat = open_seat(router, frame, member, now);
        if (seat == HWS_NO_INDEX) return;
    }
    switch (hws_sequence_take(&router->seats[seat].bus_in, frame->number)) {
    case HWS_SEQUENCE_NEXT:
        relay(router, seat, frame, now);
        return;
    case HWS_SEQUENCE_AGAIN:
        return;
    case HWS_SEQUENCE_GAP:
        hws_seat_end(router, seat, now, true, HWS_STATUS_ABORTED, "the bus lost a message");
        return;
    }
}

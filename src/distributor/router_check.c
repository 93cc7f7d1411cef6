/* The invariants of the router, walked from every side. */
#include "distributor/router_internal.h"

#include <assert.h>

static void check_ready(const struct hws_router *router)
{
    uint32_t prev = HWS_NO_INDEX;
    size_t count = 0, flagged = 0;

    for (uint32_t i = router->first_ready; i != HWS_NO_INDEX; i = router->streams[i].next_ready) {
        assert(i < router->stream_high && router->streams[i].is_ready);
        assert(router->streams[i].prev_ready == prev);
        assert(++count <= router->stream_high);
        prev = i;
    }
    assert(router->last_ready == prev);
    for (uint32_t i = 0; i < router->stream_high; i++)
        flagged += router->streams[i].is_ready;
    assert(flagged == count);
    (void)flagged;
}

static void check_seats_of(const struct hws_router *router, uint32_t index)
{
    const struct hws_worker_half *half = &router->streams[index].serving;
    uint32_t prev = HWS_NO_INDEX, seats = 0, open = 0;

    for (uint32_t i = half->first_seat; i != HWS_NO_INDEX; i = router->seats[i].next) {
        const struct hws_seat *seat = &router->seats[i];

        assert(seat->used && seat->stream == index && seat->prev == prev);
        assert(seat->open || seat->queued_count > 0);
        assert(!seat->open || hws_table_find(&router->by_seat, seat->session) == i);
        seats++;
        open += seat->open;
        prev = i;
    }
    assert(seats == half->seat_count && open == half->open_count);
    assert(seats <= router->limits->clients_per_worker);
    assert(open == 0 || router->streams[index].state == HWS_RS_SERVING);
    (void)prev, (void)seats, (void)open;
}

/* Bytes in the stream's queue; what is charged to seats is taken off @p seat_len. */
static size_t check_queue(const struct hws_router *router, uint32_t index, size_t *seat_len)
{
    const struct hws_router_stream *stream = &router->streams[index];
    const struct hws_item *last = NULL;
    size_t len = 0;

    for (const struct hws_item *item = stream->queue.head; item; item = item->next) {
        len += item->len + HWS_ITEM_COST;
        last = item;
        if (item->seat == HWS_NO_INDEX) continue;
        assert(router->seats[item->seat].used && router->seats[item->seat].stream == index);
        *seat_len -= item->len + HWS_ITEM_COST;
    }
    assert(stream->queue.tail == last && stream->queue.len == len);
    (void)last;
    return len;
}

static void check_stream(const struct hws_router *router, uint32_t index)
{
    const struct hws_router_stream *stream = &router->streams[index];
    bool waits = stream->queue.head || stream->state == HWS_RS_ENDING;

    check_seats_of(router, index);
    switch (stream->state) {
    case HWS_RS_FREE:
        assert(!stream->queue.head && !stream->is_ready && stream->serving.seat_count == 0);
        return;
    case HWS_RS_NEW:
    case HWS_RS_ENDING:
        break;
    case HWS_RS_IN_SESSION:
        assert(stream->side == HWS_SIDE_CLIENT && stream->worker != 0);
        assert(hws_table_find(&router->by_client, stream->client.session) == index);
        break;
    case HWS_RS_SERVING:
        assert(stream->side == HWS_SIDE_WORKER && stream->worker != 0);
        assert(hws_members_find(&router->members, stream->worker)->stream == index);
        break;
    case HWS_RS_ENDED:
        assert(!stream->queue.head);
        waits = false;
        break;
    }
    assert(!waits || stream->busy || stream->is_ready); /* nothing is forgotten */
    (void)waits;
}

void hws_router_check(const struct hws_router *router)
{
    size_t streams = 0, clients = 0, workers = 0, seats = 0, open = 0, len = 0, seat_len = 0;

    for (uint32_t i = 0; i < router->seat_high; i++) {
        seats += router->seats[i].used;
        open += router->seats[i].open;
        seat_len += router->seats[i].queued_len;
    }
    for (uint32_t i = 0; i < router->stream_high; i++) {
        streams += router->streams[i].state != HWS_RS_FREE;
        clients += router->streams[i].state == HWS_RS_IN_SESSION;
        workers += router->streams[i].state == HWS_RS_SERVING;
        check_stream(router, i);
        len += check_queue(router, i, &seat_len);
    }
    check_ready(router);
    assert(streams == router->stream_count && seats == router->seat_count);
    assert(clients == router->by_client.count && open == router->by_seat.count);
    assert(workers == router->worker_count && workers == router->members.by_worker.count);
    assert(len == router->queued_len && seat_len == 0);
    assert((router->next_sweep == HWS_NEVER) == (streams == 0));
    (void)streams, (void)clients, (void)workers, (void)seats, (void)open, (void)len;
}

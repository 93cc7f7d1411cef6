/* What waits to go out: messages for streams, frames and subscriptions for the bus. */
#include "distributor/router_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void hws_router_make_ready(struct hws_router *router, uint32_t index)
{
    struct hws_router_stream *stream = &router->streams[index];

    if (stream->is_ready) return;
    stream->is_ready = true;
    stream->prev_ready = router->last_ready;
    stream->next_ready = HWS_NO_INDEX;
    if (router->last_ready == HWS_NO_INDEX) {
        router->first_ready = index;
    } else {
        router->streams[router->last_ready].next_ready = index;
    }
    router->last_ready = index;
}

void hws_router_unready(struct hws_router *router, uint32_t index)
{
    struct hws_router_stream *stream = &router->streams[index];

    if (!stream->is_ready) return;
    stream->is_ready = false;
    if (stream->prev_ready == HWS_NO_INDEX) {
        router->first_ready = stream->next_ready;
    } else {
        router->streams[stream->prev_ready].next_ready = stream->next_ready;
    }
    if (stream->next_ready == HWS_NO_INDEX) {
        router->last_ready = stream->prev_ready;
    } else {
        router->streams[stream->next_ready].prev_ready = stream->prev_ready;
    }
}

size_t hws_router_cost(enum hws_envelope_side side, const struct hws_envelope *envelope)
{
    return hws_envelope_len(side, envelope) + HWS_ITEM_COST;
}

enum hws_err hws_router_queue(struct hws_router *router, uint32_t index, uint32_t seat,
                              const struct hws_envelope *envelope)
{
    struct hws_router_stream *stream = &router->streams[index];
    size_t len = hws_envelope_len(stream->side, envelope);
    struct hws_item *item = calloc(1, sizeof(*item) + len);
    struct hws_writer out;

    if (!item) return HWS_ERR_NO_MEMORY;
    out = hws_writer_over(item->bytes, len);
    hws_envelope_write(&out, stream->side, envelope);
    assert(!out.failed && out.len == len);
    item->len = len;
    item->seat = seat;
    if (seat != HWS_NO_INDEX) {
        router->seats[seat].queued_count++;
        router->seats[seat].queued_len += len + HWS_ITEM_COST;
    }
    if (stream->queue.tail) {
        stream->queue.tail->next = item;
    } else {
        stream->queue.head = item;
    }
    stream->queue.tail = item;
    stream->queue.len += len + HWS_ITEM_COST;
    router->queued_len += len + HWS_ITEM_COST;
    hws_router_make_ready(router, index);
    return HWS_OK;
}

struct hws_item *hws_router_unqueue(struct hws_router *router, uint32_t index)
{
    struct hws_queue *queue = &router->streams[index].queue;
    struct hws_item *item = queue->head;

    if (!item) return NULL;
    queue->head = item->next;
    if (!queue->head) queue->tail = NULL;
    queue->len -= item->len + HWS_ITEM_COST;
    router->queued_len -= item->len + HWS_ITEM_COST;
    if (item->seat != HWS_NO_INDEX) {
        hws_seat_drained(router, item->seat, item->len + HWS_ITEM_COST);
    }
    return item;
}

void hws_router_drop_queue(struct hws_router *router, uint32_t index)
{
    struct hws_item *item;

    while ((item = hws_router_unqueue(router, index)))
        free(item);
}

static struct hws_bus_item *bus_item(struct hws_router *router, size_t len)
{
    struct hws_bus_item *item = calloc(1, sizeof(*item) + len);

    if (!item) return NULL;
    item->output.bytes = (struct hws_bytes){item->bytes, len};
    *router->bus_tail = item;
    router->bus_tail = &item->next;
    return item;
}

void hws_router_subscribe(struct hws_router *router, int64_t worker, bool listen)
{
    struct hws_bus_item *item = bus_item(router, 0);

    if (!item) return;
    item->output.kind = listen ? HWS_ROUTER_SUBSCRIBE : HWS_ROUTER_UNSUBSCRIBE;
    item->output.worker = worker;
}

void hws_router_publish(struct hws_router *router, const struct hws_bus_frame *frame,
                        bool to_worker)
{
    size_t len = HWS_BUS_FRAME_HEAD + frame->bytes.len;
    struct hws_bus_item *item = bus_item(router, len);
    struct hws_writer out;

    if (!item) return;
    item->output.kind = to_worker ? HWS_ROUTER_PUBLISH_WORKER : HWS_ROUTER_PUBLISH_SESSION;
    item->output.worker = frame->worker;
    item->output.session = frame->session;
    item->output.instance = frame->instance;
    out = hws_writer_over(item->bytes, len);
    hws_bus_frame_write(&out, frame);
    assert(!out.failed && out.len == len);
}

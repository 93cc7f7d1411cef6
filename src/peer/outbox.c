#include "peer/peer_internal.h"

#include <stdlib.h>
#include <string.h>

/* An empty message costs something too, or there could be endless many. */
static size_t cost_of(size_t len)
{
    return len > 0 ? len : 1;
}

enum hws_err hws_outbox_push(struct hws_outbox *box, struct hws_channel channel,
                             enum hws_message_kind kind, struct hws_bytes message)
{
    struct hws_outbox_item *item;

    if (cost_of(message.len) > box->limit - box->bytes) return HWS_ERR_FULL;
    item = calloc(1, sizeof(*item) + message.len);
    if (!item) return HWS_ERR_NO_MEMORY;
    item->channel = channel;
    item->kind = kind;
    item->len = message.len;
    if (message.len > 0) memcpy(item->data, message.data, message.len);
    if (box->tail) {
        box->tail->next = item;
    } else {
        box->head = item;
    }
    box->tail = item;
    box->bytes += cost_of(message.len);
    return HWS_OK;
}

void hws_outbox_drop_first(struct hws_outbox *box)
{
    struct hws_outbox_item *item = box->head;

    box->head = item->next;
    if (!box->head) box->tail = NULL;
    box->bytes -= cost_of(item->len);
    free(item);
}

void hws_outbox_fini(struct hws_outbox *box)
{
    while (box->head) {
        hws_outbox_drop_first(box);
    }
}

bool hws_outbox_has(const struct hws_outbox *box, struct hws_channel channel)
{
    for (const struct hws_outbox_item *item = box->head; item; item = item->next) {
        if (item->channel.slot == channel.slot && item->channel.generation == channel.generation)
            return true;
    }
    return false;
}

#include "sctp/packet_queue.h"

#include "base/limits.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_LEN = 16 * 1024, LEN_LEN = sizeof(uint16_t) };

_Static_assert(BLOCK_LEN >= HWS_DATAGRAM_IN_MAX + LEN_LEN, "any packet fits into an empty block");

struct hws_packet_block {
    struct hws_packet_block *next;
    size_t start, end; /* what is between them is still to be sent */
    uint8_t data[BLOCK_LEN];
};

static struct hws_packet_block *add_block(struct hws_packet_queue *queue)
{
    struct hws_packet_block *block = queue->spare;

    if (queue->block_count == HWS_SCTP_QUEUE_BLOCKS) return NULL;
    queue->spare = NULL;
    if (!block) block = calloc(1, sizeof(*block));
    if (!block) return NULL;
    block->next = NULL;
    block->start = block->end = 0;
    if (queue->last) {
        queue->last->next = block;
    } else {
        queue->first = block;
    }
    queue->last = block;
    queue->block_count++;
    return block;
}

uint8_t *hws_packet_queue_push(struct hws_packet_queue *queue, size_t len)
{
    struct hws_packet_block *block = queue->last;
    uint16_t len16 = (uint16_t)len;
    uint8_t *at;

    if (len > HWS_DATAGRAM_IN_MAX) return NULL;
    if (!block || len + LEN_LEN > BLOCK_LEN - block->end) block = add_block(queue);
    if (!block) return NULL;
    at = block->data + block->end;
    memcpy(at, &len16, LEN_LEN);
    block->end += LEN_LEN + len;
    return at + LEN_LEN;
}

/* The first block has been read to its end: keep it as the spare, or free it. */
static void drop_first(struct hws_packet_queue *queue)
{
    struct hws_packet_block *block = queue->first;

    queue->first = block->next;
    if (!queue->first) queue->last = NULL;
    queue->block_count--;
    if (queue->spare) {
        free(block);
    } else {
        queue->spare = block;
    }
}

bool hws_packet_queue_pop(struct hws_packet_queue *queue, struct hws_bytes *out)
{
    struct hws_packet_block *block;
    uint16_t len;

    /* An emptied block is left in place until now: what was taken last still borrows it. */
    if (queue->first && queue->first->start == queue->first->end) drop_first(queue);
    block = queue->first;
    if (!block) return false;
    memcpy(&len, block->data + block->start, LEN_LEN);
    *out = (struct hws_bytes){block->data + block->start + LEN_LEN, len};
    block->start += (size_t)LEN_LEN + len;
    return true;
}

bool hws_packet_queue_is_empty(const struct hws_packet_queue *queue)
{
    return !queue->first || (queue->first->start == queue->first->end && !queue->first->next);
}

void hws_packet_queue_fini(struct hws_packet_queue *queue)
{
    while (queue->first) {
        drop_first(queue);
    }
    free(queue->spare);
    *queue = (struct hws_packet_queue){0};
}

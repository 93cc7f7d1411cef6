/*
 * Two peers on Hawser's loop, in one process: signals are handed from one to the other, as any
 * signalling channel of yours would carry them. Prints what the second peer receives.
 */
#include <hawser/loop.h>

#include <stdio.h>
#include <string.h>

static struct hws_peer *offerer, *answerer;

/* What one peer signals, the other must be told. */
static enum hws_err carry(const struct hws_loop *loop, const struct hws_loop_item *item)
{
    struct hws_peer *other = item->peer == offerer ? answerer : offerer;

    return hws_peer_signal(other, &item->signal, hws_loop_now(loop));
}

static bool is_message(const struct hws_loop_item *item)
{
    if (item->event.kind != HWS_EVENT_MESSAGE || item->peer != answerer) return false;
    printf("received: %.*s\n", (int)item->event.message.len,
           (const char *)item->event.message.data);
    return true;
}

static enum hws_err run(struct hws_loop *loop)
{
    struct hws_peer_config defaults = {0};
    struct hws_channel channel;
    struct hws_loop_item item;
    const char *hello = "hello over our loop";
    struct hws_bytes text = {(const uint8_t *)hello, strlen(hello)};
    enum hws_err err = hws_loop_add_peer(loop, &defaults, NULL, &offerer);

    if (!err) err = hws_loop_add_peer(loop, &defaults, NULL, &answerer);
    if (!err)
        err = hws_peer_open_channel(offerer, &(struct hws_channel_config){.label = "example"},
                                    hws_loop_now(loop), &channel);
    if (!err) err = hws_peer_offer(offerer, hws_loop_now(loop));
    /* Sent before anything is connected: it waits, and goes first. */
    if (!err) err = hws_peer_send(offerer, channel, HWS_TEXT, text, hws_loop_now(loop));
    while (!err) {
        err = hws_loop_wait(loop, HWS_SEC(10));
        while (!err && hws_loop_next(loop, &item)) {
            if (item.is_signal) {
                err = carry(loop, &item);
            } else if (is_message(&item)) {
                return HWS_OK;
            } else if (item.event.kind == HWS_EVENT_CLOSED) {
                return item.event.fault.err;
            }
        }
    }
    return err;
}

int main(void)
{
    struct hws_loop *loop;
    const char *reason;
    enum hws_err err = hws_loop_new(&(struct hws_loop_config){0}, &loop, &reason);

    if (err) return fprintf(stderr, "%s: %s\n", hws_strerror(err), reason), 1;
    err = run(loop);
    if (err) fprintf(stderr, "failed: %s\n", hws_strerror(err));
    hws_loop_free(loop);
    return err ? 1 : 0;
}

/* What TURN servers add to a peer: what they say, what is wrapped for them, and which of them are
 * of no use. */
#include "peer/peer_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum { URL_CAP = 256 };

/* A server to be told of. */
struct hws_server_report {
    struct hws_server_report *next;
    struct hws_fault fault;
    char url[URL_CAP];
};

enum hws_err hws_peer_add_turn(struct hws_peer *peer, const struct hws_turn_server *server,
                               hws_time now)
{
    enum hws_err err;

    if (!peer->wrapped) peer->wrapped = calloc(HWS_WRAP_BATCH, sizeof(*peer->wrapped));
    if (!peer->wrapped) return HWS_ERR_NO_MEMORY;
    err = hws_ice_add_turn(peer->ice, server, now);
    if (!err) hws_peer_pump(peer, now);
    return err;
}

void hws_peer_turn_gone(struct hws_peer *peer, const struct hws_address *server,
                        const struct hws_address *local, hws_time now)
{
    if (peer->state == HWS_PEER_CLOSED) return;
    hws_ice_turn_gone(peer->ice, server, local, now);
    hws_peer_pump(peer, now);
}

bool hws_peer_unwrap(struct hws_peer *peer, const struct hws_datagram **in,
                     struct hws_datagram *inner, hws_time now)
{
    switch (hws_ice_unwrap(peer->ice, *in, inner, now)) {
    case HWS_ICE_RELAYED:
        *in = inner;
        return true;
    case HWS_ICE_DIRECT:
        return true;
    case HWS_ICE_CONSUMED:
        break;
    }
    return false;
}

bool hws_peer_wrap(struct hws_peer *peer, struct hws_bytes record, size_t nth,
                   struct hws_datagram *out)
{
    uint8_t *buffer = hws_ice_is_relayed(peer->ice) ? peer->wrapped[nth] : NULL;

    return hws_ice_wrap(peer->ice, record, buffer, out);
}

size_t hws_peer_batch(const struct hws_peer *peer, size_t cap)
{
    return hws_ice_is_relayed(peer->ice) && cap > HWS_WRAP_BATCH ? HWS_WRAP_BATCH : cap;
}

void hws_peer_release_relays(struct hws_peer *peer)
{
    if (peer->state != HWS_PEER_CLOSED || peer->relays_released) return;
    peer->relays_released = true;
    hws_ice_close(peer->ice, peer->closed_at);
}

/* ---- Reports */

void hws_peer_server_failed(struct hws_peer *peer, const struct hws_ice_event *event)
{
    struct hws_server_report *report, **place = &peer->reports;
    char endpoint[HWS_ENDPOINT_TEXT_MAX];
    size_t count = 0;

    for (; *place; place = &(*place)->next) {
        count++;
    }
    if (count == HWS_SERVER_REPORTS) return;
    report = calloc(1, sizeof(*report));
    if (!report) return; /* it is in the log, and nothing depends on it */
    report->fault = event->fault;
    if (event->url && event->url[0] != '\0') {
        (void)snprintf(report->url, sizeof(report->url), "%s", event->url);
    } else {
        (void)snprintf(report->url, sizeof(report->url), "%s:%s", event->fault.layer,
                       hws_endpoint_text(&event->server, endpoint));
    }
    *place = report;
}

bool hws_peer_next_report(struct hws_peer *peer, struct hws_event *out)
{
    struct hws_server_report *report = peer->reports;

    free(peer->report_out);
    peer->report_out = NULL;
    if (!report) return false;
    peer->reports = report->next;
    peer->report_out = report;
    *out = (struct hws_event){
        .kind = HWS_EVENT_SERVER_FAILED, .fault = report->fault, .server = report->url};
    return true;
}

void hws_peer_relay_fini(struct hws_peer *peer)
{
    while (peer->reports) {
        struct hws_server_report *next = peer->reports->next;

        free(peer->reports);
        peer->reports = next;
    }
    free(peer->report_out);
    free(peer->wrapped);
}

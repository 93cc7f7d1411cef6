/* Remote candidates that are names of the local link, "<uuid>.local": they wait here until the
 * program has looked them up (draft-ietf-mmusic-mdns-ice-candidates section 3.2). */
#include "peer/peer_internal.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hws_peer_name {
    struct hws_candidate candidate; /**< without a name it is free */
    bool told;
};

static bool is_waiting(const struct hws_peer_name *name)
{
    return name->candidate.mdns[0] != '\0';
}

/* Names are alike in either case (RFC 1035 section 2.3.3): lower, as who looks them up has them. */
static void lower(char *name)
{
    for (; *name; name++) {
        if (*name >= 'A' && *name <= 'Z') *name = (char)(*name + ('a' - 'A'));
    }
}

enum hws_err hws_names_keep(struct hws_peer *peer, const struct hws_candidate *candidate)
{
    if (!peer->names) peer->names = calloc(HWS_NAME_WAITING_MAX, sizeof(*peer->names));
    if (!peer->names) return HWS_ERR_NO_MEMORY;
    for (size_t i = 0; i < HWS_NAME_WAITING_MAX; i++) {
        if (is_waiting(&peer->names[i])) continue;
        peer->names[i] = (struct hws_peer_name){.candidate = *candidate};
        if (!candidate->ufrag[0]) /* of the description at hand */
            (void)snprintf(peer->names[i].candidate.ufrag, sizeof(candidate->ufrag), "%s",
                           peer->remote.ufrag);
        lower(peer->names[i].candidate.mdns);
        peer->untold_names = true;
        return HWS_OK;
    }
    return HWS_ERR_FULL;
}

void hws_names_restart(struct hws_peer *peer, const char *ufrag)
{
    for (size_t i = 0; peer->names && i < HWS_NAME_WAITING_MAX; i++) {
        if (!hws_bytes_equal(hws_bytes_of(peer->names[i].candidate.ufrag), hws_bytes_of(ufrag)))
            peer->names[i] = (struct hws_peer_name){0};
    }
    peer->end_waits = false;
}

static bool any_waits(const struct hws_peer *peer)
{
    for (size_t i = 0; peer->names && i < HWS_NAME_WAITING_MAX; i++) {
        if (is_waiting(&peer->names[i])) return true;
    }
    return false;
}

void hws_names_end_remote(struct hws_peer *peer, hws_time now)
{
    peer->end_waits = any_waits(peer);
    if (!peer->end_waits) hws_ice_end_remote(peer->ice, now);
}

bool hws_peer_has_names(const struct hws_peer *peer)
{
    return peer->untold_names;
}

bool hws_peer_next_name(struct hws_peer *peer, const char **out)
{
    for (size_t i = 0; peer->untold_names && i < HWS_NAME_WAITING_MAX; i++) {
        struct hws_peer_name *name = &peer->names[i];

        if (!is_waiting(name) || name->told) continue;
        name->told = true;
        *out = name->candidate.mdns;
        return true;
    }
    peer->untold_names = false;
    return false;
}

enum hws_err hws_peer_resolved(struct hws_peer *peer, const char *name,
                               const struct hws_address *addr, hws_time now)
{
    enum hws_err err = HWS_ERR_NOT_FOUND;

    for (size_t i = 0; peer->names && i < HWS_NAME_WAITING_MAX; i++) {
        struct hws_candidate candidate = peer->names[i].candidate;
        struct hws_address told = candidate.addr; /* port and protocol */

        if (!is_waiting(&peer->names[i]) || strcmp(candidate.mdns, name) != 0) continue;
        peer->names[i] = (struct hws_peer_name){0};
        err = HWS_OK;
        if (!addr || addr->family == HWS_FAMILY_NONE) continue;
        candidate.addr = *addr;
        candidate.addr.port = told.port;
        candidate.addr.tcp = told.tcp;
        /* An address that cannot be used is dropped like any other such candidate. */
        (void)!hws_ice_add_remote(peer->ice, &candidate, now);
    }
    if (peer->end_waits) hws_names_end_remote(peer, now);
    if (!err) hws_peer_pump(peer, now);
    return err;
}

/* ---- Names for our own addresses */

enum hws_err hws_peer_hide_local(struct hws_peer *peer, const struct hws_address *addr,
                                 const char *name)
{
    struct hws_candidate probe = {.priority = 1, .foundation = "1", .addr = {.port = 9}};
    struct hws_hidden *hidden = &peer->hidden[peer->hidden_count];

    if (peer->hidden_count == HWS_HIDDEN_MAX) return HWS_ERR_FULL;
    if (strlen(name) >= sizeof(probe.mdns)) return HWS_ERR_ARGUMENT;
    memcpy(probe.mdns, name, strlen(name));
    if (!hws_candidate_is_sound(&probe)) return HWS_ERR_ARGUMENT; /* it could not be written */
    hidden->addr = *addr;
    memcpy(hidden->name, probe.mdns, sizeof(hidden->name));
    peer->hidden_count++;
    return HWS_OK;
}

void hws_names_hide(const struct hws_peer *peer, struct hws_candidate *candidate)
{
    if (peer->hidden_count == 0) return;
    candidate->related = (struct hws_address){0}; /* the base of it (section 3.1.2.2) */
    for (size_t i = 0; i < peer->hidden_count; i++) {
        if (candidate->type != HWS_CANDIDATE_HOST ||
            !hws_address_same_ip(&candidate->addr, &peer->hidden[i].addr))
            continue;
        candidate->addr =
            (struct hws_address){.port = candidate->addr.port, .tcp = candidate->addr.tcp};
        memcpy(candidate->mdns, peer->hidden[i].name, sizeof(candidate->mdns));
        return;
    }
}

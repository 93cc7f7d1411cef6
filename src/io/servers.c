#include "io/servers.h"

#include "base/address.h"
#include "base/bytes.h"
#include "base/log.h"
#include "io/clock.h"
#include "stun/stun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Life */

static enum hws_err copy(const char *text, char **out)
{
    size_t len = text ? strlen(text) : 0;

    if (!text) return HWS_OK;
    *out = calloc(1, len + 1);
    if (!*out) return HWS_ERR_NO_MEMORY;
    memcpy(*out, text, len);
    return HWS_OK;
}

static enum hws_err add(struct hws_servers *servers, const struct hws_ice_server *config,
                        void (*wake)(void *user), void *user, const char **out_reason)
{
    struct hws_server *server = &servers->list[servers->count];
    enum hws_err err;

    *out_reason = "too many ICE servers: 8 at most";
    if (servers->count == HWS_ICE_SERVER_MAX) return HWS_ERR_ARGUMENT;
    *out_reason = "an ICE server URL is too long";
    if (strlen(config->url) >= sizeof(server->text)) return HWS_ERR_ARGUMENT;
    err = hws_ice_url_read(config->url, &server->url, out_reason);
    if (err) return HWS_ERR_ARGUMENT;
    memcpy(server->text, config->url, strlen(config->url) + 1);
    servers->count++;
    *out_reason = "out of memory";
    err = copy(config->username, &server->username);
    if (!err) err = copy(config->password, &server->password);
    if (err) return err;
    *out_reason = "a name cannot be looked up: no memory or no thread";
    return hws_lookup_start(&server->url.endpoint, wake, user, &server->lookup);
}

enum hws_err hws_servers_init(struct hws_servers *servers, const struct hws_loop_config *config,
                              void (*wake)(void *user), void *user, const char **out_reason)
{
    enum hws_err err = HWS_OK;

    servers->log = config->log;
    for (size_t i = 0; !err && i < config->ice_server_count; i++) {
        err = add(servers, &(struct hws_ice_server){.url = config->ice_servers[i]}, wake, user,
                  out_reason);
    }
    for (size_t i = 0; !err && i < config->server_count; i++) {
        err = add(servers, &config->servers[i], wake, user, out_reason);
    }
    if (!err) *out_reason = "";
    return err;
}

static void forget(char *secret)
{
    if (secret) hws_wipe(secret, strlen(secret));
    free(secret);
}

void hws_servers_fini(struct hws_servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        hws_lookup_free(servers->list[i].lookup);
        forget(servers->list[i].username);
        forget(servers->list[i].password);
    }
    servers->count = 0;
}

/* ---- Peers */

static bool is_looked_up(struct hws_servers *servers, struct hws_server *server)
{
    if (!server->lookup) return true;
    if (!hws_lookup_done(server->lookup, server->found, &server->found_count)) return false;
    if (server->found_count == 0) {
        HWS_LOG(&servers->log, HWS_LOG_WARN, hws_clock_now(), "io", "server.unknown", "host=%s",
                server->url.endpoint.host);
    }
    hws_lookup_free(server->lookup);
    server->lookup = NULL;
    return true;
}

static struct hws_fault fault(enum hws_err err, const char *what)
{
    return (struct hws_fault){err, "io", what, 0};
}

/* One address of each family is enough to relay through. */
static bool is_second(const struct hws_server *server, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (server->found[i].family == server->found[index].family) return true;
    }
    return false;
}

static enum hws_err give_address(const struct hws_server *server, size_t index,
                                 struct hws_peer *peer, hws_time now)
{
    struct hws_turn_server turn = {
        .address = server->found[index],
        .username = server->username,
        .password = server->password,
        .url = server->text,
    };

    if (!server->url.is_turn) return hws_peer_add_stun(peer, &server->found[index], now);
    return is_second(server, index) ? HWS_OK : hws_peer_add_turn(peer, &turn, now);
}

static bool wants_own(const struct hws_servers *servers, const struct hws_server *server)
{
    return server->url.is_turn &&
           (servers->own_ports || server->url.transport != HWS_TRANSPORT_UDP);
}

bool hws_servers_next_own(struct hws_servers *servers, struct hws_servers_share *share,
                          size_t *out_index, struct hws_address *out)
{
    for (size_t i = 0; i < servers->count; i++) {
        const struct hws_server *server = &servers->list[i];

        while (share->owed[i] > 0) {
            size_t k = server->found_count - share->owed[i]--;

            if (is_second(server, k)) continue;
            *out_index = i;
            *out = server->found[k];
            return true;
        }
    }
    return false;
}

void hws_servers_give_local(struct hws_servers *servers, struct hws_servers_share *share,
                            size_t index, const struct hws_address *server,
                            const struct hws_address *local, struct hws_peer *peer, hws_time now)
{
    const struct hws_server *one = &servers->list[index];
    struct hws_turn_server turn = {
        .address = *server,
        .username = one->username,
        .password = one->password,
        .transport = one->url.transport,
        .local = *local,
        .url = one->text,
    };
    enum hws_err err = hws_peer_add_turn(peer, &turn, now);

    if (err) hws_servers_own_failed(share, index, fault(err, "it cannot be used"));
}

bool hws_servers_wants_port(const struct hws_servers *servers, struct hws_servers_share *share,
                            const struct hws_event *event, size_t *out_index,
                            struct hws_address *out_server)
{
    if (event->kind != HWS_EVENT_SERVER_FAILED || strcmp(event->fault.layer, "turn") != 0)
        return false;
    if (event->fault.foreign != HWS_STUN_ALLOCATION_MISMATCH &&
        event->fault.foreign != HWS_STUN_WRONG_CREDENTIALS)
        return false;
    for (size_t i = 0; i < servers->count; i++) {
        const struct hws_server *server = &servers->list[i];

        if (share->moved[i] || server->url.transport != HWS_TRANSPORT_UDP ||
            strcmp(server->text, event->server) != 0)
            continue;
        share->moved[i] = true;
        *out_index = i;
        *out_server = server->found[0];
        return server->found_count > 0;
    }
    return false;
}

void hws_servers_own_failed(struct hws_servers_share *share, size_t index, struct hws_fault fault)
{
    share->faults[index] = fault;
    share->failed[index] = true;
}

static struct hws_fault give(const struct hws_server *server, struct hws_peer *peer, hws_time now)
{
    if (server->found_count == 0) return fault(HWS_ERR_NOT_FOUND, "the name is not known");
    if (!server->url.is_turn && server->url.transport == HWS_TRANSPORT_TLS)
        return fault(HWS_ERR_UNSUPPORTED, "what it sees of a TLS connection says nothing of UDP");
    for (size_t i = 0; i < server->found_count; i++) {
        enum hws_err err = give_address(server, i, peer, now);

        if (err) return fault(err, "it cannot be used, or there are too many");
    }
    return fault(HWS_OK, "");
}

bool hws_servers_give(struct hws_servers *servers, struct hws_servers_share *share,
                      struct hws_peer *peer, hws_time now)
{
    bool all = true;

    for (size_t i = 0; i < servers->count; i++) {
        struct hws_server *server = &servers->list[i];

        if (share->given[i]) continue;
        if (!is_looked_up(servers, server)) {
            all = false;
            continue;
        }
        share->given[i] = true;
        if (wants_own(servers, server)) {
            share->owed[i] = server->found_count;
            if (server->found_count > 0) continue;
        }
        share->faults[i] = give(server, peer, now);
        share->failed[i] = share->faults[i].err != HWS_OK;
    }
    return all;
}

bool hws_servers_next_event(const struct hws_servers *servers, struct hws_servers_share *share,
                            struct hws_event *out)
{
    for (size_t i = 0; i < servers->count; i++) {
        if (!share->failed[i]) continue;
        share->failed[i] = false;
        *out = (struct hws_event){.kind = HWS_EVENT_SERVER_FAILED,
                                  .fault = share->faults[i],
                                  .server = servers->list[i].text};
        return true;
    }
    return false;
}

bool hws_servers_has_event(const struct hws_servers_share *share)
{
    for (size_t i = 0; i < HWS_ICE_SERVER_MAX; i++) {
        if (share->failed[i]) return true;
    }
    return false;
}

bool hws_servers_has(const struct hws_servers *servers, const struct hws_address *addr)
{
    for (size_t i = 0; i < servers->count; i++) {
        for (size_t k = 0; k < servers->list[i].found_count; k++) {
            if (hws_address_equal(&servers->list[i].found[k], addr)) return true;
        }
    }
    return false;
}

const char *hws_servers_url(const struct hws_servers *servers, const char *text)
{
    for (size_t i = 0; i < servers->count; i++) {
        const struct hws_server *server = &servers->list[i];

        for (size_t k = 0; !server->url.is_turn && k < server->found_count; k++) {
            char endpoint[HWS_ENDPOINT_TEXT_MAX], name[HWS_ENDPOINT_TEXT_MAX + 5];

            (void)snprintf(name, sizeof(name), "stun:%s",
                           hws_endpoint_text(&server->found[k], endpoint));
            if (strcmp(name, text) == 0) return server->text;
        }
    }
    return text;
}

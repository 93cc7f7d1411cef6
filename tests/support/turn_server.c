#include "support/turn_server.h"

#include "base/address.h"
#include "stun/channel_data.h"
#include "stun/stun_writer.h"

#include <stdlib.h>
#include <string.h>

static struct hws_address parse(const char *ip, uint16_t port)
{
    struct hws_address addr = {0};

    if (hws_address_read(hws_bytes_of(ip), &addr)) abort();
    addr.port = port;
    return addr;
}

void server_init(struct turn_server *server)
{
    *server = (struct turn_server){
        .addr = parse("192.0.2.200", 3478),
        .relay4 = parse("192.0.2.201", 50000),
        .username = "user",
        .password = "secret",
        .realm = "example.org",
        .nonce = "nonce-1",
        .lifetime = 600,
    };
}

void server_restart(struct turn_server *server, const char *nonce)
{
    memset(server->allocations, 0, sizeof(server->allocations));
    server->nonce = nonce;
}

struct server_allocation *server_find(struct turn_server *server, const struct hws_address *client)
{
    for (size_t i = 0; i < SERVER_CLIENTS; i++) {
        struct server_allocation *allocation = &server->allocations[i];

        if (allocation->used && hws_address_equal(&allocation->client, client)) return allocation;
    }
    return NULL;
}

/* ---- Answers */

struct exchange {
    struct turn_server *server;
    const struct hws_stun_message *request;
    struct hws_stun_key key;
    bool is_signed;
    hws_time now;
};

static void sign(const struct exchange *ex, struct hws_stun_writer *msg)
{
    struct hws_bytes key = {ex->key.bytes, ex->key.len};

    if (!ex->is_signed || ex->server->unsigned_answers) return;
    if (ex->request->integrity_sha256.data) {
        hws_stun_add_integrity_sha256(msg, key);
    } else {
        hws_stun_add_integrity(msg, key);
    }
}

static struct hws_stun_writer answer(const struct exchange *ex, enum hws_stun_class msg_class)
{
    return hws_stun_begin(ex->server->buffer, sizeof(ex->server->buffer), msg_class,
                          ex->request->method, ex->request->transaction);
}

static struct hws_bytes finish(struct hws_stun_writer *msg)
{
    struct hws_bytes bytes;

    if (hws_stun_end(msg, &bytes)) abort();
    return bytes;
}

static struct hws_bytes error(const struct exchange *ex, uint16_t code)
{
    static const uint8_t algorithms[] = {0, 2, 0, 0, 0, 1, 0, 0};
    struct turn_server *server = ex->server;
    struct hws_stun_writer msg = answer(ex, HWS_STUN_ERROR);

    server->refused[ex->request->method]++;
    hws_stun_add_error(&msg, code, "as the test wants it");
    if (code == 401 || code == 438) {
        hws_stun_add_bytes(&msg, HWS_STUN_REALM, hws_bytes_of(server->realm));
        hws_stun_add_bytes(&msg, HWS_STUN_NONCE, hws_bytes_of(server->nonce));
        if (server->sha256 && !server->hide_algorithms)
            hws_stun_add_bytes(&msg, HWS_STUN_PASSWORD_ALGORITHMS,
                               (struct hws_bytes){algorithms, sizeof(algorithms)});
    } else if (code == 300) {
        hws_stun_add_address(&msg, HWS_STUN_ALTERNATE_SERVER, &server->alternate);
    } else {
        sign(ex, &msg);
    }
    return finish(&msg);
}

/* 0 when the request is who it says it is. */
static uint16_t authenticate(struct exchange *ex)
{
    struct turn_server *server = ex->server;
    const struct hws_stun_message *request = ex->request;
    enum hws_stun_password_algorithm algorithm = HWS_STUN_PASSWORD_MD5;
    uint8_t userhash[HWS_STUN_USERHASH_LEN];

    if (server->open_to_all) return 0;
    if (!request->integrity.data && !request->integrity_sha256.data) return 401;
    if (request->password_algorithm.data) {
        if (!server->sha256 || !request->password_algorithms.data) return 400;
        algorithm = (enum hws_stun_password_algorithm)request->password_algorithm.data[1];
    }
    if (!hws_bytes_equal(request->nonce, hws_bytes_of(server->nonce))) return 438;
    if (!hws_bytes_equal(request->realm, hws_bytes_of(server->realm))) return 401;
    if (request->userhash.data) {
        if (hws_stun_userhash(hws_bytes_of(server->username), hws_bytes_of(server->realm),
                              userhash))
            abort();
        if (memcmp(userhash, request->userhash.data, sizeof(userhash)) != 0) return 401;
        server->userhashes++;
    } else if (!hws_bytes_equal(request->username, hws_bytes_of(server->username))) {
        return 401;
    }
    if (hws_stun_long_term_key(algorithm, hws_bytes_of(server->username),
                               hws_bytes_of(server->realm), hws_bytes_of(server->password),
                               &ex->key))
        abort();
    if (hws_stun_verify(request, (struct hws_bytes){ex->key.bytes, ex->key.len}) !=
        HWS_STUN_INTEGRITY_OK)
        return 401;
    ex->is_signed = true;
    return 0;
}

/* ---- Methods */

static struct hws_bytes allocation_answer(const struct exchange *ex,
                                          const struct server_allocation *allocation)
{
    struct hws_stun_writer msg = answer(ex, HWS_STUN_SUCCESS);

    for (size_t i = 0; i < 2; i++) {
        if (allocation->relayed[i].family != HWS_FAMILY_NONE)
            hws_stun_add_xor_address(&msg, HWS_STUN_XOR_RELAYED_ADDRESS, &allocation->relayed[i]);
    }
    hws_stun_add_u32(&msg, HWS_STUN_LIFETIME, ex->server->lifetime);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, &allocation->client);
    sign(ex, &msg);
    return finish(&msg);
}

static struct hws_bytes allocate(const struct exchange *ex, const struct hws_address *client)
{
    struct turn_server *server = ex->server;
    struct server_allocation *free_one = server_find(server, client);
    bool repeated =
        free_one && memcmp(free_one->transaction, ex->request->transaction, HWS_STUN_TID_LEN) == 0;
    struct hws_bytes additional;
    bool both = hws_stun_find(ex->request, HWS_STUN_ADDITIONAL_ADDRESS_FAMILY, &additional);
    bool only6 = ex->request->requested_family == 2;

    if (ex->request->requested_transport != 17) return error(ex, 442);
    if (free_one && !repeated) return error(ex, 437);
    if (repeated) return allocation_answer(ex, free_one);
    if (only6 && server->relay6.family == HWS_FAMILY_NONE) return error(ex, 440);
    for (size_t i = 0; i < SERVER_CLIENTS; i++) {
        if (!server->allocations[i].used) free_one = &server->allocations[i];
    }
    if (!free_one) return error(ex, 486);
    *free_one = (struct server_allocation){
        .used = true, .client = *client, .expires_at = ex->now + HWS_SEC(server->lifetime)};
    if (!only6) {
        free_one->relayed[0] = server->relay4;
        server->relay4.port++;
    }
    if ((only6 || both) && server->relay6.family != HWS_FAMILY_NONE) {
        free_one->relayed[1] = server->relay6;
        server->relay6.port++;
    }
    memcpy(free_one->transaction, ex->request->transaction, HWS_STUN_TID_LEN);
    return allocation_answer(ex, free_one);
}

static struct hws_bytes refresh(const struct exchange *ex, struct server_allocation *allocation)
{
    struct hws_stun_writer msg = answer(ex, HWS_STUN_SUCCESS);
    bool ends = ex->request->has_lifetime && ex->request->lifetime == 0;

    allocation->expires_at = ex->now + HWS_SEC(ex->server->lifetime);
    if (ends) allocation->used = false;
    hws_stun_add_u32(&msg, HWS_STUN_LIFETIME, ends ? 0 : ex->server->lifetime);
    sign(ex, &msg);
    return finish(&msg);
}

static void let_through(struct server_allocation *allocation, const struct hws_address *peer,
                        hws_time now)
{
    size_t at = 0;

    while (at < allocation->permission_count &&
           !hws_address_same_ip(&allocation->permissions[at].peer, peer)) {
        at++;
    }
    if (at == SERVER_PERMISSIONS) abort();
    if (at == allocation->permission_count) allocation->permission_count++;
    allocation->permissions[at].peer = *peer;
    allocation->permissions[at].expires_at = now + HWS_SEC(300);
}

static struct hws_bytes create_permission(const struct exchange *ex,
                                          struct server_allocation *allocation)
{
    struct hws_stun_writer msg;
    struct hws_address peer;
    size_t count = 0;

    for (size_t i = 0; hws_stun_find_xor_address(ex->request, HWS_STUN_XOR_PEER_ADDRESS, i, &peer);
         i++) {
        count++;
        if (hws_address_same_ip(&peer, &ex->server->forbidden)) return error(ex, 403);
    }
    if (count == 0) return error(ex, 400);
    for (size_t i = 0; hws_stun_find_xor_address(ex->request, HWS_STUN_XOR_PEER_ADDRESS, i, &peer);
         i++) {
        let_through(allocation, &peer, ex->now);
    }
    msg = answer(ex, HWS_STUN_SUCCESS);
    sign(ex, &msg);
    return finish(&msg);
}

static struct hws_bytes channel_bind(const struct exchange *ex,
                                     struct server_allocation *allocation)
{
    const struct hws_address *peer = &ex->request->xor_peer;
    uint16_t number = ex->request->channel;
    struct hws_stun_writer msg;
    size_t at = allocation->channel_count;

    if (number < 0x4000 || number > 0x4FFF || peer->family == HWS_FAMILY_NONE)
        return error(ex, 400);
    for (size_t i = 0; i < allocation->channel_count; i++) {
        bool same_number = allocation->channels[i].number == number;
        bool same_peer = hws_address_equal(&allocation->channels[i].peer, peer);

        if (same_number != same_peer) return error(ex, 400);
        if (same_number) at = i;
    }
    if (at == SERVER_CHANNELS) abort();
    if (at == allocation->channel_count) allocation->channel_count++;
    allocation->channels[at].peer = *peer;
    allocation->channels[at].number = number;
    allocation->channels[at].expires_at = ex->now + HWS_SEC(600);
    let_through(allocation, peer, ex->now);
    msg = answer(ex, HWS_STUN_SUCCESS);
    sign(ex, &msg);
    return finish(&msg);
}

static struct hws_bytes request(struct exchange *ex, const struct hws_address *client)
{
    struct turn_server *server = ex->server;
    uint16_t method = ex->request->method, code;
    struct server_allocation *allocation;

    server->seen[method]++;
    if (method == HWS_STUN_BINDING) {
        struct hws_stun_writer msg = answer(ex, HWS_STUN_SUCCESS);

        if (server->force_count[method] > 0) {
            server->force_count[method]--;
            return error(ex, server->force[method]);
        }
        hws_stun_add_xor_address(&msg, HWS_STUN_XOR_MAPPED_ADDRESS, client);
        return finish(&msg);
    }
    code = authenticate(ex);
    if (server->force_count[method] > 0 && (code == 0 || server->force[method] == 300)) {
        server->force_count[method]--;
        return error(ex, server->force[method]);
    }
    if (code != 0) return error(ex, code);
    if (method == HWS_STUN_ALLOCATE) return allocate(ex, client);
    allocation = server_find(server, client);
    if (!allocation || allocation->expires_at <= ex->now) return error(ex, 437);
    if (method == HWS_STUN_REFRESH) return refresh(ex, allocation);
    if (method == HWS_STUN_CREATE_PERMISSION) return create_permission(ex, allocation);
    if (method == HWS_STUN_CHANNEL_BIND) return channel_bind(ex, allocation);
    return error(ex, 400);
}

/* ---- Relaying */

static bool is_permitted(const struct server_allocation *allocation, const struct hws_address *peer,
                         hws_time now)
{
    for (size_t i = 0; i < allocation->permission_count; i++) {
        if (hws_address_same_ip(&allocation->permissions[i].peer, peer) &&
            allocation->permissions[i].expires_at > now)
            return true;
    }
    return false;
}

static bool send_on(struct server_allocation *allocation, const struct hws_address *peer,
                    struct hws_bytes data, hws_time now, struct server_output *out)
{
    if (!is_permitted(allocation, peer, now)) return false;
    *out = (struct server_output){.bytes = data, .to = *peer};
    for (size_t i = 0; i < 2; i++) {
        if (allocation->relayed[i].family == peer->family) out->relayed = allocation->relayed[i];
    }
    return out->relayed.family != HWS_FAMILY_NONE;
}

static bool take_channel_data(struct turn_server *server, struct server_allocation *allocation,
                              struct hws_bytes packet, hws_time now, struct server_output *out)
{
    struct hws_channel_data view;

    if (!allocation || hws_channel_data_read(packet, &view, NULL)) return false;
    for (size_t i = 0; i < allocation->channel_count; i++) {
        if (allocation->channels[i].number != view.channel) continue;
        if (allocation->channels[i].expires_at <= now) return false;
        server->channel_datas++;
        return send_on(allocation, &allocation->channels[i].peer, view.data, now, out);
    }
    return false;
}

bool server_take(struct turn_server *server, const struct hws_address *client,
                 struct hws_bytes packet, hws_time now, struct server_output *out)
{
    struct server_allocation *allocation = server_find(server, client);
    struct hws_stun_message msg;
    struct exchange ex = {.server = server, .request = &msg, .now = now};
    bool sent = false;

    if (server->dead || packet.len == 0) return false;
    if (packet.data[0] >= 64 && packet.data[0] < 80) {
        sent = take_channel_data(server, allocation, packet, now, out);
    } else if (hws_stun_read(packet, &msg, NULL)) {
        sent = false;
    } else if (msg.msg_class == HWS_STUN_REQUEST) {
        *out = (struct server_output){.bytes = request(&ex, client), .to = *client};
        return true;
    } else if (msg.msg_class == HWS_STUN_INDICATION && msg.method == HWS_STUN_SEND && allocation &&
               msg.data.data) {
        server->sends++;
        sent = send_on(allocation, &msg.xor_peer, msg.data, now, out);
    }
    if (!sent) server->dropped++;
    return sent;
}

static bool wrap_data(struct turn_server *server, const struct server_allocation *allocation,
                      const struct hws_address *peer, struct hws_bytes data, hws_time now,
                      struct server_output *out)
{
    static const uint8_t transaction[HWS_STUN_TID_LEN] = "indication";
    struct hws_writer writer = hws_writer_over(server->buffer, sizeof(server->buffer));
    struct hws_stun_writer msg;

    *out = (struct server_output){.to = allocation->client};
    for (size_t i = 0; i < allocation->channel_count; i++) {
        if (!hws_address_equal(&allocation->channels[i].peer, peer)) continue;
        if (allocation->channels[i].expires_at <= now) continue;
        if (hws_channel_data_write(&writer, allocation->channels[i].number, data, false)) abort();
        out->bytes = hws_written(&writer);
        return true;
    }
    msg = hws_stun_begin(server->buffer, sizeof(server->buffer), HWS_STUN_INDICATION, HWS_STUN_DATA,
                         transaction);
    hws_stun_add_xor_address(&msg, HWS_STUN_XOR_PEER_ADDRESS, peer);
    hws_stun_add_bytes(&msg, HWS_STUN_DATA_ATTR, data);
    out->bytes = finish(&msg);
    return true;
}

bool server_relay(struct turn_server *server, const struct hws_address *relayed,
                  const struct hws_address *peer, struct hws_bytes data, hws_time now,
                  struct server_output *out)
{
    if (server->dead) return false;
    for (size_t i = 0; i < SERVER_CLIENTS; i++) {
        struct server_allocation *allocation = &server->allocations[i];

        if (!allocation->used || allocation->expires_at <= now) continue;
        if (!hws_address_equal(&allocation->relayed[0], relayed) &&
            !hws_address_equal(&allocation->relayed[1], relayed))
            continue;
        if (!is_permitted(allocation, peer, now)) return false;
        return wrap_data(server, allocation, peer, data, now, out);
    }
    return false;
}

#include "io/turn_link.h"

#include "io/tcp.h"
#include "turn/stream.h"

#include <stdlib.h>
#include <unistd.h>

enum state { CONNECTING, SHAKING, UP, OVER };

struct hws_turn_link {
    enum state state;
    int fd;
    struct hws_address server;
    struct hws_tls_trust *trust;
    const char *name;
    struct hws_tls *tls; /* owned; NULL for TCP */
    struct hws_turn_stream in;
    struct hws_tcp_queue out;
    struct hws_fault fault;
};

static enum hws_err fail(struct hws_turn_link *link, enum hws_err err, const char *what, int code)
{
    link->state = OVER;
    link->fault = (struct hws_fault){err, "io", what, code};
    return err;
}

enum hws_err hws_turn_link_new(const struct hws_address *server, struct hws_tls_trust *trust,
                               const char *name, struct hws_turn_link **out)
{
    struct hws_turn_link *link = calloc(1, sizeof(*link));

    if (!link) return HWS_ERR_NO_MEMORY;
    link->server = *server;
    link->trust = trust;
    link->name = name;
    if (hws_tcp_connect(NULL, server, &link->fd) != HWS_OK) {
        free(link);
        return HWS_ERR_IO;
    }
    *out = link;
    return HWS_OK;
}

int hws_turn_link_fd(const struct hws_turn_link *link)
{
    return link->fd;
}

bool hws_turn_link_is_up(const struct hws_turn_link *link)
{
    return link->state == UP;
}

bool hws_turn_link_wants_write(const struct hws_turn_link *link)
{
    switch (link->state) {
    case CONNECTING:
        return true;
    case SHAKING:
        return hws_tls_wants_write(link->tls);
    case UP:
        return link->out.len > 0;
    case OVER:
        break;
    }
    return false;
}

struct hws_address hws_turn_link_local(const struct hws_turn_link *link)
{
    return hws_tcp_local(link->fd);
}

struct hws_address hws_turn_link_server(const struct hws_turn_link *link)
{
    return link->server;
}

struct hws_fault hws_turn_link_fault(const struct hws_turn_link *link)
{
    return link->fault;
}

/* ---- Bytes */

static enum hws_err read_some(struct hws_turn_link *link, uint8_t *out, size_t cap, size_t *len)
{
    if (link->tls) return hws_tls_read(link->tls, out, cap, len);
    return hws_tcp_read(link->fd, out, cap, len);
}

static enum hws_err write_some(struct hws_turn_link *link, struct hws_bytes bytes, size_t *len)
{
    if (link->tls) return hws_tls_write(link->tls, bytes, len);
    return hws_tcp_write(link->fd, bytes, len);
}

static enum hws_err flush(struct hws_turn_link *link)
{
    struct hws_tcp_queue *out = &link->out;

    while (out->len > 0) {
        size_t sent = 0;
        enum hws_err err =
            write_some(link, (struct hws_bytes){out->bytes + out->first, out->len}, &sent);

        if (err) return err;
        hws_tcp_queue_drop(out, sent);
    }
    return HWS_ERR_AGAIN;
}

bool hws_turn_link_send(struct hws_turn_link *link, struct hws_bytes message)
{
    if (link->state != UP || message.len > HWS_TCP_QUEUE_MAX) return true; /* the network lost it */
    /* TLS wants the same bytes again, at the same place. */
    if (!hws_tcp_queue_room(&link->out, message.len, !link->tls)) return false;
    hws_tcp_queue_put(&link->out, message);
    if (link->out.len == message.len) (void)!flush(link); /* else the socket is full already */
    return true;
}

bool hws_turn_link_next(struct hws_turn_link *link, struct hws_bytes *out)
{
    for (;;) {
        uint8_t bytes[HWS_TURN_STREAM_MAX];
        size_t room, len = 0;
        enum hws_err err = hws_turn_stream_next(&link->in, out);

        if (!err) return true;
        if (link->state != UP) return false;
        if (err != HWS_ERR_AGAIN) {
            (void)!fail(link, err, "the server does not speak TURN on that port", 0);
            return false;
        }
        room = sizeof(link->in.bytes) - link->in.len;
        err = read_some(link, bytes, room, &len);
        if (err == HWS_ERR_AGAIN) return false;
        if (err) {
            (void)!fail(link, HWS_ERR_CLOSED, "the server closed the connection", 0);
            return false;
        }
        (void)hws_turn_stream_feed(&link->in, (struct hws_bytes){bytes, len}); /* it fits */
    }
}

/* ---- Steps */

static enum hws_err connected(struct hws_turn_link *link)
{
    if (!link->trust) {
        link->state = UP;
        return HWS_OK;
    }
    if (hws_tls_new(link->trust, link->fd, link->name, &link->tls))
        return fail(link, HWS_ERR_CRYPTO, "TLS cannot be begun", 0);
    link->state = SHAKING;
    return HWS_OK;
}

static enum hws_err shake(struct hws_turn_link *link)
{
    enum hws_err err = hws_tls_connect(link->tls);

    if (err == HWS_ERR_AGAIN) return err;
    if (err)
        return fail(link, err, "the server's TLS certificate is not trusted, or it speaks no TLS",
                    hws_tls_code(link->tls));
    link->state = UP;
    return HWS_OK;
}

enum hws_err hws_turn_link_ready(struct hws_turn_link *link)
{
    enum hws_err err = HWS_OK;

    if (link->state == CONNECTING) {
        int code;

        if (!hws_tcp_is_connected(link->fd, &code)) { /* an early call changes nothing */
            if (code == 0) return HWS_ERR_AGAIN;
            return fail(link, HWS_ERR_UNREACHABLE, "the server does not take a connection", code);
        }
        err = connected(link);
    }
    if (!err && link->state == SHAKING) err = shake(link);
    if (err) return err;
    if (link->state == OVER) return link->fault.err;
    err = flush(link);
    return err == HWS_ERR_CLOSED ? fail(link, err, "the server closed the connection", 0) : err;
}

void hws_turn_link_free(struct hws_turn_link *link)
{
    if (!link) return;
    if (link->state == UP) (void)!flush(link);
    hws_tls_free(link->tls);
    close(link->fd);
    free(link);
}

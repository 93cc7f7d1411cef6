#include "io/tcp.h"

#include "io/sockaddr.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 64,
    UNSENT_MAX = 128 * 1024, /* bytes that the kernel takes beside what is on its way */
};

static enum hws_err fail(int fd)
{
    close(fd);
    return HWS_ERR_IO;
}

/* A small message goes at once, and none waits behind more than we can hold back. */
static void tune(int fd)
{
    int on = 1, unsent = UNSENT_MAX;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
}

enum hws_err hws_tcp_connect(const struct hws_address *from, const struct hws_address *to,
                             int *out_fd)
{
    struct sockaddr_storage sa;
    socklen_t len = hws_sockaddr_write(to, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) return HWS_ERR_IO;
    tune(fd);
    if (from) {
        struct hws_address any_port = *from;
        struct sockaddr_storage own;
        socklen_t own_len;

        any_port.port = 0;
        own_len = hws_sockaddr_write(&any_port, &own);
        if (bind(fd, (struct sockaddr *)&own, own_len) != 0) return fail(fd);
    }
    if (connect(fd, (struct sockaddr *)&sa, len) != 0 && errno != EINPROGRESS) return fail(fd);
    *out_fd = fd;
    return HWS_OK;
}

bool hws_tcp_is_connected(int fd, int *out_code)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa), size = sizeof(*out_code);

    *out_code = 0;
    if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0) return true;
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, out_code, &size);
    return false;
}

struct hws_address hws_tcp_local(int fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);

    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) return (struct hws_address){0};
    return hws_sockaddr_read((struct sockaddr *)&sa);
}

enum hws_err hws_tcp_listen(struct hws_address *addr, int *out_fd)
{
    struct sockaddr_storage sa;
    socklen_t len = hws_sockaddr_write(addr, &sa);
    int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0) return HWS_ERR_IO;
    if (addr->family == HWS_FAMILY_IP6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        return fail(fd);
    /* Connections of before, which are only waiting to be forgotten, must not keep us out. */
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&sa, len) != 0 || listen(fd, BACKLOG) != 0) return fail(fd);
    addr->port = hws_tcp_local(fd).port;
    *out_fd = fd;
    return HWS_OK;
}

enum hws_err hws_tcp_accept(int listener, struct hws_address *out_remote, int *out_fd)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    int fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) return errno == EAGAIN || errno == EINTR ? HWS_ERR_AGAIN : HWS_ERR_IO;
    tune(fd);
    *out_remote = hws_sockaddr_read((struct sockaddr *)&sa);
    *out_fd = fd;
    return HWS_OK;
}

enum hws_err hws_tcp_read(int fd, uint8_t *out, size_t cap, size_t *out_len)
{
    ssize_t got = recv(fd, out, cap, 0);

    if (got == 0) return HWS_ERR_CLOSED;
    if (got < 0) return errno == EAGAIN || errno == EINTR ? HWS_ERR_AGAIN : HWS_ERR_CLOSED;
    *out_len = (size_t)got;
    return HWS_OK;
}

enum hws_err hws_tcp_write(int fd, struct hws_bytes bytes, size_t *out_len)
{
    ssize_t sent = send(fd, bytes.data, bytes.len, MSG_NOSIGNAL);

    if (sent < 0) return errno == EAGAIN || errno == EINTR ? HWS_ERR_AGAIN : HWS_ERR_CLOSED;
    *out_len = (size_t)sent;
    return HWS_OK;
}

bool hws_tcp_queue_room(struct hws_tcp_queue *queue, size_t len, bool movable)
{
    if (queue->first > 0 && queue->first + queue->len + len > sizeof(queue->bytes) && movable) {
        memmove(queue->bytes, queue->bytes + queue->first, queue->len);
        queue->first = 0;
    }
    return queue->first + queue->len + len <= sizeof(queue->bytes);
}

void hws_tcp_queue_put(struct hws_tcp_queue *queue, struct hws_bytes bytes)
{
    assert(queue->first + queue->len + bytes.len <= sizeof(queue->bytes));
    memcpy(queue->bytes + queue->first + queue->len, bytes.data, bytes.len);
    queue->len += bytes.len;
}

void hws_tcp_queue_drop(struct hws_tcp_queue *queue, size_t len)
{
    assert(len <= queue->len);
    queue->first += len;
    queue->len -= len;
    if (queue->len == 0) queue->first = 0;
}

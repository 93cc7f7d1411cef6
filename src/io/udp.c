#include "io/udp.h"

#include "io/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static enum hws_err fail(int fd)
{
    close(fd);
    return HWS_ERR_IO;
}

enum hws_err hws_udp_open(struct hws_address *addr, int *out_fd)
{
    struct sockaddr_storage sa;
    socklen_t len = hws_sockaddr_write(addr, &sa);
    int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int size = HWS_UDP_SOCKET_BUFFER;
    int on = 1;

    if (fd < 0) return HWS_ERR_IO;
    if (addr->family == HWS_FAMILY_IP6 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0)
        return fail(fd);
    /* The system may give less than asked for; that costs speed, not correctness. */
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (bind(fd, (struct sockaddr *)&sa, len) != 0) return fail(fd);
    len = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0) return fail(fd);
    addr->port = hws_sockaddr_read((struct sockaddr *)&sa).port;
    *out_fd = fd;
    return HWS_OK;
}

void hws_udp_close(int fd)
{
    close(fd);
}

static size_t send_batch(int fd, const struct hws_datagram *datagrams, size_t count)
{
    struct sockaddr_storage names[HWS_UDP_BATCH];
    struct iovec parts[HWS_UDP_BATCH];
    struct mmsghdr messages[HWS_UDP_BATCH];
    int sent;

    memset(messages, 0, count * sizeof(messages[0]));
    for (size_t i = 0; i < count; i++) {
        parts[i].iov_base = (void *)(uintptr_t)datagrams[i].bytes.data; /* the kernel only reads */
        parts[i].iov_len = datagrams[i].bytes.len;
        messages[i].msg_hdr.msg_name = &names[i];
        messages[i].msg_hdr.msg_namelen = hws_sockaddr_write(&datagrams[i].remote, &names[i]);
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    do {
        sent = sendmmsg(fd, messages, (unsigned)count, 0);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) return (size_t)sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return 0;
    return 1; /* the first one cannot be sent there: the network lost it */
}

bool hws_udp_send(int fd, const struct hws_datagram *datagrams, size_t count, size_t *sent)
{
    *sent = 0;
    while (*sent < count) {
        size_t batch = count - *sent < HWS_UDP_BATCH ? count - *sent : HWS_UDP_BATCH;
        size_t moved = send_batch(fd, datagrams + *sent, batch);

        if (moved == 0) return false;
        *sent += moved;
    }
    return true;
}

size_t hws_udp_receive(int fd, const struct hws_address *local, struct hws_udp_batch *batch)
{
    struct sockaddr_storage names[HWS_UDP_BATCH];
    struct iovec parts[HWS_UDP_BATCH];
    struct mmsghdr messages[HWS_UDP_BATCH];
    size_t kept = 0;
    int got;

    memset(messages, 0, sizeof(messages));
    for (size_t i = 0; i < HWS_UDP_BATCH; i++) {
        parts[i].iov_base = batch->data[i];
        parts[i].iov_len = sizeof(batch->data[i]);
        messages[i].msg_hdr.msg_name = &names[i];
        messages[i].msg_hdr.msg_namelen = sizeof(names[i]);
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    got = recvmmsg(fd, messages, HWS_UDP_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++) {
        if (messages[i].msg_hdr.msg_flags & MSG_TRUNC) continue; /* longer than any of ours */
        batch->datagrams[kept++] = (struct hws_datagram){
            .local = *local,
            .remote = hws_sockaddr_read((struct sockaddr *)&names[i]),
            .bytes = {batch->data[i], messages[i].msg_len},
        };
    }
    return kept;
}

#include "io/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MESSAGE_ROOM = 8192, /* of one read; the kernel's own buffers are not bigger */
    READS = 64,          /* at a time: the rest makes the socket readable again */
};

enum hws_err hws_netlink_open(int *out_fd)
{
    struct sockaddr_nl name = {.nl_family = AF_NETLINK,
                               .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0) return HWS_ERR_IO;
    if (bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
        close(fd);
        return HWS_ERR_IO;
    }
    *out_fd = fd;
    return HWS_OK;
}

void hws_netlink_close(int fd)
{
    close(fd);
}

/* Does one of the messages tell of an address, or of an interface that may be up or down now? */
static bool is_change(const char *bytes, size_t len)
{
    struct nlmsghdr head;

    while (len >= sizeof(head)) {
        memcpy(&head, bytes, sizeof(head));
        if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > len) return false;
        if (head.nlmsg_type == RTM_NEWADDR || head.nlmsg_type == RTM_DELADDR ||
            head.nlmsg_type == RTM_NEWLINK || head.nlmsg_type == RTM_DELLINK)
            return true;
        if (NLMSG_ALIGN(head.nlmsg_len) >= len) return false;
        bytes += NLMSG_ALIGN(head.nlmsg_len);
        len -= NLMSG_ALIGN(head.nlmsg_len);
    }
    return false;
}

bool hws_netlink_take(int fd)
{
    char bytes[MESSAGE_ROOM];
    bool changed = false;

    for (int i = 0; i < READS; i++) {
        struct sockaddr_nl from = {0};
        socklen_t from_len = sizeof(from);
        ssize_t len =
            recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);

        if (len < 0 && errno == EINTR) continue;
        if (len < 0 && errno == ENOBUFS) { /* more than the socket holds: something was lost */
            changed = true;
            continue;
        }
        if (len <= 0) break;
        if (from.nl_pid != 0) continue; /* not from the kernel */
        changed = is_change(bytes, (size_t)len) || changed;
    }
    return changed;
}

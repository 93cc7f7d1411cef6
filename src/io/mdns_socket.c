#include "io/mdns_socket.h"

#include "io/sockaddr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { MDNS_PORT = 5353, TTL = 255 /* RFC 6762 section 11 */ };

static const struct hws_address groups[HWS_MDNS_FAMILIES] = {
    {.ip = {224, 0, 0, 251},          .port = MDNS_PORT, .family = HWS_FAMILY_IP4},
    {.ip = {0xFF, 0x02, [15] = 0xFB}, .port = MDNS_PORT, .family = HWS_FAMILY_IP6},
};

/* ---- Links */

static bool is_listed(const struct hws_mdns_socket *sock, unsigned link)
{
    for (size_t i = 0; i < sock->link_count; i++) {
        if (sock->links[i] == link) return true;
    }
    return false;
}

static void list_links(struct hws_mdns_socket *sock, bool loopback)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) != 0) return;
    for (const struct ifaddrs *it = all; it && sock->link_count < HWS_MDNS_LINKS;
         it = it->ifa_next) {
        bool local = (it->ifa_flags & IFF_LOOPBACK) != 0;
        unsigned link = if_nametoindex(it->ifa_name);

        if (!(it->ifa_flags & IFF_UP) || link == 0 || is_listed(sock, link)) continue;
        if (local ? !loopback : !(it->ifa_flags & IFF_MULTICAST)) continue;
        sock->links[sock->link_count++] = link;
    }
    freeifaddrs(all);
}

/* ---- Options that differ between the families */

static bool set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

static bool set_up_family(int fd, enum hws_family family)
{
    if (family == HWS_FAMILY_IP4) {
        return set(fd, IPPROTO_IP, IP_MULTICAST_TTL, TTL) &&
               set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1);
    }
    return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, TTL) &&
           set(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1);
}

static bool join(int fd, enum hws_family family, unsigned link)
{
    struct group_req request;
    struct sockaddr_storage group;

    memset(&request, 0, sizeof(request));
    request.gr_interface = link;
    (void)hws_sockaddr_write(&groups[family == HWS_FAMILY_IP6], &group);
    request.gr_group = group;
    return setsockopt(fd, family == HWS_FAMILY_IP4 ? IPPROTO_IP : IPPROTO_IPV6, MCAST_JOIN_GROUP,
                      &request, sizeof(request)) == 0;
}

static bool leave_by(int fd, enum hws_family family, unsigned link)
{
    struct ip_mreqn request = {.imr_ifindex = (int)link};

    if (family == HWS_FAMILY_IP6) {
        return set(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)link);
    }
    return setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &request, sizeof(request)) == 0;
}

/* ---- Life */

static int open_family(const struct hws_mdns_socket *sock, enum hws_family family)
{
    struct hws_address any = {.port = MDNS_PORT, .family = family};
    struct sockaddr_storage sa;
    socklen_t len = hws_sockaddr_write(&any, &sa);
    int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    size_t joined = 0;

    if (fd < 0) return -1;
    /* Both, since that is what the other hosts of this machine set (RFC 6762 section 15.1). */
    if (set(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set(fd, SOL_SOCKET, SO_REUSEPORT, 1) &&
        set_up_family(fd, family) && bind(fd, (struct sockaddr *)&sa, len) == 0) {
        for (size_t i = 0; i < sock->link_count; i++) {
            joined += join(fd, family, sock->links[i]);
        }
    }
    if (joined > 0) return fd;
    close(fd);
    return -1;
}

enum hws_err hws_mdns_socket_open(bool loopback, struct hws_mdns_socket *out)
{
    struct hws_mdns_socket sock = {0};

    list_links(&sock, loopback);
    sock.fds[0] = open_family(&sock, HWS_FAMILY_IP4);
    sock.fds[1] = open_family(&sock, HWS_FAMILY_IP6);
    if (sock.fds[0] < 0 && sock.fds[1] < 0) return HWS_ERR_IO;
    *out = sock;
    return HWS_OK;
}

void hws_mdns_socket_close(struct hws_mdns_socket *sock)
{
    for (size_t i = 0; i < HWS_MDNS_FAMILIES; i++) {
        if (sock->fds[i] >= 0) close(sock->fds[i]);
        sock->fds[i] = -1;
    }
}

/* ---- Datagrams */

static void send_to(int fd, const struct hws_address *to, const struct hws_mdns_packet *packet)
{
    struct sockaddr_storage sa;
    socklen_t len = hws_sockaddr_write(to, &sa);

    (void)!sendto(fd, packet->data, packet->len, MSG_DONTWAIT, (struct sockaddr *)&sa, len);
}

void hws_mdns_socket_send(const struct hws_mdns_socket *sock, const struct hws_mdns_packet *packet)
{
    for (size_t i = 0; i < HWS_MDNS_FAMILIES; i++) {
        int fd = sock->fds[i];
        enum hws_family family = groups[i].family;

        if (fd < 0) continue;
        if (packet->to.family == family) send_to(fd, &packet->to, packet);
        for (size_t k = 0; k < sock->link_count && packet->to.family == HWS_FAMILY_NONE; k++) {
            if (leave_by(fd, family, sock->links[k])) send_to(fd, &groups[i], packet);
        }
    }
}

bool hws_mdns_socket_receive(const struct hws_mdns_socket *sock, size_t family, uint8_t *data,
                             size_t cap, size_t *out_len, struct hws_address *out_from)
{
    struct sockaddr_storage sa;
    socklen_t sa_len = sizeof(sa);
    ssize_t len =
        recvfrom(sock->fds[family], data, cap, MSG_DONTWAIT, (struct sockaddr *)&sa, &sa_len);

    if (len < 0) return false;
    *out_len = (size_t)len;
    *out_from = hws_sockaddr_read((struct sockaddr *)&sa);
    return true;
}

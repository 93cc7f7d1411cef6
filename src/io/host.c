#include "io/host.h"

#include "base/address.h"
#include "io/sockaddr.h"
#include "io/udp.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

const char *hws_host_address_kind(const struct hws_address *addr)
{
    if (hws_address_is_loopback(addr)) return "loopback";
    if (hws_address_is_link_local(addr)) return "link-local";
    return hws_address_is_private(addr) ? "private" : "global";
}

/* A connected UDP socket has sent nothing, but knows its way. */
bool hws_host_route(const struct hws_address *remote, struct hws_address *out)
{
    struct sockaddr_storage sa;
    socklen_t len = hws_sockaddr_write(remote, &sa);
    int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool routed;

    if (fd < 0) return false;
    routed = connect(fd, (struct sockaddr *)&sa, len) == 0;
    len = sizeof(sa);
    routed = routed && getsockname(fd, (struct sockaddr *)&sa, &len) == 0;
    close(fd);
    if (!routed) return false;
    *out = hws_sockaddr_read((struct sockaddr *)&sa);
    out->port = 0;
    return true;
}

/* Addresses for documentation are as far away as any that nobody here has. */
static const struct hws_address far[2] = {
    {.ip = {198, 51, 100, 1},                              .port = 9, .family = HWS_FAMILY_IP4},
    {.ip = {0x20, 0x01, 0x0D, 0xB8, 0xFF, 0xFF, [15] = 1}, .port = 9, .family = HWS_FAMILY_IP6},
};

size_t hws_host_addresses(struct hws_host_address *out, size_t cap)
{
    struct hws_address source[2] = {0};
    struct ifaddrs *all;
    size_t count = 0;

    if (getifaddrs(&all) != 0) return 0;
    for (size_t i = 0; i < 2; i++) {
        (void)hws_host_route(&far[i], &source[i]);
    }
    for (const struct ifaddrs *it = all; it && count < cap; it = it->ifa_next) {
        struct hws_host_address *host = &out[count];

        if (!it->ifa_addr || !(it->ifa_flags & IFF_UP)) continue;
        *host = (struct hws_host_address){.addr = hws_sockaddr_read(it->ifa_addr)};
        if (host->addr.family == HWS_FAMILY_NONE) continue;
        host->addr.port = 0;
        (void)snprintf(host->interface, sizeof(host->interface), "%s", it->ifa_name);
        host->is_default =
            hws_address_same_ip(&host->addr, &source[host->addr.family == HWS_FAMILY_IP6]);
        count++;
    }
    freeifaddrs(all);
    return count;
}

/* Linux reports twice what a socket may hold, for its own book-keeping (socket(7)). */
static size_t granted(int fd, int option)
{
    int size = 0;
    socklen_t len = sizeof(size);

    if (getsockopt(fd, SOL_SOCKET, option, &size, &len) != 0 || size < 0) return 0;
    return (size_t)size / 2;
}

static size_t read_limit(const char *path)
{
    FILE *file = fopen(path, "re");
    unsigned long value = 0;

    if (!file) return 0;
    if (fscanf(file, "%lu", &value) != 1) value = 0;
    fclose(file);
    return value;
}

enum hws_err hws_host_buffers(struct hws_host_buffers *out)
{
    struct hws_address any = {.family = HWS_FAMILY_IP4};
    int fd;
    enum hws_err err = hws_udp_open(&any, &fd);

    if (err) {
        any = (struct hws_address){.family = HWS_FAMILY_IP6};
        err = hws_udp_open(&any, &fd);
    }
    if (err) return err;
    *out = (struct hws_host_buffers){
        .asked = HWS_UDP_SOCKET_BUFFER,
        .receive = granted(fd, SO_RCVBUF),
        .send = granted(fd, SO_SNDBUF),
        .receive_max = read_limit("/proc/sys/net/core/rmem_max"),
        .send_max = read_limit("/proc/sys/net/core/wmem_max"),
    };
    hws_udp_close(fd);
    return HWS_OK;
}

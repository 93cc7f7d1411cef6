#include "io/interfaces.h"

#include "base/address.h"
#include "io/sockaddr.h"

#include <ifaddrs.h>
#include <net/if.h>

enum address_class { GLOBAL, LINK_LOCAL, LOOPBACK };

static enum address_class class_of(const struct hws_address *addr)
{
    if (hws_address_is_loopback(addr)) return LOOPBACK;
    if (addr->family == HWS_FAMILY_IP6 && hws_address_is_link_local(addr)) return LINK_LOCAL;
    return GLOBAL;
}

static bool is_listed(const struct hws_address *list, size_t count, const struct hws_address *addr)
{
    for (size_t i = 0; i < count; i++) {
        if (hws_address_same_ip(&list[i], addr)) return true;
    }
    return false;
}

static size_t add_class(const struct ifaddrs *all, enum address_class wanted,
                        struct hws_address *out, size_t count, size_t cap)
{
    for (const struct ifaddrs *it = all; it && count < cap; it = it->ifa_next) {
        struct hws_address addr;

        if (!it->ifa_addr || !(it->ifa_flags & IFF_UP)) continue;
        addr = hws_sockaddr_read(it->ifa_addr);
        addr.port = 0;
        if (addr.family == HWS_FAMILY_NONE || class_of(&addr) != wanted) continue;
        if (!is_listed(out, count, &addr)) out[count++] = addr;
    }
    return count;
}

static bool has_ip6(const struct hws_address *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].family == HWS_FAMILY_IP6) return true;
    }
    return false;
}

size_t hws_interfaces_list(struct hws_address *out, size_t cap, bool loopback)
{
    struct ifaddrs *all;
    size_t count;

    if (getifaddrs(&all) != 0) return 0;
    count = add_class(all, GLOBAL, out, 0, cap);
    if (!has_ip6(out, count)) count = add_class(all, LINK_LOCAL, out, count, cap);
    if (loopback || count == 0) count = add_class(all, LOOPBACK, out, count, cap);
    freeifaddrs(all);
    return count;
}

#include "io/interfaces.h"

#include "base/address.h"
#include "io/sockaddr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>

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

static bool passes(const struct hws_interface_filter *filter, const char *name)
{
    for (size_t i = 0; i < filter->count; i++) {
        if (strcmp(filter->names[i], name) == 0) return true;
    }
    return filter->count == 0;
}

enum hws_err hws_interface_filter_add(struct hws_interface_filter *filter, const char *name)
{
    if (filter->count == HWS_INTERFACES_MAX || strlen(name) >= HWS_INTERFACE_NAME_MAX ||
        if_nametoindex(name) == 0)
        return HWS_ERR_ARGUMENT;
    memcpy(filter->names[filter->count++], name, strlen(name) + 1);
    return HWS_OK;
}

static size_t add_class(const struct ifaddrs *all, const struct hws_interface_filter *filter,
                        enum address_class wanted, struct hws_address *out, size_t count,
                        size_t cap)
{
    for (const struct ifaddrs *it = all; it && count < cap; it = it->ifa_next) {
        struct hws_address addr;

        if (!it->ifa_addr || !(it->ifa_flags & IFF_UP) || !passes(filter, it->ifa_name)) continue;
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

size_t hws_interfaces_list(struct hws_address *out, size_t cap,
                           const struct hws_interface_filter *filter, bool loopback)
{
    struct ifaddrs *all;
    size_t count;

    if (getifaddrs(&all) != 0) return 0;
    count = add_class(all, filter, GLOBAL, out, 0, cap);
    if (!has_ip6(out, count)) count = add_class(all, filter, LINK_LOCAL, out, count, cap);
    if (loopback || count == 0) count = add_class(all, filter, LOOPBACK, out, count, cap);
    freeifaddrs(all);
    return count;
}

size_t hws_interfaces_all(struct hws_address *out, size_t cap,
                          const struct hws_interface_filter *filter)
{
    struct ifaddrs *all;
    size_t count = 0;

    if (getifaddrs(&all) != 0) return 0;
    for (int i = GLOBAL; i <= LOOPBACK; i++) {
        count = add_class(all, filter, (enum address_class)i, out, count, cap);
    }
    freeifaddrs(all);
    return count;
}

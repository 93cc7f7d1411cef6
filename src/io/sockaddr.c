#include "io/sockaddr.h"

#include <netinet/in.h>
#include <string.h>

socklen_t hws_sockaddr_write(const struct hws_address *addr, struct sockaddr_storage *out)
{
    struct sockaddr_in in4 = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

    switch (addr->family) {
    case HWS_FAMILY_IP4:
        in4.sin_port = htons(addr->port);
        memcpy(&in4.sin_addr, addr->ip, 4);
        memcpy(out, &in4, sizeof(in4));
        return sizeof(in4);
    case HWS_FAMILY_IP6:
        in6.sin6_port = htons(addr->port);
        in6.sin6_scope_id = addr->scope;
        memcpy(&in6.sin6_addr, addr->ip, 16);
        memcpy(out, &in6, sizeof(in6));
        return sizeof(in6);
    case HWS_FAMILY_NONE:
        break;
    }
    return 0;
}

struct hws_address hws_sockaddr_read(const struct sockaddr *in)
{
    struct hws_address addr = {0};
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;

    if (in->sa_family == AF_INET) {
        memcpy(&in4, in, sizeof(in4));
        addr.family = HWS_FAMILY_IP4;
        addr.port = ntohs(in4.sin_port);
        memcpy(addr.ip, &in4.sin_addr, 4);
    } else if (in->sa_family == AF_INET6) {
        memcpy(&in6, in, sizeof(in6));
        addr.family = HWS_FAMILY_IP6;
        addr.port = ntohs(in6.sin6_port);
        memcpy(addr.ip, &in6.sin6_addr, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr)) addr.scope = in6.sin6_scope_id;
    }
    return addr;
}

/* What hawser doctor shows to people: a few aligned blocks, and a paragraph. */
#include "cli/doctor.h"

#include "base/address.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80 };

static double ms(hws_time us)
{
    return (double)us / 1000.0;
}

static const char *family_name(enum hws_family family)
{
    return family == HWS_FAMILY_IP6 ? "IPv6" : "IPv4";
}

static void addresses(const struct hws_diagnosis *diagnosis)
{
    char out[HWS_ADDRESS_TEXT_MAX];

    printf("Interfaces\n");
    for (size_t i = 0; i < diagnosis->address_count; i++) {
        const struct hws_host_address *host = &diagnosis->addresses[i];

        printf("  %-15s %-39s %-10s%s\n", host->interface, hws_address_text(&host->addr, out),
               hws_host_address_kind(&host->addr), host->is_default ? " default route" : "");
    }
    if (diagnosis->address_count == 0) printf("  none is up\n");
}

static void buffer(const char *name, size_t granted, size_t asked, const char *limit, size_t max)
{
    printf("  %-8s %zu KiB of %zu KiB", name, granted / 1024, asked / 1024);
    if (max > 0) printf(" (%s is %zu)", limit, max);
    putchar('\n');
}

static void buffers(const struct hws_host_buffers *buffers)
{
    printf("UDP buffers\n");
    buffer("receive", buffers->receive, buffers->asked, "net.core.rmem_max", buffers->receive_max);
    buffer("send", buffers->send, buffers->asked, "net.core.wmem_max", buffers->send_max);
    if (hws_buffers_suffice(buffers))
        printf("  enough for a whole window of data\n");
    else
        printf("  less than a whole window of data: fast transfers lose packets in bursts;\n"
               "  raise both limits to %zu with sysctl(8)\n",
               buffers->asked);
}

static void mdns(const bool works[2])
{
    const char *what = works[0] && works[1] ? "works over IPv4 and IPv6"
                       : works[0]           ? "works over IPv4"
                       : works[1]           ? "works over IPv6"
                                            : "does not work: peers that hide their addresses "
                                              "cannot be found on this link";

    printf("Multicast DNS\n  %s\n", what);
}

static void answer(const struct hws_ice_url *url, const struct hws_inquiry_answer *answer)
{
    char out[HWS_ENDPOINT_TEXT_MAX];

    printf("    %-4s %-24s ", family_name(answer->server.family),
           hws_endpoint_text(&answer->server, out));
    if (!answer->works) {
        printf("%s", answer->reason);
        if (answer->code) printf(" (%u)", (unsigned)answer->code);
        putchar('\n');
        return;
    }
    printf("%8.1f ms", ms(answer->rtt));
    if (answer->mapped.family != HWS_FAMILY_NONE)
        printf("  sees us as %s", hws_endpoint_text(&answer->mapped, out));
    putchar('\n');
    for (size_t i = 0; url->is_turn && i < 2; i++) {
        if (answer->relayed[i].family != HWS_FAMILY_NONE)
            printf("         relays for us at %s\n", hws_endpoint_text(&answer->relayed[i], out));
    }
    if (!url->is_turn && url->transport == HWS_TRANSPORT_UDP &&
        answer->stun.other.family == HWS_FAMILY_NONE)
        printf("         cannot tell how a NAT behaves (it has one address only)\n");
}

static void servers(const struct hws_inquiry_report *report)
{
    if (report->server_count > 0) printf("Servers\n");
    for (size_t i = 0; i < report->server_count; i++) {
        const struct hws_inquiry_server *server = &report->servers[i];

        printf("  %s, over %s\n", server->text, hws_transport_name(server->url.transport));
        if (server->answer_count == 0) printf("    its name cannot be looked up\n");
        for (size_t k = 0; k < server->answer_count; k++) {
            answer(&server->url, &server->answers[k]);
        }
    }
}

static void nat(const char *name, const struct hws_family_facts *facts)
{
    if (facts->answered == 0) return;
    printf("%s NAT\n", name);
    printf("  %-12s %s\n", "present", hws_known_name(facts->nat));
    printf("  %-12s %s%s\n", "mapping", hws_nat_rule_name(facts->mapping),
           facts->by_comparison ? " at least, as several servers see it" : "");
    printf("  %-12s %s\n", "filtering", hws_nat_rule_name(facts->filtering));
    if (facts->nat != HWS_KNOWN_NO)
        printf("  %-12s %s\n", "hairpinning", hws_known_name(facts->hairpinning));
}

/* Lines are broken at spaces. */
static void paragraph(const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t len = strcspn(text, " ");

        if (column > 0 && column + 1 + len > WIDTH) {
            putchar('\n');
            column = 0;
        }
        printf("%s%.*s", column > 0 ? " " : "", (int)len, text);
        column += len + (column > 0);
        text += len + strspn(text + len, " ");
    }
    putchar('\n');
}

void hws_diagnosis_print(const struct hws_diagnosis *diagnosis)
{
    addresses(diagnosis);
    buffers(&diagnosis->buffers);
    mdns(diagnosis->report.mdns);
    servers(&diagnosis->report);
    nat("IPv4", &diagnosis->facts.families[0]);
    nat("IPv6", &diagnosis->facts.families[1]);
    putchar('\n');
    paragraph(diagnosis->text);
}

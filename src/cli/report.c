/* What --verbose shows of a client's set-up: one bar a step, on one time axis. */
#include "cli/commands.h"

#include "base/address.h"
#include "base/limits.h"

#include <hawser/stats.h>

#include <stdio.h>
#include <string.h>

enum { BAR_WIDTH = 40 };

static double ms(hws_time us)
{
    return (double)us / 1000.0;
}

/* "  checks       12.34 ms  |      ####          |" */
static void bar(const char *name, hws_time from, hws_time to, hws_time total)
{
    int start = total > 0 ? (int)(from * BAR_WIDTH / total) : 0;
    int end = total > 0 ? (int)(to * BAR_WIDTH / total) : 0;

    if (end <= start) end = start + 1;
    fprintf(stderr, "  %-13s %8.2f ms  |", name, ms(to - from));
    for (int i = 0; i < BAR_WIDTH; i++) {
        fputc(i >= start && i < end ? '#' : ' ', stderr);
    }
    fputs("|\n", stderr);
}

static const char *shown(const struct hws_address *addr, char *buffer)
{
    return addr->family == HWS_FAMILY_NONE ? "(hidden)" : hws_endpoint_text(addr, buffer);
}

static void path(const struct hws_client *client)
{
    char local[HWS_ENDPOINT_TEXT_MAX], remote[HWS_ENDPOINT_TEXT_MAX];
    struct hws_path in_use;

    if (!hws_client_path(client, &in_use)) return;
    fprintf(stderr, "  path: %s %s -> %s %s", in_use.local_type, shown(&in_use.local, local),
            in_use.remote_type, shown(&in_use.remote, remote));
    if (in_use.local.tcp) fputs(" over TCP", stderr);
    if (in_use.rtt > 0) fprintf(stderr, ", round trip %.2f ms", ms(in_use.rtt));
    fputc('\n', stderr);
}

/* Why it is not the path, as far as this side can tell. */
static const char *why_not(const struct hws_pair_stats *pair)
{
    if (pair->responses_received > 0 && strcmp(pair->state, "failed") != 0)
        return "works too; it has less priority, or was later";
    if (pair->responses_received > 0)
        return "failed: the answer came from elsewhere, or it refused";
    if (pair->checks_sent == 0) return "not tried: it was not its turn yet";
    return strcmp(pair->state, "failed") == 0 ? "failed: no answer" : "no answer yet";
}

/* What else was tried. A line each, the first few. */
static void others(const struct hws_peer *peer)
{
    enum { SHOWN = 8 };
    struct hws_pair_stats list[HWS_ICE_PAIR_MAX];
    char local[HWS_ENDPOINT_TEXT_MAX], remote[HWS_ENDPOINT_TEXT_MAX];
    size_t count = hws_peer_pairs(peer, list, HWS_ICE_PAIR_MAX), told = 0;

    for (size_t i = 0; i < count && i < HWS_ICE_PAIR_MAX; i++) {
        const struct hws_pair_stats *pair = &list[i];

        if (pair->selected || ++told > SHOWN) continue;
        fprintf(stderr, "  not: %s %s -> %s %s%s: %s\n", pair->local_type,
                shown(&pair->local, local), pair->remote_type, shown(&pair->remote, remote),
                pair->local.tcp ? " over TCP" : "", why_not(pair));
    }
    if (told > SHOWN) fprintf(stderr, "  and %zu more; --stats json has them all\n", told - SHOWN);
}

void hws_report_timeline(const struct hws_client *client)
{
    struct hws_client_timeline line;
    hws_time total;

    hws_client_timeline(client, &line);
    total = line.channel_open;
    fputs("Set-up, from the start of connecting:\n", stderr);
    bar("gathering", 0, line.gathered, total);
    bar("signalling", 0, line.answered, total);
    bar("checks", line.answered, line.path, total);
    bar("DTLS", line.path, line.secured, total);
    bar("SCTP", line.secured, line.associated, total);
    bar("channel open", line.associated, line.channel_open, total);
    fprintf(stderr, "  %-13s %8.2f ms\n", "total", ms(total));
    path(client);
    if (hws_client_peer(client)) others(hws_client_peer(client));
}

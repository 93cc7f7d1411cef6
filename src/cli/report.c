/* What --verbose shows of a client's set-up: one bar a step, on one time axis. */
#include "cli/commands.h"

#include "base/address.h"

#include <stdio.h>

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

static void path(const struct hws_client *client)
{
    char local[HWS_ENDPOINT_TEXT_MAX], remote[HWS_ENDPOINT_TEXT_MAX];
    struct hws_path in_use;

    if (!hws_client_path(client, &in_use)) return;
    fprintf(stderr, "  path: %s %s -> %s %s", in_use.local_type,
            hws_endpoint_text(&in_use.local, local), in_use.remote_type,
            in_use.remote.family == HWS_FAMILY_NONE ? "(hidden)"
                                                    : hws_endpoint_text(&in_use.remote, remote));
    if (in_use.local.tcp) fputs(" over TCP", stderr);
    if (in_use.rtt > 0) fprintf(stderr, ", round trip %.2f ms", ms(in_use.rtt));
    fputc('\n', stderr);
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
}

/*
 * setup_client DISTRIBUTOR WORKER warm|cold: connects once. Prints "open" and the monotonic clock
 * in microseconds when the channel is open, then each step. "warm" lets the stream to the
 * distributor come up first. bench/setup runs it.
 */
#include <hawser/session.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
    struct timespec moment, warm_up = {.tv_nsec = 30 * 1000 * 1000};
    struct hws_client_timeline line;
    struct hws_client *client;
    const char *reason;
    enum hws_err err;

    if (argc != 4) return 2;
    err = hws_client_new(
        &(struct hws_client_config){.distributor = argv[1], .worker = strtoll(argv[2], NULL, 10)},
        &client, &reason);
    if (err) return fprintf(stderr, "setup_client: %s\n", reason), 1;
    if (strcmp(argv[3], "warm") == 0) nanosleep(&warm_up, NULL);
    err = hws_client_connect(client);
    clock_gettime(CLOCK_MONOTONIC, &moment);
    if (err) {
        fprintf(stderr, "setup_client: %s: %s\n", hws_strerror(err), hws_client_reason(client));
    } else {
        hws_client_timeline(client, &line);
        printf("open %" PRId64 "\n", HWS_SEC(moment.tv_sec) + moment.tv_nsec / 1000);
        printf("gathered %" PRId64 " answered %" PRId64 " path %" PRId64 " secured %" PRId64
               " associated %" PRId64 " total %" PRId64 "\n",
               line.gathered, line.answered, line.path, line.secured, line.associated,
               line.channel_open);
    }
    hws_client_free(client);
    return err ? 1 : 0;
}

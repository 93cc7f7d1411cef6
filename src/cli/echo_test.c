/* hawser client --echo-test: random bytes to a worker that echoes, and back, and compared. */
#include "cli/commands.h"

#include "crypto/hash.h"
#include "io/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <string.h>

enum { PIECE = 64 * 1024 };

struct echo_test {
    uint8_t *out, *back; /* owned; size bytes each */
    size_t size, sent, received;
    hws_time started, all_sent, first_back, last_back;
    bool draw; /* progress on a terminal */
};

static void progress(const struct echo_test *test)
{
    if (!test->draw) return;
    fprintf(stderr, "\r  sent %5.1f %%, back %5.1f %%",
            100.0 * (double)test->sent / (double)test->size,
            100.0 * (double)test->received / (double)test->size);
    if (test->received == test->size) fputc('\n', stderr);
}

static enum hws_err send_some(struct hws_client *client, struct echo_test *test)
{
    while (test->sent < test->size) {
        size_t len = test->size - test->sent < PIECE ? test->size - test->sent : PIECE;
        struct hws_bytes piece = {test->out + test->sent, len};
        enum hws_err err = hws_client_send(client, HWS_BINARY, piece, 0);

        if (err) return err == HWS_ERR_AGAIN ? HWS_OK : err;
        test->sent += len;
    }
    return HWS_OK;
}

static enum hws_err take_one(struct hws_client *client, struct echo_test *test)
{
    struct hws_received received;
    enum hws_err err = hws_client_recv(client, HWS_SEC(30), &received);

    if (err) return err;
    if (received.message.len > test->size - test->received) return HWS_ERR_MISMATCH;
    if (test->received == 0) test->first_back = hws_clock_now();
    if (received.message.len > 0)
        memcpy(test->back + test->received, received.message.data, received.message.len);
    test->received += received.message.len;
    return HWS_OK;
}

static enum hws_err transfer(struct hws_client *client, struct echo_test *test)
{
    test->started = hws_clock_now();
    while (test->received < test->size) {
        enum hws_err err = send_some(client, test);

        if (!err) err = take_one(client, test);
        if (err) return err;
        if (test->all_sent == 0 && test->sent == test->size && hws_client_buffered(client) == 0)
            test->all_sent = hws_clock_now();
        progress(test);
    }
    test->last_back = hws_clock_now();
    if (test->all_sent == 0) test->all_sent = test->last_back;
    return HWS_OK;
}

static bool digest(const uint8_t *data, size_t size, char out[2 * HWS_HASH_LEN_MAX + 1])
{
    struct hws_bytes part = {data, size};
    uint8_t hash[HWS_HASH_LEN_MAX];

    if (hws_hash_parts(HWS_HASH_SHA256, &part, 1, hash)) return false;
    for (size_t i = 0; i < hws_hash_len(HWS_HASH_SHA256); i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
    return true;
}

static double speed(size_t bytes, hws_time us)
{
    return us > 0 ? (double)bytes / (double)us : 0; /* bytes a microsecond are MB a second */
}

static int compare(const struct echo_test *test)
{
    char sent[2 * HWS_HASH_LEN_MAX + 1] = "", back[2 * HWS_HASH_LEN_MAX + 1] = "";
    bool equal = digest(test->out, test->size, sent) && digest(test->back, test->size, back) &&
                 strcmp(sent, back) == 0;

    printf("sent %zu bytes, SHA-256 %s\n", test->size, sent);
    printf("back %zu bytes, SHA-256 %s\n", test->received, back);
    printf("to the worker %.1f MB/s, back %.1f MB/s\n",
           speed(test->size, test->all_sent - test->started),
           speed(test->size, test->last_back - test->first_back));
    printf("the bytes are %s\n", equal ? "equal" : "NOT EQUAL");
    return equal ? HWS_EXIT_OK : HWS_EXIT_FAILED;
}

int hws_echo_test(struct hws_client *client, const struct hws_options *options)
{
    struct hws_random random = hws_entropy();
    struct echo_test test = {.size = (size_t)options->echo_test, .draw = isatty(STDERR_FILENO)};
    enum hws_err err = HWS_ERR_NO_MEMORY;
    int status = HWS_EXIT_FAILED;

    test.out = calloc(1, test.size);
    test.back = calloc(1, test.size);
    if (test.out && test.back) {
        random.fill(random.user, test.out, test.size);
        err = transfer(client, &test);
    }
    if (err) {
        fprintf(stderr, "hawser client: the echo test failed: %s: %s\n", hws_strerror(err),
                hws_client_reason(client));
    } else {
        status = compare(&test);
    }
    free(test.out);
    free(test.back);
    return status;
}

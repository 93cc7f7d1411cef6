/*
 * sizes DISTRIBUTOR WORKER: a client of an echoing worker that sends messages of every size from
 * 0 bytes to 256 KiB, as text and as binary, and wants each one back as it went. Also what the
 * interface promises: a message too big, nothing to receive, use after the end.
 */
#include <hawser/session.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = {
    0,     1,     2,     100,    1150,   1151,   1200,           16384,
    65535, 65536, 65537, 100000, 131072, 200000, 256 * 1024 - 1, 256 * 1024};

static uint8_t out[256 * 1024 + 1];

static int fail(const char *what, size_t size, enum hws_err err)
{
    fprintf(stderr, "sizes: %s with %zu bytes: %s\n", what, size, hws_strerror(err));
    return 1;
}

static int round_trip(struct hws_client *client, enum hws_message_kind kind, size_t size)
{
    struct hws_received in;
    enum hws_err err = hws_client_send(client, kind, (struct hws_bytes){out, size}, HWS_SEC(10));

    if (err) return fail("send", size, err);
    err = hws_client_recv(client, HWS_SEC(10), &in);
    if (err) return fail("recv", size, err);
    if (in.kind != kind || in.message.len != size) return fail("kind or length", size, HWS_OK);
    if (size > 0 && memcmp(in.message.data, out, size) != 0) return fail("content", size, HWS_OK);
    return 0;
}

static int refusals(struct hws_client *client)
{
    struct hws_received in;

    if (hws_client_recv(client, 0, &in) != HWS_ERR_AGAIN) return fail("recv without wait", 0, 0);
    if (hws_client_recv(client, HWS_MS(50), &in) != HWS_ERR_TIMEOUT) return fail("recv", 0, 0);
    if (hws_client_send(client, HWS_BINARY, (struct hws_bytes){out, sizeof(out)}, HWS_SEC(1)) !=
        HWS_ERR_TOO_BIG)
        return fail("a message too big", sizeof(out), 0);
    if (hws_client_connect(client) != HWS_ERR_STATE) return fail("connecting twice", 0, 0);
    return 0;
}

int main(int argc, char **argv)
{
    struct hws_client *client;
    const char *reason;
    enum hws_err err;
    int failed = 0;

    if (argc != 3) return 2;
    for (size_t i = 0; i < sizeof(out); i++) {
        out[i] = (uint8_t)(i * 31 + i / 255);
    }
    err = hws_client_new(
        &(struct hws_client_config){.distributor = argv[1], .worker = strtoll(argv[2], NULL, 10)},
        &client, &reason);
    if (err) return fail(reason, 0, err);
    err = hws_client_connect(client);
    if (err) failed = fail(hws_client_reason(client), 0, err);
    for (size_t i = 0; !failed && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        failed = round_trip(client, HWS_BINARY, sizes[i]) || round_trip(client, HWS_TEXT, sizes[i]);
    }
    if (!failed) failed = refusals(client);
    hws_client_free(client);
    if (!failed) puts("sizes: all came back");
    return failed;
}

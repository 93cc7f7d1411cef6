/* A whole client: reach worker 42, say hello, print what comes back. */
#include <hawser/session.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    struct hws_client_config config = {.distributor = "127.0.0.1:7000", .worker = 42};
    struct hws_client *client;
    struct hws_received received;
    const char *hello = "hello", *reason;
    enum hws_err err = hws_client_new(&config, &client, &reason);

    if (err) return fprintf(stderr, "%s: %s\n", hws_strerror(err), reason), 1;
    err = hws_client_connect(client);
    if (!err) {
        struct hws_bytes text = {(const uint8_t *)hello, strlen(hello)};

        err = hws_client_send(client, HWS_TEXT, text, HWS_SEC(5));
    }
    if (!err) err = hws_client_recv(client, HWS_SEC(5), &received);
    if (!err) printf("%.*s\n", (int)received.message.len, (const char *)received.message.data);
    if (err) fprintf(stderr, "%s: %s\n", hws_strerror(err), hws_client_reason(client));
    hws_client_free(client);
    return err ? 1 : 0;
}

/* A whole worker: serve every client of id 42 by sending its messages back. */
#include <hawser/session.h>

#include <stdio.h>

int main(void)
{
    struct hws_worker_config config = {.distributor = "127.0.0.1:7000", .id = 42};
    struct hws_worker *worker;
    struct hws_worker_event event;
    const char *reason;
    enum hws_err err = hws_worker_new(&config, &worker, &reason);

    if (err) return fprintf(stderr, "%s: %s\n", hws_strerror(err), reason), 1;
    err = hws_worker_register(worker);
    while (!err || err == HWS_ERR_TIMEOUT) {
        err = hws_worker_next(worker, HWS_SEC(60), &event);
        if (err || event.kind != HWS_WORKER_MESSAGE) continue;
        /* A client that does not read is dropped; a real worker would pause it instead. */
        if (hws_worker_send(worker, event.connection, event.channel, event.received.kind,
                            event.received.message))
            hws_worker_close(worker, event.connection);
    }
    fprintf(stderr, "%s: %s\n", hws_strerror(err), hws_worker_reason(worker));
    hws_worker_free(worker);
    return 1;
}

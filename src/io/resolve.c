#include "io/resolve.h"

#include "base/address.h"
#include "base/bytes.h"
#include "io/sockaddr.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct hws_lookup {
    pthread_mutex_t lock; /* guards all below */
    int holders;          /* the thread and the owner; the last one frees */
    bool done;
    struct hws_endpoint endpoint;
    struct hws_address found[HWS_RESOLVED_MAX];
    size_t found_count;
    void (*wake)(void *user);
    void *user;
};

static void let_go(struct hws_lookup *lookup)
{
    bool last;

    pthread_mutex_lock(&lookup->lock);
    last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (!last) return;
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static void *run(void *arg)
{
    struct hws_lookup *lookup = arg;
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(lookup->endpoint.host, NULL, &hints, &list);

    pthread_mutex_lock(&lookup->lock);
    for (struct addrinfo *it = failed ? NULL : list; it; it = it->ai_next) {
        struct hws_address addr = hws_sockaddr_read(it->ai_addr);

        if (addr.family == HWS_FAMILY_NONE || lookup->found_count == HWS_RESOLVED_MAX) continue;
        addr.port = lookup->endpoint.port;
        lookup->found[lookup->found_count++] = addr;
    }
    lookup->done = true;
    /* Under the lock: an owner that lets go takes the wake-up away first. */
    if (lookup->wake) lookup->wake(lookup->user);
    pthread_mutex_unlock(&lookup->lock);
    if (!failed) freeaddrinfo(list);
    let_go(lookup);
    return NULL;
}

static enum hws_err start_thread(struct hws_lookup *lookup)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    int failed;

    if (pthread_attr_init(&attr) != 0) return HWS_ERR_IO;
    failed = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all); /* signals are for the program's own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (!failed) failed = pthread_create(&thread, &attr, run, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return failed ? HWS_ERR_IO : HWS_OK;
}

enum hws_err hws_lookup_start(const struct hws_endpoint *endpoint, void (*wake)(void *user),
                              void *user, struct hws_lookup **out)
{
    struct hws_lookup *lookup = calloc(1, sizeof(*lookup));
    enum hws_err err;

    if (!lookup) return HWS_ERR_NO_MEMORY;
    lookup->endpoint = *endpoint;
    lookup->wake = wake;
    lookup->user = user;
    lookup->holders = 2;
    if (pthread_mutex_init(&lookup->lock, NULL) != 0) {
        free(lookup);
        return HWS_ERR_IO;
    }
    if (!hws_address_read(hws_bytes_of(endpoint->host),
                          &lookup->found[0])) { /* no name: no thread */
        lookup->found[0].port = endpoint->port;
        lookup->found_count = 1;
        lookup->done = true;
        lookup->holders = 1;
        *out = lookup;
        return HWS_OK;
    }
    err = start_thread(lookup);
    if (err) {
        pthread_mutex_destroy(&lookup->lock);
        free(lookup);
        return err;
    }
    *out = lookup;
    return HWS_OK;
}

bool hws_lookup_done(struct hws_lookup *lookup, struct hws_address out[HWS_RESOLVED_MAX],
                     size_t *out_count)
{
    bool done;

    pthread_mutex_lock(&lookup->lock);
    done = lookup->done;
    if (done) {
        memcpy(out, lookup->found, sizeof(lookup->found));
        *out_count = lookup->found_count;
    }
    pthread_mutex_unlock(&lookup->lock);
    return done;
}

void hws_lookup_free(struct hws_lookup *lookup)
{
    if (!lookup) return;
    pthread_mutex_lock(&lookup->lock);
    lookup->wake = NULL;
    pthread_mutex_unlock(&lookup->lock);
    let_go(lookup);
}

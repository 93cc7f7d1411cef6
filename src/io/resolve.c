#include "io/resolve.h"

#include "base/address.h"
#include "base/bytes.h"
#include "io/sockaddr.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- URLs */

static bool read_port(const char *text, uint16_t *out)
{
    char *end;
    unsigned long value;

    if (*text < '0' || *text > '9') return false;
    value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > 65535) return false;
    *out = (uint16_t)value;
    return true;
}

/* A name of letters, digits, dots, dashes and underscores; or, in brackets, an IPv6 address. */
static bool is_host(const char *host, bool bracket)
{
    struct hws_address addr;

    if (bracket) return !hws_address_read(hws_bytes_of(host), &addr);
    for (; *host; host++) {
        bool letter = (*host >= 'a' && *host <= 'z') || (*host >= 'A' && *host <= 'Z');

        if (!letter && !(*host >= '0' && *host <= '9') && !strchr(".-_", *host)) return false;
    }
    return true;
}

/* Where the host ends: behind a bracket, or at the one colon. NULL when it is malformed. */
static const char *host_end(const char *host)
{
    const char *colon = strchr(host, ':');

    if (*host == '[') return strchr(host, ']');
    if (colon && strchr(colon + 1, ':')) return NULL; /* bare IPv6 needs its brackets */
    return colon ? colon : host + strlen(host);
}

enum hws_err hws_stun_url_read(const char *text, struct hws_stun_url *out, const char **out_reason)
{
    struct hws_stun_url url = {.port = HWS_STUN_PORT};
    const char *host, *end;

    *out_reason = "an ICE server URL begins with stun:";
    if (strncmp(text, "stun:", 5) != 0) return HWS_ERR_ARGUMENT;
    host = text + 5;
    *out_reason = "the ICE server URL is malformed: stun:host[:port], [address] for IPv6";
    end = host_end(host);
    if (!end) return HWS_ERR_ARGUMENT;
    if (*host == '[') host++;
    if (end == host || (size_t)(end - host) >= sizeof(url.host)) return HWS_ERR_ARGUMENT;
    memcpy(url.host, host, (size_t)(end - host));
    if (!is_host(url.host, *end == ']')) return HWS_ERR_ARGUMENT;
    if (*end == ']') end++;
    if (*end == ':' && !read_port(end + 1, &url.port)) return HWS_ERR_ARGUMENT;
    if (*end != ':' && *end != '\0') return HWS_ERR_ARGUMENT;
    *out = url;
    *out_reason = "";
    return HWS_OK;
}

/* ---- Look-up */

struct hws_lookup {
    pthread_mutex_t lock; /* guards all below */
    int holders;          /* the thread and the owner; the last one frees */
    bool done;
    struct hws_stun_url url;
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
    int failed = getaddrinfo(lookup->url.host, NULL, &hints, &list);

    pthread_mutex_lock(&lookup->lock);
    for (struct addrinfo *it = failed ? NULL : list; it; it = it->ai_next) {
        struct hws_address addr = hws_sockaddr_read(it->ai_addr);

        if (addr.family == HWS_FAMILY_NONE || lookup->found_count == HWS_RESOLVED_MAX) continue;
        addr.port = lookup->url.port;
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

enum hws_err hws_lookup_start(const struct hws_stun_url *url, void (*wake)(void *user), void *user,
                              struct hws_lookup **out)
{
    struct hws_lookup *lookup = calloc(1, sizeof(*lookup));
    enum hws_err err;

    if (!lookup) return HWS_ERR_NO_MEMORY;
    lookup->url = *url;
    lookup->wake = wake;
    lookup->user = user;
    lookup->holders = 2;
    if (pthread_mutex_init(&lookup->lock, NULL) != 0) {
        free(lookup);
        return HWS_ERR_IO;
    }
    if (!hws_address_read(hws_bytes_of(url->host), &lookup->found[0])) { /* no name: no thread */
        lookup->found[0].port = url->port;
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

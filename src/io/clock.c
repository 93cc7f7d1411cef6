#include "io/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

hws_time hws_clock_now(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) abort(); /* Linux always has this clock */
    return HWS_SEC(now.tv_sec) + now.tv_nsec / 1000;
}

static void fill(void *user, uint8_t *out, size_t len)
{
    (void)user;
    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) abort();
        out += got;
        len -= (size_t)got;
    }
}

struct hws_random hws_entropy(void)
{
    return (struct hws_random){.fill = fill};
}

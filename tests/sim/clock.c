/* usrsctp reads the wall clock by itself: give it the world's. */
#include "sim/world.h"

#include <sys/time.h>

static hws_time wall;

void sim_set_clock(hws_time now)
{
    wall = now;
}

int gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    hws_time time = wall + HWS_SEC(1000000);

    (void)tz;
    tv->tv_sec = time / 1000000;
    tv->tv_usec = time % 1000000;
    return 0;
}

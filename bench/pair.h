/*
 * Two processes with one peer each, on Hawser's loop, signalling through a socket pair: what the
 * benchmarks run. The parent offers, the child answers.
 */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <hawser/loop.h>

struct pair_end {
    struct hws_loop *loop;
    struct hws_peer *peer;
    struct hws_channel channel; /* generation 0 until it is there */
    bool open, closed;
    bool writable; /* HWS_EVENT_WRITABLE came */
    int pipe;      /* to the other process */
    void (*on_message)(struct pair_end *end, struct hws_bytes message);
    void *user;
};

/* Make loop and peer of one process; the parent's end has its channel and has offered. */
bool pair_start(struct pair_end *end, int pipe, bool offers);
/* One turn of up to @p timeout, signals included; false when the peer is closed. */
bool pair_turn(struct pair_end *end, hws_time timeout);
void pair_end(struct pair_end *end);

double pair_cpu_seconds(int who); /* RUSAGE_SELF or RUSAGE_CHILDREN */
double pair_median(double *values, int count);

#endif /* BENCH_PAIR_H */

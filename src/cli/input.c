#include "cli/input.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct hws_input {
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t taken; /* the buffer is free again */
    size_t len;           /* bytes that wait; 0 = the buffer is the thread's */
    bool ended;
    bool running;   /* the thread is there */
    bool abandoned; /* the session let go: the thread frees */
    void (*wake)(void *user);
    void *user;
    uint8_t data[HWS_INPUT_MAX];
};

static void release(struct hws_input *input)
{
    pthread_mutex_destroy(&input->lock);
    pthread_cond_destroy(&input->taken);
    free(input);
}

/* Hand over what was read and wait until it is taken; false at the end. */
static bool offer(struct hws_input *input, ssize_t got)
{
    bool more = got > 0;

    pthread_mutex_lock(&input->lock);
    input->ended = !more;
    input->len = more ? (size_t)got : 0;
    if (!input->abandoned) input->wake(input->user);
    while (input->len > 0 && !input->abandoned) {
        pthread_cond_wait(&input->taken, &input->lock);
    }
    more = more && !input->abandoned;
    pthread_mutex_unlock(&input->lock);
    return more;
}

static void *run(void *arg)
{
    struct hws_input *input = arg;
    bool abandoned;
    ssize_t got;

    do {
        do {
            got = read(STDIN_FILENO, input->data, sizeof(input->data));
        } while (got < 0 && errno == EINTR);
    } while (offer(input, got));
    pthread_mutex_lock(&input->lock);
    input->running = false;
    abandoned = input->abandoned;
    pthread_mutex_unlock(&input->lock);
    if (abandoned) release(input);
    return NULL;
}

void hws_input_free(struct hws_input *input)
{
    bool running;

    if (!input) return;
    pthread_mutex_lock(&input->lock);
    running = input->running;
    input->abandoned = true;
    pthread_cond_signal(&input->taken);
    pthread_mutex_unlock(&input->lock);
    if (!running) release(input);
}

/* Signals are for the main thread: the session that they wake may be gone before this one is. */
static int start_thread(struct hws_input *input)
{
    sigset_t all, before;
    pthread_t thread;
    int failed;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&thread, NULL, run, input);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? failed : pthread_detach(thread);
}

enum hws_err hws_input_start(void (*wake)(void *user), void *user, struct hws_input **out)
{
    struct hws_input *input = calloc(1, sizeof(*input));

    if (!input) return HWS_ERR_NO_MEMORY;
    input->wake = wake;
    input->user = user;
    input->running = true;
    if (pthread_mutex_init(&input->lock, NULL) || pthread_cond_init(&input->taken, NULL) ||
        start_thread(input)) {
        free(input);
        return HWS_ERR_IO;
    }
    *out = input;
    return HWS_OK;
}

bool hws_input_peek(struct hws_input *input, struct hws_bytes *out)
{
    pthread_mutex_lock(&input->lock);
    *out = (struct hws_bytes){input->data, input->len};
    pthread_mutex_unlock(&input->lock);
    return out->len > 0;
}

void hws_input_taken(struct hws_input *input)
{
    pthread_mutex_lock(&input->lock);
    input->len = 0;
    pthread_cond_signal(&input->taken);
    pthread_mutex_unlock(&input->lock);
}

bool hws_input_ended(struct hws_input *input)
{
    bool ended;

    pthread_mutex_lock(&input->lock);
    ended = input->ended && input->len == 0;
    pthread_mutex_unlock(&input->lock);
    return ended;
}

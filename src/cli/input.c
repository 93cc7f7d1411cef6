#include "cli/input.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct hws_input {
    pthread_mutex_t lock;  /* guards all below */
    pthread_cond_t taken;  /* the buffer is free again */
    size_t len;            /* bytes that wait; 0 = the buffer is the thread's */
    bool ended;
    void (*wake)(void *user);
    void *user;
    uint8_t data[HWS_INPUT_MAX];
};

static void *run(void *arg)
{
    struct hws_input *input = arg;

    for (;;) {
        ssize_t got = read(STDIN_FILENO, input->data, sizeof(input->data));

        if (got < 0 && errno == EINTR) continue;
        pthread_mutex_lock(&input->lock);
        input->ended = got <= 0;
        input->len = got > 0 ? (size_t)got : 0;
        input->wake(input->user);
        while (input->len > 0) {
            pthread_cond_wait(&input->taken, &input->lock);
        }
        pthread_mutex_unlock(&input->lock);
        if (got <= 0) return NULL;
    }
}

enum hws_err hws_input_start(void (*wake)(void *user), void *user, struct hws_input **out)
{
    struct hws_input *input = calloc(1, sizeof(*input));
    pthread_t thread;

    if (!input) return HWS_ERR_NO_MEMORY;
    input->wake = wake;
    input->user = user;
    if (pthread_mutex_init(&input->lock, NULL) || pthread_cond_init(&input->taken, NULL) ||
        pthread_create(&thread, NULL, run, input) || pthread_detach(thread)) {
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

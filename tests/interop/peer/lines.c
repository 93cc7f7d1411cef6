#include "lines.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

struct line {
    struct line *next;
    char *text; /* owned */
};

/* One process, one standard input. */
static struct {
    pthread_mutex_t lock;
    struct line *first, **last;
    bool ended;
    void (*wake)(void *user);
    void *user;
} input = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &input.first};

static void push(char *text)
{
    struct line *line = text ? calloc(1, sizeof(*line)) : NULL;

    pthread_mutex_lock(&input.lock);
    if (line) {
        line->text = text;
        *input.last = line;
        input.last = &line->next;
    } else {
        free(text);
        input.ended = true;
    }
    if (input.wake) input.wake(input.user);
    pthread_mutex_unlock(&input.lock);
}

static void *read_lines(void *unused)
{
    (void)unused;
    for (;;) {
        char *text = NULL;
        size_t cap = 0;
        ssize_t len = getline(&text, &cap, stdin);

        if (len < 0) {
            free(text);
            text = NULL;
        } else if (len > 0 && text[len - 1] == '\n') {
            text[len - 1] = '\0';
        }
        push(text);
        if (!text) return NULL;
    }
}

bool interop_lines_start(void (*wake)(void *user), void *user)
{
    pthread_t thread;

    input.wake = wake;
    input.user = user;
    return pthread_create(&thread, NULL, read_lines, NULL) == 0 && pthread_detach(thread) == 0;
}

void interop_lines_stop(void)
{
    pthread_mutex_lock(&input.lock);
    input.wake = NULL;
    pthread_mutex_unlock(&input.lock);
}

char *interop_lines_next(void)
{
    struct line *line;
    char *text = NULL;

    pthread_mutex_lock(&input.lock);
    line = input.first;
    if (line) {
        text = line->text;
        input.first = line->next;
        if (!input.first) input.last = &input.first;
    }
    pthread_mutex_unlock(&input.lock);
    free(line);
    return text;
}

bool interop_lines_ended(void)
{
    bool ended;

    pthread_mutex_lock(&input.lock);
    ended = input.ended && !input.first;
    pthread_mutex_unlock(&input.lock);
    return ended;
}

/* The program hawser: picks the subcommand. */
#include "cli/commands.h"

#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char help[] = "Usage: hawser COMMAND [OPTION]...\n"
                           "WebRTC data channels between a client and a worker known by its id.\n"
                           "\n"
                           "  hawser worker --id ID   serve clients that ask for ID\n"
                           "  hawser client ID        connect standard input and output to ID\n"
                           "  hawser doctor           tell what this network is good for\n"
                           "\n"
                           "      --help              show this; each command has its own --help\n"
                           "      --version           show the version\n"
                           "\n"
                           "A hawser-distributor introduces the two to each other.\n";

/* Written by the handler; the loop looks at it when it wakes. */
static volatile sig_atomic_t interrupted, stats_wanted;
static void (*wake_session)(void *user);
static void *wake_user;

static void on_signal(int number)
{
    if (number == SIGUSR1) {
        stats_wanted = 1;
    } else {
        interrupted = 1;
    }
    if (wake_session) wake_session(wake_user);
}

void hws_catch_signals(void (*wake)(void *user), void *user)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t all, before;

    sigemptyset(&all);
    sigaddset(&all, SIGINT);
    sigaddset(&all, SIGTERM);
    sigaddset(&all, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    wake_user = user;
    wake_session = wake;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

bool hws_interrupted(void)
{
    return interrupted != 0;
}

bool hws_stats_wanted(void)
{
    bool wanted = stats_wanted != 0;

    stats_wanted = 0;
    return wanted;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    signal(SIGPIPE, SIG_IGN); /* a closed output is an error of write, not the end of us */
    if (strcmp(command, "client") == 0) return hws_command_client(argc - 1, argv + 1);
    if (strcmp(command, "worker") == 0) return hws_command_worker(argc - 1, argv + 1);
    if (strcmp(command, "doctor") == 0) return hws_command_doctor(argc - 1, argv + 1);
    if (strcmp(command, "--version") == 0) {
        printf("hawser %s\n", PACKAGE_VERSION);
        return HWS_EXIT_OK;
    }
    if (strcmp(command, "--help") == 0) {
        fputs(help, stdout);
        return HWS_EXIT_OK;
    }
    if (argc > 1) fprintf(stderr, "hawser: unknown command '%s'\n", command);
    fputs("Try 'hawser --help'.\n", stderr);
    return HWS_EXIT_USAGE;
}

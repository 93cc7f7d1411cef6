/* Runs seeds of the simulator; closes with 'N passed, N failed'.
 *
 *     sim [--ice | --peers] [--seeds N] [--first N] [--trace] [--quiet]
 *     sim --measure [--ice | --peers] [--seeds N]
 */
#include "sim/world.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { TAIL_LINES = 60, TAIL_LINE = 300 };

struct options {
    bool ice, peers, trace, quiet, measure;
    uint64_t seeds, first;
};

static bool read_options(int argc, char **argv, struct options *out)
{
    *out = (struct options){.seeds = 1000, .first = 1};
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];

        if (strcmp(name, "--ice") == 0)
            out->ice = true;
        else if (strcmp(name, "--peers") == 0)
            out->peers = true;
        else if (strcmp(name, "--trace") == 0)
            out->trace = true;
        else if (strcmp(name, "--quiet") == 0)
            out->quiet = true;
        else if (strcmp(name, "--measure") == 0)
            out->measure = true;
        else if (strcmp(name, "--seeds") == 0 && i + 1 < argc)
            out->seeds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(name, "--first") == 0 && i + 1 < argc)
            out->first = strtoull(argv[++i], NULL, 10);
        else
            return false;
    }
    if (!out->ice && !out->peers) out->ice = true;
    return true;
}

/* The end of the trace of a seed that failed: run it again, and keep the last lines. */
static void print_tail(const struct sim_plan *plan, const struct sim_kind *kind)
{
    char(*lines)[TAIL_LINE] = calloc(TAIL_LINES, TAIL_LINE);
    struct sim_result result;
    size_t count = 0;
    FILE *file = tmpfile();

    if (!lines || !file) abort();
    sim_run(plan, kind, file, &result);
    rewind(file);
    while (fgets(lines[count % TAIL_LINES], TAIL_LINE, file)) {
        count++;
    }
    for (size_t i = count > TAIL_LINES ? count - TAIL_LINES : 0; i < count; i++) {
        fputs(lines[i % TAIL_LINES], stdout);
    }
    (void)fclose(file);
    free(lines);
}

static bool run_seed(const struct options *options, const struct sim_kind *kind, uint64_t seed)
{
    struct sim_plan plan;
    struct sim_result result;

    sim_plan_make(&plan, seed);
    if (options->trace) sim_plan_print(&plan, stdout);
    sim_run(&plan, kind, options->trace ? stdout : NULL, &result);
    if (options->trace)
        printf("%s seed %llu: trace %016llx\n", kind->name, (unsigned long long)seed,
               (unsigned long long)result.trace);
    if (!result.broken[0]) return true;
    printf("FAILED %s seed %llu: %s\n", kind->name, (unsigned long long)seed, result.broken);
    printf("replay: tests/sim/sim --%s --first %llu --seeds 1 --trace\n",
           kind == &sim_agents ? "ice" : "peers", (unsigned long long)seed);
    if (!options->trace && !options->quiet) {
        sim_plan_print(&plan, stdout);
        print_tail(&plan, kind);
    }
    return false;
}

static void run_seeds(const struct options *options, const struct sim_kind *kind, uint64_t *passed,
                      uint64_t *failed)
{
    for (uint64_t i = 0; i < options->seeds; i++) {
        if (run_seed(options, kind, options->first + i)) {
            ++*passed;
        } else {
            ++*failed;
        }
        if ((i + 1) % 1000 == 0) {
            printf("%s: %llu of %llu\n", kind->name, (unsigned long long)(i + 1),
                   (unsigned long long)options->seeds);
            (void)fflush(stdout);
        }
    }
}

/* ---- Measuring: set-up over NATs that can be traversed, at a round trip of 50 ms */

static int compare(const void *a, const void *b)
{
    hws_time x = *(const hws_time *)a, y = *(const hws_time *)b;

    return x < y ? -1 : x > y;
}

static void print_row(const char *what, hws_time *times, size_t count)
{
    if (count == 0) return;
    qsort(times, count, sizeof(*times), compare);
    printf("  %-10s median %8.1f ms   p95 %8.1f ms   worst %9.1f ms\n", what,
           (double)times[count / 2] / 1e3, (double)times[count * 95 / 100] / 1e3,
           (double)times[count - 1] / 1e3);
}

static void measure(const struct options *options, const struct sim_kind *kind, unsigned loss)
{
    hws_time *paths = calloc(options->seeds, sizeof(*paths));
    hws_time *ends = calloc(options->seeds, sizeof(*ends));
    size_t path_count = 0, end_count = 0;

    if (!paths || !ends) abort();
    for (uint64_t i = 0; i < options->seeds; i++) {
        struct sim_plan plan;
        struct sim_result result;
        hws_time end;

        sim_plan_make_plain(&plan, options->first + i, loss);
        sim_run(&plan, kind, NULL, &result);
        end = kind == &sim_agents ? result.nominated : result.message;
        if (result.path >= 0) paths[path_count++] = result.path;
        if (end >= 0) ends[end_count++] = end;
    }
    printf("%s, loss %u %%: %zu of %llu connected\n", kind->name, loss, end_count,
           (unsigned long long)options->seeds);
    print_row("path", paths, path_count);
    print_row(kind == &sim_agents ? "nominated" : "message", ends, end_count);
    (void)fflush(stdout);
    free(paths);
    free(ends);
}

static void measure_all(const struct options *options, const struct sim_kind *kind)
{
    static const unsigned losses[] = {0, 5, 20, 30};

    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        measure(options, kind, losses[i]);
    }
}

int main(int argc, char **argv)
{
    struct options options;
    uint64_t passed = 0, failed = 0;

    if (!read_options(argc, argv, &options)) {
        fprintf(stderr, "usage: sim [--ice] [--peers] [--seeds N] [--first N] [--trace] [--quiet] "
                        "[--measure]\n");
        return 2;
    }
    if (options.measure) {
        if (options.ice) measure_all(&options, &sim_agents);
        if (options.peers) measure_all(&options, &sim_peers);
        return 0;
    }
    if (options.ice) run_seeds(&options, &sim_agents, &passed, &failed);
    if (options.peers) run_seeds(&options, &sim_peers, &passed, &failed);
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed > 0;
}

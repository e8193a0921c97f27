/* burble's simulation: plays scenes on a server of several shards with a fake clock, network and
 * store, in an order of events drawn from a seed. The same seed gives the same trace hash. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "scenes.h"

static const char HELP[] =
    "usage: sim [options]\n"
    "Plays the scenes on a simulated server, with an order of events drawn from a seed.\n\n"
    "  --seed N      the first seed (default 1)\n"
    "  --seeds N     how many seeds, from the first on (default 20)\n"
    "  --shards N    1 to 8; 0: one and three (default 0)\n"
    "  --scene NAME  one scene alone\n"
    "  --trace       print what happens\n"
    "  --help\n\n"
    "Each run is played twice and must give the same trace hash. Exit status 1 when a scene "
    "failed.\n";

struct options {
    unsigned long long seed, seeds;
    unsigned shards;
    const char *scene;
    bool trace;
};

static unsigned passed, failed;

/* Plays once; the trace hash, or 0 with the failure printed. */
static bool play(const struct scene *s, const struct world_setup *setup, uint64_t *hash)
{
    scene_reset();
    struct world *w = world_new(setup);
    s->play(w);
    world_settle(w);
    *hash = world_hash(w);
    world_free(&w);
    return scene_failure() == NULL;
}

static void run(const struct scene *s, const struct options *o, unsigned long long seed,
                unsigned shards)
{
    struct world_setup setup = {.seed = seed, .shards = shards, .trace = o->trace};
    uint64_t first = 0, second = 0;
    bool good = play(s, &setup, &first);
    if (!good) {
        printf("FAIL %s seed %llu shards %u: %s\n", s->name, seed, shards, scene_failure());
    } else if (!play(s, &setup, &second) || first != second) {
        printf("FAIL %s seed %llu shards %u: the same seed gave another trace\n", s->name, seed,
               shards);
        good = false;
    }
    passed += good;
    failed += !good;
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option LONG[] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'n'},
        {"shards", required_argument, NULL, 'p'},
        {"scene", required_argument, NULL, 'c'},
        {"trace", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        if (c == 's')
            o->seed = strtoull(optarg, NULL, 10);
        else if (c == 'n')
            o->seeds = strtoull(optarg, NULL, 10);
        else if (c == 'p')
            o->shards = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'c')
            o->scene = optarg;
        else if (c == 't')
            o->trace = true;
        else if (c == 'h') {
            fputs(HELP, stdout);
            exit(0);
        } else
            return false;
    }
    return optind == argc && o->shards <= 8;
}

int main(int argc, char **argv)
{
    struct options o = {.seed = 1, .seeds = 20};
    if (!parse(argc, argv, &o)) {
        fputs(HELP, stderr);
        return 64;
    }
    bool known = false;
    for (const struct scene *s = SCENES; s->name != NULL; s++) {
        if (o.scene != NULL && strcmp(o.scene, s->name) != 0)
            continue;
        known = true;
        for (unsigned long long seed = o.seed; seed < o.seed + o.seeds; seed++) {
            if (o.shards != 0) {
                run(s, &o, seed, o.shards);
            } else {
                run(s, &o, seed, 1);
                run(s, &o, seed, 3);
            }
        }
    }
    if (!known) {
        fprintf(stderr, "sim: no scene of that name; there are:\n");
        for (const struct scene *s = SCENES; s->name != NULL; s++)
            fprintf(stderr, "  %-8s %s\n", s->name, s->about);
        return 64;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}

/* What the process asks of the system for itself (reliability section 5.3; getrlimit(2), prctl(2)).
 */
#include "io/process.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZER = 1 };
#else
enum { SANITIZER = 0 };
#endif

uint64_t process_raise_descriptors(uint64_t wanted)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return PROCESS_DESCRIPTORS_MIN;
    rlim_t before = r.rlim_cur;
    r.rlim_cur = wanted != 0 && wanted < r.rlim_max ? (rlim_t)wanted : r.rlim_max;
    if (r.rlim_cur < before || setrlimit(RLIMIT_NOFILE, &r) != 0)
        r.rlim_cur = before;
    return (uint64_t)r.rlim_cur;
}

void process_open_standard(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR); /* takes the lowest free number */
    } while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

bool process_is_root(void)
{
    return geteuid() == 0;
}

void process_harden(void)
{
    struct rlimit none = {0, 0};
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!SANITIZER)
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    umask(0077);
}

void process_no_more_threads(void)
{
    struct rlimit none = {0, 0};
    if (!SANITIZER)
        (void)setrlimit(RLIMIT_NPROC, &none);
}

unsigned process_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

uint64_t process_resident_bytes(void)
{
    unsigned long long total, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(f);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t process_cpu_us(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

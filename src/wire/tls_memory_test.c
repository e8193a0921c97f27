/* Measures what an idle TLS connection costs a server: N server wires in this process, their
 * clients in a child, so that only one side counts.
 *
 *   wire_tls_memory_test [connections [handshakes at once [12|13]]]
 *
 * Prints heap bytes and private memory per open connection, and CPU time per handshake; fails when
 * a connection takes more than HEAP_MAX (not under a sanitizer, which has its own heap).
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"
#include "wire/tls_inside.h"

enum { CHUNK = 3072, HEAP_MAX = 15 * 1024 };

/* One message between the processes: bytes of one connection. */
struct parcel {
    uint32_t index, len;
    char bytes[CHUNK];
};

static const struct now NOW = {.mono_ms = 1};

static struct tls_context *context(bool server, int version)
{
    struct buf chain = {0}, key = {0};
    enum tls_problem problem;
    const struct slice host = SLICE("localhost");
    CHECK(tls_make_certificate(&host, 1, (int64_t)time(NULL), &chain, &key) == 0);
    struct tls_context *ctx = server
                                  ? tls_context_server(buf_slice(&chain), buf_slice(&key), &problem)
                                  : tls_context_client(&(struct tls_trust){0}, &problem);
    CHECK(ctx != NULL);
    if (!server && version == 12)
        SSL_CTX_set_max_proto_version(tls_context_ssl(ctx), TLS1_2_VERSION);
    buf_free(&chain);
    buf_free(&key);
    return ctx;
}

static void put(int fd, uint32_t index, struct buf *out)
{
    while (buf_len(out) > 0) {
        struct parcel p = {.index = index};
        p.len = buf_len(out) < CHUNK ? (uint32_t)buf_len(out) : CHUNK;
        memcpy(p.bytes, buf_slice(out).ptr, p.len);
        CHECK(write(fd, &p, sizeof(p) - CHUNK + p.len) > 0);
        buf_consume(out, p.len);
    }
}

static bool get(int fd, struct parcel *p)
{
    return read(fd, p, sizeof(*p)) > 0;
}

/* The child: as many clients as are told to begin (an empty parcel begins one). */
static void clients(int fd, uint32_t n, int version)
{
    struct tls_context *ctx = context(false, version);
    struct wire **wires = mem_array(n, sizeof(struct wire *));
    static struct parcel p;
    struct buf up = {0}, down = {0};
    while (get(fd, &p)) {
        struct wire **w = &wires[p.index];
        if (*w == NULL)
            *w = tls_connect_new(
                ctx, &(struct tls_connect){.host = SLICE("localhost"), .insecure = true});
        enum wire_state before = (*w)->ops->state(*w);
        enum wire_state after = (*w)->ops->feed(*w, slice_of(p.bytes, p.len), &up, &down, NOW);
        if (before == WIRE_OPENING && after == WIRE_OPEN)
            CHECK((*w)->ops->send(*w, SLICE("<stream:stream>"), &down) == 0);
        put(fd, p.index, &down);
        if (after == WIRE_OPEN && buf_len(&up) > 0)
            buf_clear(&up);
    }
    exit(0);
}

static uint64_t private_bytes(void)
{
    unsigned long long total = 0, kib;
    char line[256];
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    CHECK(f != NULL);
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "Private_Clean: %llu", &kib) == 1 ||
            sscanf(line, "Private_Dirty: %llu", &kib) == 1)
            total += kib * 1024;
    }
    fclose(f);
    return total;
}

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Brings connections first..first+n to the open state and through one exchange of data. */
static void open_batch(int fd, struct tls_context *ctx, struct wire **wires, uint32_t first,
                       uint32_t n)
{
    static struct parcel p;
    struct buf up = {0}, down = {0};
    uint32_t open = 0;
    for (uint32_t i = first; i < first + n; i++) {
        wires[i] = tls_accept_new(&(struct tls_accept){0}, ctx);
        p = (struct parcel){.index = i};
        CHECK(write(fd, &p, sizeof(p) - CHUNK) > 0);
    }
    while (open < n) {
        CHECK(get(fd, &p));
        struct wire *w = wires[p.index];
        CHECK(w->ops->feed(w, slice_of(p.bytes, p.len), &up, &down, NOW) != WIRE_FAILED);
        if (buf_len(&up) > 0) {
            CHECK(w->ops->send(w, SLICE("<stream:features/>"), &down) == 0);
            buf_clear(&up);
            open++;
        }
        put(fd, p.index, &down);
    }
    buf_free(&up);
    buf_free(&down);
}

static uint32_t number(int argc, char **argv, int i, int otherwise)
{
    int n = otherwise;
    CHECK(i >= argc || (slice_to_int(slice_z(argv[i]), &n) && n > 0));
    return (uint32_t)n;
}

int main(int argc, char **argv)
{
    uint32_t n = number(argc, argv, 1, 1000), at_once = number(argc, argv, 2, 1);
    int version = (int)number(argc, argv, 3, 13), fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(fds[0]);
        clients(fds[1], n + at_once, version);
    }
    close(fds[1]);
    struct tls_context *ctx = context(true, version);
    struct wire **wires = mem_array(n + at_once, sizeof(struct wire *));
    open_batch(fds[0], ctx, wires, n, at_once); /* warms up what is paid once */
    uint64_t before = private_bytes();
    size_t heap = mallinfo2().uordblks;
    double cpu = cpu_us();
    for (uint32_t i = 0; i < n; i += at_once)
        open_batch(fds[0], ctx, wires, i, n - i < at_once ? n - i : at_once);
    cpu = cpu_us() - cpu;
    size_t each = (mallinfo2().uordblks - heap) / n;
    printf("%s %s: heap %zu B, private %llu B per connection, %.0f us CPU per handshake\n",
           tls_version(wires[0]), tls_cipher(wires[0]), each,
           (unsigned long long)((private_bytes() - before) / n), cpu / n);
    close(fds[0]);
    waitpid(child, NULL, 0);
    for (uint32_t i = 0; i < n + at_once; i++)
        wire_free(&wires[i]);
    mem_free(wires);
    tls_context_unref(&ctx);
    return each <= HEAP_MAX ? 0 : 1;
}

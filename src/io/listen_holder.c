/* Who holds a port: /proc/net/tcp{,6} gives the socket's inode, /proc/PID/fd the process
 * (proc(5)). For one error text only. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/listen.h"

enum { STATE_LISTEN = 0x0a };

/* The inode of the listening socket of the port, 0 when there is none. */
static unsigned long inode_in(const char *table, uint16_t port)
{
    FILE *f = fopen(table, "re");
    if (f == NULL)
        return 0;
    char line[512];
    unsigned long found = 0;
    while (found == 0 && fgets(line, sizeof(line), f) != NULL) {
        unsigned local_port, state;
        unsigned long inode;
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu",
                   &local_port, &state, &inode) == 3 &&
            local_port == port && state == STATE_LISTEN)
            found = inode;
    }
    fclose(f);
    return found;
}

static bool holds(const char *pid, const char *socket)
{
    char path[300];
    snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
    DIR *dir = opendir(path);
    if (dir == NULL)
        return false;
    bool found = false;
    for (struct dirent *e; !found && (e = readdir(dir)) != NULL;) {
        char target[64];
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        if (n > 0) {
            target[n] = '\0';
            found = strcmp(target, socket) == 0;
        }
    }
    closedir(dir);
    return found;
}

static void name_process(const char *pid, struct buf *out)
{
    char path[64], name[32] = "process";
    snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
    FILE *f = fopen(path, "re");
    if (f != NULL) {
        if (fgets(name, sizeof(name), f) == NULL)
            snprintf(name, sizeof(name), "process");
        fclose(f);
    }
    for (char *c = name; *c != '\0'; c++) {
        if (*c == '\n')
            *c = '\0';
        else if (*c < 0x20 || *c > 0x7e)
            *c = '?';
        if (*c == '\0')
            break;
    }
    buf_printf(out, "%s (pid %.16s)", name, pid);
}

void listen_holder(uint16_t port, struct buf *out)
{
    char socket[64];
    unsigned long inode = inode_in("/proc/net/tcp", port);
    if (inode == 0)
        inode = inode_in("/proc/net/tcp6", port);
    DIR *proc = inode != 0 ? opendir("/proc") : NULL;
    if (proc == NULL)
        return;
    snprintf(socket, sizeof(socket), "socket:[%lu]", inode);
    for (struct dirent *e; (e = readdir(proc)) != NULL;) {
        if (isdigit((unsigned char)e->d_name[0]) && holds(e->d_name, socket)) {
            name_process(e->d_name, out);
            break;
        }
    }
    closedir(proc);
}

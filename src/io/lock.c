/* Lock file (fcntl(2), open file description locks): the kernel releases it with the process, so a
 * stale file is no obstacle. The pid inside is for people. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "io/files.h"

static pid_t pid_in(int fd)
{
    char text[24];
    ssize_t n = pread(fd, text, sizeof(text), 0);
    unsigned long long pid;
    struct slice s = slice_of(text, n > 0 ? (size_t)n : 0);
    s.len = slice_find(s, '\n');
    return slice_to_u64(s, &pid) && pid <= INT32_MAX ? (pid_t)pid : 0;
}

int file_lock(const char *path, int *fd_out, pid_t *pid_out)
{
    *pid_out = 0;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        int e = errno;
        return e == EACCES || e == EPERM ? ERR_REFUSED
               : e == ENOENT             ? ERR_NOT_FOUND
               : e == ENOSPC             ? ERR_FULL
               : e == EROFS              ? ERR_READONLY
                                         : ERR_IO;
    }
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        int e = errno;
        *pid_out = pid_in(fd);
        close(fd);
        return e == EAGAIN || e == EACCES ? ERR_BUSY : ERR_IO;
    }
    char text[24];
    int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        int e = errno;
        close(fd);
        return e == ENOSPC || e == EDQUOT ? ERR_FULL : ERR_IO;
    }
    *fd_out = fd;
    return 0;
}

void file_unlock(int *fd)
{
    /* The file stays: removing it would let two processes hold locks on two files of one name. */
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

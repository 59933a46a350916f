/* Tries TCP connects from inside other processes' network namespaces, all at one instant.
 *
 * stdin:   NS <pid>            the namespace of that process, for the lines that follow
 *          TCP <ipv4> <port>   one connect
 *          GO <milliseconds>   start; a connect without an answer by then is silent
 * stdout:  for each TCP line, in order: open, refused, unreachable, silent or `error <errno>`; then END
 *
 * A socket belongs to the namespace in which it was made, wherever the process goes afterwards: so one thread starts
 * all connects, then polls them together. Built by build.py, statically, for the image `nats-region-lab/probe`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX 4096
enum { PENDING = -1, SILENT = -2 };

static struct { int pid; struct sockaddr_in to; int result; } connects[MAX];
static struct pollfd sockets[MAX];

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int enter(int pid) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/ns/net", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    int failed = setns(fd, CLONE_NEWNET) ? errno : 0;
    close(fd);
    return failed;
}

static void finish(int i, int result) {
    connects[i].result = result;
    if (sockets[i].fd >= 0) {
        struct linger reset = {1, 0}; /* leave nothing behind in TIME_WAIT */
        setsockopt(sockets[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(sockets[i].fd);
        sockets[i].fd = -1;
    }
}

static void begin(int i) {
    sockets[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockets[i].events = POLLOUT;
    connects[i].result = PENDING;
    if (sockets[i].fd < 0) finish(i, errno);
    else if (connect(sockets[i].fd, (struct sockaddr *)&connects[i].to, sizeof connects[i].to) == 0) finish(i, 0);
    else if (errno != EINPROGRESS) finish(i, errno);
}

int main(void) {
    char line[128], address[64];
    int count = 0, pid = 0, port = 0, timeout = -1;
    while (timeout < 0 && fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "NS %d", &pid) == 1 || sscanf(line, "GO %d", &timeout) == 1) continue;
        if (sscanf(line, "TCP %63s %d", address, &port) == 2 && port > 0 && port < 65536 && count < MAX) {
            connects[count].pid = pid;
            connects[count].to.sin_family = AF_INET;
            connects[count].to.sin_port = htons(port);
            if (inet_pton(AF_INET, address, &connects[count].to.sin_addr) == 1) { count++; continue; }
        }
        fprintf(stderr, "probe: cannot read: %s", line);
        return 2;
    }
    if (timeout < 0) return 2;

    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    int inside = -1, failed = 0;
    for (int i = 0; i < count; i++) {
        sockets[i].fd = -1;
        if (connects[i].pid != inside) failed = enter(inside = connects[i].pid);
        if (failed) finish(i, failed);
        else begin(i);
    }
    for (long deadline = now_ms() + timeout;;) {
        int pending = 0;
        for (int i = 0; i < count; i++) pending += connects[i].result == PENDING;
        if (!pending) break;
        long left = deadline - now_ms();
        /* When time is up, one more look: an answer that came while this process did not run is not silence. */
        int broken = poll(sockets, count, left > 0 ? left : 0) < 0 ? errno : 0;
        if (broken == EINTR) continue;
        for (int i = 0; i < count; i++) {
            int error = broken; /* nor is a poll that could not look */
            socklen_t size = sizeof error;
            if (sockets[i].fd < 0 || (!broken && !sockets[i].revents)) continue;
            if (!broken) getsockopt(sockets[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
            finish(i, error);
        }
        if (left <= 0) break;
    }
    for (int i = 0; i < count; i++) {
        if (connects[i].result == PENDING) finish(i, SILENT);
        switch (connects[i].result) {
        case 0: puts("open"); break;
        case SILENT: case ETIMEDOUT: puts("silent"); break;
        case ECONNREFUSED: puts("refused"); break;
        case EHOSTUNREACH: case ENETUNREACH: puts("unreachable"); break;
        default: printf("error %d\n", connects[i].result);
        }
    }
    puts("END");
    return 0;
}

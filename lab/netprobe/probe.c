/* Works inside other processes' network namespaces: takes interfaces down, and tries TCP connects, all at one instant.
 *
 * stdin:   NS <pid>                  the namespace of that process, for the lines that follow
 *          DOWN <ipv4>               the interface that carries this address goes down, until stdin ends
 *          TCP <ipv4> <port>         one connect
 *          GO <ms> [<least ms>]      do the lines since the last GO; a connect without an answer by then is silent. With
 *                                    `least` the silence may be shorter: that long, and ten times the slowest answer.
 * stdout:  for each DOWN and TCP line, in order: `down <nanoseconds since 1970>`, missing; open, refused, unreachable,
 *          silent; or `error <errno>`. Then END.
 *
 * Whatever ends the program, but for SIGKILL, interfaces that it took down and that still exist come up again: when the
 * lab dies between taking them down and Docker's detaching them, what holds in the end is what Docker says.
 *
 * A socket belongs to the namespace in which it was made, wherever the process goes afterwards: so one thread starts
 * all connects, then polls them together. Built by build.py, statically, for the image `nats-region-lab/probe`.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX 65536
#define MAX_DOWN 1024
#define MAX_INTERFACES 256
#define LONGEST_DOWN_S 60 /* against an engine that dies and never closes stdin */
#define SETTLED_MS 1000   /* a detach that is under way when the lab dies must not meet an interface that comes up */
enum { PENDING = -1, SILENT = -2 };

static struct { int pid, takes_down; struct sockaddr_in to; int result; long long at; } steps[MAX];
static struct pollfd sockets[MAX];
static struct { int socket, index; } downed[MAX_DOWN];
static int downs;
static volatile sig_atomic_t ending;

static long long now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long now_ms(void) { return now_ns(CLOCK_MONOTONIC) / 1000000; }

static void end(int signal) {
    (void)signal;
    ending = 1;
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

/* --- interfaces --- */

static int set_up(int fd, struct ifreq *interface, int up) {
    if (ioctl(fd, SIOCGIFFLAGS, interface)) return errno;
    interface->ifr_flags = up ? interface->ifr_flags | IFF_UP : interface->ifr_flags & ~IFF_UP;
    return ioctl(fd, SIOCSIFFLAGS, interface) ? errno : 0;
}

static struct ifreq *carrying(int fd, struct in_addr address) {
    static struct ifreq all[MAX_INTERFACES];
    struct ifconf list = {.ifc_len = sizeof all, .ifc_req = all};
    if (ioctl(fd, SIOCGIFCONF, &list)) return NULL;
    for (int i = 0; i < list.ifc_len / (int)sizeof *all; i++)
        if (((struct sockaddr_in *)&all[i].ifr_addr)->sin_addr.s_addr == address.s_addr) return &all[i];
    return NULL;
}

/* The socket is kept: through it the interface comes up again, without another visit to the namespace. */
static int take_down(struct in_addr address) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    struct ifreq *found = carrying(fd, address);
    int failed = !found ? ENODEV : downs == MAX_DOWN ? ENOSPC : 0;
    if (!failed && ioctl(fd, SIOCGIFINDEX, found)) failed = errno;
    if (failed) {
        close(fd);
        return failed;
    }
    downed[downs].socket = fd;
    downed[downs++].index = found->ifr_ifindex;
    alarm(LONGEST_DOWN_S);
    return set_up(fd, found, 0);
}

static int still_there(int up) {
    int count = 0;
    for (int i = 0; i < downs; i++) {
        struct ifreq interface = {.ifr_ifindex = downed[i].index};
        if (ioctl(downed[i].socket, SIOCGIFNAME, &interface)) continue;
        count++;
        if (up) set_up(downed[i].socket, &interface, 1);
    }
    return count;
}

static void restore(void) {
    int count = still_there(0);
    for (long since = now_ms(); count && now_ms() - since < SETTLED_MS;) {
        poll(NULL, 0, 20);
        int now = still_there(0);
        if (now != count) since = now_ms();
        count = now;
    }
    still_there(1);
}

/* --- connects --- */

static void finish(int i, int result) {
    steps[i].result = result;
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
    steps[i].result = PENDING;
    if (sockets[i].fd < 0) finish(i, errno);
    else if (connect(sockets[i].fd, (struct sockaddr *)&steps[i].to, sizeof steps[i].to) == 0) finish(i, 0);
    else if (errno != EINPROGRESS) finish(i, errno);
}

static void await(int count, long timeout, long least) {
    long started = now_ms(), slowest = -1;
    while (!ending) {
        int pending = 0, answered = 0;
        for (int i = 0; i < count; i++) pending += steps[i].result == PENDING;
        if (!pending) break;
        long limit = timeout;
        if (least && slowest >= 0) {
            long enough = 10 * slowest > least ? 10 * slowest : least;
            if (enough < limit) limit = enough;
        }
        long left = started + limit - now_ms();
        /* When time is up, one more look: an answer that came while this process did not run is not silence. */
        int broken = poll(sockets, count, left > 0 ? left : 0) < 0 ? errno : 0;
        if (broken == EINTR) continue;
        for (int i = 0; i < count; i++) {
            int error = broken; /* nor is a poll that could not look */
            socklen_t size = sizeof error;
            if (sockets[i].fd < 0 || (!broken && !sockets[i].revents)) continue;
            if (!broken) getsockopt(sockets[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
            finish(i, error);
            answered = 1;
            if (error == 0 || error == ECONNREFUSED) slowest = now_ms() - started;
        }
        if (left <= 0 && !answered) break;
    }
}

/* --- the plan --- */

static void perform(int count, long timeout, long least) {
    int inside = -1, failed = 0;
    for (int i = 0; i < count; i++) {
        sockets[i].fd = -1;
        if (steps[i].pid != inside) failed = enter(inside = steps[i].pid);
        if (failed) finish(i, failed);
        else if (steps[i].takes_down) {
            finish(i, take_down(steps[i].to.sin_addr));
            steps[i].at = now_ns(CLOCK_REALTIME);
        } else begin(i);
    }
    await(count, timeout, least);
    for (int i = 0; i < count; i++) {
        if (steps[i].result == PENDING) finish(i, SILENT);
        switch (steps[i].result) {
        case 0: if (steps[i].takes_down) printf("down %lld\n", steps[i].at); else puts("open"); break;
        case SILENT: case ETIMEDOUT: puts("silent"); break;
        case ECONNREFUSED: puts("refused"); break;
        case EHOSTUNREACH: case ENETUNREACH: puts("unreachable"); break;
        case ENODEV: puts("missing"); break;
        default: printf("error %d\n", steps[i].result);
        }
    }
    puts("END");
    fflush(stdout);
}

static int add(int i, const char *line, int pid) {
    char address[64];
    int port = 0;
    if (i == MAX) return 0;
    steps[i].pid = pid;
    steps[i].takes_down = sscanf(line, "DOWN %63s", address) == 1;
    if (!steps[i].takes_down && (sscanf(line, "TCP %63s %d", address, &port) != 2 || port < 1 || port > 65535)) return 0;
    steps[i].to.sin_family = AF_INET;
    steps[i].to.sin_port = htons(port);
    return inet_pton(AF_INET, address, &steps[i].to.sin_addr) == 1;
}

int main(void) {
    char line[128];
    int count = 0, pid = 0, status = 0;
    struct sigaction action = {.sa_handler = end}; /* without SA_RESTART: a signal ends the wait for the next line */
    int signals[] = {SIGALRM, SIGHUP, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* nobody reads: stdin will end as well */

    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    while (!ending && !status && fgets(line, sizeof line, stdin)) {
        int timeout, least = 0;
        if (sscanf(line, "NS %d", &pid) == 1) continue;
        if (sscanf(line, "GO %d %d", &timeout, &least) >= 1) {
            perform(count, timeout, least);
            count = 0;
        } else if (add(count, line, pid)) count++;
        else {
            fprintf(stderr, "probe: cannot read: %s", line);
            status = 2;
        }
    }
    restore();
    return count ? 2 : status; /* a plan without GO was cut off */
}

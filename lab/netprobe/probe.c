/* Works inside other processes' network namespaces: takes interfaces down, shapes and blocks what they send, and tries
 * connects and datagrams, all at one instant.
 *
 * stdin:   NS <pid>                  the namespace of that process, for the lines that follow
 *          DOWN <ipv4>               the interface that carries this address goes down, until stdin ends
 *          TCP <ipv4> <port>         one connect
 *          SHAPE <ipv4> [KEY=N ...]  what the interface does to packets that leave it, as a whole; nothing without keys,
 *                                    which are those of qdisc.c
 *          QDISC <ipv4>              what it does
 *          BLOCK <network> [out|in|both drop|reject PEER,PEER]
 *                                    packets to or from these addresses; replaces what was blocked on that network
 *          BLOCKS                    what is blocked
 *          FLOW <pid> <ipv4> <count> <size> <gap us>
 *                                    datagrams to that address, in the namespace of that process
 *          OFFERS                    which of netem, tbf and blocks this kernel has, tried in a namespace of its own; needs no NS
 *          GO <ms> [<least ms>]      do the lines since the last GO; a connect or datagram without an answer by then is
 *                                    silent. With `least` the silence of connects may be shorter: that long, and ten
 *                                    times the slowest answer.
 * stdout:  for each line but NS and GO, in order: `down <nanoseconds since 1970>`, missing; open, refused, unreachable,
 *          silent; `shaped <ns>`; `shape KEY=N ...`, plain, `other KIND`; `blocked <ns>`; `blocks NETWORK:CHAIN ...`;
 *          `flow KEY=N ...`; `offers NAME ...`; or `error <errno>`. Then END.
 *
 * Whatever ends the program, but for SIGKILL, interfaces that it took down and that still exist come up again: when the
 * lab dies between taking them down and Docker's detaching them, what holds in the end is what Docker says. Shapes and
 * blocks stay.
 *
 * A socket belongs to the namespace in which it was made, wherever the process goes afterwards: so one thread starts
 * all connects, then polls them together. Built by build.py, statically, for the image `nats-region-lab/probe`.
 */
#define _GNU_SOURCE
#include "probe.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX 65536
#define LINE 4400
enum { PENDING = -1, SILENT = -2 };
enum verb { TCP, DOWN, SHAPE, QDISC, BLOCK, BLOCKS, FLOW, OFFERS };
static const char *const VERBS[] = {"TCP", "DOWN", "SHAPE", "QDISC", "BLOCK", "BLOCKS", "FLOW", "OFFERS"};

static struct step { int pid, result; enum verb verb; struct sockaddr_in to; long long at; char *words; } *steps;
static struct pollfd sockets[MAX];
static volatile sig_atomic_t ending;

static long now_ms(void) { return now_ns(CLOCK_MONOTONIC) / 1000000; }

static void end(int signal) {
    (void)signal;
    ending = 1;
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

static int on_interface(struct step *step) {
    int interface = interface_of(step->to.sin_addr);
    if (!interface) return ENODEV;
    return step->verb == SHAPE ? set_shape(interface, step->words) : show_shape(interface, step->words, ANSWER);
}

static int offers(char *answer) {
    enum { LOOPBACK = 1 };
    char delay[] = "handle=1 delay=1000", rate[] = "handle=1 rate=1000000 limit=10000 buffer=10000";
    if (unshare(CLONE_NEWNET)) return errno;
    snprintf(answer, ANSWER, "offers%s%s%s", set_shape(LOOPBACK, delay) ? "" : " netem",
             set_shape(LOOPBACK, rate) ? "" : " tbf", set_block("all both reject 127.0.0.1") ? "" : " blocks");
    return 0;
}

/* In the namespace of the step. What asks for an answer writes it over its words. */
static int act(int i, struct step *step) {
    switch (step->verb) {
    case DOWN: return take_down(step->to.sin_addr);
    case SHAPE: case QDISC: return on_interface(step);
    case BLOCKS: return show_blocks(step->words, ANSWER);
    case FLOW: return open_flow(i, step->pid, step->words);
    case OFFERS: return offers(step->words);
    default: return EINVAL;
    }
}

/* A commit of nftables waits 10 ms for the kernel, so each is a process of its own: they take hold together. */
static void block(struct step *step) {
    step->result = ECHILD; /* it says otherwise */
    pid_t child = fork();
    if (child > 0) return;
    step->result = set_block(step->words);
    step->at = now_ns(CLOCK_REALTIME);
    if (child == 0) _exit(0);
}

static void blocked(void) {
    while (wait(NULL) > 0 || errno == EINTR) continue;
}

static void tell(int i, struct step *step) {
    if (step->verb == FLOW && !step->result) step->result = close_flow(i, step->words, ANSWER);
    switch (step->result) {
    case 0: break;
    case SILENT: case ETIMEDOUT: puts("silent"); return;
    case ECONNREFUSED: puts("refused"); return;
    case EHOSTUNREACH: case ENETUNREACH: puts("unreachable"); return;
    case ENODEV: puts("missing"); return;
    default: printf("error %d\n", step->result); return;
    }
    switch (step->verb) {
    case TCP: puts("open"); break;
    case DOWN: printf("down %lld\n", step->at); break;
    case SHAPE: printf("shaped %lld\n", step->at); break;
    case BLOCK: printf("blocked %lld\n", step->at); break;
    default: puts(step->words);
    }
}

static void perform(int count, long timeout, long least) {
    int inside = -1, failed = 0;
    for (int i = 0; i < count; i++) {
        sockets[i].fd = -1;
        if (steps[i].verb == OFFERS) failed = 0; /* from any namespace: the first process of some hosts lets nobody in */
        else if (steps[i].pid != inside) failed = enter(inside = steps[i].pid);
        if (steps[i].verb == BLOCKS) blocked();
        if (failed) finish(i, failed);
        else if (steps[i].verb == TCP) begin(i);
        else if (steps[i].verb == BLOCK) block(&steps[i]);
        else {
            finish(i, act(i, &steps[i]));
            steps[i].at = now_ns(CLOCK_REALTIME);
        }
        if (steps[i].verb >= FLOW) inside = -1; /* it went elsewhere */
    }
    blocked();
    await(count, timeout, least);
    run_flows(timeout, &ending);
    for (int i = 0; i < count; i++) {
        if (steps[i].result == PENDING) finish(i, SILENT);
        tell(i, &steps[i]);
        free(steps[i].words);
        steps[i].words = NULL;
    }
    puts("END");
    fflush(stdout);
}

static int add(int i, const char *line, int pid) {
    char verb[16], address[64] = "";
    int port = 0, read = 0;
    if (i == MAX || sscanf(line, "%15s %n", verb, &read) != 1) return 0;
    struct step *step = &steps[i];
    *step = (struct step){.pid = pid, .verb = TCP};
    while (strcmp(verb, VERBS[step->verb]))
        if (step->verb++ == OFFERS) return 0;
    line += read;
    if (step->verb <= QDISC) {
        if (sscanf(line, "%63s %n", address, &read) != 1 || inet_pton(AF_INET, address, &step->to.sin_addr) != 1) return 0;
        line += read;
    }
    if (step->verb == TCP && (sscanf(line, "%d", &port) != 1 || port < 1 || port > 65535)) return 0;
    step->to.sin_family = AF_INET;
    step->to.sin_port = htons(port);
    if (step->verb < SHAPE) return 1;
    step->words = malloc(LINE > ANSWER ? LINE : ANSWER);
    if (!step->words) return 0;
    snprintf(step->words, LINE, "%s", line);
    return 1;
}

int main(void) {
    static char line[LINE];
    int count = 0, pid = 0, status = 0;
    struct sigaction action = {.sa_handler = end}; /* without SA_RESTART: a signal ends the wait for the next line */
    int signals[] = {SIGALRM, SIGHUP, SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* nobody reads: stdin will end as well */

    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);

    steps = mmap(NULL, MAX * sizeof *steps, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (steps == MAP_FAILED) return 1;

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

/* Flows: UDP datagrams from one namespace into another, measured in one direction. Both ends have this host's clock,
 * and the kernel stamps what arrives, so the delay is exact to some tens of microseconds. */
#define _GNU_SOURCE
#include "probe.h"
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FLOWS 1024
#define MOST_PACKETS 20000
#define LARGEST 1472
#define WINDOW (32 << 20) /* bytes of socket memory: what is under way must not be lost at the ends */

struct stamp { uint32_t number, unused; int64_t sent; };
static struct flow {
    int step, from, to, count, size, gap_us, sent, received, doubled, behind, highest;
    int64_t due, first, last, bytes;
    float *delays; /* microseconds, in the order of arrival */
    unsigned char *seen;
} flows[MAX_FLOWS];
static struct pollfd arriving[MAX_FLOWS];
static int open_flows;

static int udp(struct in_addr address, int bound, int *made) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = address};
    int window = WINDOW, on = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    setsockopt(fd, SOL_SOCKET, bound ? SO_RCVBUFFORCE : SO_SNDBUFFORCE, &window, sizeof window);
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    if (bound && bind(fd, (void *)&at, sizeof at)) {
        int failed = errno;
        close(fd);
        return failed;
    }
    *made = fd;
    return 0;
}

int open_flow(int step, int source, const char *words) {
    struct flow *flow = &flows[open_flows];
    char address[64];
    int pid, failed;
    struct in_addr target;
    if (open_flows == MAX_FLOWS) return ENOSPC;
    memset(flow, 0, sizeof *flow);
    if (sscanf(words, "%d %63s %d %d %d", &pid, address, &flow->count, &flow->size, &flow->gap_us) != 5) return EINVAL;
    if (inet_pton(AF_INET, address, &target) != 1 || flow->count < 1 || flow->count > MOST_PACKETS) return EINVAL;
    if (flow->size < (int)sizeof(struct stamp) || flow->size > LARGEST || flow->gap_us < 0) return EINVAL;
    flow->step = step, flow->highest = -1;
    if ((failed = enter(pid)) || (failed = udp(target, 1, &flow->to))) return failed;
    struct sockaddr_in at;
    socklen_t size = sizeof at;
    getsockname(flow->to, (void *)&at, &size);
    if (!(failed = enter(source)) && !(failed = udp(target, 0, &flow->from)) && connect(flow->from, (void *)&at, size)) {
        failed = errno;
        close(flow->from);
    }
    flow->delays = malloc(flow->count * sizeof *flow->delays);
    flow->seen = calloc(flow->count, 1);
    if (!failed && (!flow->delays || !flow->seen)) failed = ENOMEM;
    if (failed) close(flow->to);
    else open_flows++;
    return failed;
}

static void send_due(struct flow *flow, int64_t now) {
    static char bytes[LARGEST];
    while (flow->sent < flow->count && flow->due <= now) {
        struct stamp stamp = {flow->sent, 0, now_ns(CLOCK_REALTIME)};
        memcpy(bytes, &stamp, sizeof stamp);
        send(flow->from, bytes, flow->size, 0); /* what cannot be sent is lost, and counted as that */
        flow->sent++;
        flow->due += flow->gap_us * 1000LL;
    }
}

static void receive(struct flow *flow) {
    char bytes[LARGEST], control[64];
    struct iovec part = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control};
    for (;;) {
        message.msg_controllen = sizeof control;
        ssize_t got = recvmsg(flow->to, &message, 0);
        if (got < 0) return;
        struct cmsghdr *note = CMSG_FIRSTHDR(&message);
        struct timespec at;
        struct stamp stamp;
        if (got != flow->size || !note || note->cmsg_type != SCM_TIMESTAMPNS) continue;
        memcpy(&at, CMSG_DATA(note), sizeof at);
        memcpy(&stamp, bytes, sizeof stamp);
        if (stamp.number >= (uint32_t)flow->count) continue;
        if (flow->seen[stamp.number]++) {
            flow->doubled++;
            continue;
        }
        int64_t arrived = at.tv_sec * 1000000000LL + at.tv_nsec;
        if ((int)stamp.number < flow->highest) flow->behind++;
        else flow->highest = stamp.number;
        if (!flow->received) flow->first = arrived;
        else flow->bytes += got; /* the first one only starts the clock */
        flow->last = arrived;
        flow->delays[flow->received++] = (arrived - stamp.sent) / 1000.0f;
    }
}

void run_flows(long patience_ms, const volatile sig_atomic_t *ending) {
    int64_t began = now_ns(CLOCK_MONOTONIC), ended = 0;
    for (int i = 0; i < open_flows; i++) {
        flows[i].due = began;
        arriving[i] = (struct pollfd){flows[i].to, POLLIN, 0};
    }
    while (open_flows && !*ending) {
        int64_t now = now_ns(CLOCK_MONOTONIC), next = INT64_MAX;
        int sending = 0, missing = 0;
        for (int i = 0; i < open_flows; i++) {
            send_due(&flows[i], now);
            if (flows[i].sent < flows[i].count) sending++, next = flows[i].due < next ? flows[i].due : next;
            missing += flows[i].received < flows[i].sent;
        }
        now = now_ns(CLOCK_MONOTONIC);
        if (sending) ended = now;
        else if (!ended) ended = now;
        int64_t limit = ended + patience_ms * 1000000LL;
        if (!sending && (!missing || now >= limit)) break;
        int64_t wait = (sending ? next : limit) - now;
        struct timespec pause = {wait > 0 ? wait / 1000000000 : 0, wait > 0 ? wait % 1000000000 : 0};
        if (ppoll(arriving, open_flows, &pause, NULL) > 0)
            for (int i = 0; i < open_flows; i++)
                if (arriving[i].revents) receive(&flows[i]);
    }
}

static int ascending(const void *one, const void *other) {
    float difference = *(const float *)one - *(const float *)other;
    return (difference > 0) - (difference < 0);
}

/* Microseconds; `span` is from the first arrival to the last, and `bytes` what came after the first. */
int close_flow(int step, char *answer, size_t size) {
    struct flow *flow = NULL;
    for (int i = 0; i < open_flows; i++)
        if (flows[i].step == step) flow = &flows[i];
    if (!flow) return ENOENT;
    int n = flow->received;
    double sum = 0, squares = 0;
    for (int i = 0; i < n; i++) sum += flow->delays[i], squares += (double)flow->delays[i] * flow->delays[i];
    double mean = n ? sum / n : 0, variance = n ? squares / n - mean * mean : 0, root = variance > 1 ? variance : 1;
    for (int i = 0; i < 40; i++) root = (root + variance / root) / 2; /* no libm in a static program of this size */
    qsort(flow->delays, n, sizeof *flow->delays, ascending);
    snprintf(answer, size,
             "flow sent=%d received=%d duplicates=%d reordered=%d min=%.0f median=%.0f mean=%.0f max=%.0f deviation=%.0f bytes=%lld span=%lld",
             flow->sent, n, flow->doubled, flow->behind, n ? flow->delays[0] : 0, n ? flow->delays[n / 2] : 0, mean,
             n ? flow->delays[n - 1] : 0, variance > 0 ? root : 0, (long long)flow->bytes, (long long)(flow->last - flow->first) / 1000);
    close(flow->from);
    close(flow->to);
    free(flow->delays);
    free(flow->seen);
    *flow = flows[--open_flows];
    return 0;
}

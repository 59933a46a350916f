/* Shapes: what an interface does to the packets that leave it. `netem` delays, loses, doubles, damages and reorders;
 * `tbf` below it, or alone, bounds the rate. */
#define _GNU_SOURCE
#include "probe.h"
#include "netlink.h"
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE 100000 /* packets: what is on its way through a long delay is no loss */
#define BELOW 0x7aff /* the handle of a `tbf` below a `netem` */
#define NS_PER_TICK 64

/* In the kernel's units: nanoseconds, bytes, and probabilities as parts of 2^32 - 1. */
static const char *const KEYS[] = {
    "handle", "delay", "jitter", "delay-correlation", "loss", "loss-correlation", "good-to-bad", "bad-to-good",
    "duplicate", "duplicate-correlation", "corrupt", "corrupt-correlation", "reorder", "reorder-correlation", "gap",
    "rate", "limit", "buffer"};
enum { HANDLE, DELAY, JITTER, DELAY_CORR, LOSS, LOSS_CORR, TO_BAD, TO_GOOD, DUPLICATE, DUPLICATE_CORR, CORRUPT,
       CORRUPT_CORR, REORDER, REORDER_CORR, GAP, RATE, LIMIT, BUFFER, COUNT };
typedef unsigned long long shape[COUNT];

static int parsed(char *words, shape into) {
    char *rest;
    for (char *word = strtok_r(words, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        char *value = strchr(word, '=');
        int key = 0;
        if (!value) return 0;
        *value++ = 0;
        while (key < COUNT && strcmp(KEYS[key], word)) key++;
        if (key == COUNT) return 0;
        into[key] = strtoull(value, NULL, 10);
    }
    return 1;
}

static struct nlattr *discipline(struct request *request, int index, unsigned handle, unsigned parent, const char *kind) {
    struct tcmsg header = {.tcm_ifindex = index, .tcm_handle = handle, .tcm_parent = parent};
    message(request, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK, &header, sizeof header);
    attribute(request, TCA_KIND, kind, strlen(kind) + 1);
    return attribute(request, TCA_OPTIONS, NULL, 0);
}

static void netem(struct request *request, int index, shape of) {
    struct nlattr *options = discipline(request, index, of[HANDLE] << 16, TC_H_ROOT, "netem");
    struct tc_netem_qopt basic = {.limit = QUEUE, .loss = of[LOSS], .gap = of[GAP], .duplicate = of[DUPLICATE]};
    memcpy(request->bytes + request->used, &basic, sizeof basic); /* it stands in front of the attributes */
    request->used += NLA_ALIGN(sizeof basic);
    request->message->nlmsg_len += NLA_ALIGN(sizeof basic);
    struct tc_netem_corr correlation = {of[DELAY_CORR], of[LOSS_CORR], of[DUPLICATE_CORR]};
    struct tc_netem_reorder reorder = {of[REORDER], of[REORDER_CORR]};
    struct tc_netem_corrupt corrupt = {of[CORRUPT], of[CORRUPT_CORR]};
    long long delay = of[DELAY], jitter = of[JITTER];
    attribute(request, TCA_NETEM_LATENCY64, &delay, sizeof delay);
    attribute(request, TCA_NETEM_JITTER64, &jitter, sizeof jitter);
    attribute(request, TCA_NETEM_CORR, &correlation, sizeof correlation);
    attribute(request, TCA_NETEM_REORDER, &reorder, sizeof reorder);
    attribute(request, TCA_NETEM_CORRUPT, &corrupt, sizeof corrupt);
    if (of[TO_BAD]) { /* Gilbert-Elliott: all is lost in the bad state, nothing in the good one */
        struct tc_netem_gemodel bursts = {.p = of[TO_BAD], .r = of[TO_GOOD], .h = 0, .k1 = 0};
        struct nlattr *model = attribute(request, TCA_NETEM_LOSS, NULL, 0);
        attribute(request, NETEM_LOSS_GE, &bursts, sizeof bursts);
        nested(request, model);
    }
    nested(request, options);
}

static void tbf(struct request *request, int index, shape of, unsigned handle, unsigned parent) {
    struct nlattr *options = discipline(request, index, handle, parent, "tbf");
    struct tc_tbf_qopt basic = {.limit = of[LIMIT]};
    basic.rate.linklayer = TC_LINKLAYER_ETHERNET;
    basic.rate.rate = of[RATE] < 0xffffffffULL ? of[RATE] : 0xffffffffU;
    unsigned buffer = of[BUFFER];
    attribute(request, TCA_TBF_PARMS, &basic, sizeof basic);
    attribute(request, TCA_TBF_RATE64, &of[RATE], sizeof of[RATE]);
    attribute(request, TCA_TBF_BURST, &buffer, sizeof buffer);
    nested(request, options);
}

static int clear(int index) {
    struct request request = {.used = 0};
    struct tcmsg header = {.tcm_ifindex = index, .tcm_parent = TC_H_ROOT};
    message(&request, RTM_DELQDISC, NLM_F_ACK, &header, sizeof header);
    int failed = talk(NETLINK_ROUTE, &request, NULL, NULL);
    return failed == ENOENT || failed == EINVAL ? 0 : failed; /* there is none */
}

/* As a whole: what was there before is gone, also when the new one is refused. */
int set_shape(int index, char *words) {
    static const shape nothing;
    struct request request = {.used = 0};
    shape of = {0};
    if (!parsed(words, of)) return EINVAL;
    int failed = clear(index);
    if (failed || !memcmp(of, nothing, sizeof of)) return failed;
    unsigned long long rate = of[RATE], root = of[HANDLE] << 16;
    of[RATE] = 0;
    int alone = 1; /* nothing but a rate */
    for (int key = DELAY; key < RATE; key++) alone = alone && !of[key];
    of[RATE] = rate;
    if (!alone) {
        netem(&request, index, of);
        failed = talk(NETLINK_ROUTE, &request, NULL, NULL);
        request.used = 0;
    }
    if (rate && !failed) {
        tbf(&request, index, of, alone ? root : BELOW << 16, alone ? TC_H_ROOT : root | 1);
        failed = talk(NETLINK_ROUTE, &request, NULL, NULL);
    }
    if (failed) clear(index);
    return failed;
}

/* --- reading --- */

struct reading { int index, any; shape seen; char other[16]; };

static void read_netem(struct nlattr *options, shape into) {
    struct tc_netem_qopt *basic = payload(options);
    char *rest = (char *)basic + NLA_ALIGN(sizeof *basic);
    int size = payload_size(options) - NLA_ALIGN(sizeof *basic);
    struct nlattr *one;
    into[LOSS] = basic->loss, into[GAP] = basic->gap, into[DUPLICATE] = basic->duplicate;
    if ((one = found(rest, size, TCA_NETEM_LATENCY64))) into[DELAY] = *(long long *)payload(one);
    if ((one = found(rest, size, TCA_NETEM_JITTER64))) into[JITTER] = *(long long *)payload(one);
    if ((one = found(rest, size, TCA_NETEM_CORR))) {
        struct tc_netem_corr *correlation = payload(one);
        into[DELAY_CORR] = correlation->delay_corr, into[LOSS_CORR] = correlation->loss_corr;
        into[DUPLICATE_CORR] = correlation->dup_corr;
    }
    if ((one = found(rest, size, TCA_NETEM_REORDER))) {
        struct tc_netem_reorder *reorder = payload(one);
        into[REORDER] = reorder->probability, into[REORDER_CORR] = reorder->correlation;
    }
    if ((one = found(rest, size, TCA_NETEM_CORRUPT))) {
        struct tc_netem_corrupt *corrupt = payload(one);
        into[CORRUPT] = corrupt->probability, into[CORRUPT_CORR] = corrupt->correlation;
    }
    if ((one = found(rest, size, TCA_NETEM_LOSS)) && (one = found(payload(one), payload_size(one), NETEM_LOSS_GE))) {
        struct tc_netem_gemodel *bursts = payload(one);
        into[TO_BAD] = bursts->p, into[TO_GOOD] = bursts->r;
    }
}

static void read_tbf(struct nlattr *options, shape into) {
    struct nlattr *one = found(payload(options), payload_size(options), TCA_TBF_PARMS);
    if (!one) return;
    struct tc_tbf_qopt *basic = payload(one);
    into[RATE] = basic->rate.rate, into[LIMIT] = basic->limit;
    if ((one = found(payload(options), payload_size(options), TCA_TBF_RATE64))) into[RATE] = *(unsigned long long *)payload(one);
    into[BUFFER] = (unsigned long long)basic->buffer * NS_PER_TICK * into[RATE] / 1000000000ULL;
}

static void read_one(struct nlmsghdr *message, void *context) {
    struct reading *reading = context;
    struct tcmsg *header = NLMSG_DATA(message);
    void *attributes = (char *)header + NLMSG_ALIGN(sizeof *header);
    int size = NLMSG_PAYLOAD(message, sizeof *header);
    struct nlattr *kind = found(attributes, size, TCA_KIND), *options = found(attributes, size, TCA_OPTIONS);
    if (header->tcm_ifindex != reading->index || !header->tcm_handle || !kind) return;
    int root = header->tcm_parent == TC_H_ROOT;
    if (!root && header->tcm_handle != BELOW << 16) return;
    reading->any = 1;
    if (root) reading->seen[HANDLE] = header->tcm_handle >> 16;
    if (!strcmp(payload(kind), "netem") && options) read_netem(options, reading->seen);
    else if (!strcmp(payload(kind), "tbf") && options) read_tbf(options, reading->seen);
    else snprintf(reading->other, sizeof reading->other, "%s", (char *)payload(kind));
}

int show_shape(int index, char *answer, size_t size) {
    struct request request = {.used = 0};
    struct reading reading = {.index = index};
    struct tcmsg header = {.tcm_ifindex = index};
    message(&request, RTM_GETQDISC, NLM_F_DUMP, &header, sizeof header);
    int failed = talk(NETLINK_ROUTE, &request, read_one, &reading);
    if (failed) return failed;
    if (reading.other[0]) snprintf(answer, size, "other %s", reading.other);
    else if (!reading.any) snprintf(answer, size, "plain");
    else {
        int used = snprintf(answer, size, "shape");
        for (int key = 0; key < COUNT; key++)
            if (reading.seen[key]) used += snprintf(answer + used, size - used, " %s=%llu", KEYS[key], reading.seen[key]);
    }
    return 0;
}

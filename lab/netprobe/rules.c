/* Blocks: packets to or from peers that a node drops, or answers with a reset. One nftables table for each network,
 * with a chain for each direction, whose name says what it does: `out-drop`, `in-reject`. ARP is not touched, which
 * would end the other direction as well, a moment later. */
#define _GNU_SOURCE
#include "probe.h"
#include "netlink.h"
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#define TABLE "lab."
enum { SOURCE = 12, DESTINATION = 16, FLAGS = 13, RESET = 4 };

static void begin(struct request *request, int type, int flags) {
    struct nfgenmsg header = {.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0};
    message(request, NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_ACK, &header, sizeof header);
}

static void edge(struct request *request, int type) {
    struct nfgenmsg header = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    message(request, type, 0, &header, sizeof header);
}

static void text(struct request *request, int type, const char *value) {
    attribute(request, type, value, strlen(value) + 1);
}

static void number(struct request *request, int type, unsigned value) {
    value = htonl(value);
    attribute(request, type, &value, sizeof value);
}

static void value(struct request *request, int type, const void *data, size_t size) {
    struct nlattr *wrapped = attribute(request, type | NLA_F_NESTED, NULL, 0);
    attribute(request, NFTA_DATA_VALUE, data, size);
    nested(request, wrapped);
}

static struct nlattr *expression[2];

static void open_expression(struct request *request, const char *name) {
    expression[0] = attribute(request, NFTA_LIST_ELEM | NLA_F_NESTED, NULL, 0);
    text(request, NFTA_EXPR_NAME, name);
    expression[1] = attribute(request, NFTA_EXPR_DATA | NLA_F_NESTED, NULL, 0);
}

static void close_expression(struct request *request) {
    nested(request, expression[1]);
    nested(request, expression[0]);
}

static void load(struct request *request, int base, int offset, int size) {
    open_expression(request, "payload");
    number(request, NFTA_PAYLOAD_DREG, NFT_REG_1);
    number(request, NFTA_PAYLOAD_BASE, base);
    number(request, NFTA_PAYLOAD_OFFSET, offset);
    number(request, NFTA_PAYLOAD_LEN, size);
    close_expression(request);
}

static void compare(struct request *request, int how, const void *data, size_t size) {
    open_expression(request, "cmp");
    number(request, NFTA_CMP_SREG, NFT_REG_1);
    number(request, NFTA_CMP_OP, how);
    value(request, NFTA_CMP_DATA, data, size);
    close_expression(request);
}

static void mask(struct request *request, unsigned char bits) {
    open_expression(request, "bitwise");
    number(request, NFTA_BITWISE_SREG, NFT_REG_1);
    number(request, NFTA_BITWISE_DREG, NFT_REG_1);
    number(request, NFTA_BITWISE_LEN, 1);
    value(request, NFTA_BITWISE_MASK, &bits, 1);
    value(request, NFTA_BITWISE_XOR, "", 1);
    close_expression(request);
}

static void verdict(struct request *request, int code) {
    open_expression(request, "immediate");
    number(request, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    struct nlattr *data = attribute(request, NFTA_IMMEDIATE_DATA | NLA_F_NESTED, NULL, 0);
    struct nlattr *inner = attribute(request, NFTA_DATA_VERDICT | NLA_F_NESTED, NULL, 0);
    number(request, NFTA_VERDICT_CODE, code);
    nested(request, inner);
    nested(request, data);
    close_expression(request);
}

static void reset(struct request *request) {
    open_expression(request, "reject");
    number(request, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
    close_expression(request);
}

static struct nlattr *rule(struct request *request, const char *table, const char *chain) {
    begin(request, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    text(request, NFTA_RULE_TABLE, table);
    text(request, NFTA_RULE_CHAIN, chain);
    return attribute(request, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, NULL, 0);
}

/* A reset passes: it is how the other side's packets are answered, and how a rejected one of ours is. */
static void let_resets_pass(struct request *request, const char *table, const char *chain) {
    static const unsigned char tcp = 6, none = 0;
    struct nlattr *expressions = rule(request, table, chain);
    load(request, NFT_PAYLOAD_NETWORK_HEADER, 9, 1);
    compare(request, NFT_CMP_EQ, &tcp, 1);
    load(request, NFT_PAYLOAD_TRANSPORT_HEADER, FLAGS, 1);
    mask(request, RESET);
    compare(request, NFT_CMP_NEQ, &none, 1);
    verdict(request, NF_ACCEPT);
    nested(request, expressions);
}

static int one_way(struct request *request, const char *table, int out, int rejects, const char *peers) {
    char chain[16], list[4096], *rest;
    snprintf(chain, sizeof chain, "%s-%s", out ? "out" : "in", rejects ? "reject" : "drop");
    begin(request, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    text(request, NFTA_CHAIN_TABLE, table);
    text(request, NFTA_CHAIN_NAME, chain);
    struct nlattr *hook = attribute(request, NFTA_CHAIN_HOOK | NLA_F_NESTED, NULL, 0);
    number(request, NFTA_HOOK_HOOKNUM, out ? NF_INET_LOCAL_OUT : NF_INET_LOCAL_IN);
    number(request, NFTA_HOOK_PRIORITY, 0);
    nested(request, hook);
    number(request, NFTA_CHAIN_POLICY, NF_ACCEPT);
    text(request, NFTA_CHAIN_TYPE, "filter");
    if (rejects) let_resets_pass(request, table, chain);
    snprintf(list, sizeof list, "%s", peers);
    for (char *peer = strtok_r(list, ",", &rest); peer; peer = strtok_r(NULL, ",", &rest)) {
        struct in_addr address;
        if (inet_pton(AF_INET, peer, &address) != 1 || request->used > ROOM - 1024) return EINVAL;
        struct nlattr *expressions = rule(request, table, chain);
        load(request, NFT_PAYLOAD_NETWORK_HEADER, out ? DESTINATION : SOURCE, sizeof address);
        compare(request, NFT_CMP_EQ, &address, sizeof address);
        rejects ? reset(request) : verdict(request, NF_DROP);
        nested(request, expressions);
    }
    return 0;
}

static void whole_table(struct request *request, int type, const char *table) {
    begin(request, type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);
    text(request, NFTA_TABLE_NAME, table);
}

/* `words` is NETWORK, or NETWORK out|in|both drop|reject PEER,PEER: replaced as a whole, in one transaction. */
int set_block(const char *words) {
    static char peers[4096];
    char network[64], table[80], direction[8] = "", action[8] = "";
    struct request request = {.used = 0};
    int given = sscanf(words, "%63s %7s %7s %4095s", network, direction, action, peers);
    if (given != 1 && given != 4) return EINVAL;
    snprintf(table, sizeof table, TABLE "%s", network);
    edge(&request, NFNL_MSG_BATCH_BEGIN);
    whole_table(&request, NFT_MSG_NEWTABLE, table); /* so that there is one to delete */
    whole_table(&request, NFT_MSG_DELTABLE, table);
    int failed = 0, rejects = !strcmp(action, "reject");
    if (given == 4) {
        whole_table(&request, NFT_MSG_NEWTABLE, table);
        if (strcmp(direction, "in")) failed = one_way(&request, table, 1, rejects, peers);
        if (strcmp(direction, "out") && !failed) failed = one_way(&request, table, 0, rejects, peers);
    }
    edge(&request, NFNL_MSG_BATCH_END);
    return failed ? failed : talk(NETLINK_NETFILTER, &request, NULL, NULL);
}

struct listing { char *answer; size_t size; };

static void list_one(struct nlmsghdr *message, void *context) {
    struct listing *listing = context;
    void *attributes = (char *)NLMSG_DATA(message) + NLMSG_ALIGN(sizeof(struct nfgenmsg));
    int size = NLMSG_PAYLOAD(message, sizeof(struct nfgenmsg));
    struct nlattr *table = found(attributes, size, NFTA_CHAIN_TABLE), *chain = found(attributes, size, NFTA_CHAIN_NAME);
    if (!table || !chain || strncmp(payload(table), TABLE, strlen(TABLE))) return;
    size_t used = strlen(listing->answer);
    snprintf(listing->answer + used, listing->size - used, " %s:%s", (char *)payload(table) + strlen(TABLE), (char *)payload(chain));
}

/* `blocks`, and NETWORK:CHAIN for each chain that is there. */
int show_blocks(char *answer, size_t size) {
    struct request request = {.used = 0};
    struct listing listing = {answer, size};
    struct nfgenmsg header = {.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0};
    snprintf(answer, size, "blocks");
    message(&request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, &header, sizeof header);
    return talk(NETLINK_NETFILTER, &request, list_one, &listing);
}

#define _GNU_SOURCE
#include "netlink.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void message(struct request *request, int type, int flags, const void *header, size_t size) {
    request->message = (struct nlmsghdr *)(request->bytes + request->used);
    memset(request->message, 0, NLMSG_SPACE(size));
    *request->message = (struct nlmsghdr){NLMSG_LENGTH(size), type, NLM_F_REQUEST | flags, 0, 0};
    memcpy(NLMSG_DATA(request->message), header, size);
    request->used += NLMSG_SPACE(size);
}

struct nlattr *attribute(struct request *request, int type, const void *data, size_t size) {
    struct nlattr *added = (struct nlattr *)(request->bytes + request->used);
    size_t room = NLA_ALIGN(NLA_HDRLEN + size);
    if (request->used + room > ROOM) return added; /* it would be refused as too short; no plan is that long */
    memset(added, 0, room);
    added->nla_len = NLA_HDRLEN + size;
    added->nla_type = type;
    if (size) memcpy(payload(added), data, size);
    request->used += room;
    request->message->nlmsg_len += room;
    return added;
}

void nested(struct request *request, struct nlattr *opened) {
    opened->nla_len = request->bytes + request->used - (char *)opened;
}

static int answers(int fd, int dumping, void (*each)(struct nlmsghdr *, void *), void *context) {
    static char bytes[ROOM] __attribute__((aligned(8)));
    for (;;) { /* the kernel has answered by the time that it was told, but for the rest of a dump */
        int got = recv(fd, bytes, sizeof bytes, dumping ? 0 : MSG_DONTWAIT);
        if (got < 0) return errno == EAGAIN ? 0 : errno;
        for (struct nlmsghdr *m = (void *)bytes; NLMSG_OK(m, (unsigned)got); m = NLMSG_NEXT(m, got)) {
            int error = m->nlmsg_type == NLMSG_ERROR ? -((struct nlmsgerr *)NLMSG_DATA(m))->error : 0;
            if (error || m->nlmsg_type == NLMSG_DONE) return error;
            if (m->nlmsg_type != NLMSG_ERROR && each) each(m, context);
        }
    }
}

int talk(int protocol, struct request *request, void (*each)(struct nlmsghdr *, void *), void *context) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0) return errno;
    int dumping = (request->message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int failed = 0;
    if (sendto(fd, request->bytes, request->used, 0, (void *)&kernel, sizeof kernel) < 0) failed = errno;
    else failed = answers(fd, dumping, each, context);
    close(fd);
    return failed;
}

struct nlattr *found(void *bytes, int size, int type) {
    for (char *at = bytes; size >= NLA_HDRLEN;) {
        struct nlattr *one = (void *)at;
        if (one->nla_len < NLA_HDRLEN || one->nla_len > size) break;
        if ((one->nla_type & NLA_TYPE_MASK) == type) return one;
        at += NLA_ALIGN(one->nla_len);
        size -= NLA_ALIGN(one->nla_len);
    }
    return NULL;
}

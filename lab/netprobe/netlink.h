/* Requests to the kernel over netlink, in the namespace that the process is in. Attributes are built in place. */
#include <linux/netlink.h>
#include <stddef.h>

#define ROOM 65536

struct request {
    char bytes[ROOM];
    size_t used;
    struct nlmsghdr *message;
};

/* Start another message, with the header that its family wants. */
void message(struct request *request, int type, int flags, const void *header, size_t size);

/* Add an attribute to it; returned for `nested`, which closes one that was opened without data. */
struct nlattr *attribute(struct request *request, int type, const void *data, size_t size);
void nested(struct request *request, struct nlattr *opened);

/* Send all, read what comes; `each` gets the messages that are no acknowledgements. Returns 0, or the first errno. */
int talk(int protocol, struct request *request, void (*each)(struct nlmsghdr *, void *), void *context);

/* The attribute of this type among `size` bytes, or NULL. */
struct nlattr *found(void *bytes, int size, int type);
static inline void *payload(struct nlattr *attribute) { return (char *)attribute + NLA_HDRLEN; }
static inline int payload_size(struct nlattr *attribute) { return attribute->nla_len - NLA_HDRLEN; }

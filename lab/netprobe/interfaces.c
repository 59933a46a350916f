/* Interfaces that go down and come up again. */
#define _GNU_SOURCE
#include "probe.h"
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_DOWN 1024
#define MAX_INTERFACES 256
#define LONGEST_DOWN_S 60 /* against an engine that dies and never closes stdin */
#define SETTLED_MS 1000   /* a detach that is under way when the lab dies must not meet an interface that comes up */

static struct { int socket, index; } downed[MAX_DOWN];
static int downs;

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

int interface_of(struct in_addr address) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return 0;
    struct ifreq *found = carrying(fd, address);
    int index = found && !ioctl(fd, SIOCGIFINDEX, found) ? found->ifr_ifindex : 0;
    close(fd);
    return index;
}

/* The socket is kept: through it the interface comes up again, without another visit to the namespace. */
int take_down(struct in_addr address) {
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

void restore(void) {
    int count = still_there(0);
    for (long long since = now_ns(CLOCK_MONOTONIC); count && now_ns(CLOCK_MONOTONIC) - since < SETTLED_MS * 1000000LL;) {
        poll(NULL, 0, 20);
        int now = still_there(0);
        if (now != count) since = now_ns(CLOCK_MONOTONIC);
        count = now;
    }
    still_there(1);
}

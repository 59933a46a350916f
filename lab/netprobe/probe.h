/* What the parts of the network probe share. Unless it says otherwise, a function returns 0 or an errno, and works in
 * the network namespace that the process is in. */
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>

#define ANSWER 2048

/* shared.c */
long long now_ns(int clock);
int enter(int pid);

/* interfaces.c */
int interface_of(struct in_addr address); /* its index; 0 if no interface carries the address */
int take_down(struct in_addr address);    /* until restore() */
void restore(void);

/* qdisc.c */
int set_shape(int interface, char *words);
int show_shape(int interface, char *answer, size_t size);

/* rules.c */
int set_block(const char *words);
int show_blocks(char *answer, size_t size);

/* flow.c */
int open_flow(int step, int source, const char *words);          /* enters both namespaces */
void run_flows(long patience_ms, const volatile sig_atomic_t *ending); /* all that are open, side by side */
int close_flow(int step, char *answer, size_t size);             /* what came of it */

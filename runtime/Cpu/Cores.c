/* How many cores this process may use. Hyper-threads of one core count once: two of them
 * in a kernel that saturates the vector units gain nothing and share the L1. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "Pool.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

static int32_t online_cpus(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n < 1 ? 1 : n > 4096 ? 4096 : (int32_t)n;
}

#if defined(__linux__)

/* The first CPU of the list of those that share a core with `cpu`; itself if unknown.
 * Lists look like "0,64" or "0-1". */
static int first_sibling(int cpu) {
  char path[96];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  FILE *file = fopen(path, "r");
  if (!file)
    return cpu;
  int first;
  if (fscanf(file, "%d", &first) != 1)
    first = cpu;
  fclose(file);
  return first;
}

/* CPUs that a container's quota allows, rounded up; a large number without one. */
static int32_t quota_cpus(void) {
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
  if (!file)
    return INT32_MAX;
  long quota, period;
  int32_t cpus = INT32_MAX;
  if (fscanf(file, "%ld %ld", &quota, &period) == 2 && quota > 0 && period > 0 &&
      (quota - 1) / period < 4096)
    cpus = (int32_t)((quota - 1) / period + 1);
  fclose(file);
  return cpus;
}

int32_t seq_physical_cores(void) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return online_cpus();
  /* A core counts where its first sibling is seen, or where that one is not allowed. */
  int32_t cores = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed))
      continue;
    int first = first_sibling(cpu);
    if (first == cpu || first < 0 || first >= CPU_SETSIZE || !CPU_ISSET(first, &allowed))
      cores++;
  }
  int32_t quota = quota_cpus();
  cores = cores < quota ? cores : quota;
  return cores < 1 ? 1 : cores;
}

int32_t seq_logical_cpus(void) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
    return online_cpus();
  int32_t n = CPU_COUNT(&allowed);
  return n < 1 ? 1 : n;
}

#else

int32_t seq_physical_cores(void) {
  return online_cpus();
}
int32_t seq_logical_cpus(void) {
  return online_cpus();
}

#endif

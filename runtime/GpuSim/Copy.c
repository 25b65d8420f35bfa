/* Asynchronous copies to shared memory. They land as late as they may: when their thread waits for
 * them. Until then, whoever touches the target is told so. */
#include "Parts.h"

#include <string.h>

void seq_sim_copy(void *to, const void *from, int32_t bytes, int32_t source_bytes,
                  const seq_sim_site *site) {
  seq_sim_thread *t = seq_sim_running->current;
  if ((uintptr_t)to - (uintptr_t)t->block->arena >= ARENA_BYTES)
    seq_sim_fail("copies asynchronously at %s to what is not shared memory", seq_sim_place(site).s);
  if (source_bytes < 0 || source_bytes > bytes)
    seq_sim_fail("copies %d of %d bytes at %s", source_bytes, bytes, seq_sim_place(site).s);
  if (t->n_flights == t->most_flights)
    t->flights = seq_sim_grown(t->flights, &t->most_flights, sizeof(seq_sim_flight));
  seq_sim_access(from, source_bytes, SEQ_SIM_READ | bytes * SEQ_SIM_ALIGN, site);
  seq_sim_flight *flight = &t->flights[t->n_flights++];
  *flight = (seq_sim_flight){to, from, bytes, source_bytes, site};
  seq_sim_take_off(flight);
}

static int32_t in_groups(const seq_sim_thread *t) {
  int32_t n = 0;
  for (int32_t i = 0; i < t->n_groups; i++)
    n += t->groups[i];
  return n;
}

void seq_sim_copy_commit(void) {
  seq_sim_thread *t = seq_sim_running->current;
  if (t->n_groups == t->most_groups)
    t->groups = seq_sim_grown(t->groups, &t->most_groups, sizeof(int32_t));
  int32_t n = t->n_flights - in_groups(t);
  t->groups[t->n_groups++] = n;
}

static void land_first(seq_sim_thread *t, int32_t n) {
  for (int32_t i = 0; i < n; i++)
    seq_sim_land(&t->flights[i]);
  t->n_flights -= n;
  memmove(t->flights, t->flights + n, (size_t)t->n_flights * sizeof(seq_sim_flight));
}

void seq_sim_copy_wait(int32_t pending) {
  seq_sim_thread *t = seq_sim_running->current;
  while (t->n_groups > (pending < 0 ? 0 : pending)) {
    land_first(t, t->groups[0]);
    t->n_groups--;
    memmove(t->groups, t->groups + 1, (size_t)t->n_groups * sizeof(int32_t));
  }
  if (pending < 0 && t->n_flights > 0)
    land_first(t, t->n_flights);
}

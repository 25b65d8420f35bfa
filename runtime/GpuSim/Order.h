/* How the simulator keeps time: what happened before what. */
#ifndef SEQ_GPUSIM_ORDER_H
#define SEQ_GPUSIM_ORDER_H

#include "Ops.h"

#include <stdbool.h>
#include <stddef.h>

/* All runs on one CPU thread, so a counter, sim->now, stamps each access; it moves at each
 * synchronisation. A thread knows another one's accesses up to a stamp: `floor` for those of its
 * block (the last barrier of all of them), `outside` for those of other blocks, `warps[a][b]`
 * for what warp a knows of warp b, `lanes[w][a][b]` for lanes of warp w. An access that is
 * younger than that clashes with this one if one of the two writes. Barriers in memory and atomic
 * accesses hand on what one thread knows: that needs clocks (Clock.c), which begin when they are
 * needed. */
typedef struct seq_sim_event {
  const seq_sim_site *site;
  uint32_t stamp, block;
  uint32_t released; /* of an atomic write: what it hands on; 0: nothing */
  uint16_t thread;
  uint8_t bytes; /* a bit for each one of the cell */
  uint8_t kind;
} seq_sim_event;
/* Landed: done by an agent of a block, in the name of no thread. In block: an atomic write
 * that hands on what it does to its own block alone. */
enum {
  EVENT_PLAIN = 0,
  EVENT_ATOMIC = 1,
  EVENT_IN_FLIGHT = 2,
  EVENT_LANDED = 3,
  EVENT_ATOMIC_IN_BLOCK = 4
};

static inline bool seq_sim_is_atomic(const seq_sim_event *e) {
  return e->kind == EVENT_ATOMIC || e->kind == EVENT_ATOMIC_IN_BLOCK;
}

/* The last accesses to one byte of shared memory, or to four of global memory. Of readers: the
 * last one, one before it of the same warp, one of another warp or block. */
typedef struct seq_sim_cell {
  seq_sim_event write, read, near, far;
} seq_sim_cell;

/* Who acts beside the threads of a block, and has a number after theirs: all copies to it, and the
 * products of each warp. */
enum { BY_COPIES = 0, BY_PRODUCTS = 1 };

/* Exact knowledge, of the threads of a domain: a cluster, or all blocks of a cooperative kernel
 * that is not too large. A clock has a stamp for each of them and, after those of each block, of
 * its agents. Stamps of earlier blocks do no harm. */
typedef struct seq_sim_clocks {
  int32_t n; /* entries of a clock */
  size_t most;
  uint32_t *known;  /* [n][n]: of each thread, since the last barrier of its block */
  uint32_t *common; /* [blocks][n]: of all threads of a block */
} seq_sim_clocks;
/* What atomic accesses to a place hand on (Handover.c). */
typedef struct seq_sim_place_clock {
  uintptr_t at; /* 0: a slot that is free */
  uint32_t *clock;
  uint32_t block; /* that alone gets it, where `in_block` */
  bool in_block;
} seq_sim_place_clock;

static inline uint32_t seq_sim_later(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

#endif

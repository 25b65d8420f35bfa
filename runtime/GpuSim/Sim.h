/* The simulator of a GPU: runs kernels on the CPU and finds what is wrong with them.
 *
 * A kernel is compiled for the CPU as a function of one thread, which calls the operations of
 * Ops.h. Each thread of a block is a fiber, so threads wait for each other at barriers and in
 * operations of their warp; blocks run one after the other. Memory is checked at each access:
 * bounds, alignment, reads of what nobody wrote, races. A launch ends at the first fault. */
#ifndef SEQ_GPUSIM_SIM_H
#define SEQ_GPUSIM_SIM_H

#include "../include/seq/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seq_sim seq_sim;

seq_sim *seq_sim_create(void); /* null without memory */
void seq_sim_destroy(seq_sim *sim);

/* Blocks worth launching for work that is shared out. */
int seq_sim_workers(const seq_sim *sim);

/* Runs `blocks` blocks of a kernel on this thread; 0, or -1 with seq_sim_error. */
int seq_sim_launch(seq_sim *sim, const seq_kernel *kernel, int64_t blocks, const uint64_t *args);
const char *seq_sim_error(const seq_sim *sim);

/* Memory that kernels may access from now on; everything else is out of bounds. `what` names it in
 * messages. 0, or -1 without memory. */
int seq_sim_allow(seq_sim *sim, const void *p, int64_t bytes, int writable, const char *what);
void seq_sim_forget(seq_sim *sim); /* all of it */

/* A tensor of which kernels copy boxes, as cuTensorMapEncodeTiled takes it, with CUDA's numbers of
 * types and swizzles. The first axis is the fastest; strides are those of the others, in bytes. */
typedef struct seq_sim_tensor {
  int type;
  uint32_t rank;
  void *base;
  uint64_t sizes[5], strides[4];
  uint32_t box[5], steps[5];
  int interleave, swizzle, fill;
} seq_sim_tensor;
/* Writes the 128 bytes of a map for kernels; 0, or -1 with seq_sim_error. */
int seq_sim_tensormap_encode(seq_sim *sim, void *map, const seq_sim_tensor *tensor);

/* The order of blocks, and of threads inside of them. Faults that one order hides show in another.
 */
enum { SEQ_SIM_FORWARD = 0, SEQ_SIM_REVERSE = 1, SEQ_SIM_RANDOM = 2 };
void seq_sim_set_order(seq_sim *sim, int order, uint64_t seed);

/* What a kernel did since counting was switched on. A request is one instruction of one warp. */
typedef struct seq_sim_counts {
  int64_t launches, blocks, threads;
  int64_t barriers;                      /* of whole blocks or parts of them, once each */
  int64_t global_loads, global_stores;   /* requests */
  int64_t sectors_read, sectors_written; /* of 32 bytes, each once a request */
  int64_t shared_requests;
  int64_t bank_conflicts; /* passes over shared memory beyond those that the width needs */
  int64_t atomics;        /* requests, of global and shared memory */
  int64_t shuffles, mma;  /* requests */
} seq_sim_counts;
void seq_sim_set_counting(seq_sim *sim, int on); /* switching it on begins anew */
/* 0, or -1 where the kernel was not launched while counting. */
int seq_sim_counts_of(const seq_sim *sim, const seq_kernel *kernel, seq_sim_counts *out);

#ifdef __cplusplus
}
#endif

#endif

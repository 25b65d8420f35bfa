/* All operations, for what links simulated kernels: SEQ_SIM_SYMBOLS(X) is X(name) for each. */
#ifndef SEQ_GPUSIM_SYMBOLS_H
#define SEQ_GPUSIM_SYMBOLS_H

#include "Ops.h"

#define SEQ_SIM_SYMBOLS(X)                                                                         \
  X(seq_sim_thread_index)                                                                          \
  X(seq_sim_thread_count)                                                                          \
  X(seq_sim_block_index)                                                                           \
  X(seq_sim_block_count)                                                                           \
  X(seq_sim_shared)                                                                                \
  X(seq_sim_access)                                                                                \
  X(seq_sim_globals)                                                                               \
  X(seq_sim_cluster_index)                                                                         \
  X(seq_sim_cluster_count)                                                                         \
  X(seq_sim_map)                                                                                   \
  X(seq_sim_rank_of)                                                                               \
  X(seq_sim_cluster_arrive)                                                                        \
  X(seq_sim_cluster_wait)                                                                          \
  X(seq_sim_fence)                                                                                 \
  X(seq_sim_mbarrier_init)                                                                         \
  X(seq_sim_mbarrier_inval)                                                                        \
  X(seq_sim_mbarrier_expect)                                                                       \
  X(seq_sim_mbarrier_complete)                                                                     \
  X(seq_sim_mbarrier_arrive)                                                                       \
  X(seq_sim_mbarrier_pending)                                                                      \
  X(seq_sim_mbarrier_wait)                                                                         \
  X(seq_sim_mbarrier_wait_token)                                                                   \
  X(seq_sim_fence_proxy)                                                                           \
  X(seq_sim_fence_mbarriers)                                                                       \
  X(seq_sim_yield)                                                                                 \
  X(seq_sim_trap)                                                                                  \
  X(seq_sim_barrier)                                                                               \
  X(seq_sim_barrier_arrive)                                                                        \
  X(seq_sim_barrier_count)                                                                         \
  X(seq_sim_grid_barrier)                                                                          \
  X(seq_sim_warp_sync)                                                                             \
  X(seq_sim_active_mask)                                                                           \
  X(seq_sim_shuffle)                                                                               \
  X(seq_sim_vote)                                                                                  \
  X(seq_sim_match)                                                                                 \
  X(seq_sim_redux)                                                                                 \
  X(seq_sim_mma)                                                                                   \
  X(seq_sim_ldmatrix)                                                                              \
  X(seq_sim_stmatrix)                                                                              \
  X(seq_sim_wgmma_begin)                                                                           \
  X(seq_sim_wgmma_fence)                                                                           \
  X(seq_sim_wgmma_commit)                                                                          \
  X(seq_sim_wgmma_wait)                                                                            \
  X(seq_sim_accumulator)                                                                           \
  X(seq_sim_copy)                                                                                  \
  X(seq_sim_copy_commit)                                                                           \
  X(seq_sim_copy_wait)                                                                             \
  X(seq_sim_bulk_load)                                                                             \
  X(seq_sim_bulk_store)                                                                            \
  X(seq_sim_tensor_load)                                                                           \
  X(seq_sim_tensor_store)                                                                          \
  X(seq_sim_bulk_commit)                                                                           \
  X(seq_sim_bulk_wait)

#endif

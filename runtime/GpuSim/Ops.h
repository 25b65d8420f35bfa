/* What simulated kernels call: one function for each operation of a GPU. They act for the thread
 * that runs, and may not be called outside of a launch. */
#ifndef SEQ_GPUSIM_OPS_H
#define SEQ_GPUSIM_OPS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where an operation stands. Each one has its own, for requests are told apart by its address. */
typedef struct seq_sim_site {
  const char *file; /* null where the place is not known */
  int32_t line, column;
} seq_sim_site;

/* Numbers of this thread in its block, of threads, of this block, of blocks. */
int32_t seq_sim_thread_index(void);
int32_t seq_sim_thread_count(void);
int32_t seq_sim_block_index(void);
int32_t seq_sim_block_count(void);

/* The block's shared memory, aligned to 2^18. */
void *seq_sim_shared(void);

/* Comes before each access. `flags` holds the bits below and, from bit 9 on, the alignment that
 * the access needs. */
enum {
  SEQ_SIM_READ = 1,
  SEQ_SIM_WRITE = 2,
  SEQ_SIM_ATOMIC = 4,
  SEQ_SIM_SPIN = 8, /* may be repeated until another thread does something */
  SEQ_SIM_ACQUIRE = 16,
  SEQ_SIM_RELEASE = 32,
  SEQ_SIM_IN_BLOCK = 64, /* the scope of a release */
  SEQ_SIM_ALIGN = 512
};
void seq_sim_access(const void *p, int64_t bytes, int32_t flags, const seq_sim_site *site);

/* Variables of the kernel's own module, which it may access as well. */
typedef struct seq_sim_global {
  const void *p;
  int64_t bytes;
  int64_t writable;
  const char *name;
} seq_sim_global;
void seq_sim_globals(const seq_sim_global *globals, int64_t n);

/* A fence of the generic proxy, for all or for the block alone. It acquires and releases. */
void seq_sim_fence(int32_t block_only);

/* Lets other threads run: comes before what may be repeated until one of them does something. */
void seq_sim_yield(const seq_sim_site *site);
/* Ends the launch with an error. */
void seq_sim_trap(const seq_sim_site *site);

/* Barrier `id` of the block for `count` threads, whole warps; 0: all of them. `aligned`: threads of
 * a warp come there together. */
void seq_sim_barrier(int32_t id, int32_t count, int32_t aligned, const seq_sim_site *site);
/* Counts as come, and does not wait. */
void seq_sim_barrier_arrive(int32_t id, int32_t count, int32_t aligned, const seq_sim_site *site);
/* A barrier that gives the number of threads whose predicate is not 0. */
int32_t seq_sim_barrier_count(int32_t id, int32_t count, int32_t aligned, int32_t predicate,
                              const seq_sim_site *site);
/* All threads of all blocks of a cooperative kernel. */
void seq_sim_grid_barrier(const seq_sim_site *site);

/* This block in its cluster, and that one's blocks; places in another one's shared memory; the
 * cluster's barrier, in two halves. */
int32_t seq_sim_cluster_index(void);
int32_t seq_sim_cluster_count(void);
void *seq_sim_map(const void *p, int32_t rank, const seq_sim_site *site);
int32_t seq_sim_rank_of(const void *p, const seq_sim_site *site);
void seq_sim_cluster_arrive(int32_t relaxed, const seq_sim_site *site);
void seq_sim_cluster_wait(const seq_sim_site *site);

/* Barriers in shared memory. Tokens and parities are those of PTX; `blocks`: the wait may take a
 * while. The results of waits tell whether the phase has ended. */
void seq_sim_mbarrier_init(void *p, int32_t count, const seq_sim_site *site);
void seq_sim_mbarrier_inval(void *p, const seq_sim_site *site);
void seq_sim_mbarrier_expect(void *p, int32_t bytes, const seq_sim_site *site);
void seq_sim_mbarrier_complete(void *p, int32_t bytes, const seq_sim_site *site);
uint64_t seq_sim_mbarrier_arrive(void *p, int32_t count, int32_t bytes, int32_t drops,
                                 const seq_sim_site *site);
int32_t seq_sim_mbarrier_pending(uint64_t token);
int32_t seq_sim_mbarrier_wait(void *p, int32_t parity, int32_t blocks, const seq_sim_site *site);
int32_t seq_sim_mbarrier_wait_token(void *p, uint64_t token, int32_t blocks,
                                    const seq_sim_site *site);
/* Copies and products see what this thread did and knows: all writes, or new barriers alone. */
void seq_sim_fence_proxy(void);
void seq_sim_fence_mbarriers(void);

/* Operations of a warp: the lanes of `mask` wait for each other. Only seq_sim_warp_sync orders
 * their accesses to memory. */
void seq_sim_warp_sync(uint32_t mask, const seq_sim_site *site);
uint32_t seq_sim_active_mask(void);
enum { SEQ_SIM_UP = 0, SEQ_SIM_DOWN = 1, SEQ_SIM_BFLY = 2, SEQ_SIM_IDX = 3 };
/* `b` and `c` as PTX has them. Bits 0 to 31: the value; bit 32: whether the lane was in range. */
uint64_t seq_sim_shuffle(int32_t mode, uint32_t mask, uint32_t value, int32_t b, int32_t c,
                         const seq_sim_site *site);
enum { SEQ_SIM_ALL = 0, SEQ_SIM_ANY = 1, SEQ_SIM_UNI = 2, SEQ_SIM_BALLOT = 3 };
uint32_t seq_sim_vote(int32_t kind, uint32_t mask, int32_t predicate, const seq_sim_site *site);
/* Lanes with the same value. */
uint32_t seq_sim_match(uint32_t mask, uint64_t value, const seq_sim_site *site);
enum {
  SEQ_SIM_ADD = 0,
  SEQ_SIM_MIN = 1,
  SEQ_SIM_MAX = 2,
  SEQ_SIM_UMIN = 3,
  SEQ_SIM_UMAX = 4,
  SEQ_SIM_AND = 5,
  SEQ_SIM_OR = 6,
  SEQ_SIM_XOR = 7
};
uint32_t seq_sim_redux(int32_t kind, uint32_t mask, uint32_t value, const seq_sim_site *site);

/* Matrix products of a warp, with PTX's fragments: registers of A, of B, then C; result D. */
typedef struct seq_sim_fragments {
  uint32_t a[4], b[2];
  float c[4];
} seq_sim_fragments;
enum { SEQ_SIM_F16 = 0, SEQ_SIM_BF16 = 1, SEQ_SIM_TF32 = 2 }; /* m16n8k16, twice, and m16n8k8 */
void seq_sim_mma(float d[4], const seq_sim_fragments *in, int32_t type, const seq_sim_site *site);
/* Loads `count` tiles of 8 x 8 elements of 2 bytes: lane 8 i + j gives row j of tile i. */
void seq_sim_ldmatrix(uint32_t *result, const void *row, int32_t count, int32_t transposed,
                      const seq_sim_site *site);
/* Stores them: each register has two elements of a row, or of a column. */
void seq_sim_stmatrix(void *row, const uint32_t *values, int32_t count, int32_t transposed,
                      const seq_sim_site *site);

/* Products of a warp group: `d` has n / 2 results of the lane. Operands are descriptors of PTX, or
 * for A its four registers. What becomes of `d` is read through seq_sim_accumulator. */
typedef struct seq_sim_wgmma {
  uint64_t a, b;
  uint32_t a_registers[4];
  int32_t type, n; /* columns */
  int32_t scale_d; /* whether `d` is added to */
  int32_t a_in_registers, negates_a, negates_b, transposed_a, transposed_b;
} seq_sim_wgmma;
void seq_sim_wgmma_begin(float *d, const seq_sim_wgmma *in, const seq_sim_site *site);
void seq_sim_wgmma_fence(const seq_sim_site *site);
void seq_sim_wgmma_commit(const seq_sim_site *site);
void seq_sim_wgmma_wait(int32_t pending, const seq_sim_site *site);
float seq_sim_accumulator(float value, const seq_sim_site *site);

/* Copies to shared memory that land when they are waited for: `source_bytes` of the source, then
 * zeros up to `bytes`, which is 4, 8 or 16. */
void seq_sim_copy(void *to, const void *from, int32_t bytes, int32_t source_bytes,
                  const seq_sim_site *site);
void seq_sim_copy_commit(void);
/* Waits until at most `pending` groups are on their way; -1: for all copies, in groups or not. */
void seq_sim_copy_wait(int32_t pending);

/* Copies of whole runs of bytes. Loads, from global memory or the block's own, tell a barrier;
 * `blocks`: those of the cluster that get it, 0: the one of the target. Stores come in groups. */
void seq_sim_bulk_load(void *to, const void *from, int32_t bytes, void *mbarrier, int32_t blocks,
                       const seq_sim_site *site);
void seq_sim_bulk_store(void *to, const void *from, int32_t bytes, const seq_sim_site *site);
/* Boxes of a tensor that a map describes, from the coordinates `start` on. */
void seq_sim_tensor_load(const void *map, void *to, void *mbarrier, int32_t rank,
                         const int32_t *start, int32_t blocks, const seq_sim_site *site);
void seq_sim_tensor_store(const void *map, const void *from, int32_t rank, const int32_t *start,
                          const seq_sim_site *site);
void seq_sim_bulk_commit(void);
/* Until at most `pending` groups are on their way, or only their sources are to be written. */
void seq_sim_bulk_wait(int32_t pending, int32_t read_only);

#ifdef __cplusplus
}
#endif

#endif

/* The contract between code that seqc generates and the runtime. Both sides include
 * this file; neither includes anything else of the other. Plain C11, fixed layouts.
 *
 * A generated library holds one seq_model_desc. Each of its functions runs as one
 * region of `nthreads` threads: every thread calls the same generated function with
 * its own `tid`, and the threads meet at seq_rt_barrier. Generated code never
 * allocates: it works in the caller's outputs, in `prepared` and in `workspace`. */
#ifndef SEQ_ABI_H
#define SEQ_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEQ_ABI_MAGIC 0x43514553u /* "SEQC" in memory order */
#define SEQ_ABI_VERSION 6u

/* Element types. Booleans are bytes of 0 or 1. */
enum { SEQ_F32 = 0, SEQ_F64 = 1, SEQ_I32 = 2, SEQ_BOOL = 3, SEQ_BF16 = 4, SEQ_F16 = 5 };

/* One call of a generated function, seen by every thread of the region. */
typedef struct seq_call {
  uint32_t struct_size;         /* sizeof(seq_call) */
  uint32_t flags;               /* 0 */
  int64_t batch;                /* sequences B; 1 where the caller gave no batch */
  const int64_t *sizes;         /* [n_sizes] dynamic sizes as the arrays are padded */
  const int64_t *lengths;       /* [n_sizes][B] each sequence's own sizes; never null */
  const void *const *inputs;    /* [n_inputs] dense, row major after the batch axis */
  const int64_t *input_strides; /* [n_inputs] elements from one sequence to the next; 0 = shared */
  void *const *outputs;         /* [n_outputs] dense [B, padded shape]; zero past each length */
  const void *const *params;    /* [n_params] dense; read by `prepare` alone */
  void *prepared;               /* prepared_bytes, aligned to 64 */
  void *workspace;              /* workspace(call) bytes, aligned to 64 */
  void *pool;                   /* the runtime's own */
  void *failure;                /* the runtime's own: where seq_rt_fail writes */
  void *counts;                 /* of a device: where groups of blocks meet; null on the CPU */
} seq_call;

/* There are `nthreads` counts, each an int64_t in so many bytes of its own. Between kernels its
 * last 63 bits are 0, and the first may be anything: a kernel leaves it so. */
#define SEQ_COUNT_BYTES 128

typedef void (*seq_region_fn)(const seq_call *call, int32_t tid, int32_t nthreads);
typedef int64_t (*seq_workspace_fn)(const seq_call *call, int32_t nthreads);

/* A size as a program in postfix over the dynamic sizes: pairs (op, value). */
enum {
  SEQ_DIM_CONST = 0,
  SEQ_DIM_SIZE = 1,
  SEQ_DIM_ADD = 2,
  SEQ_DIM_SUB = 3,
  SEQ_DIM_MUL = 4,
  SEQ_DIM_FLOORDIV = 5,
  SEQ_DIM_MOD = 6
};
typedef struct seq_dim_op {
  int64_t op;
  int64_t value;
} seq_dim_op;
typedef struct seq_dim {
  const seq_dim_op *ops;
  int64_t n;
} seq_dim;

typedef struct seq_tensor_desc {
  const char *name;
  int32_t dtype; /* SEQ_F32 ... */
  int32_t rank;
  const seq_dim *dims;         /* [rank] */
  const char *shape_text;      /* "[T, 4 * H]", for messages */
  const double *default_value; /* an input that may be left away is this everywhere; else null */
} seq_tensor_desc;

/* What seq_rt_fail reports. */
enum {
  SEQ_FAIL_INDEX = 1,    /* a gather outside: value, bound */
  SEQ_FAIL_DIV_ZERO = 2, /* integer division or remainder by zero */
  SEQ_FAIL_CONVERT = 3,  /* a float out of the integer's range, or NaN */
  SEQ_FAIL_EMPTY = 4,    /* argmax or argmin of nothing */
  SEQ_FAIL_SIZE = 5,     /* a size that came out wrong: value, wanted */
  SEQ_FAIL_REQUIRED = 6  /* sizes that do not go together: the two sides of the requirement */
};
typedef struct seq_place {
  const char *file;
  int32_t line, column, kind;
  const char *what; /* source text of the expression, e.g. "w[idx[t]]" */
} seq_place;

/* What the sizes of every sequence have to satisfy, for code relies on it: a table that is long
 * enough, an even width. */
typedef struct seq_requirement {
  seq_dim lhs, rhs;
  const char *text; /* "T <= 16" */
  seq_place place;  /* what needs it */
  int32_t equal;    /* 1: lhs == rhs, 0: lhs <= rhs */
  int32_t reserved;
} seq_requirement;

/* Where the kernels of a variant run. Its functions themselves run on the CPU: those of a device
 * variant run on one thread and launch kernels. */
enum { SEQ_ON_CPU = 0, SEQ_ON_CUDA = 1, SEQ_ON_GPUSIM = 2 };

/* A kernel. Each of its arguments has 8 bytes: an integer or a pointer; but for tensor maps, which
 * come first and take the place of SEQ_TENSOR_MAP_WORDS. */
typedef void (*seq_simulated_fn)(const uint64_t *args);
typedef struct seq_kernel {
  const char *name; /* its symbol in the image */
  int32_t n_args;
  int32_t threads;            /* of a block */
  int32_t shared_bytes;       /* of a block, beyond what the image itself has */
  int32_t flags;              /* SEQ_KERNEL_ ... */
  seq_simulated_fn simulated; /* runs as one thread of runtime/GpuSim; null elsewhere */
} seq_kernel;
enum {
  SEQ_KERNEL_SYNCHRONISES = 1, /* its threads wait for each other */
  SEQ_KERNEL_COOPERATIVE = 2,  /* its blocks do: all of them must run at once */
  SEQ_KERNEL_CLUSTER = 256     /* times the blocks of a cluster; without it, one */
};
typedef struct seq_device_code {
  const char *chip;  /* "sm_90a" */
  const void *image; /* PTX, ended by 0, or a cubin; null for the simulator */
  int64_t image_bytes;
  int32_t is_ptx, n_kernels;
  const seq_kernel *kernels;
} seq_device_code;

/* The same function for one instruction set, or one device. With a device, what a seq_call points
 * to for kernels (inputs, outputs, lengths, prepared, workspace, failure) is the device's memory,
 * and the tables of pointers and sizes are the CPU's. */
typedef struct seq_variant {
  int32_t level; /* the x86-64 level that the code needs: 1, 2, 3, 4; of CUDA, the chip: 90 */
  int32_t kind;  /* SEQ_ON_ ... */
  seq_region_fn prepare; /* params -> prepared; null where there is nothing to prepare; functions
                          * with the same one share what it makes */
  seq_region_fn forward;
  seq_workspace_fn workspace;
  int64_t prepared_bytes;
  const seq_device_code *code; /* null on the CPU */
} seq_variant;

/* A stream computes a piece of the sequence: its last `n_states` inputs are what was kept of
 * the steps before, its last `n_states` outputs what is to be kept after, and its last size
 * is the place of the piece's first step. Where that is 0, the states are not read. A state
 * whose shape uses it keeps every step; its output is the array that is its input, of which the
 * call writes the piece's steps alone. */
enum {
  SEQ_STREAM_PIECE = 1, /* of any length */
  SEQ_STREAM_STEP = 2   /* the same where each sequence has one step: code that is made for it */
};
typedef struct seq_function_desc {
  const char *name; /* "forward", "stream", "step" */
  int32_t n_sizes, n_inputs, n_outputs, n_places, n_variants, is_stream; /* SEQ_STREAM_…, 0: no */
  const char *const *size_names;
  const int32_t *size_is_sequence; /* [n_sizes] 1: plain `lengths` may name it */
  const seq_tensor_desc *inputs;
  const seq_tensor_desc *outputs;
  const seq_place *places;
  const seq_variant *variants; /* from the lowest level to the highest */
  int32_t n_states;            /* of a stream */
  int32_t time;                /* of a stream: the size that is the piece's length */
  int32_t n_requirements, reserved;
  const seq_requirement *requirements;
} seq_function_desc;

typedef struct seq_model_desc {
  uint32_t magic, abi_version;
  const char *name;
  int32_t n_params, n_functions;
  const seq_tensor_desc *params; /* names are hierarchical: layers.0.w_ih; dims are constants */
  const seq_function_desc *functions;
} seq_model_desc;

/* What generated code calls; the runtime defines both. */

/* All threads of the region meet. */
void seq_rt_barrier(const seq_call *call, int32_t tid);

/* Records that sequence `seq` failed at `place`; the first by (seq, place) is reported.
 * The generated code goes on with a harmless value. */
void seq_rt_fail(const seq_call *call, int32_t place, int64_t seq, int64_t value, int64_t bound);

/* Writes to order[B] the sequences sorted by extents[B] from the longest to the
 * shortest, ties by number. Called by one thread. */
void seq_rt_order(const seq_call *call, const int64_t *extents, int64_t *order);

/* Launches kernel number `kernel` of the variant's code on `blocks` blocks; none where that is 0
 * or less. Kernels run in the order of their launches. */
void seq_rt_launch(const seq_call *call, int32_t kernel, int64_t blocks, const uint64_t *args);

/* A tensor of which kernels copy boxes to shared memory (TMA). Axes from the fastest on, whose
 * elements follow each other; strides are those of the others. A row of a box has 128 bytes there,
 * and of eight rows after each other the 16 bytes number j of row i stand at place j xor i. */
typedef struct seq_tensor_map {
  const void *base; /* on the device, at a multiple of 16 */
  int64_t type;     /* SEQ_... */
  int64_t rank;
  int64_t sizes[5], strides[4]; /* elements; bytes, multiples of 16 */
  int64_t box[5];
} seq_tensor_map;
enum { SEQ_TENSOR_MAP_WORDS = 16 };

/* Writes a kernel's argument, at a multiple of 64 bytes. */
void seq_rt_tensor_map(const seq_call *call, const seq_tensor_map *tensor, uint64_t *to);

/* What a kernel that fails writes, in the device's memory: the first failure by (seq, place). */
typedef struct seq_device_failure {
  int32_t lock; /* 1 while a thread writes */
  int32_t set;
  int64_t place, seq, value, bound;
} seq_device_failure;

#ifdef __cplusplus
}
#endif

#endif

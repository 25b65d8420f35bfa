/* What a host calls: contexts, their devices, bound models and calls. Plain C11.
 *
 *   seq_ctx *ctx = seq_ctx_create(0);
 *   seq_model *model;
 *   if (seq_model_create(ctx, &desc, &model) || seq_model_bind_file(model, path, 0) ||
 *       seq_model_call(model, 0, &args))
 *     fprintf(stderr, "%s\n", seq_last_error(ctx));
 *
 * Every function that returns int returns a seq_status; on anything but SEQ_OK the
 * context holds a message for people. A context and its models are used by one thread
 * at a time; distinct contexts may run at once. Nothing here is global. */
#ifndef SEQ_RUNTIME_H
#define SEQ_RUNTIME_H

#include "seq/abi.h"
#include "seq/dlpack.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum seq_status {
  SEQ_OK = 0,
  SEQ_ERR_ARGUMENT = 1, /* a wrong number, name, type, device or layout of an argument */
  SEQ_ERR_SHAPE = 2,    /* shapes, sizes, lengths or batches that do not go together */
  SEQ_ERR_RUN = 3,      /* the program failed on these data: seq_ctx_failure tells where */
  SEQ_ERR_MEMORY = 4,   /* no memory or no thread to be had */
  SEQ_ERR_IO = 5,       /* a file that cannot be read or is not well-formed */
  SEQ_ERR_MODEL = 6,    /* a model of another ABI, or one that has no code for this device */
  SEQ_ERR_CAPACITY = 7, /* a sequence would grow beyond what its state can keep */
  SEQ_ERR_DEVICE = 8    /* no such device, or its driver or a kernel on it failed */
} seq_status;

/* The most axes of a tensor, its batch axis included. */
#define SEQ_MAX_RANK 32

typedef struct seq_ctx seq_ctx;
typedef struct seq_model seq_model;

/* --- contexts ------------------------------------------------------------------- */

/* A context that runs calls on `threads` threads, the caller's own among them.
 * 0: SEQC_NUM_THREADS, else OMP_NUM_THREADS, else the number of physical cores that
 * this process may use. Threads start with the first call. Null without memory. */
seq_ctx *seq_ctx_create(int32_t threads);

/* Where a context runs its calls. */
typedef struct seq_ctx_options {
  uint32_t struct_size; /* sizeof(seq_ctx_options) */
  uint32_t flags;       /* 0 */
  int32_t kind;         /* SEQ_ON_CPU, SEQ_ON_CUDA, SEQ_ON_GPUSIM */
  int32_t threads;      /* on the CPU: as for seq_ctx_create */
  int32_t device;       /* of CUDA: its number */
  int32_t chip;         /* of the simulator: the newest chip whose code it runs, as 80; 0: any */
  void *stream;         /* of CUDA: the host's CUstream; null: one of the context's own */
} seq_ctx_options;

/* The same for any kind of device: see "devices" below. Where it fails there is no context to
 * ask, so the message goes to message[message_bytes], which may be null. */
int seq_ctx_create_with(const seq_ctx_options *options, seq_ctx **out, char *message,
                        int64_t message_bytes);

/* Stops the threads and frees all; models of the context must be destroyed before. */
void seq_ctx_destroy(seq_ctx *ctx);

int32_t seq_ctx_threads(const seq_ctx *ctx);

/* The message of the last function that failed, "" if none has. Valid until the next
 * call with this context. */
const char *seq_last_error(const seq_ctx *ctx);

/* What the last bind did that its user may want to know (f64 weights rounded to f32),
 * "" if nothing. */
const char *seq_last_note(const seq_ctx *ctx);

/* Runs body(arg, 0) ... body(arg, nthreads - 1) and returns when all have returned. All
 * of them must run at the same time, each on a thread of its own, for they wait for
 * each other. */
typedef void (*seq_parallel_fn)(void *user, int32_t nthreads, void (*body)(void *arg, int32_t tid),
                                void *arg);

/* Plugs in the host's threads in place of the context's own pool; null goes back. */
void seq_ctx_set_parallel(seq_ctx *ctx, seq_parallel_fn fn, void *user);

/* Where a call failed that returned SEQ_ERR_RUN, or which place of the program needs sizes that
 * go together, with SEQ_ERR_SHAPE. The strings belong to the model. */
typedef struct seq_failure_info {
  int32_t kind; /* SEQ_FAIL_INDEX ... */
  int32_t line, column;
  int32_t batched; /* 1: seq is meaningful to the user */
  const char *file;
  const char *what; /* source text of the expression */
  int64_t seq;      /* number of the sequence in the batch */
  int64_t value, bound;
  const char *rule; /* of SEQ_FAIL_REQUIRED: "T <= 16"; else null */
} seq_failure_info;

/* 1 and fills *out if the last call of this context failed in the program, else 0. */
int seq_ctx_failure(const seq_ctx *ctx, seq_failure_info *out);

/* The text of a failure without its place, as in "index 7 is outside of an axis of 5 in
 * `w[i]`". Writes at most `bytes` with the final 0; returns the full length. */
int seq_failure_text(const seq_failure_info *failure, char *text, int64_t bytes);

/* The x86-64 level (1 to 4) of this CPU and operating system; 1 elsewhere.
 * SEQC_CPU_LEVEL lowers it, for tests. */
int32_t seq_cpu_level(void);

/* --- devices ---------------------------------------------------------------------
 *
 * On the CPU and in the simulator arrays are the host's memory (kDLCPU). On CUDA they are the
 * device's: kDLCUDA with the context's number, or kDLCUDAManaged; parameters alone are always
 * given in the host's memory and copied. The driver's library, libcuda.so.1 or what the
 * variable SEQC_CUDA_DRIVER names, is opened when the first context of CUDA is made; nothing
 * links it.
 *
 * Calls on CUDA only put work into the context's stream, in order. They neither allocate once
 * everything has its size nor wait, with one exception: a function that can fail on its data
 * (n_places > 0 in its descriptor) is waited for, since SEQ_ERR_RUN, and whether a state goes
 * on, can only be told then. Other calls return before their outputs are there; copy_out and
 * synchronize wait, and so does reading in the same stream. A fault of a kernel that nobody
 * waited for is reported by a later call. The host's arrays of lengths and defaults are copied
 * before a call returns.
 *
 * With a stream of the host's, arrays that it fills in that stream need no waiting; as in
 * DLPack, (void *)1 is the legacy default stream and (void *)2 the thread's own. The context's
 * own stream waits for the legacy default stream and it for that one, as the driver's ordinary
 * streams do. A stream of the host's outlives the context. The device's primary context is used, or
 * that of the stream. */

/* Memory of the context's device, aligned to 64; on the CPU, of the host. Null is freed too.
 * Freeing waits for the calls that may use it. */
int seq_ctx_alloc(seq_ctx *ctx, int64_t bytes, void **out);
void seq_ctx_free(seq_ctx *ctx, void *p);

/* From the host to the device and back. The host's memory is free again, or filled, when they
 * return. */
int seq_ctx_copy_in(seq_ctx *ctx, void *device, const void *host, int64_t bytes);
int seq_ctx_copy_out(seq_ctx *ctx, void *host, const void *device, int64_t bytes);

/* Waits until all calls have run; tells what failed meanwhile. */
int seq_ctx_synchronize(seq_ctx *ctx);

int32_t seq_ctx_kind(const seq_ctx *ctx);

/* Of CUDA, the device's chip: 90 for sm_90; of the simulator, what was asked for; else 0. */
int32_t seq_ctx_chip(const seq_ctx *ctx);

/* How views of the context's device memory have to name it. */
DLDevice seq_ctx_device(const seq_ctx *ctx);

typedef struct seq_cuda_info {
  char name[128];
  int32_t chip; /* 90: sm_90 */
  int32_t multiprocessors;
  int64_t memory_bytes;
} seq_cuda_info;

/* The CUDA devices of this machine: *count of them, the first `most` described in devices[].
 * *driver_version is the newest CUDA that the driver knows, 12040 for 12.4, and 0 where none is
 * installed. SEQ_ERR_DEVICE with a message where there is no device to use. Opens the driver's
 * library, but makes no context on a device. */
int seq_cuda_probe(seq_cuda_info *devices, int32_t most, int32_t *count, int32_t *driver_version,
                   char *message, int64_t message_bytes);

/* --- models --------------------------------------------------------------------- */

/* Makes a model of a generated descriptor, which must outlive it. Checks magic and ABI
 * version and picks each function's best variant for the context's device, whose code it loads
 * there. A model without parameters is bound at once. */
int seq_model_create(seq_ctx *ctx, const seq_model_desc *desc, seq_model **out);

/* Gives the parameters, one view each in the descriptor's order, of the descriptor's
 * types and shapes, dense, in the host's memory. Runs each function's `prepare` into memory that
 * the model owns. The views and their data are not needed afterwards. */
int seq_model_bind(seq_model *model, const DLTensor *const *params, int32_t n_params);

/* The same from a safetensors file: tensors by the parameters' names. Floats
 * convert to longer ones; to shorter ones (F64 to f32, F32 to bf16) with a note; integers
 * and bools do not convert. A tensor that no parameter asks for is an error unless ignore_extra is
 * set. */
int seq_model_bind_file(seq_model *model, const char *safetensors_path, int ignore_extra);

void seq_model_destroy(seq_model *model); /* null is allowed */

/* The number of the function called `name`, -1 if there is none. */
int32_t seq_model_function(const seq_model *model, const char *name);

const seq_model_desc *seq_model_descriptor(const seq_model *model);

/* --- calls ---------------------------------------------------------------------- */

/* Each sequence's own value of a dynamic size. `size` null is the plain form: the first
 * input's first axis where that is a sequence size, else the first sequence size.
 * `count` must be the batch; 0 <= value <= the padded size. */
typedef struct seq_lengths {
  const char *size;
  const int64_t *values;
  int64_t count;
} seq_lengths;

/* The arguments of one call. An input has the declared shape, and is then shared by the
 * batch, or one axis more in front: the batch. All inputs with a batch axis agree. If
 * there is a batch, each output has its axis too. Inputs and outputs must not overlap. */
typedef struct seq_args {
  uint32_t struct_size;          /* sizeof(seq_args) */
  uint32_t flags;                /* 0 */
  const DLTensor *const *inputs; /* in order; null = the default value, where there is one */
  DLTensor *const *outputs;      /* in order; queries need none */
  const seq_lengths *lengths;
  int32_t n_inputs, n_outputs, n_lengths, reserved;
  void *workspace; /* of the device, aligned to 64; null = the context's own, which grows */
  int64_t workspace_bytes;
} seq_args;

/* Runs function number `function`. Outputs are zero past each sequence's length. Does
 * not allocate, but for: the threads at the first call, the context's workspace and the
 * model's arrays of lengths and default inputs, each when it has to grow. */
int seq_model_call(seq_model *model, int32_t function, const seq_args *args);

/* The dynamic sizes that the inputs imply, sizes[n_sizes], and the batch, -1 where no
 * input carries one. `batch` may be null. */
int seq_model_sizes(seq_model *model, int32_t function, const seq_args *args, int64_t *sizes,
                    int64_t *batch);

/* The shape that output number `output` must have, its batch axis included.
 * shape[SEQ_MAX_RANK]. */
int seq_model_output_shape(seq_model *model, int32_t function, const seq_args *args, int32_t output,
                           int64_t *shape, int32_t *rank);

/* The workspace that seq_model_call needs with these arguments. */
int seq_model_workspace_size(seq_model *model, int32_t function, const seq_args *args,
                             int64_t *bytes);

/* --- streams ---------------------------------------------------------------------- */

/* What a model keeps between pieces of its sequences: `batch` of them, each at a place of its
 * own. A state belongs to the model that it was made for, which must outlive it. */
typedef struct seq_state seq_state;

typedef struct seq_state_options {
  uint32_t struct_size;     /* sizeof(seq_state_options) */
  uint32_t flags;           /* 0 */
  int64_t batch;            /* -1: one sequence, and arrays without a batch axis */
  int64_t capacity;         /* steps that a sequence may have, for models that keep them all */
  const seq_lengths *sizes; /* dynamic sizes that the states' shapes use, one value each */
  int32_t n_sizes, reserved;
} seq_state_options;

/* A fresh state of the model's stream: every sequence is at place 0. SEQ_ERR_MODEL where
 * the model has no stream. */
int seq_state_create(seq_model *model, const seq_state_options *options, seq_state **out);
void seq_state_destroy(seq_state *state); /* null is allowed */

/* seq_state_bytes of such a state, without making it. */
int seq_state_size(seq_model *model, const seq_state_options *options, int64_t *bytes);

/* Runs a piece. Inputs and outputs are those of the model's forward, with the steps of the
 * piece; `lengths` gives each sequence's own number of them, 0 for one that rests. On
 * SEQ_OK the state is that after the piece, else as it was. A sequence that would grow
 * beyond the capacity is SEQ_ERR_CAPACITY. Allocates as seq_model_call does. */
int seq_state_call(seq_state *state, const seq_args *args);

/* The same for one step of each sequence: the piece's length must be 1. */
int seq_state_step(seq_state *state, const seq_args *args);

/* The shape of an output of such a call, and the workspace that it needs. */
int seq_state_output_shape(seq_state *state, const seq_args *args, int32_t output, int64_t *shape,
                           int32_t *rank);
int seq_state_workspace_size(seq_state *state, const seq_args *args, int64_t *bytes);

/* The places of the sequences: steps that each has had. [batch], 1 without a batch. */
const int64_t *seq_state_positions(const seq_state *state);

/* Makes a sequence fresh, or all of them where `sequence` is -1. */
int seq_state_reset(seq_state *state, int64_t sequence);

/* 1 where the state keeps every step, so that its capacity counts. */
int seq_state_has_capacity(const seq_state *state);

/* The state as bytes: its size, writing, reading. Reading checks that they were written by
 * a state of the same model, batch, capacity and sizes. */
int64_t seq_state_bytes(const seq_state *state);
int seq_state_save(const seq_state *state, void *buffer, int64_t bytes);
int seq_state_restore(seq_state *state, const void *buffer, int64_t bytes);

/* A second state that goes on from here. */
int seq_state_fork(const seq_state *state, seq_state **out);

/* Sequence i becomes what from[i] was, for beam search; from[batch]. */
int seq_state_reorder(seq_state *state, const int64_t *from, int64_t count);

#ifdef __cplusplus
}
#endif

#endif

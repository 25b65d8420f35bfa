/* What the runtime's files share; no part of it is public. */
#ifndef SEQ_CORE_INTERNAL_H
#define SEQ_CORE_INTERNAL_H

#include "../Cpu/Pool.h"
#include "Device.h"
#include "seq/io.h"
#include "seq/runtime.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define SEQ_ALIGN 64

#if defined(__GNUC__)
#define SEQ_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define SEQ_PRINTF(f, a)
#endif

/* The first failure of a call by (seq, place). `call->failure` points to one. */
typedef struct seq_failure {
  atomic_flag lock;
  bool set; /* written under the lock, read after the region */
  int32_t place;
  int64_t seq, value, bound;
} seq_failure;

/* Code that the context's device has loaded, for all models that use it. */
typedef struct seq_code {
  const seq_device_code *code;
  void *module;
  int64_t uses;
  struct seq_code *next;
} seq_code;

/* What `call->pool` points to while a function of a device variant runs. */
typedef struct seq_launcher {
  seq_ctx *ctx;
  const seq_code *code;
  const char *function;
  int status; /* of the first launch that failed: none is tried after it */
} seq_launcher;

/* Memory that the host writes and kernels read. Where the device has the host's memory there is
 * no second copy; elsewhere only what changed is sent. */
typedef struct seq_mirror {
  void *host, *device, *sent; /* sent: what the device has of it */
  int64_t host_bytes, device_bytes, sent_bytes, sent_now;
} seq_mirror;

struct seq_ctx {
  seq_pool pool;
  seq_failure failure;
  seq_device *device;
  void *device_failure; /* a seq_device_failure there; null on the CPU */
  void *device_counts;  /* seq_call.counts */
  seq_launcher launcher;
  seq_code *codes;
  seq_failure_info failed; /* kind 0: none */
  int32_t threads;
  void *workspace; /* of the device */
  int64_t workspace_bytes;
  char error[1024];
  char note[512];
};

/* One function of a bound model. */
typedef struct seq_bound_function {
  const seq_variant *variant;
  void *prepared; /* of the device */
  seq_code *code; /* null on the CPU */
} seq_bound_function;

/* Where the arrays of one call lie; made once, for the function that needs most. */
typedef struct seq_scratch {
  void *block; /* what the arrays below are carved from */
  int64_t *sizes;
  int64_t *own; /* sizes of one sequence, for checks */
  int64_t *strides;
  const void **inputs;
  void **outputs;
  int32_t *origin_input; /* which input and axis told the size; -1: not known yet */
  int32_t *origin_axis;
  int32_t *lengths_entry; /* which entry of args->lengths is the size's; -1: none */
  seq_mirror lengths;     /* [n_sizes][batch] */
  seq_mirror defaults;    /* inputs that were left away, of bytes */
  int64_t lengths_now, defaults_now;
} seq_scratch;

struct seq_model {
  seq_ctx *ctx;
  const seq_model_desc *desc;
  seq_bound_function *functions;
  seq_scratch scratch;
  bool bound;
};

/* --- Context.c */

/* Sets the message and returns `status`. */
int seq_ctx_fail(seq_ctx *ctx, int status, const char *format, ...) SEQ_PRINTF(3, 4);

/* Aligned to 64; for 0 bytes too never null but without memory. seq_aligned_free. */
void *seq_aligned_alloc(int64_t bytes);
void seq_aligned_free(void *p);

/* Makes *p hold at least `need` bytes; the contents are lost when it grows. */
bool seq_grow(void **p, int64_t *have, int64_t need);

/* --- Device.c: the context's device, with its messages in the context */

/* Do kernels run elsewhere than on the context's threads? */
static inline bool seq_on_device(const seq_ctx *ctx) {
  return ctx->device->kind != SEQ_ON_CPU;
}

/* What a function of the table returned; its message becomes the context's. */
int seq_device_status(seq_ctx *ctx, int status);

/* `what` is for the message: "a workspace". */
int seq_device_alloc(seq_ctx *ctx, int64_t bytes, const char *what, void **out);
void seq_device_free(seq_ctx *ctx, void *p);

/* seq_grow for memory of the device. */
int seq_device_grow(seq_ctx *ctx, void **p, int64_t *have, int64_t need, const char *what);

int seq_mirror_reserve(seq_ctx *ctx, seq_mirror *mirror, int64_t bytes, const char *what);
int seq_mirror_send(seq_ctx *ctx, seq_mirror *mirror, int64_t bytes, const char *what);
void seq_mirror_free(seq_ctx *ctx, seq_mirror *mirror);

/* Loads the code unless another model has; a code that is released by all is unloaded. */
int seq_code_acquire(seq_ctx *ctx, const seq_device_code *code, seq_code **out);
void seq_code_release(seq_ctx *ctx, seq_code *code);

/* What kernels of the next region may touch, where the device minds. */
void seq_device_forget(seq_ctx *ctx);
int seq_device_allow(seq_ctx *ctx, const void *p, int64_t bytes, bool writable, const char *what);

/* Makes what blocks count their arrivals in. */
int seq_device_make_counts(seq_ctx *ctx);

/* Runs a function of a device variant on this thread. Waits, and fills the context's failure,
 * where the function can fail. The call's pool and failure are set here. */
int seq_device_region(seq_ctx *ctx, const seq_function_desc *fn, const seq_code *code,
                      seq_region_fn region, seq_call *call);

/* --- Dims.c: size arithmetic that cannot overflow silently */

bool seq_mul(int64_t a, int64_t b, int64_t *out);
bool seq_add(int64_t a, int64_t b, int64_t *out);

/* The dim's value for known sizes. False: it overflows or divides by zero. */
bool seq_dim_eval(const seq_dim *dim, const int64_t *sizes, int64_t *value);

/* The dim as a * (the one unknown size) + b. `known` tells which sizes are.
 * 1: *unknown, *a, *b are set, a != 0. 0: nothing is unknown in it. -1: several
 * unknowns, or one in a form that is not linear. */
int seq_dim_linear(const seq_dim *dim, const int64_t *sizes, const int32_t *known, int32_t *unknown,
                   int64_t *a, int64_t *b);

/* The size that the dim names if it is nothing but that, else -1. */
int32_t seq_dim_plain(const seq_dim *dim);

/* Product of the shape times `unit`; false on overflow or a negative entry. */
bool seq_shape_bytes(const int64_t *shape, int32_t rank, int64_t unit, int64_t *bytes);

/* --- View.c: DLPack views */

/* Checks device, type, density and alignment; null data only without elements. `kind` and
 * `name` are for messages about "input `x`". Returns a status. */
int seq_view_check(seq_ctx *ctx, const DLTensor *view, const char *kind, const char *name,
                   int32_t dtype);

/* The same for a view of the host's memory, wherever the context runs. */
int seq_host_view_check(seq_ctx *ctx, const DLTensor *view, const char *kind, const char *name,
                        int32_t dtype);

static inline void *seq_view_data(const DLTensor *view) {
  return view->data ? (char *)view->data + view->byte_offset : NULL;
}

/* "[2, 3]"; returns `text`. */
const char *seq_shape_text(const int64_t *shape, int32_t rank, char *text, size_t bytes);

/* --- Plan.c: a call's arguments, checked and laid out */

/* Of a stream: where its sequences stand. */
typedef struct seq_places {
  const int64_t *positions; /* [count] */
  bool limited;             /* a shape is made of the place: found with the sizes */
} seq_places;

typedef struct seq_plan {
  seq_model *model;
  seq_places *places; /* null: no stream */
  const seq_function_desc *fn;
  const seq_args *args;
  const seq_variant *variant;
  const seq_code *code;
  int64_t batch; /* -1: none */
  int64_t count; /* sequences: 1 where batch is -1 */
  bool ragged;   /* some length is below its padded size */
  int64_t workspace_bytes;
  seq_call call;
} seq_plan;

/* Fills the plan from inputs and lengths; outputs are seq_plan_outputs' work. */
int seq_plan_make(seq_plan *plan, seq_model *model, int32_t function, const seq_args *args);
int seq_plan_make_at(seq_plan *plan, seq_model *model, int32_t function, const seq_args *args,
                     seq_places *places);

/* Runs another function's code, which takes the same arguments. */
void seq_plan_use(seq_plan *plan, int32_t function);

/* The workspace that the call needs, and a call that is planned. */
int seq_plan_workspace(seq_plan *plan, int64_t *bytes);
int seq_plan_run(seq_plan *plan);

/* The bytes of an input that was left away. */
int seq_plan_default_bytes(seq_plan *plan, int32_t input, int64_t *bytes);

/* Checks the outputs and zeroes them where the batch is ragged. */
int seq_plan_outputs(seq_plan *plan);

/* The shape of an output, its batch axis included. */
int seq_plan_output_shape(seq_plan *plan, int32_t output, int64_t *shape, int32_t *rank);

/* --- Solve.c: batch and sizes from the shapes of the inputs, all checked */

int seq_plan_solve(seq_plan *plan);

/* --- Lengths.c: each sequence's own sizes */

int seq_plan_lengths(seq_plan *plan);

/* --- Model.c */

/* Runs every prepare on dense arrays of the right shapes in the host's memory. */
int seq_model_prepare(seq_model *model, const void *const *params);

/* The shape of a parameter, whose dims are constants. */
int seq_param_shape(seq_ctx *ctx, const seq_tensor_desc *desc, int64_t *shape);

/* Runs fn as one region of all threads of a context on the CPU; a status. */
int seq_run_region(seq_ctx *ctx, seq_region_fn fn, const seq_call *call);

/* --- Failure.c */

void seq_failure_reset(seq_failure *failure);

/* After a region: 0, or SEQ_ERR_RUN with the message set. */
int seq_failure_report(seq_ctx *ctx, const seq_function_desc *fn, bool batched);

/* SEQ_ERR_SHAPE with the message set: a sequence's sizes do not satisfy `r`. */
int seq_requirement_fail(seq_ctx *ctx, const seq_requirement *r, bool batched, int64_t seq,
                         int64_t lhs, int64_t rhs);

/* --- File.c */

typedef struct seq_bytes {
  const unsigned char *data;
  size_t n;
  bool mapped;
} seq_bytes;

int seq_message_set(seq_message *err, int status, const char *format, ...) SEQ_PRINTF(3, 4);

/* The whole of a regular file. */
int seq_file_load(const char *path, seq_bytes *out, seq_message *err);
void seq_file_release(seq_bytes *bytes);

/* Bytes of one element of a seq_elem, 0 for SEQ_ELEM_OTHER. */
int64_t seq_elem_size(int32_t elem);
const char *seq_elem_name(int32_t elem);
/* Whether a file's elements are those of dtype, but for the order of bytes. */
bool seq_same_type(int32_t elem, int32_t dtype);

#endif

/* What the runtime's files share; no part of it is public. */
#ifndef SEQ_CORE_INTERNAL_H
#define SEQ_CORE_INTERNAL_H

#include "../Cpu/Pool.h"
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

struct seq_ctx {
  seq_pool pool;
  seq_failure failure;
  seq_failure_info failed; /* kind 0: none */
  int32_t threads, cpu_level;
  void *workspace;
  int64_t workspace_bytes;
  char error[1024];
  char note[512];
};

/* One function of a bound model. */
typedef struct seq_bound_function {
  const seq_variant *variant;
  void *prepared;
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
  void *lengths;          /* [n_sizes][batch], grows */
  int64_t lengths_bytes;
  void *defaults; /* inputs that were left away, grows */
  int64_t defaults_bytes;
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

/* Checks device, type, density and alignment; null data only without elements. `what`
 * is "input `x`". Returns a status. */
int seq_view_check(seq_ctx *ctx, const DLTensor *view, const char *kind, const char *name,
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
  int64_t batch; /* -1: none */
  int64_t count; /* sequences: 1 where batch is -1 */
  bool ragged;   /* some length is below its padded size */
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

/* Checks the outputs and zeroes them where the batch is ragged. */
int seq_plan_outputs(seq_plan *plan);

/* The shape of an output, its batch axis included. */
int seq_plan_output_shape(seq_plan *plan, int32_t output, int64_t *shape, int32_t *rank);

/* --- Solve.c: batch and sizes from the shapes of the inputs, all checked */

int seq_plan_solve(seq_plan *plan);

/* --- Lengths.c: each sequence's own sizes */

int seq_plan_lengths(seq_plan *plan);

/* --- Model.c */

/* Runs every prepare on dense arrays of the right shapes. */
int seq_model_prepare(seq_model *model, const void *const *params);

/* The shape of a parameter, whose dims are constants. */
int seq_param_shape(seq_ctx *ctx, const seq_tensor_desc *desc, int64_t *shape);

/* Runs fn as one region of all threads; a status. */
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

#endif

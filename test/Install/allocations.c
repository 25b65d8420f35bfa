/* Counts what a call allocates: nothing, once the threads run and the arrays of lengths are
 * there, but for the context's workspace when it has to grow. The counting functions stand
 * in this program, so that the model, the runtime and libc's own callers find them first. */
#define _GNU_SOURCE
#include "attention.h"
#include "lstm.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- the counting functions, over the names that glibc keeps for such programs */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static atomic_long allocations;
static atomic_size_t largest;

static void count(size_t bytes) {
  atomic_fetch_add(&allocations, 1);
  if (bytes > atomic_load(&largest))
    atomic_store(&largest, bytes);
}
void *malloc(size_t bytes) {
  count(bytes);
  return __libc_malloc(bytes);
}
void *calloc(size_t n, size_t bytes) {
  count(n * bytes);
  return __libc_calloc(n, bytes);
}
void *realloc(void *p, size_t bytes) {
  count(bytes);
  return __libc_realloc(p, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  count(bytes);
  return __libc_memalign(alignment, bytes);
}
void *memalign(size_t alignment, size_t bytes) {
  return aligned_alloc(alignment, bytes);
}
int posix_memalign(void **p, size_t alignment, size_t bytes) {
  *p = aligned_alloc(alignment, bytes);
  return *p ? 0 : ENOMEM;
}
void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset) {
  count(bytes);
  return (void *)syscall(SYS_mmap, at, bytes, protection, flags, file, offset);
}

static long counted(void) {
  atomic_store(&largest, 0);
  return atomic_exchange(&allocations, 0);
}

/* --- tensors of positive numbers below one */

enum { BATCH = 3, STEPS = 40, MOST = BATCH * STEPS * 256 };
static float data[4][MOST], weights[3][1024 * 256];

typedef struct tensor {
  int64_t shape[3];
  DLTensor view;
} tensor;

static void make(tensor *t, float *values, int rank, int64_t a, int64_t b, int64_t c) {
  int64_t shape[] = {a, b, c}, n = 1;
  memcpy(t->shape, shape, sizeof shape);
  for (int i = 0; i < rank; i++)
    n *= shape[i];
  for (int64_t i = 0; i < n; i++)
    values[i] = (float)(i * 37 % 101) / 1010;
  t->view = (DLTensor){values, {kDLCPU, 0}, rank, {kDLFloat, 32, 1}, t->shape, NULL, 0};
}

/* --- the checks */

static int failures;
static void expect(int good, const char *what, const char *model, int threads, long have) {
  if (good)
    return;
  failures++;
  printf("%s, %d threads: %s: %ld\n", model, threads, what, have);
}

static void must(int status, seq_ctx *ctx) {
  if (!status)
    return;
  printf("%s\n", seq_last_error(ctx));
  exit(1);
}

static void check_calls(seq_ctx *ctx, seq_model *model, const char *name, seq_args *args) {
  int threads = seq_ctx_threads(ctx);
  int64_t bytes;
  must(seq_model_workspace_size(model, 0, args, &bytes), ctx);
  seq_args given = *args;
  given.workspace = aligned_alloc(64, (size_t)(bytes + 63) / 64 * 64);
  given.workspace_bytes = bytes;
  must(seq_model_call(model, 0, &given), ctx); /* threads and lengths */
  counted();
  must(seq_model_call(model, 0, &given), ctx);
  long n = counted();
  expect(n == 0, "allocations with a workspace given", name, threads, n);
  must(seq_model_call(model, 0, args), ctx);
  expect(atomic_load(&largest) < (size_t)bytes + 64, "bytes in place of a workspace", name, threads,
         (long)atomic_load(&largest));
  n = counted();
  expect(n == (bytes > 0), "allocations of a workspace", name, threads, n);
  must(seq_model_call(model, 0, args), ctx);
  n = counted();
  expect(n == 0, "allocations of a second call", name, threads, n);
  free(given.workspace);
}

static void check_model(const seq_model_desc *desc, int threads, int64_t batch, int64_t width,
                        const DLTensor *const *params) {
  tensor in[3], out;
  int batched = batch > 1;
  const DLTensor *inputs[3];
  int32_t n = desc->functions[0].n_inputs;
  for (int32_t i = 0; i < n; i++) {
    if (batched)
      make(&in[i], data[i], 3, batch, STEPS, 16);
    else
      make(&in[i], data[i], 2, STEPS, 16, 0);
    inputs[i] = &in[i].view;
  }
  if (batched)
    make(&out, data[3], 3, batch, STEPS, width);
  else
    make(&out, data[3], 2, STEPS, width, 0);
  int64_t own[BATCH] = {STEPS - 3, 0, STEPS};
  seq_lengths lengths = {NULL, own, batch};
  seq_args args = {.struct_size = sizeof args,
                   .inputs = inputs,
                   .outputs = (DLTensor *[]){&out.view},
                   .lengths = batched ? &lengths : NULL,
                   .n_inputs = n,
                   .n_outputs = 1,
                   .n_lengths = batched};
  seq_ctx *ctx = seq_ctx_create(threads);
  seq_model *model;
  must(seq_model_create(ctx, desc, &model), ctx);
  if (params)
    must(seq_model_bind(model, params, desc->n_params), ctx);
  check_calls(ctx, model, desc->name, &args);
  seq_model_destroy(model);
  seq_ctx_destroy(ctx);
}

int main(void) {
  counted();
  free(malloc(1));
  munmap(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
  long n = counted();
  expect(n == 2, "what is counted of two allocations", "no model", 0, n);
  tensor w_ih, w_hh, bias;
  make(&w_ih, weights[0], 2, 1024, 16, 0);
  make(&w_hh, weights[1], 2, 1024, 256, 0);
  make(&bias, weights[2], 1, 1024, 0, 0);
  const DLTensor *params[] = {&w_ih.view, &w_hh.view, &bias.view};
  for (int threads = 1; threads <= 2; threads++)
    for (int64_t batch = 1; batch <= BATCH; batch += BATCH - 1) {
      check_model(&seq_lstm_desc, threads, batch, 256, params);
      check_model(&seq_attention_desc, threads, batch, 16, NULL);
    }
  return failures != 0;
}

/* Contexts: threads, the device, the workspace, the last message. */
#include "Internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 1024

void *seq_aligned_alloc(int64_t bytes) {
  if (bytes < 0 || (uint64_t)bytes > SIZE_MAX - 2 * SEQ_ALIGN || bytes > INT64_MAX - SEQ_ALIGN)
    return NULL;
  /* aligned_alloc wants a multiple; at least one line, so that null means failure. */
  size_t lines = ((size_t)bytes + SEQ_ALIGN - 1) / SEQ_ALIGN;
  return aligned_alloc(SEQ_ALIGN, (lines ? lines : 1) * SEQ_ALIGN);
}

void seq_aligned_free(void *p) {
  free(p);
}

bool seq_grow(void **p, int64_t *have, int64_t need) {
  if (need <= *have)
    return true;
  seq_aligned_free(*p);
  *have = 0;
  *p = seq_aligned_alloc(need);
  if (!*p)
    return false;
  *have = need;
  return true;
}

/* The variable as a number of threads, 0 where it is unset or no such number. */
static int32_t threads_of(const char *variable) {
  const char *text = getenv(variable);
  if (!text || *text < '0' || *text > '9')
    return 0;
  char *end;
  long n = strtol(text, &end, 10);
  /* OMP_NUM_THREADS may be a list, one number a nesting level: the first counts. */
  if ((*end != 0 && *end != ',') || n < 1)
    return 0;
  return n > MAX_THREADS ? MAX_THREADS : (int32_t)n;
}

static int32_t default_threads(void) {
  int32_t n = threads_of("SEQC_NUM_THREADS");
  if (!n)
    n = threads_of("OMP_NUM_THREADS");
  return n ? n : seq_physical_cores();
}

static int make_device(const seq_ctx_options *o, seq_device **out, seq_message *err) {
  if (o->struct_size < sizeof *o || o->flags != 0)
    return seq_message_set(err, SEQ_ERR_ARGUMENT,
                           "seq_ctx_options.struct_size is %u, not %u, or flags are not 0",
                           (unsigned)o->struct_size, (unsigned)sizeof *o);
  switch (o->kind) {
  case SEQ_ON_CPU:
    return seq_cpu_device(out, err);
  case SEQ_ON_CUDA:
    return seq_cuda_device(o, out, err);
  case SEQ_ON_GPUSIM:
    return seq_sim_device(o, out, err);
  default:
    return seq_message_set(err, SEQ_ERR_ARGUMENT, "%d is no kind of device", (int)o->kind);
  }
}

/* The rest of a context that has its device. */
static int fill_context(seq_ctx *ctx, int32_t threads) {
  if (threads <= 0)
    threads = default_threads();
  ctx->threads = seq_on_device(ctx) ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
  atomic_flag_clear(&ctx->failure.lock);
  seq_pool_init(&ctx->pool, ctx->threads);
  if (!seq_on_device(ctx))
    return SEQ_OK;
  int status =
      seq_device_alloc(ctx, (int64_t)sizeof(seq_device_failure), "a context", &ctx->device_failure);
  return status ? status : seq_device_make_counts(ctx);
}

int seq_ctx_create_with(const seq_ctx_options *options, seq_ctx **out, char *message,
                        int64_t message_bytes) {
  seq_message err = {{0}};
  seq_ctx *ctx = NULL;
  if (message && message_bytes > 0)
    message[0] = 0;
  if (!options || !out)
    return SEQ_ERR_ARGUMENT;
  *out = NULL;
  seq_device *device = NULL;
  int status = make_device(options, &device, &err);
  if (!status && !(ctx = seq_aligned_alloc(sizeof *ctx))) {
    device->table->destroy(device);
    status = seq_message_set(&err, SEQ_ERR_MEMORY, "no memory for a context");
  }
  if (!status) {
    memset(ctx, 0, sizeof *ctx);
    ctx->device = device;
    if ((status = fill_context(ctx, options->threads))) {
      seq_message_set(&err, status, "%s", ctx->error);
      seq_ctx_destroy(ctx);
      ctx = NULL;
    }
  }
  *out = ctx;
  if (status && message && message_bytes > 0)
    snprintf(message, (size_t)message_bytes, "%s", err.text);
  return status;
}

seq_ctx *seq_ctx_create(int32_t threads) {
  seq_ctx_options options = {.struct_size = sizeof options, .kind = SEQ_ON_CPU, .threads = threads};
  seq_ctx *ctx = NULL;
  return seq_ctx_create_with(&options, &ctx, NULL, 0) ? NULL : ctx;
}

void seq_ctx_destroy(seq_ctx *ctx) {
  if (!ctx)
    return;
  seq_pool_destroy(&ctx->pool);
  seq_device_free(ctx, ctx->workspace);
  seq_device_free(ctx, ctx->device_failure);
  seq_device_free(ctx, ctx->device_counts);
  ctx->device->table->destroy(ctx->device);
  seq_aligned_free(ctx);
}

int32_t seq_ctx_threads(const seq_ctx *ctx) {
  return ctx->threads;
}

const char *seq_last_error(const seq_ctx *ctx) {
  return ctx ? ctx->error : "no context: out of memory";
}

const char *seq_last_note(const seq_ctx *ctx) {
  return ctx ? ctx->note : "";
}

void seq_ctx_set_parallel(seq_ctx *ctx, seq_parallel_fn fn, void *user) {
  ctx->pool.parallel = fn;
  ctx->pool.user = user;
}

int seq_ctx_fail(seq_ctx *ctx, int status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(ctx->error, sizeof ctx->error, format, args);
  va_end(args);
  return status;
}

/* The context's device: memory, mirrors of what the host writes, loaded code, launches. */
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

int seq_device_status(seq_ctx *ctx, int status) {
  return status ? seq_ctx_fail(ctx, status, "%s", ctx->device->error.text) : SEQ_OK;
}

/* --- memory */

int seq_device_alloc(seq_ctx *ctx, int64_t bytes, const char *what, void **out) {
  seq_device *d = ctx->device;
  *out = NULL;
  int status = bytes < 0 ? SEQ_ERR_MEMORY : d->table->alloc(d, bytes, out);
  if (status != SEQ_ERR_MEMORY)
    return seq_device_status(ctx, status);
  const char *more = bytes < 0 ? "" : d->error.text;
  return seq_ctx_fail(ctx, status, "no memory for %s of %lld bytes%s%s", what, (long long)bytes,
                      *more ? ": " : "", more);
}

void seq_device_free(seq_ctx *ctx, void *p) {
  if (p)
    ctx->device->table->free(ctx->device, p);
}

int seq_device_grow(seq_ctx *ctx, void **p, int64_t *have, int64_t need, const char *what) {
  if (need <= *have)
    return SEQ_OK;
  seq_device_free(ctx, *p);
  *p = NULL;
  *have = 0;
  int status = seq_device_alloc(ctx, need, what, p);
  if (!status)
    *have = need;
  return status;
}

/* --- mirrors */

int seq_mirror_reserve(seq_ctx *ctx, seq_mirror *m, int64_t bytes, const char *what) {
  if (seq_grow(&m->host, &m->host_bytes, bytes))
    return SEQ_OK;
  return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for %s of %lld bytes", what,
                      (long long)bytes);
}

int seq_mirror_send(seq_ctx *ctx, seq_mirror *m, int64_t bytes, const char *what) {
  if (!seq_on_device(ctx)) {
    m->device = m->host;
    return SEQ_OK;
  }
  if (m->device && m->sent_now == bytes && memcmp(m->sent, m->host, (size_t)bytes) == 0)
    return SEQ_OK;
  m->sent_now = -1;
  int status = seq_device_grow(ctx, &m->device, &m->device_bytes, bytes > 0 ? bytes : 1, what);
  if (!status && !seq_grow(&m->sent, &m->sent_bytes, bytes > 0 ? bytes : 1))
    status =
        seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for %s of %lld bytes", what, (long long)bytes);
  if (!status && bytes > 0)
    status =
        seq_device_status(ctx, ctx->device->table->copy_in(ctx->device, m->device, m->host, bytes));
  if (status)
    return status;
  if (bytes > 0)
    memcpy(m->sent, m->host, (size_t)bytes);
  m->sent_now = bytes;
  return SEQ_OK;
}

void seq_mirror_free(seq_ctx *ctx, seq_mirror *m) {
  if (seq_on_device(ctx))
    seq_device_free(ctx, m->device);
  seq_aligned_free(m->host);
  seq_aligned_free(m->sent);
}

/* --- code */

int seq_code_acquire(seq_ctx *ctx, const seq_device_code *code, seq_code **out) {
  *out = NULL;
  for (seq_code *c = ctx->codes; c; c = c->next)
    if (c->code == code) {
      c->uses++;
      *out = c;
      return SEQ_OK;
    }
  seq_code *made = calloc(1, sizeof *made);
  if (!made)
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for a model");
  const seq_device_table *table = ctx->device->table;
  int status = SEQ_OK;
  if (table->load)
    status = seq_device_status(ctx, table->load(ctx->device, code, &made->module));
  if (status) {
    free(made);
    return status;
  }
  made->code = code;
  made->uses = 1;
  made->next = ctx->codes;
  ctx->codes = made;
  *out = made;
  return SEQ_OK;
}

void seq_code_release(seq_ctx *ctx, seq_code *code) {
  if (!code || --code->uses > 0)
    return;
  seq_code **at = &ctx->codes;
  while (*at != code)
    at = &(*at)->next;
  *at = code->next;
  if (ctx->device->table->unload)
    ctx->device->table->unload(ctx->device, code->module);
  free(code);
}

/* --- regions */

void seq_device_forget(seq_ctx *ctx) {
  if (ctx->device->table->forget)
    ctx->device->table->forget(ctx->device);
}

int seq_device_allow(seq_ctx *ctx, const void *p, int64_t bytes, bool writable, const char *what) {
  seq_device *d = ctx->device;
  if (!d->table->allow || !p || bytes <= 0)
    return SEQ_OK;
  return seq_device_status(ctx, d->table->allow(d, p, bytes, writable, what));
}

/* Where groups of blocks meet: cleared once, since each kernel leaves them as it found them. */
static int64_t counts_bytes(const seq_ctx *ctx) {
  return (int64_t)ctx->device->table->workers(ctx->device) * SEQ_COUNT_BYTES;
}

static int clear_counts(seq_ctx *ctx) {
  seq_device *d = ctx->device;
  return seq_device_status(ctx, d->table->zero(d, ctx->device_counts, counts_bytes(ctx)));
}

int seq_device_make_counts(seq_ctx *ctx) {
  int status = seq_device_alloc(ctx, counts_bytes(ctx), "a context", &ctx->device_counts);
  return status ? status : clear_counts(ctx);
}

void seq_rt_launch(const seq_call *call, int32_t kernel, int64_t blocks, const uint64_t *args) {
  seq_launcher *launcher = call->pool;
  if (launcher->status || blocks <= 0)
    return;
  seq_ctx *ctx = launcher->ctx;
  seq_device *d = ctx->device;
  const seq_device_code *code = launcher->code->code;
  if (kernel < 0 || kernel >= code->n_kernels) {
    launcher->status = seq_ctx_fail(ctx, SEQ_ERR_MODEL, "`%s` launches kernel %d of %d",
                                    launcher->function, (int)kernel, (int)code->n_kernels);
    return;
  }
  seq_launch launch = {code, launcher->code->module, kernel, blocks, args};
  int status = d->table->launch(d, &launch);
  if (!status)
    return;
  launcher->status = seq_ctx_fail(ctx, status, "`%s`: %s", launcher->function, d->error.text);
  /* Blocks that met may have ended on the way. The status is the launch's, whatever comes of this.
   */
  d->table->zero(d, ctx->device_counts, counts_bytes(ctx));
}

void seq_rt_tensor_map(const seq_call *call, const seq_tensor_map *tensor, uint64_t *to) {
  seq_launcher *launcher = call->pool;
  if (launcher->status || !tensor->base) /* an array of no elements, for no blocks */
    return;
  seq_device *d = launcher->ctx->device;
  bool known = (tensor->type == SEQ_BF16 || tensor->type == SEQ_F16) && tensor->rank >= 1 &&
               tensor->rank <= 5;
  int status = SEQ_ERR_MODEL;
  if (!known || !d->table->tensor_map)
    seq_message_set(&d->error, status, "no tensor map of %lld axes and type %lld",
                    (long long)tensor->rank, (long long)tensor->type);
  else
    status = d->table->tensor_map(d, tensor, to);
  if (status)
    launcher->status =
        seq_ctx_fail(launcher->ctx, status, "`%s`: %s", launcher->function, d->error.text);
}

/* Waits for the record of the region's failure, and takes it over. */
static int read_failure(seq_ctx *ctx) {
  seq_device_failure record;
  seq_device *d = ctx->device;
  int status = seq_device_status(
      ctx, d->table->copy_out(d, &record, ctx->device_failure, (int64_t)sizeof record));
  if (status)
    return status;
  ctx->failure.set = record.set != 0;
  ctx->failure.place = record.place >= 0 && record.place <= INT32_MAX ? (int32_t)record.place : -1;
  ctx->failure.seq = record.seq;
  ctx->failure.value = record.value;
  ctx->failure.bound = record.bound;
  return SEQ_OK;
}

int seq_device_region(seq_ctx *ctx, const seq_function_desc *fn, const seq_code *code,
                      seq_region_fn region, seq_call *call) {
  seq_device *d = ctx->device;
  int64_t bytes = (int64_t)sizeof(seq_device_failure);
  bool fails = fn->n_places > 0;
  seq_failure_reset(&ctx->failure);
  int status = SEQ_OK;
  if (fails)
    status = seq_device_status(ctx, d->table->zero(d, ctx->device_failure, bytes));
  if (!status)
    status = seq_device_allow(ctx, ctx->device_failure, bytes, true, "failure record");
  if (!status)
    status = seq_device_allow(ctx, ctx->device_counts, counts_bytes(ctx), true, "counts of blocks");
  if (status)
    return status;
  ctx->launcher = (seq_launcher){.ctx = ctx, .code = code, .function = fn->name};
  call->pool = &ctx->launcher;
  call->failure = ctx->device_failure;
  call->counts = ctx->device_counts;
  region(call, 0, d->table->workers(d));
  status = ctx->launcher.status;
  return status || !fails ? status : read_failure(ctx);
}

/* --- what hosts call */

int seq_ctx_alloc(seq_ctx *ctx, int64_t bytes, void **out) {
  return ctx && out ? seq_device_alloc(ctx, bytes, "an array", out) : SEQ_ERR_ARGUMENT;
}

void seq_ctx_free(seq_ctx *ctx, void *p) {
  if (ctx)
    seq_device_free(ctx, p);
}

static int check_copy(seq_ctx *ctx, const void *to, const void *from, int64_t bytes) {
  if (bytes < 0 || (bytes > 0 && (!to || !from)))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%lld bytes from %p to %p cannot be copied",
                        (long long)bytes, from, to);
  return SEQ_OK;
}

int seq_ctx_copy_in(seq_ctx *ctx, void *device, const void *host, int64_t bytes) {
  if (!ctx)
    return SEQ_ERR_ARGUMENT;
  int status = check_copy(ctx, device, host, bytes);
  if (status || bytes == 0)
    return status;
  return seq_device_status(ctx, ctx->device->table->copy_in(ctx->device, device, host, bytes));
}

int seq_ctx_copy_out(seq_ctx *ctx, void *host, const void *device, int64_t bytes) {
  if (!ctx)
    return SEQ_ERR_ARGUMENT;
  int status = check_copy(ctx, host, device, bytes);
  if (status || bytes == 0)
    return status;
  return seq_device_status(ctx, ctx->device->table->copy_out(ctx->device, host, device, bytes));
}

int seq_ctx_synchronize(seq_ctx *ctx) {
  return ctx ? seq_device_status(ctx, ctx->device->table->synchronise(ctx->device))
             : SEQ_ERR_ARGUMENT;
}

int32_t seq_ctx_kind(const seq_ctx *ctx) {
  return ctx->device->kind;
}

int32_t seq_ctx_chip(const seq_ctx *ctx) {
  return ctx->device->chip;
}

DLDevice seq_ctx_device(const seq_ctx *ctx) {
  return ctx->device->where;
}

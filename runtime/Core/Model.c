/* Models: a generated descriptor, bound to parameters. */
#include "Internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_descriptor(seq_ctx *ctx, const seq_model_desc *desc) {
  if (!desc || desc->magic != SEQ_ABI_MAGIC)
    return seq_ctx_fail(ctx, SEQ_ERR_MODEL, "this is no descriptor that seqc made");
  if (desc->abi_version != SEQ_ABI_VERSION)
    return seq_ctx_fail(ctx, SEQ_ERR_MODEL,
                        "`%s` was compiled for version %u of the binary interface; this runtime "
                        "has %u: compile it again",
                        desc->name, (unsigned)desc->abi_version, (unsigned)SEQ_ABI_VERSION);
  return SEQ_OK;
}

/* "x86-64-v3", "sm_90a", "the simulator (sm_90)". */
static void target_text(const seq_variant *v, char *text, size_t bytes) {
  if (v->kind == SEQ_ON_CPU)
    snprintf(text, bytes, "x86-64-v%d", (int)v->level);
  else if (v->kind == SEQ_ON_GPUSIM)
    snprintf(text, bytes, "the simulator (sm_%d)", (int)v->level);
  else
    snprintf(text, bytes, "%.20s", v->code && v->code->chip ? v->code->chip : "an unknown chip");
}

/* "sm_80, sm_90a": what there is code for. */
static const char *targets_text(const seq_function_desc *fn, char *text, size_t bytes) {
  size_t at = 0;
  text[0] = 0;
  for (int32_t i = 0; i < fn->n_variants && at < bytes; i++) {
    char one[48];
    target_text(&fn->variants[i], one, sizeof one);
    int n = snprintf(text + at, bytes - at, "%s%s", i ? ", " : "", one);
    at += n > 0 ? (size_t)n : 0;
  }
  return text;
}

static int no_variant(seq_ctx *ctx, const seq_function_desc *fn) {
  char have[400], here[96], target[32];
  targets_text(fn, have, sizeof have);
  int32_t chip = ctx->device->chip;
  if (ctx->device->kind == SEQ_ON_CUDA) {
    snprintf(target, sizeof target, "sm_%d", (int)chip);
    snprintf(here, sizeof here, "this device is %s", target);
  } else if (ctx->device->kind == SEQ_ON_GPUSIM) {
    snprintf(target, sizeof target, "gpusim");
    if (chip)
      snprintf(here, sizeof here, "this context simulates a GPU up to sm_%d", (int)chip);
    else
      snprintf(here, sizeof here, "this context simulates a GPU");
  } else {
    snprintf(target, sizeof target, "x86-64-v%d", (int)ctx->device->level);
    snprintf(here, sizeof here, "this CPU is %s", target);
  }
  return seq_ctx_fail(ctx, SEQ_ERR_MODEL,
                      "`%s` was compiled for %s; %s: compile it with --target=%s", fn->name, have,
                      here, target);
}

static int pick_variant(seq_ctx *ctx, const seq_function_desc *fn, const seq_variant **out) {
  const seq_variant *best = NULL;
  int32_t best_rank = 0;
  for (int32_t i = 0; i < fn->n_variants; i++) {
    const seq_variant *v = &fn->variants[i];
    int32_t rank = ctx->device->table->suits(ctx->device, v);
    if (rank == 0 ||
        (best && (v->level < best->level || (v->level == best->level && rank <= best_rank))))
      continue;
    best = v;
    best_rank = rank;
  }
  if (!best && fn->n_variants > 0)
    return no_variant(ctx, fn);
  if (!best || !best->forward || best->prepared_bytes < 0 || !best->code == seq_on_device(ctx))
    return seq_ctx_fail(ctx, SEQ_ERR_MODEL, "`%s` has no code", fn->name);
  *out = best;
  return SEQ_OK;
}

static int32_t larger(int32_t a, int32_t b) {
  return a > b ? a : b;
}

/* One block for the arrays whose sizes the descriptor tells; 8-byte ones first. */
static bool make_scratch(seq_model *model) {
  int32_t sizes = 1, inputs = 1, outputs = 1;
  for (int32_t i = 0; i < model->desc->n_functions; i++) {
    const seq_function_desc *fn = &model->desc->functions[i];
    sizes = larger(sizes, fn->n_sizes);
    inputs = larger(inputs, fn->n_inputs);
    outputs = larger(outputs, fn->n_outputs);
  }
  seq_scratch *s = &model->scratch;
  s->block = calloc((size_t)sizes * 4 + (size_t)inputs * 2 + (size_t)outputs, 8);
  if (!s->block)
    return false;
  s->sizes = s->block;
  s->own = s->sizes + sizes;
  s->strides = s->own + sizes;
  s->inputs = (const void **)(s->strides + inputs);
  s->outputs = (void **)(s->inputs + inputs);
  s->origin_input = (int32_t *)(s->outputs + outputs);
  s->origin_axis = s->origin_input + sizes;
  s->lengths_entry = s->origin_axis + sizes;
  return true;
}

static int fill_model(seq_model *model) {
  seq_ctx *ctx = model->ctx;
  int32_t n = model->desc->n_functions;
  model->functions = calloc(n > 0 ? (size_t)n : 1, sizeof *model->functions);
  if (!model->functions || !make_scratch(model))
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for a model");
  for (int32_t i = 0; i < n; i++) {
    seq_bound_function *f = &model->functions[i];
    int status = pick_variant(ctx, &model->desc->functions[i], &f->variant);
    if (!status && f->variant->code)
      status = seq_code_acquire(ctx, f->variant->code, &f->code);
    if (status)
      return status;
  }
  return model->desc->n_params == 0 ? seq_model_prepare(model, NULL) : SEQ_OK;
}

int seq_model_create(seq_ctx *ctx, const seq_model_desc *desc, seq_model **out) {
  if (!ctx || !out)
    return SEQ_ERR_ARGUMENT;
  *out = NULL;
  int status = check_descriptor(ctx, desc);
  if (status)
    return status;
  seq_model *model = calloc(1, sizeof *model);
  if (!model)
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for a model");
  model->ctx = ctx;
  model->desc = desc;
  status = fill_model(model);
  if (status)
    seq_model_destroy(model);
  else
    *out = model;
  return status;
}

/* A function before this one that prepares the same; itself where there is none. */
static int32_t prepared_by(const seq_model *model, int32_t function) {
  const seq_variant *own = model->functions[function].variant;
  for (int32_t i = 0; own->prepare && i < function; i++) {
    const seq_variant *v = model->functions[i].variant;
    if (v->prepare == own->prepare && v->prepared_bytes == own->prepared_bytes)
      return i;
  }
  return function;
}

void seq_model_destroy(seq_model *model) {
  if (!model)
    return;
  for (int32_t i = 0; model->functions && i < model->desc->n_functions; i++)
    if (model->functions[i].variant && prepared_by(model, i) == i)
      seq_device_free(model->ctx, model->functions[i].prepared);
  for (int32_t i = 0; model->functions && i < model->desc->n_functions; i++)
    seq_code_release(model->ctx, model->functions[i].code);
  free(model->functions);
  free(model->scratch.block);
  seq_mirror_free(model->ctx, &model->scratch.lengths);
  seq_mirror_free(model->ctx, &model->scratch.defaults);
  free(model);
}

int32_t seq_model_function(const seq_model *model, const char *name) {
  for (int32_t i = 0; i < model->desc->n_functions; i++)
    if (strcmp(model->desc->functions[i].name, name) == 0)
      return i;
  return -1;
}

const seq_model_desc *seq_model_descriptor(const seq_model *model) {
  return model->desc;
}

/* Parameters as `prepare` reads them, in one block of the device's memory. */
typedef struct device_params {
  const void **data;
  int64_t *bytes;
  void *block;
} device_params;

static int measure_params(seq_model *model, device_params *p, int64_t *total) {
  const seq_model_desc *desc = model->desc;
  *total = 0;
  for (int32_t i = 0; i < desc->n_params; i++) {
    int64_t shape[SEQ_MAX_RANK], next;
    int status = seq_param_shape(model->ctx, &desc->params[i], shape);
    if (status)
      return status;
    if (!seq_shape_bytes(shape, desc->params[i].rank, seq_dtype_size(desc->params[i].dtype),
                         &p->bytes[i]) ||
        !seq_add(*total, p->bytes[i], &next) || !seq_add(next, SEQ_ALIGN, &next))
      return seq_ctx_fail(model->ctx, SEQ_ERR_SHAPE, "parameter `%s` has too many elements",
                          desc->params[i].name);
    *total = next / SEQ_ALIGN * SEQ_ALIGN;
  }
  return SEQ_OK;
}

static int send_params(seq_model *model, const void *const *params, device_params *p) {
  seq_ctx *ctx = model->ctx;
  int64_t n = model->desc->n_params, total, at = 0;
  p->data = calloc((size_t)n + 1, sizeof *p->data);
  p->bytes = calloc((size_t)n + 1, sizeof *p->bytes);
  if (!p->data || !p->bytes)
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for %lld parameters", (long long)n);
  int status = measure_params(model, p, &total);
  if (!status)
    status = seq_device_alloc(ctx, total, "parameters", &p->block);
  for (int64_t i = 0; !status && i < n; i++) {
    void *to = (char *)p->block + at;
    p->data[i] = to;
    at += (p->bytes[i] + SEQ_ALIGN) / SEQ_ALIGN * SEQ_ALIGN;
    if (p->bytes[i] > 0)
      status = seq_device_status(
          ctx, ctx->device->table->copy_in(ctx->device, to, params[i], p->bytes[i]));
  }
  return status;
}

static void free_params(seq_ctx *ctx, device_params *p) {
  seq_device_free(ctx, p->block);
  free(p->data);
  free(p->bytes);
}

static int prepare_on_device(seq_model *model, int32_t function, const device_params *p,
                             seq_call *call) {
  seq_ctx *ctx = model->ctx;
  const seq_bound_function *f = &model->functions[function];
  seq_device_forget(ctx);
  int status =
      seq_device_allow(ctx, f->prepared, f->variant->prepared_bytes, true, "prepared parameters");
  for (int32_t i = 0; !status && i < model->desc->n_params; i++)
    status = seq_device_allow(ctx, p->data[i], p->bytes[i], false, model->desc->params[i].name);
  call->params = p->data;
  call->lengths = NULL; /* parameters have no sizes of their own */
  if (!status)
    status = seq_device_region(ctx, &model->desc->functions[function], f->code, f->variant->prepare,
                               call);
  return status;
}

static int prepare_function(seq_model *model, int32_t function, const void *const *params,
                            const device_params *on_device) {
  seq_ctx *ctx = model->ctx;
  seq_bound_function *f = &model->functions[function];
  int32_t by = prepared_by(model, function);
  if (by != function) {
    f->prepared = model->functions[by].prepared;
    return SEQ_OK;
  }
  int status = SEQ_OK;
  if (!f->prepared)
    status = seq_device_alloc(ctx, f->variant->prepared_bytes, "prepared parameters", &f->prepared);
  if (status || !f->variant->prepare)
    return status;
  const seq_scratch *s = &model->scratch;
  seq_call call = {.struct_size = sizeof call,
                   .batch = 1,
                   .sizes = s->sizes,
                   .lengths = s->sizes,
                   .inputs = s->inputs,
                   .input_strides = s->strides,
                   .outputs = s->outputs,
                   .params = params,
                   .prepared = f->prepared,
                   .pool = &ctx->pool.barrier,
                   .failure = &ctx->failure};
  seq_failure_reset(&ctx->failure);
  status = seq_on_device(ctx) ? prepare_on_device(model, function, on_device, &call)
                              : seq_run_region(ctx, f->variant->prepare, &call);
  return status ? status : seq_failure_report(ctx, &model->desc->functions[function], false);
}

static bool has_prepare(const seq_model *model) {
  for (int32_t i = 0; i < model->desc->n_functions; i++)
    if (model->functions[i].variant->prepare)
      return true;
  return false;
}

int seq_model_prepare(seq_model *model, const void *const *params) {
  seq_ctx *ctx = model->ctx;
  device_params on_device = {NULL, NULL, NULL};
  model->bound = false;
  ctx->failed.kind = 0;
  int status = SEQ_OK;
  if (seq_on_device(ctx) && has_prepare(model))
    status = send_params(model, params, &on_device);
  for (int32_t i = 0; !status && i < model->desc->n_functions; i++)
    status = prepare_function(model, i, params, &on_device);
  /* So that a fault of `prepare` is told by the bind, and not by a call. */
  if (!status && on_device.block)
    status = seq_device_status(ctx, ctx->device->table->synchronise(ctx->device));
  free_params(ctx, &on_device);
  model->bound = status == SEQ_OK;
  return status;
}

int seq_param_shape(seq_ctx *ctx, const seq_tensor_desc *desc, int64_t *shape) {
  bool fine = desc->rank >= 0 && desc->rank <= SEQ_MAX_RANK;
  for (int32_t axis = 0; fine && axis < desc->rank; axis++) {
    const seq_dim *dim = &desc->dims[axis];
    for (int64_t i = 0; i < dim->n; i++)
      fine &= dim->ops[i].op != SEQ_DIM_SIZE;
    fine = fine && seq_dim_eval(dim, NULL, &shape[axis]) && shape[axis] >= 0;
  }
  return fine ? SEQ_OK
              : seq_ctx_fail(ctx, SEQ_ERR_MODEL, "parameter `%s` has no constant shape: `%s`",
                             desc->name, desc->shape_text);
}

static int check_param(seq_ctx *ctx, const seq_tensor_desc *desc, const DLTensor *view) {
  if (!view)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "parameter `%s` is missing", desc->name);
  int64_t shape[SEQ_MAX_RANK];
  int status = seq_param_shape(ctx, desc, shape);
  if (!status)
    status = seq_host_view_check(ctx, view, "parameter", desc->name, desc->dtype);
  if (status)
    return status;
  if (view->ndim == desc->rank &&
      (view->ndim == 0 || memcmp(view->shape, shape, (size_t)desc->rank * 8) == 0))
    return SEQ_OK;
  char have[200], want[200];
  return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "parameter `%s` is %s, not %s", desc->name,
                      seq_shape_text(view->shape, view->ndim, have, sizeof have),
                      seq_shape_text(shape, desc->rank, want, sizeof want));
}

int seq_model_bind(seq_model *model, const DLTensor *const *params, int32_t n_params) {
  if (!model)
    return SEQ_ERR_ARGUMENT;
  seq_ctx *ctx = model->ctx;
  const seq_model_desc *desc = model->desc;
  ctx->note[0] = 0;
  if (n_params != desc->n_params || (n_params > 0 && !params))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "`%s` has %d parameter%s, not %d", desc->name,
                        (int)desc->n_params, desc->n_params == 1 ? "" : "s", (int)n_params);
  const void **data = malloc(((size_t)n_params + 1) * sizeof *data);
  if (!data)
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for %d parameters", (int)n_params);
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < n_params; i++) {
    status = check_param(ctx, &desc->params[i], params[i]);
    data[i] = status ? NULL : seq_view_data(params[i]);
  }
  if (!status)
    status = seq_model_prepare(model, data);
  free(data);
  return status;
}

/* Calls and the queries that go before them. */
#include "Internal.h"

#include <string.h>

typedef struct region {
  seq_region_fn fn;
  const seq_call *call;
  int32_t n;
} region;

static void run_thread(void *arg, int32_t tid) {
  const region *r = arg;
  r->fn(r->call, tid, r->n);
}

int seq_run_region(seq_ctx *ctx, seq_region_fn fn, const seq_call *call) {
  if (ctx->threads == 1) {
    fn(call, 0, 1);
    return SEQ_OK;
  }
  region r = {fn, call, ctx->threads};
  if (!seq_pool_run(&ctx->pool, run_thread, &r))
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "cannot start %d threads: %d run", (int)ctx->threads,
                        (int)ctx->pool.started + 1);
  return SEQ_OK;
}

int seq_plan_workspace(seq_plan *plan, int64_t *bytes) {
  seq_ctx *ctx = plan->model->ctx;
  int32_t workers = seq_on_device(ctx) ? ctx->device->table->workers(ctx->device) : ctx->threads;
  *bytes = plan->variant->workspace ? plan->variant->workspace(&plan->call, workers) : 0;
  if (*bytes < 0)
    return seq_ctx_fail(ctx, SEQ_ERR_SHAPE,
                        "the sizes of `%s` need a workspace that no machine has", plan->fn->name);
  return SEQ_OK;
}

static int give_workspace(seq_plan *plan) {
  seq_ctx *ctx = plan->model->ctx;
  int64_t need;
  int status = seq_plan_workspace(plan, &need);
  if (status)
    return status;
  plan->workspace_bytes = need;
  if (!plan->args->workspace) {
    status = seq_device_grow(ctx, &ctx->workspace, &ctx->workspace_bytes, need, "a workspace");
    plan->call.workspace = ctx->workspace;
    return status;
  }
  if (plan->args->workspace_bytes < need)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the workspace has %lld bytes, `%s` needs %lld",
                        (long long)plan->args->workspace_bytes, plan->fn->name, (long long)need);
  if ((uintptr_t)plan->args->workspace % SEQ_ALIGN != 0)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the workspace is not aligned to %d bytes",
                        SEQ_ALIGN);
  plan->call.workspace = plan->args->workspace;
  seq_device *d = ctx->device;
  if (!d->table->check_pointer || !(status = d->table->check_pointer(d, plan->call.workspace)))
    return SEQ_OK;
  return seq_ctx_fail(ctx, status, "the workspace %s", d->error.text);
}

/* What the host made of lengths and defaults, where kernels read it. */
static int send_to_device(seq_plan *plan) {
  seq_ctx *ctx = plan->model->ctx;
  seq_scratch *s = &plan->model->scratch;
  int status = seq_mirror_send(ctx, &s->lengths, s->lengths_now, "lengths");
  if (!status && s->defaults_now > 0)
    status = seq_mirror_send(ctx, &s->defaults, s->defaults_now, "default inputs");
  plan->call.lengths = s->lengths.device;
  for (int32_t i = 0; !status && i < plan->fn->n_inputs; i++)
    if (!plan->args->inputs[i])
      s->inputs[i] = (char *)s->defaults.device +
                     ((const char *)s->inputs[i] - (const char *)s->defaults.host);
  return status;
}

static bool is_output(const seq_plan *plan, const void *p) {
  for (int32_t i = 0; i < plan->fn->n_outputs; i++)
    if (plan->call.outputs[i] == p)
      return true;
  return false;
}

static int64_t view_bytes(const DLTensor *view, int32_t dtype) {
  int64_t bytes = 0;
  seq_shape_bytes(view->shape, view->ndim, seq_dtype_size(dtype), &bytes);
  return bytes;
}

/* A state that grows is its own output, and so is written. */
static int allow_inputs(seq_plan *plan) {
  const seq_function_desc *fn = plan->fn;
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < fn->n_inputs; i++) {
    const DLTensor *view = plan->args->inputs[i];
    const void *data = plan->call.inputs[i];
    int64_t bytes = 0;
    if (view)
      bytes = view_bytes(view, fn->inputs[i].dtype);
    else
      status = seq_plan_default_bytes(plan, i, &bytes);
    if (!status && !is_output(plan, data))
      status = seq_device_allow(plan->model->ctx, data, bytes, false, fn->inputs[i].name);
  }
  return status;
}

/* Exactly the call's arrays, where the device minds. */
static int allow_arrays(seq_plan *plan) {
  seq_ctx *ctx = plan->model->ctx;
  const seq_function_desc *fn = plan->fn;
  const seq_call *call = &plan->call;
  if (!ctx->device->table->allow)
    return SEQ_OK;
  seq_device_forget(ctx);
  int status = allow_inputs(plan);
  for (int32_t i = 0; !status && i < fn->n_outputs; i++)
    status = seq_device_allow(ctx, call->outputs[i],
                              view_bytes(plan->args->outputs[i], fn->outputs[i].dtype), true,
                              fn->outputs[i].name);
  if (!status)
    status =
        seq_device_allow(ctx, call->lengths, plan->model->scratch.lengths_now, false, "lengths");
  if (!status)
    status = seq_device_allow(ctx, call->workspace, plan->workspace_bytes, true, "workspace");
  /* Devices with bounds have the host's memory. Nothing is handed on in a workspace: what a kernel
   * reads there before one wrote it is NaN. */
  if (!status && call->workspace)
    memset(call->workspace, 0xFF, (size_t)plan->workspace_bytes);
  if (!status)
    status = seq_device_allow(ctx, call->prepared, plan->variant->prepared_bytes, false,
                              "prepared parameters");
  return status;
}

static int run_on_device(seq_plan *plan) {
  int status = send_to_device(plan);
  if (!status)
    status = allow_arrays(plan);
  return status ? status
                : seq_device_region(plan->model->ctx, plan->fn, plan->code, plan->variant->forward,
                                    &plan->call);
}

static int run_on_threads(seq_plan *plan) {
  seq_failure_reset(&plan->model->ctx->failure);
  return seq_run_region(plan->model->ctx, plan->variant->forward, &plan->call);
}

int seq_plan_run(seq_plan *plan) {
  seq_ctx *ctx = plan->model->ctx;
  if (!plan->model->bound)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the parameters of `%s` are not bound",
                        plan->model->desc->name);
  int status = seq_plan_outputs(plan);
  if (status || plan->count == 0)
    return status;
  if ((status = give_workspace(plan)))
    return status;
  if ((status = seq_on_device(ctx) ? run_on_device(plan) : run_on_threads(plan)))
    return status;
  return seq_failure_report(ctx, plan->fn, plan->count > 1);
}

int seq_model_call(seq_model *model, int32_t function, const seq_args *args) {
  seq_plan plan;
  int status = seq_plan_make(&plan, model, function, args);
  return status ? status : seq_plan_run(&plan);
}

int seq_model_sizes(seq_model *model, int32_t function, const seq_args *args, int64_t *sizes,
                    int64_t *batch) {
  seq_plan plan;
  int status = seq_plan_make(&plan, model, function, args);
  if (status)
    return status;
  for (int32_t i = 0; i < plan.fn->n_sizes; i++)
    sizes[i] = model->scratch.sizes[i];
  if (batch)
    *batch = plan.batch;
  return SEQ_OK;
}

int seq_model_output_shape(seq_model *model, int32_t function, const seq_args *args, int32_t output,
                           int64_t *shape, int32_t *rank) {
  seq_plan plan;
  int status = seq_plan_make(&plan, model, function, args);
  if (status)
    return status;
  if (output < 0 || output >= plan.fn->n_outputs)
    return seq_ctx_fail(model->ctx, SEQ_ERR_ARGUMENT, "`%s` has no output number %d", plan.fn->name,
                        (int)output);
  return seq_plan_output_shape(&plan, output, shape, rank);
}

int seq_model_workspace_size(seq_model *model, int32_t function, const seq_args *args,
                             int64_t *bytes) {
  seq_plan plan;
  int status = seq_plan_make(&plan, model, function, args);
  if (status)
    return status;
  return seq_plan_workspace(&plan, bytes);
}

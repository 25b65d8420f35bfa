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
  *bytes = plan->variant->workspace ? plan->variant->workspace(&plan->call, ctx->threads) : 0;
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
  if (!plan->args->workspace) {
    if (!seq_grow(&ctx->workspace, &ctx->workspace_bytes, need))
      return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for a workspace of %lld bytes",
                          (long long)need);
    plan->call.workspace = ctx->workspace;
    return SEQ_OK;
  }
  if (plan->args->workspace_bytes < need)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the workspace has %lld bytes, `%s` needs %lld",
                        (long long)plan->args->workspace_bytes, plan->fn->name, (long long)need);
  if ((uintptr_t)plan->args->workspace % SEQ_ALIGN != 0)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the workspace is not aligned to %d bytes",
                        SEQ_ALIGN);
  plan->call.workspace = plan->args->workspace;
  return SEQ_OK;
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
  seq_failure_reset(&ctx->failure);
  if ((status = seq_run_region(ctx, plan->variant->forward, &plan->call)))
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

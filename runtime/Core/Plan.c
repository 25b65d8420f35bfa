/* A call's arguments, checked and laid out as the generated code wants them. */
#include "Internal.h"

#include <string.h>

static int check_struct(seq_ctx *ctx, const seq_args *args) {
  if (!args || args->struct_size < sizeof *args)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "seq_args.struct_size is %u, not %u",
                        args ? (unsigned)args->struct_size : 0u, (unsigned)sizeof *args);
  if (args->flags != 0)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "seq_args.flags has unknown bits: 0x%x",
                        (unsigned)args->flags);
  if (args->n_lengths < 0 || (args->n_lengths > 0 && !args->lengths))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "seq_args.lengths is missing");
  return SEQ_OK;
}

static int check_inputs(seq_plan *plan) {
  seq_ctx *ctx = plan->model->ctx;
  const seq_function_desc *fn = plan->fn;
  if (plan->args->n_inputs != fn->n_inputs || (fn->n_inputs > 0 && !plan->args->inputs))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "`%s` takes %d input%s, not %d", fn->name,
                        (int)fn->n_inputs, fn->n_inputs == 1 ? "" : "s", (int)plan->args->n_inputs);
  for (int32_t i = 0; i < fn->n_inputs; i++) {
    const DLTensor *view = plan->args->inputs[i];
    if (!view && !fn->inputs[i].default_value)
      return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "input `%s` of `%s` is missing",
                          fn->inputs[i].name, fn->name);
    bool own = plan->places && i >= fn->n_inputs - fn->n_states; /* a state's, which we made */
    int status = view && !own
                     ? seq_view_check(ctx, view, "input", fn->inputs[i].name, fn->inputs[i].dtype)
                     : SEQ_OK;
    if (status)
      return status;
  }
  return SEQ_OK;
}

/* The padded shape of a tensor, without the batch. */
static int padded_shape(seq_plan *plan, const seq_tensor_desc *desc, int64_t *shape) {
  for (int32_t axis = 0; axis < desc->rank; axis++) {
    if (!seq_dim_eval(&desc->dims[axis], plan->model->scratch.sizes, &shape[axis]))
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                          "`%s` axis %d has no size: `%s` overflows or divides by zero", desc->name,
                          (int)axis, desc->shape_text);
    if (shape[axis] < 0)
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                          "`%s` axis %d would be %lld: its shape is `%s`", desc->name, (int)axis,
                          (long long)shape[axis], desc->shape_text);
  }
  return SEQ_OK;
}

int seq_plan_default_bytes(seq_plan *plan, int32_t input, int64_t *bytes) {
  const seq_tensor_desc *desc = &plan->fn->inputs[input];
  int64_t shape[SEQ_MAX_RANK], lines;
  int status = padded_shape(plan, desc, shape);
  if (status)
    return status;
  if (!seq_shape_bytes(shape, desc->rank, seq_dtype_size(desc->dtype), bytes) ||
      !seq_add(*bytes, SEQ_ALIGN, &lines))
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE, "`%s` would have too many elements",
                        desc->name);
  return SEQ_OK;
}

/* Whole lines, and one for an array without elements. */
static int64_t whole_lines(int64_t bytes) {
  return (bytes + SEQ_ALIGN) / SEQ_ALIGN * SEQ_ALIGN;
}

static void fill_default(void *data, int32_t dtype, int64_t count, double value) {
  int32_t integer = value >= -2147483648.0 && value <= 2147483647.0 ? (int32_t)value : 0;
  for (int64_t i = 0; i < count; i++)
    seq_element_set(data, dtype, i, dtype == SEQ_I32 ? integer : value);
}

/* Makes the inputs that were left away: measured first, so that memory grows once. */
static int make_defaults(seq_plan *plan) {
  seq_scratch *s = &plan->model->scratch;
  int64_t bytes, total = 0, at = 0;
  for (int32_t i = 0; i < plan->fn->n_inputs; i++) {
    if (plan->args->inputs[i])
      continue;
    int status = seq_plan_default_bytes(plan, i, &bytes);
    if (status)
      return status;
    if (!seq_add(total, whole_lines(bytes), &total))
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_MEMORY, "too many default values");
  }
  int status = seq_mirror_reserve(plan->model->ctx, &s->defaults, total, "default inputs");
  if (status)
    return status;
  s->defaults_now = total;
  for (int32_t i = 0; i < plan->fn->n_inputs; i++) {
    if (plan->args->inputs[i])
      continue;
    seq_plan_default_bytes(plan, i, &bytes);
    int32_t dtype = plan->fn->inputs[i].dtype;
    void *data = (char *)s->defaults.host + at;
    fill_default(data, dtype, whole_lines(bytes) / seq_dtype_size(dtype),
                 *plan->fn->inputs[i].default_value);
    s->inputs[i] = data;
    s->strides[i] = 0;
    at += whole_lines(bytes);
  }
  return SEQ_OK;
}

static int lay_out_inputs(seq_plan *plan) {
  seq_scratch *s = &plan->model->scratch;
  for (int32_t i = 0; i < plan->fn->n_inputs; i++) {
    const DLTensor *view = plan->args->inputs[i];
    if (!view)
      continue;
    int32_t rank = plan->fn->inputs[i].rank;
    s->inputs[i] = seq_view_data(view);
    s->strides[i] = 0;
    if (view->ndim > rank && !seq_shape_bytes(view->shape + 1, rank, 1, &s->strides[i]))
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE, "input `%s` has too many elements",
                          plan->fn->inputs[i].name);
  }
  return make_defaults(plan);
}

static void make_call(seq_plan *plan, int32_t function) {
  seq_model *model = plan->model;
  const seq_scratch *s = &model->scratch;
  plan->call =
      (seq_call){.struct_size = sizeof(seq_call),
                 .batch = plan->count,
                 .sizes = s->sizes,
                 .lengths = seq_on_device(model->ctx) ? s->lengths.device : s->lengths.host,
                 .inputs = s->inputs,
                 .input_strides = s->strides,
                 .outputs = s->outputs,
                 .prepared = model->functions[function].prepared,
                 .pool = &model->ctx->pool.barrier,
                 .failure = &model->ctx->failure};
}

void seq_plan_use(seq_plan *plan, int32_t function) {
  plan->fn = &plan->model->desc->functions[function];
  plan->variant = plan->model->functions[function].variant;
  plan->code = plan->model->functions[function].code;
  plan->call.prepared = plan->model->functions[function].prepared;
}

int seq_plan_make(seq_plan *plan, seq_model *model, int32_t function, const seq_args *args) {
  return seq_plan_make_at(plan, model, function, args, NULL);
}

int seq_plan_make_at(seq_plan *plan, seq_model *model, int32_t function, const seq_args *args,
                     seq_places *places) {
  if (!model)
    return SEQ_ERR_ARGUMENT;
  seq_ctx *ctx = model->ctx;
  ctx->failed.kind = 0;
  if (function < 0 || function >= model->desc->n_functions)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "`%s` has no function number %d", model->desc->name,
                        (int)function);
  int status = check_struct(ctx, args);
  if (status)
    return status;
  if (model->desc->functions[function].is_stream && !places)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the stream of `%s` is called with a state",
                        model->desc->name);
  *plan = (seq_plan){.model = model,
                     .places = places,
                     .fn = &model->desc->functions[function],
                     .args = args,
                     .variant = model->functions[function].variant,
                     .code = model->functions[function].code};
  if ((status = check_inputs(plan)) || (status = seq_plan_solve(plan)) ||
      (status = seq_plan_lengths(plan)) || (status = lay_out_inputs(plan)))
    return status;
  make_call(plan, function);
  return SEQ_OK;
}

int seq_plan_output_shape(seq_plan *plan, int32_t output, int64_t *shape, int32_t *rank) {
  const seq_tensor_desc *desc = &plan->fn->outputs[output];
  int32_t batched = plan->batch >= 0;
  if (desc->rank + batched > SEQ_MAX_RANK)
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE, "output `%s` has too many axes",
                        desc->name);
  if (batched)
    shape[0] = plan->batch;
  int status = padded_shape(plan, desc, shape + batched);
  if (status)
    return status;
  int64_t bytes;
  *rank = desc->rank + batched;
  if (!seq_shape_bytes(shape, *rank, seq_dtype_size(desc->dtype), &bytes))
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE, "output `%s` would have too many elements",
                        desc->name);
  return SEQ_OK;
}

static int check_output(seq_plan *plan, int32_t output) {
  const seq_tensor_desc *desc = &plan->fn->outputs[output];
  const DLTensor *view = plan->args->outputs[output];
  seq_ctx *ctx = plan->model->ctx;
  if (!view)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "output `%s` is missing", desc->name);
  int64_t shape[SEQ_MAX_RANK];
  int32_t rank;
  bool own = plan->places && output >= plan->fn->n_outputs - plan->fn->n_states;
  int status = own ? SEQ_OK : seq_view_check(ctx, view, "output", desc->name, desc->dtype);
  if (!status)
    status = seq_plan_output_shape(plan, output, shape, &rank);
  if (status)
    return status;
  if (view->ndim == rank && (rank == 0 || memcmp(view->shape, shape, (size_t)rank * 8) == 0))
    return SEQ_OK;
  char have[200], want[200];
  return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "output `%s` is %s, not %s", desc->name,
                      seq_shape_text(view->shape, view->ndim, have, sizeof have),
                      seq_shape_text(shape, rank, want, sizeof want));
}

int seq_plan_outputs(seq_plan *plan) {
  const seq_args *args = plan->args;
  seq_ctx *ctx = plan->model->ctx;
  int32_t n = plan->fn->n_outputs;
  if (args->n_outputs != n || (n > 0 && !args->outputs))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "`%s` gives %d output%s, not %d", plan->fn->name,
                        (int)n, n == 1 ? "" : "s", (int)args->n_outputs);
  for (int32_t i = 0; i < n; i++) {
    int status = check_output(plan, i);
    if (status)
      return status;
  }
  for (int32_t i = 0; i < n; i++) {
    const DLTensor *view = args->outputs[i];
    int64_t bytes = 0;
    plan->model->scratch.outputs[i] = seq_view_data(view);
    seq_shape_bytes(view->shape, view->ndim, seq_dtype_size(plan->fn->outputs[i].dtype), &bytes);
    if (plan->ragged && bytes > 0 && i < n - plan->fn->n_states) {
      int status =
          seq_device_status(ctx, ctx->device->table->zero(ctx->device, seq_view_data(view), bytes));
      if (status)
        return status;
    }
  }
  return SEQ_OK;
}

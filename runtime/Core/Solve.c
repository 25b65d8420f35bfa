/* From the shapes of the inputs to the batch and the dynamic sizes.
 *
 *   x: [T, D], w: [4 * H, D]     x = [2, 5, 3], w = [16, 3]
 *   batch = 2 from x; T = 5, D = 3 from x; H = 4 from w; then all axes are checked.
 *
 * Axes that are a size by name are read first, so that messages speak of those; then any
 * axis that is linear in one unknown size, until nothing is left to find. */
#include "Internal.h"

#include <stdio.h>

static bool has_batch(const seq_plan *plan, int32_t input) {
  const DLTensor *view = plan->args->inputs[input];
  return view && view->ndim == plan->fn->inputs[input].rank + 1;
}

/* The view's extent on a declared axis. */
static int64_t extent(const seq_plan *plan, int32_t input, int32_t axis) {
  return plan->args->inputs[input]->shape[axis + has_batch(plan, input)];
}

static int check_rank(seq_plan *plan, int32_t input) {
  const seq_tensor_desc *desc = &plan->fn->inputs[input];
  const DLTensor *view = plan->args->inputs[input];
  if (view->ndim == desc->rank || view->ndim == desc->rank + 1)
    return SEQ_OK;
  return seq_ctx_fail(
      plan->model->ctx, SEQ_ERR_SHAPE, "input `%s` has %d ax%s; %s needs %d, or %d with a batch",
      desc->name, (int)view->ndim, view->ndim == 1 ? "is" : "es",
      desc->rank ? desc->shape_text : "a scalar", (int)desc->rank, (int)desc->rank + 1);
}

static int solve_batch(seq_plan *plan) {
  int32_t teller = -1;
  plan->batch = -1;
  for (int32_t i = 0; i < plan->fn->n_inputs; i++) {
    if (!plan->args->inputs[i])
      continue;
    int status = check_rank(plan, i);
    if (status)
      return status;
    if (!has_batch(plan, i))
      continue;
    int64_t batch = plan->args->inputs[i]->shape[0];
    if (teller >= 0 && batch != plan->batch)
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                          "the batch is %lld from `%s` but %lld from `%s`", (long long)plan->batch,
                          plan->fn->inputs[teller].name, (long long)batch,
                          plan->fn->inputs[i].name);
    if (teller < 0)
      teller = i;
    plan->batch = batch;
  }
  plan->count = plan->batch < 0 ? 1 : plan->batch;
  return SEQ_OK;
}

/* Finds the one unknown of an axis, if it has just one. *found counts. */
static int solve_axis(seq_plan *plan, int32_t input, int32_t axis, int *found) {
  seq_scratch *s = &plan->model->scratch;
  const seq_tensor_desc *desc = &plan->fn->inputs[input];
  int32_t size;
  int64_t a, b, rest, have = extent(plan, input, axis);
  if (seq_dim_linear(&desc->dims[axis], s->sizes, s->origin_input, &size, &a, &b) != 1)
    return SEQ_OK;
  bool solved = !__builtin_sub_overflow(have, b, &rest) && !(rest == INT64_MIN && a == -1) &&
                rest % a == 0 && rest / a >= 0;
  if (!solved && plan->places && size == plan->fn->n_sizes - 1)
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_CAPACITY,
                        "a piece of %lld steps is longer than the state's capacity of %lld",
                        (long long)s->sizes[plan->fn->time], (long long)have);
  if (!solved)
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                        "`%s` axis %d is %lld, and no size `%s` makes it so in `%s`", desc->name,
                        (int)axis, (long long)have, plan->fn->size_names[size], desc->shape_text);
  s->sizes[size] = rest / a;
  s->origin_input[size] = input;
  s->origin_axis[size] = axis;
  ++*found;
  return SEQ_OK;
}

/* One look at every axis; `plain_only`: at those that are a size by name. */
static int solve_pass(seq_plan *plan, bool plain_only, int *found) {
  for (int32_t i = 0; i < plan->fn->n_inputs; i++) {
    const seq_tensor_desc *desc = &plan->fn->inputs[i];
    for (int32_t axis = 0; plan->args->inputs[i] && axis < desc->rank; axis++) {
      if (plain_only && seq_dim_plain(&desc->dims[axis]) < 0)
        continue;
      int status = solve_axis(plan, i, axis, found);
      if (status)
        return status;
    }
  }
  return SEQ_OK;
}

/* No shape need tell a stream's place: then the furthest sequence does. */
static void solve_place(seq_plan *plan) {
  seq_scratch *s = &plan->model->scratch;
  int32_t place = plan->fn->n_sizes - 1;
  plan->places->limited = s->origin_input[place] >= 0;
  for (int64_t i = 0; !plan->places->limited && i < plan->count; i++)
    if (plan->places->positions[i] > s->sizes[place])
      s->sizes[place] = plan->places->positions[i];
  if (!plan->places->limited)
    s->origin_input[place] = 0; /* no message speaks of it */
}

static int solve_sizes(seq_plan *plan) {
  seq_scratch *s = &plan->model->scratch;
  for (int32_t i = 0; i < plan->fn->n_sizes; i++) {
    s->sizes[i] = 0;
    s->origin_input[i] = -1;
  }
  int total = 0;
  int status = solve_pass(plan, true, &total);
  for (int found = 1; !status && found && total < plan->fn->n_sizes; total += found) {
    found = 0;
    status = solve_pass(plan, false, &found);
  }
  if (plan->places)
    solve_place(plan);
  for (int32_t i = 0; !status && i < plan->fn->n_sizes; i++)
    if (s->origin_input[i] < 0)
      status = seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                            "size `%s` of `%s` cannot be found from the shapes of the inputs",
                            plan->fn->size_names[i], plan->fn->name);
  return status;
}

/* "`H` is 4 from `x` axis 1": every size that the dim mentions, once. */
static void origins_text(const seq_plan *plan, const seq_dim *dim, char *text, size_t bytes) {
  const seq_scratch *s = &plan->model->scratch;
  size_t at = 0;
  text[0] = 0;
  for (int64_t i = 0; i < dim->n && at + 1 < bytes; i++) {
    bool is_new = dim->ops[i].op == SEQ_DIM_SIZE;
    for (int64_t j = 0; j < i; j++)
      is_new &= dim->ops[j].op != SEQ_DIM_SIZE || dim->ops[j].value != dim->ops[i].value;
    if (!is_new)
      continue;
    int64_t size = dim->ops[i].value;
    int n = snprintf(text + at, bytes - at, "%s`%s` is %lld from `%s` axis %d", at ? ", " : "",
                     plan->fn->size_names[size], (long long)s->sizes[size],
                     plan->fn->inputs[s->origin_input[size]].name, (int)s->origin_axis[size]);
    at += n > 0 ? (size_t)n : 0;
  }
}

static int disagreement(seq_plan *plan, int32_t input, int32_t axis, int64_t wanted) {
  const seq_scratch *s = &plan->model->scratch;
  const seq_tensor_desc *desc = &plan->fn->inputs[input];
  long long have = extent(plan, input, axis);
  int32_t size = seq_dim_plain(&desc->dims[axis]);
  if (size >= 0)
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                        "size `%s` is %lld from `%s` axis %d but %lld from `%s` axis %d",
                        plan->fn->size_names[size], (long long)wanted,
                        plan->fn->inputs[s->origin_input[size]].name, (int)s->origin_axis[size],
                        have, desc->name, (int)axis);
  char origins[400];
  origins_text(plan, &desc->dims[axis], origins, sizeof origins);
  return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                      "`%s` axis %d is %lld, not %lld as in `%s`%s%s%s", desc->name, (int)axis,
                      have, (long long)wanted, desc->shape_text, *origins ? " (" : "", origins,
                      *origins ? ")" : "");
}

static int check_axes(seq_plan *plan, int32_t input) {
  const seq_tensor_desc *desc = &plan->fn->inputs[input];
  for (int32_t axis = 0; axis < desc->rank; axis++) {
    int64_t wanted;
    if (!seq_dim_eval(&desc->dims[axis], plan->model->scratch.sizes, &wanted))
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                          "`%s` axis %d has no size: `%s` overflows or divides by zero", desc->name,
                          (int)axis, desc->shape_text);
    if (wanted != extent(plan, input, axis))
      return disagreement(plan, input, axis, wanted);
  }
  return SEQ_OK;
}

int seq_plan_solve(seq_plan *plan) {
  int status = solve_batch(plan);
  if (!status)
    status = solve_sizes(plan);
  for (int32_t i = 0; !status && i < plan->fn->n_inputs; i++)
    if (plan->args->inputs[i])
      status = check_axes(plan, i);
  return status;
}

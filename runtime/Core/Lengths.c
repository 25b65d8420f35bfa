/* Each sequence's own sizes in a ragged batch. */
#include "Internal.h"

#include <string.h>

/* What the caller calls an entry: "lengths" or "lengths.S", in two pieces. */
#define ENTRY(e) (e)->size ? "lengths." : "lengths", (e)->size ? (e)->size : ""

/* The size that plain lengths are of, -1 if there is none. */
static int32_t plain_size(const seq_function_desc *fn) {
  if (fn->n_inputs > 0 && fn->inputs[0].rank > 0) {
    int32_t size = seq_dim_plain(&fn->inputs[0].dims[0]);
    if (size >= 0 && fn->size_is_sequence[size])
      return size;
  }
  for (int32_t i = 0; i < fn->n_sizes; i++)
    if (fn->size_is_sequence[i])
      return i;
  return -1;
}

static int find_size(seq_plan *plan, const seq_lengths *entry, int32_t *size) {
  const seq_function_desc *fn = plan->fn;
  if (!entry->size) {
    *size = plain_size(fn);
    return *size >= 0
               ? SEQ_OK
               : seq_ctx_fail(plan->model->ctx, SEQ_ERR_ARGUMENT,
                              "`%s` has no sequence size that lengths could be of", fn->name);
  }
  for (*size = 0; *size < fn->n_sizes; ++*size)
    if (strcmp(fn->size_names[*size], entry->size) == 0)
      return SEQ_OK;
  return seq_ctx_fail(plan->model->ctx, SEQ_ERR_ARGUMENT,
                      "lengths.%s: `%s` has no dynamic size `%s`", entry->size, fn->name,
                      entry->size);
}

static int check_values(seq_plan *plan, const seq_lengths *entry, int32_t size) {
  int64_t padded = plan->model->scratch.sizes[size];
  for (int64_t i = 0; i < entry->count; i++) {
    int64_t n = entry->values[i];
    if (n < 0)
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE, "%s%s[%lld] is %lld, below 0",
                          ENTRY(entry), (long long)i, (long long)n);
    if (n > padded)
      return seq_ctx_fail(
          plan->model->ctx, SEQ_ERR_SHAPE, "%s%s[%lld] is %lld, above the padded size `%s` of %lld",
          ENTRY(entry), (long long)i, (long long)n, plan->fn->size_names[size], (long long)padded);
    plan->ragged |= n < padded;
  }
  return SEQ_OK;
}

static int check_entry(seq_plan *plan, int32_t index) {
  const seq_lengths *entry = &plan->args->lengths[index];
  seq_ctx *ctx = plan->model->ctx;
  int32_t size, *owner = plan->model->scratch.lengths_entry;
  int status = find_size(plan, entry, &size);
  if (status)
    return status;
  if (plan->batch < 0)
    return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "%s%s without a batch: no input has a batch axis",
                        ENTRY(entry));
  if (owner[size] >= 0)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the lengths of `%s` are given twice",
                        plan->fn->size_names[size]);
  if (entry->count != plan->batch)
    return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "%s%s has %lld entr%s, the batch has %lld",
                        ENTRY(entry), (long long)entry->count, entry->count == 1 ? "y" : "ies",
                        (long long)plan->batch);
  if (entry->count > 0 && !entry->values)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s%s has no values", ENTRY(entry));
  owner[size] = index;
  return check_values(plan, entry, size);
}

/* The table [n_sizes][count] that the generated code reads. */
static int fill_table(seq_plan *plan) {
  seq_scratch *s = &plan->model->scratch;
  seq_ctx *ctx = plan->model->ctx;
  int64_t bytes, room, n = plan->count; /* room: not nothing where there are no sizes */
  if (!seq_mul(n, plan->fn->n_sizes, &bytes) || !seq_mul(bytes, 8, &bytes) ||
      !seq_add(bytes, 8, &room))
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for a batch of %lld", (long long)n);
  int status = seq_mirror_reserve(ctx, &s->lengths, room, "lengths");
  if (status)
    return status;
  int64_t *table = s->lengths.host;
  s->lengths_now = bytes;
  for (int32_t size = 0; size < plan->fn->n_sizes; size++, table += n) {
    int32_t entry = s->lengths_entry[size];
    for (int64_t i = 0; i < n; i++)
      table[i] = entry < 0 ? s->sizes[size] : plan->args->lengths[entry].values[i];
  }
  return SEQ_OK;
}

/* A stream's sequences stand where the state says, and end within its arrays. */
static int fill_places(seq_plan *plan) {
  seq_scratch *s = &plan->model->scratch;
  int32_t place = plan->fn->n_sizes - 1, time = plan->fn->time;
  int64_t *table = s->lengths.host, n = plan->count, most = s->sizes[place] + s->sizes[time];
  for (int64_t i = 0; i < n; i++) {
    int64_t at = plan->places->positions[i], steps = table[time * n + i];
    table[place * n + i] = at;
    if (plan->places->limited && steps > most - at)
      return seq_ctx_fail(plan->model->ctx, SEQ_ERR_CAPACITY,
                          "sequence %lld would have %lld steps, and the state has a capacity of "
                          "%lld",
                          (long long)i, (long long)(at + steps), (long long)most);
  }
  return SEQ_OK;
}

/* An axis such as `T - 2` must lie within its padded extent for every sequence, for
 * that is where the generated code reads and writes. */
static int check_axis(seq_plan *plan, const seq_tensor_desc *desc, int32_t axis, int64_t seq) {
  const seq_scratch *s = &plan->model->scratch;
  int64_t own, padded;
  if (!seq_dim_eval(&desc->dims[axis], s->sizes, &padded) ||
      !seq_dim_eval(&desc->dims[axis], s->own, &own))
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                        "`%s` axis %d has no size in sequence %lld: `%s` overflows or divides by "
                        "zero",
                        desc->name, (int)axis, (long long)seq, desc->shape_text);
  if (own >= 0 && own <= padded)
    return SEQ_OK;
  return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                      "`%s` axis %d would be %lld in sequence %lld, outside of 0 to %lld: its "
                      "shape is `%s`",
                      desc->name, (int)axis, (long long)own, (long long)seq, (long long)padded,
                      desc->shape_text);
}

static int check_tensors(seq_plan *plan, const seq_tensor_desc *descs, int32_t n, int64_t seq) {
  for (int32_t i = 0; i < n; i++)
    for (int32_t axis = 0; axis < descs[i].rank; axis++) {
      if (descs[i].dims[axis].n == 1) /* a constant, or a size whose length was checked */
        continue;
      int status = check_axis(plan, &descs[i], axis, seq);
      if (status)
        return status;
    }
  return SEQ_OK;
}

static int check_requirement(seq_plan *plan, const seq_requirement *r, int64_t seq) {
  const seq_scratch *s = &plan->model->scratch;
  int64_t lhs, rhs;
  if (!seq_dim_eval(&r->lhs, s->own, &lhs) || !seq_dim_eval(&r->rhs, s->own, &rhs))
    return seq_ctx_fail(plan->model->ctx, SEQ_ERR_SHAPE,
                        "`%s`, which `%s` needs, overflows or divides by zero", r->text,
                        r->place.what);
  if (r->equal ? lhs == rhs : lhs <= rhs)
    return SEQ_OK;
  return seq_requirement_fail(plan->model->ctx, r, plan->ragged, seq, lhs, rhs);
}

/* What the code relies on of each sequence's own sizes. */
static int check_sequence(seq_plan *plan, int64_t seq) {
  const seq_function_desc *fn = plan->fn;
  int status = SEQ_OK;
  if (plan->ragged && !plan->places)
    status = check_tensors(plan, fn->inputs, fn->n_inputs, seq);
  if (!status && plan->ragged && !plan->places)
    status = check_tensors(plan, fn->outputs, fn->n_outputs, seq);
  for (int32_t i = 0; !status && i < fn->n_requirements; i++)
    status = check_requirement(plan, &fn->requirements[i], seq);
  return status;
}

static int check_sequences(seq_plan *plan) {
  seq_scratch *s = &plan->model->scratch;
  const int64_t *table = s->lengths.host;
  int64_t distinct = plan->ragged || plan->places ? plan->count : plan->count > 0;
  int status = SEQ_OK;
  for (int64_t seq = 0; !status && seq < distinct; seq++) {
    for (int32_t i = 0; i < plan->fn->n_sizes; i++)
      s->own[i] = table[i * plan->count + seq];
    status = check_sequence(plan, seq);
  }
  return status;
}

int seq_plan_lengths(seq_plan *plan) {
  for (int32_t i = 0; i < plan->fn->n_sizes; i++)
    plan->model->scratch.lengths_entry[i] = -1;
  plan->ragged = false;
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < plan->args->n_lengths; i++)
    status = check_entry(plan, i);
  if (!status)
    status = fill_table(plan);
  if (!status && plan->places)
    status = fill_places(plan);
  return status ? status : check_sequences(plan);
}

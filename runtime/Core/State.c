/* States of streams: what a model keeps between the pieces of its sequences.
 *
 * Each tensor of the state has two arrays: a call reads one and writes the other, and only
 * a call that succeeds makes them change places. So a call that fails leaves the state as
 * it was. A tensor that keeps every step has one array, for generated code writes again
 * what was there and appends; what a failed call appended lies behind the sequence's end. */
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct kept {
  const seq_tensor_desc *desc;
  bool grows;          /* keeps every step */
  int64_t bytes, each; /* of the array, of one sequence */
  void *data[2];
  DLTensor views[2];
  int64_t shape[SEQ_MAX_RANK];
} kept;

struct seq_state {
  seq_model *model;
  const seq_function_desc *fn;
  int32_t function, step; /* the stream; code for pieces of one step, -1 where there is none */
  int32_t n, now;         /* now: which arrays hold the state */
  int64_t batch, count, capacity;
  bool limited;
  int64_t *positions, *spare; /* spare: those of a new order, while it is made */
  kept *tensors;
  const DLTensor **inputs; /* of a call: the caller's, then the state's */
  DLTensor **outputs;
};

static int fail(const seq_state *state, int status, const char *text) {
  return seq_ctx_fail(state->model->ctx, status, "%s", text);
}

/* --- making ---------------------------------------------------------------------- */

static int check_options(seq_ctx *ctx, const seq_state_options *o) {
  if (!o || o->struct_size < sizeof *o || o->flags != 0)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "seq_state_options.struct_size is %u, not %u",
                        o ? (unsigned)o->struct_size : 0u, (unsigned)sizeof *o);
  if (o->batch < -1 || o->capacity < 0 || o->n_sizes < 0 || (o->n_sizes > 0 && !o->sizes))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT,
                        "a state of batch %lld and capacity %lld cannot be made",
                        (long long)o->batch, (long long)o->capacity);
  return SEQ_OK;
}

static int32_t find_stream(const seq_model_desc *desc, int32_t kind) {
  for (int32_t i = 0; i < desc->n_functions; i++)
    if (desc->functions[i].is_stream == kind)
      return i;
  return -1;
}

/* sizes[n_sizes], -1 where a size is not known. The place stands for the capacity. */
static int read_sizes(seq_state *state, const seq_state_options *o, int64_t *sizes) {
  const seq_function_desc *fn = state->fn;
  for (int32_t i = 0; i < fn->n_sizes; i++)
    sizes[i] = -1;
  for (int32_t k = 0; k < o->n_sizes; k++) {
    const seq_lengths *given = &o->sizes[k];
    int32_t i = 0;
    while (i < fn->n_sizes && (!given->size || strcmp(fn->size_names[i], given->size) != 0))
      i++;
    if (i == fn->n_sizes || given->count != 1 || !given->values || given->values[0] < 0)
      return seq_ctx_fail(state->model->ctx, SEQ_ERR_ARGUMENT,
                          "`%s` is no size of `%s` with one value", given->size ? given->size : "",
                          state->model->desc->name);
    sizes[i] = given->values[0];
  }
  sizes[fn->time] = 0;
  sizes[fn->n_sizes - 1] = o->capacity;
  return SEQ_OK;
}

static int size_tensor(seq_state *state, kept *t, const int64_t *sizes) {
  const seq_tensor_desc *desc = t->desc;
  seq_ctx *ctx = state->model->ctx;
  int32_t lead = state->batch >= 0;
  if (desc->rank + lead > SEQ_MAX_RANK)
    return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "the state `%s` has too many axes", desc->name);
  for (int32_t axis = 0; axis < desc->rank; axis++) {
    const seq_dim *dim = &desc->dims[axis];
    for (int64_t i = 0; i < dim->n; i++) {
      if (dim->ops[i].op != SEQ_DIM_SIZE)
        continue;
      t->grows |= dim->ops[i].value == state->fn->n_sizes - 1;
      if (sizes[dim->ops[i].value] < 0)
        return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT,
                            "the state `%s` is `%s`: seq_state_options.sizes must give `%s`",
                            desc->name, desc->shape_text, state->fn->size_names[dim->ops[i].value]);
    }
    if (!seq_dim_eval(dim, sizes, &t->shape[axis + lead]) || t->shape[axis + lead] < 0)
      return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "the state `%s` has no size: `%s`", desc->name,
                          desc->shape_text);
  }
  if (lead)
    t->shape[0] = state->batch;
  int64_t unit = seq_dtype_size(desc->dtype), all;
  if (!seq_shape_bytes(t->shape + lead, desc->rank, unit, &t->each) ||
      !seq_mul(t->each, state->count, &all) || !seq_add(all, SEQ_ALIGN, &t->bytes))
    return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "the state `%s` would have too many elements",
                        desc->name);
  t->bytes = all;
  state->limited |= t->grows;
  return SEQ_OK;
}

/* One table's function on the state's device. */
static int zero(seq_ctx *ctx, void *p, int64_t bytes) {
  return seq_device_status(ctx, ctx->device->table->zero(ctx->device, p, bytes));
}

static int copy(seq_ctx *ctx, void *to, const void *from, int64_t bytes) {
  return seq_device_status(ctx, ctx->device->table->copy(ctx->device, to, from, bytes));
}

static int allocate_tensor(seq_state *state, kept *t) {
  seq_ctx *ctx = state->model->ctx;
  for (int k = 0; k < 2; k++) {
    if (k == 1 && t->grows) {
      t->data[1] = t->data[0];
    } else {
      int status = seq_device_alloc(ctx, t->bytes, "a state's array", &t->data[k]);
      if (!status)
        status = zero(ctx, t->data[k], t->bytes);
      if (status)
        return status;
    }
    t->views[k] = (DLTensor){.data = t->data[k],
                             .device = ctx->device->where,
                             .ndim = t->desc->rank + (state->batch >= 0),
                             .dtype = seq_data_type(t->desc->dtype),
                             .shape = t->shape};
  }
  return SEQ_OK;
}

static bool allocate_lists(seq_state *state) {
  const seq_function_desc *fn = state->fn;
  size_t count = (size_t)(state->count > 0 ? state->count : 1);
  state->positions = calloc(count, 8);
  state->spare = calloc(count, 8);
  state->tensors = calloc((size_t)state->n + 1, sizeof *state->tensors);
  state->inputs = calloc((size_t)fn->n_inputs + 1, sizeof *state->inputs);
  state->outputs = calloc((size_t)fn->n_outputs + 1, sizeof *state->outputs);
  return state->positions && state->spare && state->tensors && state->inputs && state->outputs;
}

/* Everything but the memory of the tensors. */
static int measure_state(seq_state *state, const seq_state_options *o) {
  seq_ctx *ctx = state->model->ctx;
  const seq_function_desc *fn = state->fn;
  int64_t *sizes = calloc((size_t)fn->n_sizes, 8);
  int status = SEQ_OK;
  if (!allocate_lists(state) || !sizes)
    status = seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "no memory for a state");
  if (!status)
    status = read_sizes(state, o, sizes);
  for (int32_t i = 0; !status && i < state->n; i++) {
    state->tensors[i].desc = &fn->inputs[fn->n_inputs - state->n + i];
    status = size_tensor(state, &state->tensors[i], sizes);
  }
  free(sizes);
  return status;
}

static int allocate_state(seq_state *state) {
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < state->n; i++)
    status = allocate_tensor(state, &state->tensors[i]);
  return status;
}

/* A state without memory for its tensors. */
static int plan_state(seq_model *model, const seq_state_options *options, seq_state **out) {
  if (!model || !out)
    return SEQ_ERR_ARGUMENT;
  *out = NULL;
  int status = check_options(model->ctx, options);
  if (status)
    return status;
  int32_t function = find_stream(model->desc, SEQ_STREAM_PIECE);
  if (function < 0)
    return seq_ctx_fail(model->ctx, SEQ_ERR_MODEL, "`%s` has no stream", model->desc->name);
  seq_state *state = calloc(1, sizeof *state);
  if (!state)
    return seq_ctx_fail(model->ctx, SEQ_ERR_MEMORY, "no memory for a state");
  state->model = model;
  state->function = function;
  state->step = find_stream(model->desc, SEQ_STREAM_STEP);
  state->fn = &model->desc->functions[function];
  state->n = state->fn->n_states;
  state->batch = options->batch;
  state->count = options->batch < 0 ? 1 : options->batch;
  state->capacity = options->capacity;
  status = measure_state(state, options);
  if (status)
    seq_state_destroy(state);
  else
    *out = state;
  return status;
}

int seq_state_create(seq_model *model, const seq_state_options *options, seq_state **out) {
  int status = plan_state(model, options, out);
  if (!status && (status = allocate_state(*out))) {
    seq_state_destroy(*out);
    *out = NULL;
  }
  return status;
}

int seq_state_size(seq_model *model, const seq_state_options *options, int64_t *bytes) {
  seq_state *state;
  int status = plan_state(model, options, &state);
  if (status)
    return status;
  *bytes = seq_state_bytes(state);
  seq_state_destroy(state);
  return SEQ_OK;
}

void seq_state_destroy(seq_state *state) {
  if (!state)
    return;
  for (int32_t i = 0; state->tensors && i < state->n; i++)
    for (int k = 0; k < 2 - state->tensors[i].grows; k++)
      seq_device_free(state->model->ctx, state->tensors[i].data[k]);
  free(state->tensors);
  free(state->positions);
  free(state->spare);
  free(state->inputs);
  free(state->outputs);
  free(state);
}

const int64_t *seq_state_positions(const seq_state *state) {
  return state->positions;
}

int seq_state_has_capacity(const seq_state *state) {
  return state->limited;
}

int seq_state_reset(seq_state *state, int64_t sequence) {
  if (sequence < -1 || sequence >= state->count)
    return fail(state, SEQ_ERR_ARGUMENT, "the state has no such sequence");
  for (int64_t i = 0; i < state->count; i++)
    if (sequence < 0 || i == sequence)
      state->positions[i] = 0;
  return SEQ_OK;
}

/* --- calls ----------------------------------------------------------------------- */

/* The caller's arguments with the state's behind them. */
static int join_args(seq_state *state, const seq_args *args, seq_args *joined) {
  const seq_function_desc *fn = state->fn;
  seq_ctx *ctx = state->model->ctx;
  int32_t inputs = fn->n_inputs - state->n, outputs = fn->n_outputs - state->n;
  if (!args || args->struct_size < sizeof *args)
    return fail(state, SEQ_ERR_ARGUMENT, "seq_args.struct_size is wrong");
  if (args->n_inputs != inputs || (inputs > 0 && !args->inputs))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "the stream of `%s` takes %d input%s, not %d",
                        state->model->desc->name, (int)inputs, inputs == 1 ? "" : "s",
                        (int)args->n_inputs);
  bool batched = false;
  for (int32_t i = 0; i < inputs; i++) {
    state->inputs[i] = args->inputs[i];
    batched |= args->inputs[i] && args->inputs[i]->ndim > fn->inputs[i].rank;
  }
  if (batched != (state->batch >= 0) && inputs > 0)
    return seq_ctx_fail(ctx, SEQ_ERR_SHAPE,
                        batched ? "the inputs have a batch axis, and the state has none"
                                : "the state has a batch of %lld, and no input has its axis",
                        (long long)state->batch);
  for (int32_t i = 0; i < outputs; i++)
    state->outputs[i] = args->outputs && i < args->n_outputs ? args->outputs[i] : NULL;
  for (int32_t i = 0; i < state->n; i++) {
    state->inputs[inputs + i] = &state->tensors[i].views[state->now];
    state->outputs[outputs + i] = &state->tensors[i].views[1 - state->now];
  }
  *joined = *args;
  joined->inputs = state->inputs;
  joined->outputs = state->outputs;
  joined->n_inputs = fn->n_inputs;
  joined->n_outputs = fn->n_outputs;
  return SEQ_OK;
}

/* A call's plan, with what it points to. */
typedef struct {
  seq_plan plan;
  seq_args joined;
  seq_places places;
} state_plan;

static int make_plan(seq_state *state, const seq_args *args, state_plan *p) {
  if (!state)
    return SEQ_ERR_ARGUMENT;
  int status = join_args(state, args, &p->joined);
  if (status)
    return status;
  p->places = (seq_places){.positions = state->positions};
  seq_plan *plan = &p->plan;
  status = seq_plan_make_at(plan, state->model, state->function, &p->joined, &p->places);
  if (!status && state->step >= 0 && !plan->ragged && plan->call.sizes[state->fn->time] == 1)
    seq_plan_use(plan, state->step);
  return status;
}

static int call(seq_state *state, const seq_args *args, bool step) {
  state_plan p;
  int status = make_plan(state, args, &p);
  if (status)
    return status;
  int32_t time = state->fn->time;
  if (step && p.plan.call.sizes[time] != 1)
    return seq_ctx_fail(state->model->ctx, SEQ_ERR_SHAPE, "a step has 1 for `%s`, this has %lld",
                        state->fn->size_names[time], (long long)p.plan.call.sizes[time]);
  if ((status = seq_plan_run(&p.plan)))
    return status;
  state->now = 1 - state->now;
  const int64_t *lengths = state->model->scratch.lengths.host;
  for (int64_t i = 0; i < state->count; i++)
    state->positions[i] += lengths[time * state->count + i];
  return SEQ_OK;
}

int seq_state_call(seq_state *state, const seq_args *args) {
  return call(state, args, false);
}

int seq_state_step(seq_state *state, const seq_args *args) {
  return call(state, args, true);
}

int seq_state_output_shape(seq_state *state, const seq_args *args, int32_t output, int64_t *shape,
                           int32_t *rank) {
  state_plan p;
  int status = make_plan(state, args, &p);
  if (status)
    return status;
  if (output < 0 || output >= state->fn->n_outputs - state->n)
    return seq_ctx_fail(state->model->ctx, SEQ_ERR_ARGUMENT, "there is no output number %d",
                        (int)output);
  return seq_plan_output_shape(&p.plan, output, shape, rank);
}

int seq_state_workspace_size(seq_state *state, const seq_args *args, int64_t *bytes) {
  state_plan p;
  int status = make_plan(state, args, &p);
  return status ? status : seq_plan_workspace(&p.plan, bytes);
}

/* --- copies ---------------------------------------------------------------------- */

typedef struct header {
  uint32_t magic, version;
  uint64_t shapes; /* of the model's name and every tensor's name, type and shape */
  int64_t batch, bytes;
} header;

#define STATE_MAGIC 0x53514553u /* "SEQS" in memory order */

static uint64_t hash(uint64_t h, const void *data, size_t n) {
  const unsigned char *p = data;
  for (size_t i = 0; i < n; i++)
    h = (h ^ p[i]) * 1099511628211u;
  return h;
}

static header header_of(const seq_state *state) {
  uint64_t h = 14695981039346656037u;
  const char *name = state->model->desc->name;
  h = hash(h, name, strlen(name));
  for (int32_t i = 0; i < state->n; i++) {
    const kept *t = &state->tensors[i];
    h = hash(h, t->desc->name, strlen(t->desc->name));
    h = hash(h, &t->desc->dtype, sizeof t->desc->dtype);
    h = hash(h, t->shape, sizeof(int64_t) * (size_t)t->views[0].ndim);
  }
  return (header){STATE_MAGIC, SEQ_ABI_VERSION, h, state->batch, seq_state_bytes(state)};
}

int64_t seq_state_bytes(const seq_state *state) {
  int64_t bytes = (int64_t)sizeof(header) + state->count * 8;
  for (int32_t i = 0; i < state->n; i++)
    bytes += state->tensors[i].bytes;
  return bytes;
}

int seq_state_save(const seq_state *state, void *buffer, int64_t bytes) {
  if (!buffer || bytes < seq_state_bytes(state))
    return seq_ctx_fail(state->model->ctx, SEQ_ERR_ARGUMENT,
                        "the state needs %lld bytes, the buffer has %lld",
                        (long long)seq_state_bytes(state), (long long)(buffer ? bytes : 0));
  header head = header_of(state);
  char *at = buffer;
  memcpy(at, &head, sizeof head);
  at += sizeof head;
  memcpy(at, state->positions, (size_t)state->count * 8);
  at += state->count * 8;
  seq_device *d = state->model->ctx->device;
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < state->n; i++) {
    const kept *t = &state->tensors[i];
    status = seq_device_status(state->model->ctx,
                               d->table->copy_out(d, at, t->data[state->now], t->bytes));
    at += t->bytes;
  }
  return status;
}

static bool sound_positions(const seq_state *state, const char *at) {
  for (int64_t i = 0; i < state->count; i++) {
    int64_t position;
    memcpy(&position, at + i * 8, 8);
    if (position < 0 || (state->limited && position > state->capacity))
      return false;
  }
  return true;
}

int seq_state_restore(seq_state *state, const void *buffer, int64_t bytes) {
  header head, own = header_of(state);
  if (!buffer || bytes < (int64_t)sizeof head)
    return fail(state, SEQ_ERR_ARGUMENT, "these bytes are too few for a state");
  memcpy(&head, buffer, sizeof head);
  if (memcmp(&head, &own, sizeof head) != 0 || bytes < own.bytes ||
      !sound_positions(state, (const char *)buffer + sizeof head))
    return fail(state, SEQ_ERR_ARGUMENT,
                "these bytes are no state of the same model, batch, capacity and sizes");
  const char *at = (const char *)buffer + sizeof head;
  memcpy(state->positions, at, (size_t)state->count * 8);
  at += state->count * 8;
  seq_device *d = state->model->ctx->device;
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < state->n; i++) {
    const kept *t = &state->tensors[i];
    status = seq_device_status(state->model->ctx,
                               d->table->copy_in(d, t->data[state->now], at, t->bytes));
    at += t->bytes;
  }
  return status;
}

/* The arrays that hold the other state, in new ones. */
static int copy_tensors(seq_state *copied, const seq_state *state) {
  int status = SEQ_OK;
  for (int32_t i = 0; !status && i < state->n; i++) {
    kept *t = &copied->tensors[i];
    *t = state->tensors[i];
    t->data[0] = t->data[1] = NULL;
    status = allocate_tensor(copied, t);
    if (!status)
      status = copy(state->model->ctx, t->data[state->now], state->tensors[i].data[state->now],
                    t->bytes);
  }
  return status;
}

int seq_state_fork(const seq_state *state, seq_state **out) {
  if (!state || !out)
    return SEQ_ERR_ARGUMENT;
  *out = NULL;
  seq_state *copied = calloc(1, sizeof *copied);
  if (!copied)
    return fail(state, SEQ_ERR_MEMORY, "no memory for a state");
  *copied = *state;
  int status = allocate_lists(copied) ? copy_tensors(copied, state)
                                      : fail(state, SEQ_ERR_MEMORY, "no memory for a state");
  if (status) {
    seq_state_destroy(copied);
    return status;
  }
  memcpy(copied->positions, state->positions, (size_t)state->count * 8);
  *out = copied;
  return SEQ_OK;
}

/* to[i] = old[from[i]]; neighbours that stay neighbours go in one copy. */
static int gather_sequences(seq_ctx *ctx, const kept *t, void *to, const void *old,
                            const int64_t *from, int64_t count) {
  int status = SEQ_OK;
  for (int64_t i = 0, n; !status && i < count; i += n) {
    for (n = 1; i + n < count && from[i + n] == from[i] + n;)
      n++;
    status =
        copy(ctx, (char *)to + i * t->each, (const char *)old + from[i] * t->each, n * t->each);
  }
  return status;
}

/* A tensor of two arrays goes from one to the other; one that grows has a single array, and
 * goes by way of the context's workspace. */
static int reorder_tensor(seq_state *state, const kept *t, const int64_t *from) {
  seq_ctx *ctx = state->model->ctx;
  void *old = t->data[state->now];
  if (t->each == 0)
    return SEQ_OK;
  if (!t->grows)
    return gather_sequences(ctx, t, t->data[1 - state->now], old, from, state->count);
  int status = copy(ctx, ctx->workspace, old, t->bytes);
  return status ? status : gather_sequences(ctx, t, old, ctx->workspace, from, state->count);
}

int seq_state_reorder(seq_state *state, const int64_t *from, int64_t count) {
  if (!from || count != state->count)
    return fail(state, SEQ_ERR_ARGUMENT, "an order has one entry for each sequence of the state");
  bool moves = false;
  for (int64_t i = 0; i < count; i++) {
    if (from[i] < 0 || from[i] >= count)
      return fail(state, SEQ_ERR_ARGUMENT, "an order names sequences of the state");
    moves |= from[i] != i;
  }
  if (!moves)
    return SEQ_OK;
  seq_ctx *ctx = state->model->ctx;
  int status = SEQ_OK;
  for (int32_t k = 0; !status && k < state->n; k++)
    if (state->tensors[k].grows)
      status = seq_device_grow(ctx, &ctx->workspace, &ctx->workspace_bytes, state->tensors[k].bytes,
                               "a workspace");
  for (int32_t k = 0; !status && k < state->n; k++)
    status = reorder_tensor(state, &state->tensors[k], from);
  if (status)
    return status;
  state->now = 1 - state->now;
  for (int64_t i = 0; i < count; i++)
    state->spare[i] = state->positions[from[i]];
  memcpy(state->positions, state->spare, (size_t)count * 8);
  return SEQ_OK;
}

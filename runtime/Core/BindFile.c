/* Parameters from a safetensors file. */
#include "Internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names shown of a long list. */
#define NAMES_SHOWN 5

typedef struct binding {
  seq_model *model;
  const char *path;
  seq_safetensors *file;
  const void **data; /* [n_params] what prepare reads */
  void **owned;      /* [n_params] converted copies, null where the file serves */
  int32_t rounded;   /* parameters that lost bits */
  const char *rounded_name;
  int32_t rounded_from, rounded_to; /* of it: seq_elem, SEQ_* */
} binding;

/* "`a`, `b` and 3 more": collects names one by one. */
typedef struct names {
  char text[512];
  size_t at;
  int64_t n;
} names;

static void add_name(names *list, const char *name) {
  if (list->n++ >= NAMES_SHOWN || list->at + 1 >= sizeof list->text)
    return;
  int n = snprintf(list->text + list->at, sizeof list->text - list->at, "%s`%.80s`",
                   list->at ? ", " : "", name);
  list->at += n > 0 ? (size_t)n : 0;
}

static const char *finish_names(names *list) {
  if (list->n > NAMES_SHOWN && list->at < sizeof list->text)
    snprintf(list->text + list->at, sizeof list->text - list->at, " and %lld more",
             (long long)(list->n - NAMES_SHOWN));
  return list->text;
}

static bool is_param(const seq_model_desc *desc, const char *name) {
  for (int32_t i = 0; i < desc->n_params; i++)
    if (strcmp(desc->params[i].name, name) == 0)
      return true;
  return false;
}

/* Missing names first, with what the file has instead; then surplus ones. */
static int check_names(binding *b, int ignore_extra) {
  const seq_model_desc *desc = b->model->desc;
  const seq_file_tensor *tensors = seq_safetensors_tensors(b->file);
  names missing = {.n = 0}, extra = {.n = 0};
  for (int32_t i = 0; i < desc->n_params; i++)
    if (!seq_safetensors_find(b->file, desc->params[i].name))
      add_name(&missing, desc->params[i].name);
  /* Names match one to one, so counts tell whether there is anything to search. */
  int64_t surplus = seq_safetensors_count(b->file) - (desc->n_params - missing.n);
  for (int64_t i = 0; surplus > 0 && i < seq_safetensors_count(b->file); i++)
    if (extra.n <= NAMES_SHOWN && !is_param(desc, tensors[i].name))
      add_name(&extra, tensors[i].name);
  extra.n = surplus;
  seq_ctx *ctx = b->model->ctx;
  if (missing.n > 0)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s lacks parameter%s %s of `%s`%s%s", b->path,
                        missing.n == 1 ? "" : "s", finish_names(&missing), desc->name,
                        surplus > 0 ? "; it holds, unused, " : "",
                        surplus > 0 ? finish_names(&extra) : "");
  if (surplus > 0 && !ignore_extra)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT,
                        "%s holds %s, which `%s` has no parameter for; --ignore-extra permits that",
                        b->path, finish_names(&extra), desc->name);
  return SEQ_OK;
}

static bool is_reversed(const seq_file_tensor *t, const int64_t *shape) {
  bool reversed = t->rank > 1;
  for (int32_t i = 0; i < t->rank; i++)
    reversed &= t->shape[i] == shape[t->rank - 1 - i];
  return reversed;
}

static int check_shape(binding *b, const seq_file_tensor *t, const seq_tensor_desc *desc) {
  int64_t shape[SEQ_MAX_RANK];
  int status = seq_param_shape(b->model->ctx, desc, shape);
  if (status)
    return status;
  if (t->rank == desc->rank && (t->rank == 0 || !memcmp(t->shape, shape, (size_t)t->rank * 8)))
    return SEQ_OK;
  char have[200], want[200];
  bool reversed = t->rank == desc->rank && is_reversed(t, shape);
  return seq_ctx_fail(b->model->ctx, SEQ_ERR_SHAPE, "%s: `%s` is %s, the parameter is %s%s",
                      b->path, t->name, seq_shape_text(t->shape, t->rank, have, sizeof have),
                      seq_shape_text(shape, desc->rank, want, sizeof want),
                      reversed ? ": it looks transposed" : "");
}

/* Can prepare read the file's bytes as they are? */
static bool serves(const seq_file_tensor *t, int32_t dtype) {
  const uint16_t probe = 1;
  bool little = *(const unsigned char *)&probe == 1;
  return little && seq_same_type(t->elem, dtype) &&
         (uintptr_t)t->data % (uintptr_t)seq_dtype_size(dtype) == 0;
}

static int convert(binding *b, int32_t i, const seq_file_tensor *t, int32_t dtype) {
  int64_t bytes;
  seq_ctx *ctx = b->model->ctx;
  if (!seq_mul(t->count, seq_dtype_size(dtype), &bytes) ||
      !(b->owned[i] = seq_aligned_alloc(bytes)))
    return seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "%s: no memory for `%s`", b->path, t->name);
  char who[800];
  seq_message err;
  int32_t notes = 0;
  snprintf(who, sizeof who, "%.500s: `%.200s`", b->path, t->name);
  int status = seq_convert(t, dtype, SEQ_CONVERT_WEIGHTS, b->owned[i], &notes, who, &err);
  if (status)
    return seq_ctx_fail(ctx, status, "%s", err.text);
  b->data[i] = b->owned[i];
  if (notes & SEQ_NOTE_ROUNDED && b->rounded++ == 0) {
    b->rounded_name = b->model->desc->params[i].name;
    b->rounded_from = t->elem;
    b->rounded_to = dtype;
  }
  return SEQ_OK;
}

static int bind_all(binding *b, int ignore_extra) {
  int status = check_names(b, ignore_extra);
  for (int32_t i = 0; !status && i < b->model->desc->n_params; i++) {
    const seq_tensor_desc *desc = &b->model->desc->params[i];
    const seq_file_tensor *t = seq_safetensors_find(b->file, desc->name);
    status = check_shape(b, t, desc);
    if (!status && serves(t, desc->dtype))
      b->data[i] = t->data;
    else if (!status)
      status = convert(b, i, t, desc->dtype);
  }
  return status ? status : seq_model_prepare(b->model, b->data);
}

static void write_note(const binding *b) {
  seq_ctx *ctx = b->model->ctx;
  const char *from = seq_elem_name(b->rounded_from), *to = seq_dtype_name(b->rounded_to);
  if (b->rounded == 1)
    snprintf(ctx->note, sizeof ctx->note, "%.200s: %s `%.200s` was rounded to %s", b->path, from,
             b->rounded_name, to);
  else if (b->rounded > 1)
    snprintf(ctx->note, sizeof ctx->note, "%.200s: %s `%.200s` and %d more were rounded to %s",
             b->path, from, b->rounded_name, (int)b->rounded - 1, to);
}

int seq_model_bind_file(seq_model *model, const char *path, int ignore_extra) {
  if (!model)
    return SEQ_ERR_ARGUMENT;
  seq_ctx *ctx = model->ctx;
  size_t n = (size_t)model->desc->n_params;
  seq_message err;
  binding b = {.model = model, .path = path};
  ctx->note[0] = 0;
  int status = seq_safetensors_open(path, &b.file, &err);
  if (status)
    return seq_ctx_fail(ctx, status, "%s", err.text);
  b.data = calloc(n + 1, sizeof *b.data);
  b.owned = calloc(n + 1, sizeof *b.owned);
  if (b.data && b.owned)
    status = bind_all(&b, ignore_extra);
  else
    status = seq_ctx_fail(ctx, SEQ_ERR_MEMORY, "%s: no memory for its parameters", path);
  if (!status)
    write_note(&b);
  for (size_t i = 0; b.owned && i < n; i++)
    seq_aligned_free(b.owned[i]);
  free(b.owned);
  free(b.data);
  seq_safetensors_close(b.file);
  return status;
}

/* DLPack views: what the runtime takes, and why it refuses the rest. */
#include "Internal.h"

#include <stdio.h>

DLDataType seq_data_type(int32_t dtype) {
  static const DLDataType types[] = {
      [SEQ_F32] = {kDLFloat, 32, 1},   [SEQ_F64] = {kDLFloat, 64, 1},
      [SEQ_I32] = {kDLInt, 32, 1},     [SEQ_BOOL] = {kDLBool, 8, 1},
      [SEQ_BF16] = {kDLBfloat, 16, 1}, [SEQ_F16] = {kDLFloat, 16, 1}};
  return types[dtype];
}

static bool type_matches(DLDataType type, int32_t dtype) {
  DLDataType want = seq_data_type(dtype);
  return type.lanes == want.lanes && type.code == want.code && type.bits == want.bits;
}

/* "f32", "u8", "bf16 x 4": the view's element type. */
static void type_text(DLDataType type, char *text, size_t bytes) {
  static const char *const names[] = {"i", "u", "f", "opaque", "bf", "c", "bool"};
  const char *name = type.code <= kDLBool ? names[type.code] : "type ";
  int n = type.code == kDLBool  ? snprintf(text, bytes, "bool")
          : type.code > kDLBool ? snprintf(text, bytes, "type %d of %d bits", type.code, type.bits)
                                : snprintf(text, bytes, "%s%d", name, type.bits);
  if (type.lanes != 1 && n > 0 && (size_t)n < bytes)
    snprintf(text + n, bytes - (size_t)n, " x %d", type.lanes);
}

/* Row major without gaps; the stride of an axis of 1 says nothing. */
static bool is_dense(const DLTensor *view) {
  if (!view->strides)
    return true;
  int64_t expected = 1;
  for (int32_t i = view->ndim - 1; i >= 0; i--) {
    if (view->shape[i] == 0)
      return true;
    if (view->shape[i] != 1 && view->strides[i] != expected)
      return false;
    expected *= view->shape[i]; /* the product was checked before */
  }
  return true;
}

/* "the CPU", "CUDA device 1". */
static void place_text(DLDevice place, char *text, size_t bytes) {
  switch ((int)place.device_type) {
  case kDLCPU:
    snprintf(text, bytes, "the CPU");
    return;
  case kDLCUDA:
    snprintf(text, bytes, "CUDA device %d", (int)place.device_id);
    return;
  case kDLCUDAHost:
    snprintf(text, bytes, "the CPU (pinned memory)");
    return;
  case kDLCUDAManaged:
    snprintf(text, bytes, "managed memory of CUDA");
    return;
  default:
    snprintf(text, bytes, "device type %d", (int)place.device_type);
  }
}

static int check_place(seq_ctx *ctx, const DLTensor *view, DLDevice want, const char *kind,
                       const char *name) {
  DLDevice have = view->device;
  if (have.device_type == want.device_type &&
      (want.device_type == kDLCPU || have.device_id == want.device_id))
    return SEQ_OK;
  if (want.device_type == kDLCUDA && have.device_type == kDLCUDAManaged)
    return SEQ_OK;
  char is[64], must[64];
  place_text(have, is, sizeof is);
  place_text(want, must, sizeof must);
  const char *hint = want.device_type == kDLCUDA ? " (seq_ctx_alloc, seq_ctx_copy_in)"
                     : seq_on_device(ctx)        ? ""
                                                 : ", or call in a context of that device";
  return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s `%s` is on %s, not on %s: copy it there%s", kind,
                      name, is, must, hint);
}

static int check_form(seq_ctx *ctx, const DLTensor *view, const char *kind, const char *name) {
  if (view->ndim < 0 || view->ndim > SEQ_MAX_RANK || (view->ndim > 0 && !view->shape))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s `%s` has %d axes; at most %d are possible", kind,
                        name, (int)view->ndim, SEQ_MAX_RANK);
  return SEQ_OK;
}

static int check_view(seq_ctx *ctx, const DLTensor *view, DLDevice place, const char *kind,
                      const char *name, int32_t dtype) {
  int status = check_place(ctx, view, place, kind, name);
  if (!status)
    status = check_form(ctx, view, kind, name);
  if (status)
    return status;
  if (!type_matches(view->dtype, dtype)) {
    char have[48];
    type_text(view->dtype, have, sizeof have);
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s `%s` is %s, not %s", kind, name, have,
                        seq_dtype_name(dtype));
  }
  int64_t bytes, unit = seq_dtype_size(dtype);
  if (!seq_shape_bytes(view->shape, view->ndim, unit, &bytes))
    return seq_ctx_fail(ctx, SEQ_ERR_SHAPE, "%s `%s` has a negative axis or too many elements",
                        kind, name);
  if (!is_dense(view))
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s `%s` is not dense and row major: copy it first",
                        kind, name);
  if (bytes == 0)
    return SEQ_OK;
  if (!view->data)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s `%s` has no data", kind, name);
  if ((uintptr_t)seq_view_data(view) % (uintptr_t)unit != 0)
    return seq_ctx_fail(ctx, SEQ_ERR_ARGUMENT, "%s `%s` is not aligned to its %d-byte elements",
                        kind, name, (int)unit);
  return SEQ_OK;
}

int seq_host_view_check(seq_ctx *ctx, const DLTensor *view, const char *kind, const char *name,
                        int32_t dtype) {
  return check_view(ctx, view, (DLDevice){kDLCPU, 0}, kind, name, dtype);
}

int seq_view_check(seq_ctx *ctx, const DLTensor *view, const char *kind, const char *name,
                   int32_t dtype) {
  seq_device *d = ctx->device;
  int status = check_view(ctx, view, d->where, kind, name, dtype);
  if (status || !d->table->check_pointer || !view->data)
    return status;
  status = d->table->check_pointer(d, seq_view_data(view));
  return status ? seq_ctx_fail(ctx, status, "%s `%s` %s", kind, name, d->error.text) : SEQ_OK;
}

const char *seq_shape_text(const int64_t *shape, int32_t rank, char *text, size_t bytes) {
  size_t at = 0;
  int n = snprintf(text, bytes, "[");
  for (int32_t i = 0; i < rank && n > 0 && at + (size_t)n < bytes; i++) {
    at += (size_t)n;
    n = snprintf(text + at, bytes - at, "%s%lld", i ? ", " : "", (long long)shape[i]);
  }
  at += (size_t)n;
  if (at + 1 < bytes)
    snprintf(text + at, bytes - at, "]");
  return text;
}

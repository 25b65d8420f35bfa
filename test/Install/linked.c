/* Calls a model that seq_add_library compiled; prints its outputs. Then as a stream, which must
 * give the same. */
#include "ema.h"

#include <stdio.h>

int main(void) {
  float x[] = {1, 2, 3, 4}, y[4], decay = 0.5f;
  int64_t shape[] = {4};
  DLDataType f32 = {kDLFloat, 32, 1};
  DLTensor in = {.data = x, .device = {kDLCPU, 0}, .ndim = 1, .dtype = f32, .shape = shape};
  DLTensor rate = {.data = &decay, .device = {kDLCPU, 0}, .ndim = 0, .dtype = f32};
  DLTensor out = {.data = y, .device = {kDLCPU, 0}, .ndim = 1, .dtype = f32, .shape = shape};
  seq_ctx *ctx = seq_ctx_create(1);
  seq_model *model;
  if (seq_ema_create(ctx, &model) ||
      seq_ema_forward(model, (const DLTensor *[]){&in, &rate}, (DLTensor *[]){&out}, NULL, 0)) {
    fprintf(stderr, "%s\n", seq_last_error(ctx));
    return 1;
  }
  for (int i = 0; i < 4; ++i)
    printf("%g ", y[i]);
  printf("\n");
  float z[4];
  int64_t three[] = {3}, one[] = {1}, bytes = 0;
  in.shape = out.shape = three;
  out.data = z;
  seq_state *state;
  seq_state_options options = {.struct_size = sizeof options, .batch = -1};
  if (seq_ema_state_size(model, &options, &bytes) ||
      seq_ema_state_create(model, &options, &state) || bytes != seq_state_bytes(state) ||
      seq_ema_prefill(state, (const DLTensor *[]){&in, &rate}, (DLTensor *[]){&out}, NULL, 0)) {
    fprintf(stderr, "%s\n", seq_last_error(ctx));
    return 1;
  }
  in.shape = out.shape = one;
  in.data = x + 3;
  out.data = z + 3;
  if (seq_ema_step(state, (const DLTensor *[]){&in, &rate}, (DLTensor *[]){&out}, NULL, 0))
    return 1;
  for (int i = 0; i < 4; ++i)
    if (z[i] != y[i])
      return 1;
  seq_state_destroy(state);
  seq_model_destroy(model);
  seq_ctx_destroy(ctx);
  return 0;
}

/* Links a compiled model, feeds it an .npy file and writes the results as .npy files.
 *
 *   host weights.safetensors x.npy y.npy hT.npy */
#include "cell.h"
#include "seq/io.h"

#include <stdio.h>
#include <stdlib.h>

enum { H = 4 };

static const DLDataType kFloat = {kDLFloat, 32, 1};

static DLTensor view(float *data, int32_t rank, int64_t *shape) {
  DLTensor t = {.data = data, .device = {kDLCPU, 0}, .ndim = rank, .dtype = kFloat, .shape = shape};
  return t;
}

static int fail(const char *what) {
  fprintf(stderr, "%s\n", what);
  return EXIT_FAILURE;
}

int main(int argc, char **argv) {
  if (argc != 5)
    return fail("usage: host weights.safetensors x.npy y.npy hT.npy");

  seq_message message;
  seq_array x;
  if (seq_npy_read(argv[2], SEQ_F32, &x, &message))
    return fail(message.text);

  int64_t y_shape[] = {x.shape[0], H}, h_shape[] = {H};
  float *y = malloc(sizeof(float) * (size_t)(x.shape[0] * H + 1)), last[H];
  DLTensor in = view(x.data, x.rank, x.shape), out = view(y, 2, y_shape),
           h = view(last, 1, h_shape);
  const DLTensor *inputs[] = {&in, NULL}; /* h0 keeps its default */
  DLTensor *outputs[] = {&out, &h};

  seq_ctx *ctx = seq_ctx_create(0);
  seq_model *model = NULL;
  if (!ctx || seq_cell_create(ctx, &model) || seq_cell_load(model, argv[1]) ||
      seq_cell_forward(model, inputs, outputs, NULL, 0))
    return fail(ctx ? seq_last_error(ctx) : "no memory");

  if (seq_npy_write(argv[3], SEQ_F32, 2, y_shape, y, &message) ||
      seq_npy_write(argv[4], SEQ_F32, 1, h_shape, last, &message))
    return fail(message.text);

  seq_model_destroy(model);
  seq_ctx_destroy(ctx);
  seq_array_free(&x);
  free(y);
  return EXIT_SUCCESS;
}

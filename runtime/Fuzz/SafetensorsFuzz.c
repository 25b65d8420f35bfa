/* The safetensors reader on arbitrary bytes; whatever it accepts is converted too. */
#include "seq/io.h"

#include <stdlib.h>

static void convert_all(const seq_file_tensor *t) {
  seq_message err;
  int32_t notes = 0;
  /* A type of unknown width may claim any number of elements: it is never converted. */
  void *out = t->elem == SEQ_ELEM_OTHER ? NULL : malloc((size_t)t->count * 8 + 8);
  if (!out)
    return;
  for (int32_t dtype = SEQ_F32; dtype <= SEQ_BOOL; dtype++)
    seq_convert(t, dtype, SEQ_CONVERT_WEIGHTS, out, &notes, "fuzz", &err);
  free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  seq_safetensors *file;
  seq_message err;
  if (seq_safetensors_parse(bytes, n, "fuzz.safetensors", &file, &err) != SEQ_OK)
    return 0;
  for (int64_t i = 0; i < seq_safetensors_count(file); i++) {
    const seq_file_tensor *t = &seq_safetensors_tensors(file)[i];
    if (seq_safetensors_find(file, t->name) != t)
      abort();
    convert_all(t);
  }
  seq_safetensors_close(file);
  return 0;
}

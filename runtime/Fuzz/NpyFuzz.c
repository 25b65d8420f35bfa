/* The npy reader on arbitrary bytes: the first byte picks the type that is asked for. */
#include "seq/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
  static const int32_t types[] = {SEQ_F32, SEQ_F64, SEQ_I32, SEQ_BOOL, SEQ_IO_I64};
  seq_array array;
  seq_message err;
  if (n == 0)
    return 0;
  if (seq_npy_parse(bytes + 1, n - 1, "fuzz.npy", types[bytes[0] % 5], &array, &err) == SEQ_OK)
    seq_array_free(&array);
  return 0;
}

/* Files of arrays: npy and safetensors, read with every bound checked.
 *
 * Functions that return int return a seq_status; the message in *err always names the
 * file. Nothing here needs a context. */
#ifndef SEQ_IO_H
#define SEQ_IO_H

#include "seq/runtime.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct seq_message {
  char text[1024];
} seq_message;

/* Element types as files hold them. */
typedef enum seq_elem {
  SEQ_ELEM_OTHER = 0, /* a type that nothing converts: its name is in dtype_name */
  SEQ_ELEM_F16,
  SEQ_ELEM_BF16,
  SEQ_ELEM_F32,
  SEQ_ELEM_F64,
  SEQ_ELEM_I8,
  SEQ_ELEM_I16,
  SEQ_ELEM_I32,
  SEQ_ELEM_I64,
  SEQ_ELEM_U8,
  SEQ_ELEM_U16,
  SEQ_ELEM_U32,
  SEQ_ELEM_U64,
  SEQ_ELEM_BOOL
} seq_elem;

/* An array inside a file's bytes. `data` may be unaligned. */
typedef struct seq_file_tensor {
  const char *name;       /* "" for npy */
  const char *dtype_name; /* as the file spells it */
  int32_t elem;           /* seq_elem */
  int32_t rank;
  const int64_t *shape; /* [rank] */
  int64_t count;        /* elements */
  const void *data;
  int64_t bytes;
  int32_t big_endian, fortran_order; /* 0 or 1; npy alone */
} seq_file_tensor;

/* Target of a conversion beside SEQ_F32 ... SEQ_BOOL: 64-bit integers, for lengths. */
#define SEQ_IO_I64 100

/* Rules of a conversion. By default: floats to floats; integers to integers, and to
 * floats, where every value is represented exactly; bool from bool. */
#define SEQ_CONVERT_WEIGHTS 1 /* integers and bools keep their type and width */

/* Set in *notes when floats became shorter ones: f64 as f32, and what is no bf16 or f16 already as
 * one of these. */
#define SEQ_NOTE_ROUNDED 1

/* Writes src's elements in row-major order, as dtype (SEQ_F32 ... or SEQ_IO_I64), to
 * dst[count]. `who` begins the message, as in "x.npy". notes may be null. */
int seq_convert(const seq_file_tensor *src, int32_t dtype, int32_t rules, void *dst, int32_t *notes,
                const char *who, seq_message *err);

/* Bytes of one element of a SEQ_* type (or SEQ_IO_I64), 0 for an unknown one. */
int64_t seq_dtype_size(int32_t dtype);

/* "f32", "f64", "i32", "bool", "bf16", "f16", "i64". */
const char *seq_dtype_name(int32_t dtype);

/* How DLPack describes a SEQ_* type. */
DLDataType seq_data_type(int32_t dtype);

/* Whether a SEQ_* type is a float. */
int seq_dtype_is_float(int32_t dtype);

/* Element i of data of a SEQ_* type. */
double seq_element_get(const void *data, int32_t dtype, int64_t i);

/* Sets it: floats are rounded once, to nearest and ties to even, and infinite beyond the range; of
 * others `value` must be one. */
void seq_element_set(void *data, int32_t dtype, int64_t i, double value);

/* --- npy ------------------------------------------------------------------------- */

/* An array in memory that seq_array_free releases. Row major. */
typedef struct seq_array {
  void *data; /* aligned to 64, never null after success */
  int64_t count;
  int32_t dtype; /* SEQ_F32 ... */
  int32_t rank;
  int32_t notes; /* SEQ_NOTE_* */
  int32_t reserved;
  int64_t shape[SEQ_MAX_RANK];
} seq_array;

/* What an npy file holds, for tools that must know before they read. */
typedef struct seq_npy_info {
  int32_t elem; /* seq_elem */
  int32_t rank;
  int64_t shape[SEQ_MAX_RANK];
} seq_npy_info;

/* Reads an npy file (versions 1 to 3, either byte order, C or Fortran order; numbers and
 * bools, no pickles) as `dtype`. */
int seq_npy_read(const char *path, int32_t dtype, seq_array *out, seq_message *err);

/* Reads the header alone; checks the data's size as well. */
int seq_npy_read_info(const char *path, seq_npy_info *out, seq_message *err);

/* The same from bytes in memory; `path` is for messages. */
int seq_npy_parse(const void *bytes, size_t n, const char *path, int32_t dtype, seq_array *out,
                  seq_message *err);

/* Writes data (row major) as npy version 1; bf16, which NumPy does not have, as f32. */
int seq_npy_write(const char *path, int32_t dtype, int32_t rank, const int64_t *shape,
                  const void *data, seq_message *err);

void seq_array_free(seq_array *array);

/* --- safetensors ----------------------------------------------------------------- */

typedef struct seq_safetensors seq_safetensors;

/* Opens a file and checks all of it: header of at most 100 MB, strict JSON without
 * duplicate keys, offsets without gap or overlap that fill the file exactly. The data
 * stay in the file (mapped); it must not be cut short while open. */
int seq_safetensors_open(const char *path, seq_safetensors **out, seq_message *err);

/* The same from bytes, which must outlive *out; `path` is for messages. */
int seq_safetensors_parse(const void *bytes, size_t n, const char *path, seq_safetensors **out,
                          seq_message *err);

void seq_safetensors_close(seq_safetensors *file); /* null is allowed */

int64_t seq_safetensors_count(const seq_safetensors *file);

/* The tensors, sorted by name. */
const seq_file_tensor *seq_safetensors_tensors(const seq_safetensors *file);

/* The tensor called `name`, or null. */
const seq_file_tensor *seq_safetensors_find(const seq_safetensors *file, const char *name);

#ifdef __cplusplus
}
#endif

#endif

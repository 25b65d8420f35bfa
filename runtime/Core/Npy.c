/* npy files. The header is a Python literal; only the one form that NumPy writes is
 * taken: a dict of 'descr' (a string), 'fortran_order' (True or False) and 'shape' (a
 * tuple of whole numbers), in any order. Nothing is evaluated and nothing nests. */
#include "Internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct header {
  const char *path;
  const char *at, *end; /* what is left of the header's text */
  int32_t elem, rank, big_endian, fortran_order;
  int64_t shape[SEQ_MAX_RANK];
  char descr[24];
  unsigned seen; /* bit 0 descr, 1 fortran_order, 2 shape */
  seq_message *err;
} header;

static int bad(const header *h, const char *what) {
  return seq_message_set(h->err, SEQ_ERR_IO, "%s is no well-formed npy file: %s", h->path, what);
}

static void skip_space(header *h) {
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t' || *h->at == '\r'))
    h->at++;
}

static bool take(header *h, char c) {
  skip_space(h);
  if (h->at == h->end || *h->at != c)
    return false;
  h->at++;
  return true;
}

static bool take_word(header *h, const char *word) {
  size_t n = strlen(word);
  skip_space(h);
  if ((size_t)(h->end - h->at) < n || memcmp(h->at, word, n) != 0)
    return false;
  h->at += n;
  return true;
}

/* A quoted string without escapes and control characters, of at most bytes - 1. */
static bool take_string(header *h, char *text, size_t bytes) {
  skip_space(h);
  if (h->at == h->end || (*h->at != '\'' && *h->at != '"'))
    return false;
  char quote = *h->at++;
  size_t n = 0;
  for (; h->at < h->end && *h->at != quote; h->at++) {
    unsigned char c = (unsigned char)*h->at;
    if (c == '\\' || c < 0x20 || c > 0x7E || n + 1 >= bytes)
      return false;
    text[n++] = (char)c;
  }
  text[n] = 0;
  return take(h, quote);
}

/* A whole number of at most 2^63 - 1; Python 2 wrote an L after some. */
static bool take_number(header *h, int64_t *value) {
  skip_space(h);
  const char *start = h->at;
  int64_t n = 0;
  for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++)
    if (!seq_mul(n, 10, &n) || !seq_add(n, *h->at - '0', &n))
      return false;
  if (h->at == start || (*start == '0' && h->at - start > 1))
    return false;
  if (h->at < h->end && *h->at == 'L')
    h->at++;
  *value = n;
  return true;
}

static const struct {
  char code[4];
  int32_t elem;
} types[] = {{"f2", SEQ_ELEM_F16}, {"f4", SEQ_ELEM_F32}, {"f8", SEQ_ELEM_F64},
             {"i1", SEQ_ELEM_I8},  {"i2", SEQ_ELEM_I16}, {"i4", SEQ_ELEM_I32},
             {"i8", SEQ_ELEM_I64}, {"u1", SEQ_ELEM_U8},  {"u2", SEQ_ELEM_U16},
             {"u4", SEQ_ELEM_U32}, {"u8", SEQ_ELEM_U64}, {"b1", SEQ_ELEM_BOOL}};

static const char *type_class(char c) {
  switch (c) {
  case 'c':
    return "complex numbers";
  case 'O':
    return "Python objects (a pickle)";
  case 'U':
  case 'S':
  case 'a':
    return "strings";
  case 'V':
    return "raw records";
  case 'M':
  case 'm':
    return "dates or times";
  default:
    return "elements";
  }
}

/* "<f4": byte order, then kind and width. */
static int read_descr(header *h) {
  if (take(h, '['))
    return seq_message_set(h->err, SEQ_ERR_IO,
                           "%s holds records of several fields (a structured type); one number or "
                           "bool an element is needed",
                           h->path);
  if (!take_string(h, h->descr, sizeof h->descr))
    return bad(h, "'descr' is no short string");
  const char *code = h->descr;
  const uint16_t probe = 1;
  bool host_big = *(const unsigned char *)&probe == 0;
  char order = *code && strchr("<>=|", *code) ? *code++ : '=';
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(code, types[i].code) == 0) {
      h->elem = types[i].elem;
      h->big_endian = order == '>' || (order != '<' && host_big);
      return SEQ_OK;
    }
  return seq_message_set(h->err, SEQ_ERR_IO,
                         "%s holds %s of type '%s'; f2 f4 f8, i1 to i8, u1 to "
                         "u8 and b1 can be read",
                         h->path, type_class(*code), h->descr);
}

static int read_order(header *h) {
  if (take_word(h, "True"))
    h->fortran_order = 1;
  else if (take_word(h, "False"))
    h->fortran_order = 0;
  else
    return bad(h, "'fortran_order' is neither True nor False");
  return SEQ_OK;
}

/* "()", "(5,)", "(4, 3)", "(4, 3,)"; "(5)" and "5" are no tuples. */
static int read_shape(header *h) {
  if (!take(h, '('))
    return bad(h, "'shape' is no tuple");
  bool comma = true;
  while (!take(h, ')')) {
    if (!comma)
      return bad(h, "'shape' is no tuple of whole numbers");
    if (h->rank == SEQ_MAX_RANK)
      return bad(h, "'shape' has too many axes");
    if (!take_number(h, &h->shape[h->rank]))
      return bad(h, "'shape' is no tuple of whole numbers");
    h->rank++;
    comma = take(h, ',');
  }
  return h->rank == 1 && !comma ? bad(h, "'shape' is no tuple") : SEQ_OK;
}

static int read_entry(header *h) {
  static const char *const keys[] = {"descr", "fortran_order", "shape"};
  static int (*const readers[])(header *) = {read_descr, read_order, read_shape};
  char key[24];
  if (!take_string(h, key, sizeof key) || !take(h, ':'))
    return bad(h, "its header is no dict");
  for (unsigned i = 0; i < 3; i++) {
    if (strcmp(key, keys[i]) != 0)
      continue;
    if (h->seen & 1u << i)
      return bad(h, "a key of its header appears twice");
    h->seen |= 1u << i;
    return readers[i](h);
  }
  return bad(h, "its header has an unknown key");
}

static int read_dict(header *h) {
  if (!take(h, '{'))
    return bad(h, "its header is no dict");
  bool comma = true;
  while (!take(h, '}')) {
    if (!comma)
      return bad(h, "a comma is missing in its header");
    int status = read_entry(h);
    if (status)
      return status;
    comma = take(h, ',');
  }
  skip_space(h);
  if (h->at != h->end)
    return bad(h, "something follows the dict of its header");
  return h->seen == 7 ? SEQ_OK : bad(h, "its header lacks 'descr', 'fortran_order' or 'shape'");
}

/* Finds the header's text: magic, version, length; *data is where the data begin. */
static int find_header(header *h, const unsigned char *bytes, size_t n, size_t *data) {
  if (n < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
    return seq_message_set(h->err, SEQ_ERR_IO, "%s is no npy file%s", h->path,
                           n == 0 ? ": it is empty" : "");
  if (bytes[6] < 1 || bytes[6] > 3 || bytes[7] != 0)
    return seq_message_set(h->err, SEQ_ERR_IO,
                           "%s is npy version %d.%d; 1.0, 2.0 and 3.0 can be "
                           "read",
                           h->path, bytes[6], bytes[7]);
  size_t start = bytes[6] == 1 ? 10 : 12, length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
  if (n < start)
    return bad(h, "it ends within its header");
  if (start == 12)
    length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
  if (length > n - start)
    return bad(h, "it ends within its header");
  h->at = (const char *)bytes + start;
  h->end = h->at + length;
  *data = start + length;
  return SEQ_OK;
}

/* Reads the header into *h and describes the data, which must fill the file exactly. */
static int parse(header *h, const void *bytes, size_t n, seq_file_tensor *out) {
  size_t data = 0;
  int status = find_header(h, bytes, n, &data);
  if (!status)
    status = read_dict(h);
  if (status)
    return status;
  int64_t need, have = (int64_t)(n - data), unit = seq_elem_size(h->elem);
  if (!seq_shape_bytes(h->shape, h->rank, unit, &need))
    return bad(h, "its shape has more elements than memory has bytes");
  if (need != have)
    return seq_message_set(h->err, SEQ_ERR_IO,
                           "%s is %s: its shape needs %lld bytes of data, it "
                           "has %lld",
                           h->path, have < need ? "cut short" : "too long", (long long)need,
                           (long long)have);
  *out = (seq_file_tensor){.name = "",
                           .dtype_name = h->descr,
                           .elem = h->elem,
                           .rank = h->rank,
                           .shape = h->shape,
                           .count = need / unit,
                           .data = (const char *)bytes + data,
                           .bytes = need,
                           .big_endian = h->big_endian,
                           .fortran_order = h->fortran_order};
  return SEQ_OK;
}

int seq_npy_parse(const void *bytes, size_t n, const char *path, int32_t dtype, seq_array *out,
                  seq_message *err) {
  memset(out, 0, sizeof *out);
  header h = {.path = path, .err = err};
  seq_file_tensor tensor;
  int status = parse(&h, bytes, n, &tensor);
  if (status)
    return status;
  int64_t size;
  if (seq_dtype_size(dtype) == 0 || !seq_mul(tensor.count, seq_dtype_size(dtype), &size))
    return seq_message_set(err, SEQ_ERR_ARGUMENT, "%s cannot be read as such a type", path);
  out->data = seq_aligned_alloc(size);
  if (!out->data)
    return seq_message_set(err, SEQ_ERR_MEMORY, "%s: no memory for %lld bytes", path,
                           (long long)size);
  out->count = tensor.count;
  out->dtype = dtype;
  out->rank = tensor.rank;
  memcpy(out->shape, h.shape, sizeof h.shape);
  status = seq_convert(&tensor, dtype, 0, out->data, &out->notes, path, err);
  if (status)
    seq_array_free(out);
  return status;
}

int seq_npy_read(const char *path, int32_t dtype, seq_array *out, seq_message *err) {
  memset(out, 0, sizeof *out);
  seq_bytes bytes;
  int status = seq_file_load(path, &bytes, err);
  if (status)
    return status;
  status = seq_npy_parse(bytes.data, bytes.n, path, dtype, out, err);
  seq_file_release(&bytes);
  return status;
}

int seq_npy_read_info(const char *path, seq_npy_info *out, seq_message *err) {
  seq_bytes bytes;
  int status = seq_file_load(path, &bytes, err);
  if (status)
    return status;
  header h = {.path = path, .err = err};
  seq_file_tensor tensor;
  status = parse(&h, bytes.data, bytes.n, &tensor);
  out->elem = h.elem;
  out->rank = h.rank;
  memcpy(out->shape, h.shape, sizeof h.shape);
  seq_file_release(&bytes);
  return status;
}

void seq_array_free(seq_array *array) {
  seq_aligned_free(array->data);
  memset(array, 0, sizeof *array);
}

/* The header's text, padded so that the data begin at a multiple of 64. */
static size_t header_text(int32_t dtype, int32_t rank, const int64_t *shape, char *text,
                          size_t bytes) {
  const uint16_t probe = 1;
  char order = *(const unsigned char *)&probe == 0 ? '>' : '<';
  const char *code = dtype == SEQ_F32      ? "f4"
                     : dtype == SEQ_F64    ? "f8"
                     : dtype == SEQ_F16    ? "f2"
                     : dtype == SEQ_I32    ? "i4"
                     : dtype == SEQ_IO_I64 ? "i8"
                                           : "b1";
  int n = snprintf(text, bytes, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                   dtype == SEQ_BOOL ? '|' : order, code);
  for (int32_t i = 0; i < rank; i++)
    n += snprintf(text + n, bytes - (size_t)n, "%lld%s", (long long)shape[i],
                  rank == 1      ? ","
                  : i + 1 < rank ? ", "
                                 : "");
  n += snprintf(text + n, bytes - (size_t)n, "), }");
  while ((10 + n + 1) % 64 != 0)
    text[n++] = ' ';
  text[n++] = '\n';
  return (size_t)n;
}

static int write_widened(const char *path, int32_t rank, const int64_t *shape, const void *data,
                         seq_message *err) {
  int64_t bytes;
  float *wide = NULL;
  if (seq_shape_bytes(shape, rank, 4, &bytes))
    wide = seq_aligned_alloc(bytes);
  if (!wide)
    return seq_message_set(err, SEQ_ERR_MEMORY, "%s: no memory to write it", path);
  for (int64_t i = 0; i < bytes / 4; i++)
    wide[i] = (float)seq_element_get(data, SEQ_BF16, i);
  int status = seq_npy_write(path, SEQ_F32, rank, shape, wide, err);
  seq_aligned_free(wide);
  return status;
}

int seq_npy_write(const char *path, int32_t dtype, int32_t rank, const int64_t *shape,
                  const void *data, seq_message *err) {
  int64_t bytes;
  if (seq_dtype_size(dtype) == 0 || rank < 0 || rank > SEQ_MAX_RANK ||
      !seq_shape_bytes(shape, rank, seq_dtype_size(dtype), &bytes))
    return seq_message_set(err, SEQ_ERR_ARGUMENT, "%s: no such array can be written", path);
  if (dtype == SEQ_BF16)
    return write_widened(path, rank, shape, data, err);
  char text[1024]; /* 32 axes of 21 characters and the rest fit */
  size_t n = header_text(dtype, rank, shape, text, sizeof text);
  unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, n & 255, (unsigned char)(n >> 8)};
  FILE *file = fopen(path, "wb");
  if (!file)
    return seq_message_set(err, SEQ_ERR_IO, "%s cannot be written: %s", path, strerror(errno));
  bool good = fwrite(start, 1, 10, file) == 10 && fwrite(text, 1, n, file) == n &&
              (bytes == 0 || fwrite(data, 1, (size_t)bytes, file) == (size_t)bytes);
  int reason = errno;
  if (fclose(file) != 0 && good) {
    reason = errno;
    good = false;
  }
  if (good)
    return SEQ_OK;
  return seq_message_set(err, SEQ_ERR_IO, "%s cannot be written: %s", path, strerror(reason));
}

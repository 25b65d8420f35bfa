/* safetensors: 8 bytes of length, a JSON header, the data.
 *
 *   {"w": {"dtype": "F32", "shape": [4, 3], "data_offsets": [0, 48]}, "__metadata__": {}}
 *
 * A file comes from anywhere, so nothing in it is believed: the header's length is held
 * against the file's, each shape against its offsets, and the offsets of all tensors
 * against each other, before any data is looked at. Memory is bounded by the header. */
#include "Internal.h"
#include "Json.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT 100000000u

struct seq_safetensors {
  seq_bytes file;
  seq_file_tensor *tensors; /* sorted by name */
  int64_t count;
  int64_t *dims; /* all shapes, one after the other */
  char *strings; /* all names */
};

typedef struct parser {
  seq_json json;
  seq_safetensors *out;
  const char *path;
  const unsigned char *data; /* where offset 0 is */
  int64_t data_bytes;
  int64_t tensor_room, dims_room, dims_used;
  bool metadata_seen;
  seq_message *err;
} parser;

static int malformed(const parser *p, const char *what) {
  return seq_message_set(p->err, SEQ_ERR_IO, "%s is no well-formed safetensors file: %s", p->path,
                         what);
}

static int bad_tensor(const parser *p, const char *name, const char *what) {
  return seq_message_set(p->err, SEQ_ERR_IO, "%s: tensor `%.200s` %s", p->path, name, what);
}

/* Grows *array to hold one element more. */
static bool make_room(void **array, int64_t *room, int64_t used, size_t unit) {
  if (used < *room)
    return true;
  int64_t larger = *room ? *room * 2 : 64;
  void *moved = realloc(*array, (size_t)larger * unit);
  if (!moved)
    return false;
  *array = moved;
  *room = larger;
  return true;
}

/* Names of types; of those that nothing converts, the size of an element in bytes. */
static const struct {
  char name[8];
  int8_t elem, bytes;
} types[] = {{"F64", SEQ_ELEM_F64, 8},   {"F32", SEQ_ELEM_F32, 4},  {"F16", SEQ_ELEM_F16, 2},
             {"BF16", SEQ_ELEM_BF16, 2}, {"I64", SEQ_ELEM_I64, 8},  {"I32", SEQ_ELEM_I32, 4},
             {"I16", SEQ_ELEM_I16, 2},   {"I8", SEQ_ELEM_I8, 1},    {"U64", SEQ_ELEM_U64, 8},
             {"U32", SEQ_ELEM_U32, 4},   {"U16", SEQ_ELEM_U16, 2},  {"U8", SEQ_ELEM_U8, 1},
             {"BOOL", SEQ_ELEM_BOOL, 1}, {"C64", SEQ_ELEM_OTHER, 8}};

/* Sets elem; *unit is 0 for a type we do not know at all. */
static void find_type(seq_file_tensor *t, int64_t *unit) {
  *unit = strncmp(t->dtype_name, "F8_", 3) == 0 ? 1 : 0;
  t->elem = SEQ_ELEM_OTHER;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(t->dtype_name, types[i].name) == 0) {
      t->elem = types[i].elem;
      *unit = types[i].bytes;
    }
}

static int read_shape(parser *p, seq_file_tensor *t) {
  seq_json *j = &p->json;
  if (!seq_json_take(j, '['))
    return bad_tensor(p, t->name, "has a shape that is no list");
  for (bool more = !seq_json_take(j, ']'); more; t->rank++) {
    if (t->rank == SEQ_MAX_RANK)
      return bad_tensor(p, t->name, "has too many axes");
    if (!make_room((void **)&p->out->dims, &p->dims_room, p->dims_used, sizeof(int64_t)))
      return seq_message_set(p->err, SEQ_ERR_MEMORY, "%s: no memory for its header", p->path);
    if (!seq_json_number(j, &p->out->dims[p->dims_used++]))
      return bad_tensor(p, t->name, "has a shape that is not made of whole numbers of at least 0");
    more = seq_json_take(j, ',');
    if (!more && !seq_json_take(j, ']'))
      return bad_tensor(p, t->name, "has a shape that is not made of whole numbers of at least 0");
  }
  return SEQ_OK;
}

static int read_offsets(parser *p, seq_file_tensor *t) {
  seq_json *j = &p->json;
  int64_t begin, end;
  if (!seq_json_take(j, '[') || !seq_json_number(j, &begin) || !seq_json_take(j, ',') ||
      !seq_json_number(j, &end) || !seq_json_take(j, ']'))
    return bad_tensor(p, t->name, "has `data_offsets` that are not two whole numbers");
  if (begin > end || end > p->data_bytes)
    return bad_tensor(p, t->name, "has `data_offsets` outside of the file");
  t->data = p->data + begin;
  t->bytes = end - begin;
  return SEQ_OK;
}

/* The value of one field of a tensor; bit i of *seen tells that field i was there. */
static int read_field(parser *p, seq_file_tensor *t, unsigned *seen) {
  static const char *const fields[] = {"dtype", "shape", "data_offsets"};
  const char *key = seq_json_string(&p->json);
  if (!key || !seq_json_take(&p->json, ':'))
    return bad_tensor(p, t->name, "is not described by a JSON object");
  unsigned field = 0;
  while (field < 3 && strcmp(key, fields[field]) != 0)
    field++;
  if (field == 3)
    return bad_tensor(p, t->name, "has an unknown field");
  if (*seen & 1u << field)
    return bad_tensor(p, t->name, "has a field twice");
  *seen |= 1u << field;
  if (field == 1)
    return read_shape(p, t);
  if (field == 2)
    return read_offsets(p, t);
  t->dtype_name = seq_json_string(&p->json);
  return t->dtype_name ? SEQ_OK : bad_tensor(p, t->name, "has a `dtype` that is no string");
}

/* The shape against the bytes. Shapes may still move: dims of this tensor are the last. */
static int check_tensor(parser *p, seq_file_tensor *t) {
  int64_t need, unit;
  find_type(t, &unit);
  const int64_t *shape = t->rank ? p->out->dims + (p->dims_used - t->rank) : NULL;
  if (!seq_shape_bytes(shape, t->rank, 1, &t->count) ||
      !seq_shape_bytes(shape, t->rank, unit ? unit : 1, &need))
    return bad_tensor(p, t->name, "has a shape of too many elements");
  if (unit != 0 && need != t->bytes)
    return seq_message_set(p->err, SEQ_ERR_IO,
                           "%s: tensor `%.200s` needs %lld bytes for its "
                           "shape, its `data_offsets` give %lld",
                           p->path, t->name, (long long)need, (long long)t->bytes);
  return SEQ_OK;
}

static int read_tensor(parser *p, const char *name) {
  seq_safetensors *out = p->out;
  for (const char *c = name; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F)
      return malformed(p, "the name of a tensor has control characters");
  if (!make_room((void **)&out->tensors, &p->tensor_room, out->count, sizeof *out->tensors))
    return seq_message_set(p->err, SEQ_ERR_MEMORY, "%s: no memory for its header", p->path);
  seq_file_tensor *t = &out->tensors[out->count];
  *t = (seq_file_tensor){.name = name};
  unsigned seen = 0;
  if (!seq_json_take(&p->json, '{'))
    return bad_tensor(p, name, "is not described by a JSON object");
  for (bool more = !seq_json_take(&p->json, '}'); more;) {
    int status = read_field(p, t, &seen);
    if (status)
      return status;
    more = seq_json_take(&p->json, ',');
    if (!more && !seq_json_take(&p->json, '}'))
      return bad_tensor(p, name, "is not described by a JSON object");
  }
  if (seen != 7)
    return bad_tensor(p, name, "lacks `dtype`, `shape` or `data_offsets`");
  out->count++;
  return check_tensor(p, t);
}

/* {"format": "pt", ...}: strings that are checked and not kept. */
static int read_metadata(parser *p) {
  if (p->metadata_seen)
    return malformed(p, "`__metadata__` appears twice");
  p->metadata_seen = true;
  bool good = seq_json_take(&p->json, '{');
  for (bool more = good && !seq_json_take(&p->json, '}'); good && more;) {
    good = seq_json_string(&p->json) && seq_json_take(&p->json, ':') && seq_json_string(&p->json);
    more = good && seq_json_take(&p->json, ',');
    good = good && (more || seq_json_take(&p->json, '}'));
  }
  return good ? SEQ_OK : malformed(p, "`__metadata__` is no object of strings");
}

static int read_header(parser *p) {
  if (!seq_json_take(&p->json, '{'))
    return malformed(p, "its header is no JSON object");
  for (bool more = !seq_json_take(&p->json, '}'); more;) {
    const char *name = seq_json_string(&p->json);
    if (!name || !seq_json_take(&p->json, ':'))
      return malformed(p, "its header is no valid JSON");
    int status = strcmp(name, "__metadata__") == 0 ? read_metadata(p) : read_tensor(p, name);
    if (status)
      return status;
    more = seq_json_take(&p->json, ',');
    if (!more && !seq_json_take(&p->json, '}'))
      return malformed(p, "its header is no valid JSON");
  }
  return seq_json_done(&p->json) ? SEQ_OK : malformed(p, "something follows its JSON header");
}

static int by_offset(const void *x, const void *y) {
  const seq_file_tensor *a = x, *b = y;
  uintptr_t p = (uintptr_t)a->data, q = (uintptr_t)b->data;
  if (p != q)
    return p < q ? -1 : 1;
  return a->bytes < b->bytes ? -1 : a->bytes > b->bytes;
}

static int by_name(const void *x, const void *y) {
  return strcmp(((const seq_file_tensor *)x)->name, ((const seq_file_tensor *)y)->name);
}

/* All shapes have their final place now. */
static void place_shapes(seq_safetensors *out) {
  const int64_t *next = out->dims;
  for (int64_t i = 0; i < out->count; i++) {
    out->tensors[i].shape = next;
    next += next ? out->tensors[i].rank : 0;
  }
}

/* Names are unique, and the data of all tensors fill the file one after the other. */
static int check_whole(parser *p) {
  seq_safetensors *out = p->out;
  place_shapes(out);
  if (out->count > 1)
    qsort(out->tensors, (size_t)out->count, sizeof *out->tensors, by_name);
  for (int64_t i = 1; i < out->count; i++)
    if (by_name(&out->tensors[i - 1], &out->tensors[i]) == 0)
      return bad_tensor(p, out->tensors[i].name, "appears twice in the header");
  if (out->count > 1)
    qsort(out->tensors, (size_t)out->count, sizeof *out->tensors, by_offset);
  const unsigned char *expected = p->data;
  for (int64_t i = 0; i < out->count; i++) {
    const seq_file_tensor *t = &out->tensors[i];
    if ((uintptr_t)t->data < (uintptr_t)expected)
      return bad_tensor(p, t->name, "overlaps another tensor's data");
    if (t->data != expected)
      return bad_tensor(p, t->name, "begins after a gap in the data");
    expected += t->bytes;
  }
  if (expected != p->data + p->data_bytes)
    return malformed(p, "bytes at its end belong to no tensor");
  if (out->count > 1)
    qsort(out->tensors, (size_t)out->count, sizeof *out->tensors, by_name);
  return SEQ_OK;
}

/* Finds header and data. */
static int split(parser *p, const unsigned char *bytes, size_t n) {
  if (n < 8)
    return malformed(p, n == 0 ? "it is empty" : "it ends before its header");
  if (memcmp(bytes, "\x93NUMPY", 6) == 0)
    return malformed(p, "it is an npy file");
  uint64_t length = 0;
  for (int i = 7; i >= 0; i--)
    length = length << 8 | bytes[i];
  if (length > HEADER_LIMIT)
    return malformed(p, "its first 8 bytes claim a header of over 100 MB");
  if (length > n - 8)
    return malformed(p, "it ends within its header");
  p->data = bytes + 8 + length;
  p->data_bytes = (int64_t)(n - 8 - length);
  p->out->strings = malloc((size_t)length + 1);
  if (!p->out->strings)
    return seq_message_set(p->err, SEQ_ERR_MEMORY, "%s: no memory for its header", p->path);
  p->json = (seq_json){(const char *)bytes + 8, (const char *)bytes + 8 + length, p->out->strings};
  return SEQ_OK;
}

int seq_safetensors_parse(const void *bytes, size_t n, const char *path, seq_safetensors **out,
                          seq_message *err) {
  *out = NULL;
  parser p = {.path = path, .err = err, .out = calloc(1, sizeof(seq_safetensors))};
  if (!p.out)
    return seq_message_set(err, SEQ_ERR_MEMORY, "%s: no memory", path);
  int status = split(&p, bytes, n);
  if (!status)
    status = read_header(&p);
  if (!status)
    status = check_whole(&p);
  if (status)
    seq_safetensors_close(p.out);
  else
    *out = p.out;
  return status;
}

int seq_safetensors_open(const char *path, seq_safetensors **out, seq_message *err) {
  seq_bytes file;
  *out = NULL;
  int status = seq_file_load(path, &file, err);
  if (status)
    return status;
  status = seq_safetensors_parse(file.data, file.n, path, out, err);
  if (status)
    seq_file_release(&file);
  else
    (*out)->file = file;
  return status;
}

void seq_safetensors_close(seq_safetensors *file) {
  if (!file)
    return;
  seq_file_release(&file->file);
  free(file->tensors);
  free(file->dims);
  free(file->strings);
  free(file);
}

int64_t seq_safetensors_count(const seq_safetensors *file) {
  return file->count;
}

const seq_file_tensor *seq_safetensors_tensors(const seq_safetensors *file) {
  return file->tensors;
}

const seq_file_tensor *seq_safetensors_find(const seq_safetensors *file, const char *name) {
  seq_file_tensor key = {.name = name};
  if (file->count == 0)
    return NULL;
  return bsearch(&key, file->tensors, (size_t)file->count, sizeof key, by_name);
}

/* Elements of files to elements of arrays: every width, byte order and axis order on one
 * side, the runtime's types on the other. Nothing is lost but the low bits of floats that
 * become shorter ones, and that is noted. */
#include "Internal.h"

#include <string.h>

typedef enum kind { KIND_NONE, KIND_FLOAT, KIND_SIGNED, KIND_UNSIGNED, KIND_BOOL } kind;

static const struct {
  const char *name;
  int8_t bytes;
  int8_t kind;
} elems[] = {
    [SEQ_ELEM_OTHER] = {"an unknown type", 0, KIND_NONE},
    [SEQ_ELEM_F16] = {"f16", 2, KIND_FLOAT},
    [SEQ_ELEM_BF16] = {"bf16", 2, KIND_FLOAT},
    [SEQ_ELEM_F32] = {"f32", 4, KIND_FLOAT},
    [SEQ_ELEM_F64] = {"f64", 8, KIND_FLOAT},
    [SEQ_ELEM_I8] = {"i8", 1, KIND_SIGNED},
    [SEQ_ELEM_I16] = {"i16", 2, KIND_SIGNED},
    [SEQ_ELEM_I32] = {"i32", 4, KIND_SIGNED},
    [SEQ_ELEM_I64] = {"i64", 8, KIND_SIGNED},
    [SEQ_ELEM_U8] = {"u8", 1, KIND_UNSIGNED},
    [SEQ_ELEM_U16] = {"u16", 2, KIND_UNSIGNED},
    [SEQ_ELEM_U32] = {"u32", 4, KIND_UNSIGNED},
    [SEQ_ELEM_U64] = {"u64", 8, KIND_UNSIGNED},
    [SEQ_ELEM_BOOL] = {"bool", 1, KIND_BOOL},
};

int64_t seq_elem_size(int32_t elem) {
  return elems[elem].bytes;
}
const char *seq_elem_name(int32_t elem) {
  return elems[elem].name;
}

int64_t seq_dtype_size(int32_t dtype) {
  switch (dtype) {
  case SEQ_F32:
  case SEQ_I32:
    return 4;
  case SEQ_F64:
  case SEQ_IO_I64:
    return 8;
  case SEQ_BF16:
  case SEQ_F16:
    return 2;
  case SEQ_BOOL:
    return 1;
  default:
    return 0;
  }
}

int seq_dtype_is_float(int32_t dtype) {
  return dtype == SEQ_F32 || dtype == SEQ_F64 || dtype == SEQ_BF16 || dtype == SEQ_F16;
}

const char *seq_dtype_name(int32_t dtype) {
  switch (dtype) {
  case SEQ_F32:
    return "f32";
  case SEQ_F64:
    return "f64";
  case SEQ_I32:
    return "i32";
  case SEQ_BOOL:
    return "bool";
  case SEQ_BF16:
    return "bf16";
  case SEQ_F16:
    return "f16";
  case SEQ_IO_I64:
    return "i64";
  default:
    return "an unknown type";
  }
}

/* Where the elements lie in the file, walked in row-major order of the array. */
typedef struct walk {
  const unsigned char *data;
  int32_t rank, width, big;
  const int64_t *shape;
  int64_t at[SEQ_MAX_RANK], step[SEQ_MAX_RANK], offset;
} walk;

static void walk_start(walk *w, const seq_file_tensor *src) {
  *w = (walk){.data = src->data,
              .rank = src->rank,
              .width = (int32_t)seq_elem_size(src->elem),
              .big = src->big_endian,
              .shape = src->shape};
  int64_t step = w->width;
  for (int32_t i = 0; i < src->rank; i++) {
    int32_t axis = src->fortran_order ? i : src->rank - 1 - i;
    w->step[axis] = step;
    step *= src->shape[axis] ? src->shape[axis] : 1;
  }
}

static void walk_next(walk *w) {
  for (int32_t axis = w->rank - 1; axis >= 0; axis--) {
    w->offset += w->step[axis];
    if (++w->at[axis] < w->shape[axis])
      return;
    w->offset -= w->step[axis] * w->shape[axis];
    w->at[axis] = 0;
  }
}

static uint64_t walk_bits(const walk *w) {
  const unsigned char *p = w->data + w->offset;
  uint64_t bits = 0;
  for (int32_t i = 0; i < w->width; i++)
    bits |= (uint64_t)p[w->big ? w->width - 1 - i : i] << (8 * i);
  return bits;
}

static float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/* Every f16 is an f32. */
static float half_to_float(uint32_t h) {
  uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3FFu;
  if (exponent == 31)
    return float_of_bits(sign | 0x7F800000u | fraction << 13);
  if (exponent != 0)
    return float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
  float small = (float)fraction * 0x1p-24f;
  return sign ? -small : small;
}

static uint32_t bits_of_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

/* An f32 from which rounding once more gives what rounding `value` once would: cut towards 0, the
 * last bit set where something was lost. */
static uint32_t bits_to_odd(double value) {
  float near = (float)value;
  uint32_t bits = bits_of_float(near);
  if (value != value || (double)near == value)
    return bits;
  double size = value < 0 ? -value : value, got = near < 0 ? -(double)near : (double)near;
  return (got > size ? bits - 1 : bits) | 1;
}

static uint16_t bf16_of(double value) {
  uint32_t bits = bits_to_odd(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
    return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

static uint16_t f16_of(double value) {
  uint32_t bits = bits_to_odd(value), size = bits & 0x7FFFFFFFu, sign = bits >> 16 & 0x8000u;
  if (size > 0x7F800000u)
    return (uint16_t)(sign | 0x7E00u);
  if (size >= 0x47800000u) /* 2^16 */
    return (uint16_t)(sign | 0x7C00u);
  if (size < 0x38800000u) /* 2^-14: the sum with 1/2 has a subnormal's unit in its last place */
    return (uint16_t)(sign | (bits_of_float(float_of_bits(size) + 0.5f) - 0x3F000000u));
  return (uint16_t)(sign | (size - (112u << 23) + 0xFFFu + (size >> 13 & 1)) >> 13);
}

double seq_element_get(const void *data, int32_t dtype, int64_t i) {
  switch (dtype) {
  case SEQ_F32:
    return (double)((const float *)data)[i];
  case SEQ_F64:
    return ((const double *)data)[i];
  case SEQ_BF16:
    return float_of_bits((uint32_t)((const uint16_t *)data)[i] << 16);
  case SEQ_F16:
    return half_to_float(((const uint16_t *)data)[i]);
  case SEQ_I32:
    return ((const int32_t *)data)[i];
  case SEQ_IO_I64:
    return (double)((const int64_t *)data)[i];
  default:
    return ((const uint8_t *)data)[i];
  }
}

void seq_element_set(void *data, int32_t dtype, int64_t i, double value) {
  switch (dtype) {
  case SEQ_F32:
    ((float *)data)[i] = (float)value;
    break;
  case SEQ_F64:
    ((double *)data)[i] = value;
    break;
  case SEQ_BF16:
    ((uint16_t *)data)[i] = bf16_of(value);
    break;
  case SEQ_F16:
    ((uint16_t *)data)[i] = f16_of(value);
    break;
  case SEQ_I32:
    ((int32_t *)data)[i] = (int32_t)value;
    break;
  case SEQ_IO_I64:
    ((int64_t *)data)[i] = (int64_t)value;
    break;
  default:
    ((uint8_t *)data)[i] = value != 0;
    break;
  }
}

static double double_of(int32_t elem, uint64_t bits) {
  double value;
  switch (elem) {
  case SEQ_ELEM_F16:
    return half_to_float((uint32_t)bits);
  case SEQ_ELEM_BF16:
    return float_of_bits((uint32_t)bits << 16);
  case SEQ_ELEM_F32:
    return float_of_bits((uint32_t)bits);
  default:
    memcpy(&value, &bits, 8);
    return value;
  }
}

/* An integer as sign and magnitude, so that u64 and i64 are one case. */
typedef struct integer {
  bool negative;
  uint64_t magnitude;
} integer;

static integer integer_of(int32_t elem, uint64_t bits) {
  if (elems[elem].kind == KIND_UNSIGNED)
    return (integer){false, bits};
  int shift = 64 - 8 * elems[elem].bytes;
  bool negative = (bits << shift) >> 63;
  uint64_t extended = negative && shift ? bits | ~0ull << (64 - shift) : bits;
  return (integer){negative, negative ? 0 - extended : extended};
}

/* Whether a float of `digits` bits holds it exactly. */
static bool fits_float(integer v, int digits) {
  uint64_t m = v.magnitude;
  if (m == 0)
    return true;
  m >>= __builtin_ctzll(m);
  return m >> digits == 0;
}

static bool fits(integer v, int32_t dtype) {
  switch (dtype) {
  case SEQ_F32:
    return fits_float(v, 24);
  case SEQ_F64:
    return fits_float(v, 53);
  case SEQ_BF16:
    return fits_float(v, 8);
  case SEQ_F16:
    return fits_float(v, 11) && v.magnitude <= 65504;
  case SEQ_I32:
    return v.magnitude <= 0x7FFFFFFFull + v.negative;
  default:
    return v.magnitude <= 0x7FFFFFFFFFFFFFFFull + v.negative;
  }
}

static void store_integer(integer v, int32_t dtype, void *dst, int64_t i) {
  if (dtype == SEQ_IO_I64) /* more digits than a double has */
    ((int64_t *)dst)[i] = (int64_t)(v.negative ? 0 - v.magnitude : v.magnitude);
  else
    seq_element_set(dst, dtype, i, v.negative ? -(double)v.magnitude : (double)v.magnitude);
}

/* May elements of this type become dtype at all? */
static bool allowed(int32_t elem, int32_t dtype, int32_t rules) {
  switch (elems[elem].kind) {
  case KIND_FLOAT:
    return seq_dtype_is_float(dtype);
  case KIND_BOOL:
    return dtype == SEQ_BOOL;
  case KIND_SIGNED:
  case KIND_UNSIGNED:
    if (rules & SEQ_CONVERT_WEIGHTS)
      return (dtype == SEQ_I32 && elem == SEQ_ELEM_I32) ||
             (dtype == SEQ_IO_I64 && elem == SEQ_ELEM_I64);
    return dtype != SEQ_BOOL;
  default:
    return false;
  }
}

bool seq_same_type(int32_t elem, int32_t dtype) {
  return (elem == SEQ_ELEM_F32 && dtype == SEQ_F32) || (elem == SEQ_ELEM_F64 && dtype == SEQ_F64) ||
         (elem == SEQ_ELEM_BF16 && dtype == SEQ_BF16) ||
         (elem == SEQ_ELEM_F16 && dtype == SEQ_F16) || (elem == SEQ_ELEM_I32 && dtype == SEQ_I32) ||
         (elem == SEQ_ELEM_I64 && dtype == SEQ_IO_I64);
}

/* Whether floats of a file are longer than dtype, or of another kind of 16 bits. */
static bool rounds(int32_t elem, int32_t dtype) {
  if (elems[elem].kind != KIND_FLOAT || seq_same_type(elem, dtype))
    return false;
  return elems[elem].bytes >= seq_dtype_size(dtype);
}

static bool same_bits(const seq_file_tensor *src, int32_t dtype) {
  const uint16_t probe = 1;
  bool host_big = *(const unsigned char *)&probe == 0;
  return seq_same_type(src->elem, dtype) && host_big == (src->big_endian != 0) &&
         (!src->fortran_order || src->rank < 2);
}

static void convert_floats(const seq_file_tensor *src, int32_t dtype, void *dst) {
  walk w;
  walk_start(&w, src);
  for (int64_t i = 0; i < src->count; i++, walk_next(&w))
    seq_element_set(dst, dtype, i, double_of(src->elem, walk_bits(&w)));
}

static int convert_integers(const seq_file_tensor *src, int32_t dtype, void *dst, const char *who,
                            seq_message *err) {
  walk w;
  walk_start(&w, src);
  for (int64_t i = 0; i < src->count; i++, walk_next(&w)) {
    integer v = integer_of(src->elem, walk_bits(&w));
    if (!fits(v, dtype))
      return seq_message_set(err, SEQ_ERR_ARGUMENT,
                             "%s: element %lld is %s%llu, which %s cannot hold", who, (long long)i,
                             v.negative ? "-" : "", (unsigned long long)v.magnitude,
                             seq_dtype_name(dtype));
    store_integer(v, dtype, dst, i);
  }
  return SEQ_OK;
}

static void convert_bools(const seq_file_tensor *src, uint8_t *dst) {
  walk w;
  walk_start(&w, src);
  for (int64_t i = 0; i < src->count; i++, walk_next(&w))
    dst[i] = walk_bits(&w) != 0;
}

int seq_convert(const seq_file_tensor *src, int32_t dtype, int32_t rules, void *dst, int32_t *notes,
                const char *who, seq_message *err) {
  if (!allowed(src->elem, dtype, rules))
    return seq_message_set(err, SEQ_ERR_ARGUMENT,
                           "%s holds %s; %s is needed, and no conversion is "
                           "made",
                           who,
                           src->elem == SEQ_ELEM_OTHER ? src->dtype_name : seq_elem_name(src->elem),
                           seq_dtype_name(dtype));
  if (notes && rounds(src->elem, dtype))
    *notes |= SEQ_NOTE_ROUNDED;
  if (src->count == 0)
    return SEQ_OK;
  if (same_bits(src, dtype)) {
    memcpy(dst, src->data, (size_t)src->bytes);
    return SEQ_OK;
  }
  switch (elems[src->elem].kind) {
  case KIND_FLOAT:
    convert_floats(src, dtype, dst);
    return SEQ_OK;
  case KIND_BOOL:
    convert_bools(src, dst);
    return SEQ_OK;
  default:
    return convert_integers(src, dtype, dst, who, err);
  }
}

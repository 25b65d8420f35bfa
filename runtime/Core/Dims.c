/* Sizes as postfix programs over the dynamic sizes, with every overflow seen. */
#include "Internal.h"

/* Programs are generated; deeper ones do not come out of the compiler. */
#define STACK 32

bool seq_mul(int64_t a, int64_t b, int64_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}
bool seq_add(int64_t a, int64_t b, int64_t *out) {
  return !__builtin_add_overflow(a, b, out);
}

/* A value a * u + b, u the unknown. */
typedef struct linear {
  int64_t a, b;
} linear;

static bool floor_div(int64_t x, int64_t y, int64_t *out) {
  if (y == 0 || (x == INT64_MIN && y == -1))
    return false;
  *out = x / y - (x % y != 0 && (x < 0) != (y < 0));
  return true;
}

static bool floor_mod(int64_t x, int64_t y, int64_t *out) {
  int64_t q;
  if (!floor_div(x, y, &q))
    return false;
  *out = x - q * y;
  return true;
}

static bool combine_product(linear x, linear y, linear *out) {
  if (x.a != 0 && y.a != 0)
    return false;
  int64_t factor = x.a == 0 ? x.b : y.b;
  linear other = x.a == 0 ? y : x;
  return seq_mul(other.a, factor, &out->a) && seq_mul(other.b, factor, &out->b);
}

static bool combine(int64_t op, linear x, linear y, linear *out) {
  switch (op) {
  case SEQ_DIM_ADD:
    return seq_add(x.a, y.a, &out->a) && seq_add(x.b, y.b, &out->b);
  case SEQ_DIM_SUB:
    return !__builtin_sub_overflow(x.a, y.a, &out->a) && !__builtin_sub_overflow(x.b, y.b, &out->b);
  case SEQ_DIM_MUL:
    return combine_product(x, y, out);
  case SEQ_DIM_FLOORDIV:
    out->a = 0;
    return x.a == 0 && y.a == 0 && floor_div(x.b, y.b, &out->b);
  case SEQ_DIM_MOD:
    out->a = 0;
    return x.a == 0 && y.a == 0 && floor_mod(x.b, y.b, &out->b);
  default:
    return false;
  }
}

/* Runs the program; size `unknown` stands for u, all others have their values. */
static bool run(const seq_dim *dim, const int64_t *sizes, int32_t unknown, linear *result) {
  linear stack[STACK];
  int depth = 0;
  for (int64_t i = 0; i < dim->n; i++) {
    seq_dim_op op = dim->ops[i];
    linear value = {0, op.value};
    if (op.op == SEQ_DIM_SIZE) {
      bool is_unknown = op.value == unknown;
      value.a = is_unknown;
      value.b = is_unknown ? 0 : sizes[op.value];
    } else if (op.op != SEQ_DIM_CONST) {
      if (depth < 2 || !combine(op.op, stack[depth - 2], stack[depth - 1], &value))
        return false;
      depth -= 2;
    }
    if (depth == STACK)
      return false;
    stack[depth++] = value;
  }
  if (depth != 1)
    return false;
  *result = stack[0];
  return true;
}

bool seq_dim_eval(const seq_dim *dim, const int64_t *sizes, int64_t *value) {
  linear result;
  if (!run(dim, sizes, -1, &result))
    return false;
  *value = result.b;
  return true;
}

int seq_dim_linear(const seq_dim *dim, const int64_t *sizes, const int32_t *known, int32_t *unknown,
                   int64_t *a, int64_t *b) {
  int32_t found = -1;
  for (int64_t i = 0; i < dim->n; i++) {
    int32_t size = (int32_t)dim->ops[i].value;
    if (dim->ops[i].op != SEQ_DIM_SIZE || known[size] >= 0 || size == found)
      continue;
    if (found >= 0)
      return -1;
    found = size;
  }
  linear result;
  if (found < 0)
    return 0;
  if (!run(dim, sizes, found, &result) || result.a == 0)
    return -1;
  *unknown = found;
  *a = result.a;
  *b = result.b;
  return 1;
}

int32_t seq_dim_plain(const seq_dim *dim) {
  return dim->n == 1 && dim->ops[0].op == SEQ_DIM_SIZE ? (int32_t)dim->ops[0].value : -1;
}

bool seq_shape_bytes(const int64_t *shape, int32_t rank, int64_t unit, int64_t *bytes) {
  bool zero = false;
  int64_t total = unit;
  for (int32_t i = 0; i < rank; i++) {
    if (shape[i] < 0)
      return false;
    zero |= shape[i] == 0;
  }
  /* [huge, huge, 0] is empty, and so fine. */
  for (int32_t i = 0; i < rank && !zero; i++)
    if (!seq_mul(total, shape[i], &total))
      return false;
  *bytes = zero ? 0 : total;
  return true;
}

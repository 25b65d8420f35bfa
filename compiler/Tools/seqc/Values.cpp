//===- Values.cpp - NAME=VALUE ------------------------------------------------------===//
#include "compiler/Tools/seqc/Values.h"

#include "seq/io.h"
#include "seq/random.h"

#include <cmath>
#include <cstdio>
#include <cstring>

namespace seq::tool {

namespace {

bool startsWith(const std::string &s, const char *prefix) {
  return s.rfind(prefix, 0) == 0;
}
bool endsWith(const std::string &s, const char *suffix) {
  size_t n = std::strlen(suffix);
  return s.size() >= n && s.compare(s.size() - n, n, suffix) == 0;
}

/// Reports what is wrong with a value.
bool bad(DiagnosticEngine &diags, const std::string &name, const std::string &what,
         Diag kind = Diag::BadValue) {
  diags.error(kind, name, what);
  return false;
}

/// `[5, 3]`; the name of the part that is no number is told.
bool parseShape(const std::string &name, const std::string &text, Shape &out,
                DiagnosticEngine &diags) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']')
    return bad(diags, name, "`" + text + "` is not a shape: it is written `[5, 3]`");
  std::string inner = text.substr(1, text.size() - 2);
  if (inner.find_first_not_of(' ') == std::string::npos)
    return true;
  for (std::string part : splitText(inner, ',')) {
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    int64_t n;
    if (!parseInteger(part, n) || n < 0)
      return bad(diags, name, "`" + part + "` is not a size: a shape is numbers from 0");
    out.push_back(n);
  }
  if (out.size() > SEQ_MAX_RANK - 1)
    return bad(diags, name, "the shape has too many axes");
  if (!elementCount(out))
    return bad(diags, name, "`" + text + "` has too many elements");
  return true;
}

/// `random:SEED:[SHAPE]`, `random:SEED:[SHAPE]:N`.
bool parseRandom(const Given &g, Value &out, DiagnosticEngine &diags) {
  std::vector<std::string> parts = splitText(g.value, ':');
  int64_t seed;
  if (parts.size() < 2 || !parseInteger(parts[1], seed) || seed < 0)
    return bad(diags, g.name, "`" + g.value + "` has no seed: `random:SEED:[SHAPE]`");
  out.kind = Value::Random;
  out.seed = uint64_t(seed);
  if (parts.size() > 4)
    return bad(diags, g.name, "`" + g.value + "` has too many parts: `random:SEED:[SHAPE]:N`");
  if (parts.size() == 4 &&
      (!parseInteger(parts[3], out.bound) || out.bound < 1 || out.bound > INT32_MAX))
    return bad(diags, g.name, "`" + parts[3] + "` is no bound of integers: 1 to 2147483647");
  return parts.size() < 3 || parseShape(g.name, parts[2], out.shape, diags);
}

constexpr size_t kMaxText = size_t(1) << 30;

bool readBytes(const std::string &path, std::string &out, DiagnosticEngine &diags) {
  FILE *file = std::fopen(path.c_str(), "rb");
  if (!file)
    return bad(diags, path, std::string("cannot be read: ") + std::strerror(errno),
               Diag::InputFile);
  char buffer[1 << 16];
  size_t n;
  while ((n = std::fread(buffer, 1, sizeof buffer, file)) > 0 && out.size() <= kMaxText)
    out.append(buffer, n);
  bool failed = std::ferror(file);
  std::fclose(file);
  if (out.size() > kMaxText)
    return bad(diags, path, "is longer than 1 GiB", Diag::InputFile);
  return !failed || bad(diags, path, "cannot be read", Diag::InputFile);
}

bool parseFile(const Given &g, Value &out, DiagnosticEngine &diags) {
  seq_npy_info info;
  seq_message message;
  out.kind = Value::File;
  if (seq_npy_read_info(g.value.c_str(), &info, &message) != SEQ_OK)
    return bad(diags, g.name, message.text, Diag::InputFile);
  out.shape.assign(info.shape, info.shape + info.rank);
  return true;
}

bool parseScalar(const Given &g, Value &out, DiagnosticEngine &diags) {
  if (g.value == "true" || g.value == "false") {
    out.kind = Value::Bool;
    out.integer = g.value == "true";
    return true;
  }
  out.kind = Value::Number;
  out.isInteger = parseInteger(g.value, out.integer);
  if (parseDouble(g.value, out.number))
    return true;
  std::string what = g.value.empty() ? "has no value" : "`" + g.value + "` is not a value";
  auto e = diags.error(Diag::BadValue, g.name, what);
  if (g.value.find('.') != std::string::npos)
    e.hint("arrays are read from .npy files");
  return false;
}

} // namespace

bool parseValue(const Given &g, Value &out, DiagnosticEngine &diags) {
  out = Value();
  out.name = g.name;
  out.text = g.value;
  if (startsWith(g.value, "random:"))
    return parseRandom(g, out, diags);
  if (startsWith(g.value, "zeros:")) {
    out.kind = Value::Zeros;
    return parseShape(g.name, g.value.substr(6), out.shape, diags);
  }
  if (startsWith(g.value, "text:") || startsWith(g.value, "string:")) {
    bool isFile = g.value[0] == 't';
    out.kind = Value::Bytes;
    if (!isFile)
      out.bytes = g.value.substr(7);
    else if (!readBytes(g.value.substr(5), out.bytes, diags))
      return false;
    out.shape = {int64_t(out.bytes.size())};
    return true;
  }
  if (endsWith(g.value, ".npy"))
    return parseFile(g, out, diags);
  return parseScalar(g, out, diags);
}

namespace {

bool wrongType(const Value &v, int dtype, DiagnosticEngine &diags) {
  diags.error(Diag::InputType, v.name,
              "`" + v.text + "` cannot be " + std::string(seq_dtype_name(dtype)));
  return false;
}

bool fillScalar(const Value &v, int dtype, Array &out, DiagnosticEngine &diags) {
  bool isBool = v.kind == Value::Bool;
  if (isBool != (dtype == SEQ_BOOL))
    return wrongType(v, dtype, diags);
  if (dtype == SEQ_BOOL)
    *out.as<uint8_t>() = uint8_t(v.integer);
  else if (dtype == SEQ_I32) {
    if (!v.isInteger || v.integer < INT32_MIN || v.integer > INT32_MAX)
      return wrongType(v, dtype, diags);
    *out.as<int32_t>() = int32_t(v.integer);
  } else {
    // `1e400` is a finite number that became an infinity: not what was written.
    out.set(0, v.number);
    if (std::isinf(out.at(0)) && v.text.find_first_of("iI") == std::string::npos)
      return wrongType(v, dtype, diags);
  }
  return true;
}

bool fillRandom(const Value &v, Array &out, DiagnosticEngine &diags) {
  if (v.bound != 0 && out.dtype() != SEQ_I32)
    return bad(diags, v.name,
               "`" + v.text + "` has a bound, but " + std::string(seq_dtype_name(out.dtype())) +
                   " is no integer type");
  if (out.isFloat()) {
    out.fillNormal(v.seed, 0, 1);
  } else if (out.dtype() == SEQ_BOOL) {
    seq_random_coin(v.seed, 0, 0, out.as<uint8_t>(), out.count());
  } else {
    if (v.bound == 0) {
      diags.error(Diag::BadValue, v.name, "random integers need a bound")
          .hint("random:SEED:[SHAPE]:N is uniform over 0 to N - 1");
      return false;
    }
    seq_random_below(v.seed, 0, 0, int32_t(v.bound), out.as<int32_t>(), out.count());
  }
  return true;
}

bool fillFile(const Value &v, int dtype, Array &out, std::string &note, DiagnosticEngine &diags) {
  seq_array array;
  seq_message message;
  if (seq_npy_read(v.text.c_str(), dtype, &array, &message) != SEQ_OK)
    return bad(diags, v.name, message.text, Diag::InputType);
  Shape shape(array.shape, array.shape + array.rank);
  bool same = shape == v.shape && out.count() == array.count;
  if (same)
    std::memcpy(out.data(), array.data, size_t(out.byteCount()));
  // That a file of f32 is rounded to 16 bits needs no word: NumPy has no bf16.
  if (seq_npy_info info; array.notes & SEQ_NOTE_ROUNDED &&
                         seq_npy_read_info(v.text.c_str(), &info, &message) == SEQ_OK &&
                         info.elem == SEQ_ELEM_F64)
    note = "`" + v.name + "` is f64, rounded to " + seq_dtype_name(dtype);
  seq_array_free(&array);
  return same || bad(diags, v.name, "the file changed while it was read", Diag::InputFile);
}

} // namespace

bool loadValue(const Value &v, int dtype, Array &out, std::string &note, DiagnosticEngine &diags) {
  out = Array(dtype, v.shape);
  if (!out) {
    diags.error(Diag::NoMemory, v.name, "there is no memory for " + shapeText(v.shape));
    return false;
  }
  switch (v.kind) {
  case Value::File:
    return fillFile(v, dtype, out, note, diags);
  case Value::Number:
  case Value::Bool:
    return fillScalar(v, dtype, out, diags);
  case Value::Random:
    return fillRandom(v, out, diags);
  case Value::Zeros:
    return true;
  case Value::Bytes:
    if (dtype != SEQ_I32)
      return wrongType(v, dtype, diags);
    for (size_t i = 0; i < v.bytes.size(); ++i)
      out.as<int32_t>()[i] = uint8_t(v.bytes[i]);
    return true;
  }
  return false;
}

static bool readLengths(const Given &g, std::vector<int64_t> &out, DiagnosticEngine &diags) {
  seq_array array;
  seq_message message;
  if (seq_npy_read(g.value.c_str(), SEQ_IO_I64, &array, &message) != SEQ_OK)
    return bad(diags, g.name, message.text, Diag::BadLengths);
  bool flat = array.rank == 1;
  auto *data = static_cast<const int64_t *>(array.data);
  if (flat)
    out.assign(data, data + array.count);
  seq_array_free(&array);
  return flat || bad(diags, g.name, "`" + g.value + "` has not one axis", Diag::BadLengths);
}

bool parseLengths(const Given &g, std::vector<int64_t> &out, DiagnosticEngine &diags) {
  if (endsWith(g.value, ".npy"))
    return readLengths(g, out, diags);
  for (const std::string &part : splitText(g.value, ',')) {
    int64_t n;
    if (!parseInteger(part, n)) {
      bool digits = !part.empty() && part.find_first_not_of("0123456789-") == std::string::npos;
      return bad(diags, g.name,
                 "`" + part + "` is " + (digits ? "too large for" : "not") + " a length",
                 Diag::BadLengths);
    }
    out.push_back(n);
  }
  return true;
}

} // namespace seq::tool

//===- OwnInputs.cpp - Inputs that check and bench make --------------------------------===//
#include "compiler/Tools/seqc/OwnInputs.h"

#include "seq/random.h"

#include <cstring>

namespace seq::tool {

std::vector<std::string> sequenceSizes(const Session &session) {
  auto descriptor = session.describe();
  const seq_function_desc &f = descriptor->function(0);
  std::vector<std::string> names;
  for (int32_t i = 0; i < f.n_sizes; ++i)
    if (f.size_is_sequence[i])
      names.push_back(f.size_names[i]);
  return names;
}

OwnShape shapeOf(const Session &session, int64_t length, int64_t other) {
  OwnShape shape;
  std::vector<std::string> sequences = sequenceSizes(session);
  for (const SizeSymbol *s : session.entry().symbols) {
    if (s->isStatic)
      continue;
    bool isSequence = std::find(sequences.begin(), sequences.end(), s->name) != sequences.end();
    auto given = session.givenSizes().find(s->name);
    shape.sizes[s->name] = given != session.givenSizes().end() ? given->second.front()
                           : isSequence                        ? length
                                                               : other;
  }
  return shape;
}

static void fillRandom(Array &a, uint64_t seed, uint64_t stream) {
  switch (a.dtype()) {
  case SEQ_F32:
    seq_random_normal_f32(seed, stream, 0, a.as<float>(), a.count());
    for (int64_t i = 0; i < a.count(); ++i)
      a.as<float>()[i] *= 0.5f;
    break;
  case SEQ_F64:
    seq_random_normal_f64(seed, stream, 0, a.as<double>(), a.count());
    for (int64_t i = 0; i < a.count(); ++i)
      a.as<double>()[i] *= 0.5;
    break;
  case SEQ_I32:
    seq_random_below(seed, stream, 0, 4, a.as<int32_t>(), a.count());
    break;
  default:
    seq_random_coin(seed, stream, 0, a.as<uint8_t>(), a.count());
    break;
  }
}

static bool shapeOfInput(const typed::ParamInfo &p, const OwnShape &shape, Shape &out) {
  if (shape.batch >= 0)
    out.push_back(shape.batch);
  for (const Size &size : p.var->type.shape) {
    auto n = size.evaluate([&](const SizeSymbol *s) -> std::optional<int64_t> {
      auto it = shape.sizes.find(s->name);
      return it == shape.sizes.end() ? s->value : std::optional(it->second);
    });
    if (!n || *n < 0)
      return false;
    out.push_back(*n);
  }
  return true;
}

static Array copyOf(const Array &a) {
  Array copy(a.dtype(), a.shape());
  if (copy && a.byteCount())
    std::memcpy(copy.data(), a.data(), size_t(a.byteCount()));
  return copy;
}

bool makeInputs(Session &session, const OwnShape &shape, uint64_t seed, CallInputs &out) {
  out = {};
  const auto &params = session.entry().params;
  for (size_t i = 0; i < params.size(); ++i) {
    if (i < session.inputs.arrays.size() && session.inputs.arrays[i]) {
      out.arrays.push_back(copyOf(session.inputs.arrays[i]));
      continue;
    }
    Shape extents;
    if (!shapeOfInput(params[i], shape, extents))
      return false;
    Array a(codegen::dtypeOf(params[i].var->type.elem), extents);
    if (!a) {
      session.diags.error(Diag::NoMemory, params[i].var->name,
                          "there is no memory for " + shapeText(extents));
      return false;
    }
    fillRandom(a, seed, i + 1);
    out.arrays.push_back(std::move(a));
  }
  out.lengths = shape.lengths;
  return true;
}

} // namespace seq::tool

//===- OwnInputs.cpp - Inputs that check and bench make --------------------------------===//
#include "compiler/Tools/seqc/OwnInputs.h"

#include "seq/random.h"

#include "llvm/ADT/STLExtras.h"

#include <cmath>
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

/// The sizes and the batch that an array has which is given for a parameter of `type`.
static void takeShape(const Array &array, const typed::Type &type, OwnShape &shape) {
  if (!array || array.shape().size() < type.shape.size())
    return;
  size_t lead = array.shape().size() - type.shape.size();
  if (lead == 1)
    shape.batch = array.shape()[0];
  for (auto [k, size] : llvm::enumerate(type.shape)) {
    const auto &sum = size.sum();
    bool symbol = sum.size() == 1 && sum[0].coefficient == 1 && sum[0].atoms.size() == 1 &&
                  sum[0].atoms[0].kind == Size::Atom::Symbol;
    if (symbol && shape.sizes.count(sum[0].atoms[0].symbol->name))
      shape.sizes[sum[0].atoms[0].symbol->name] = array.shape()[lead + k];
  }
}

/// Those that given inputs have; −1 where none says.
static OwnShape shapeOfInputs(const Session &session) {
  OwnShape shape;
  for (const SizeSymbol *s : session.entry().symbols)
    if (!s->isStatic)
      shape.sizes[s->name] = -1;
  const auto &params = session.entry().params;
  for (size_t i = 0; i < params.size() && i < session.inputs.arrays.size(); ++i)
    takeShape(session.inputs.arrays[i], params[i].var->type, shape);
  return shape;
}

OwnShape shapeOf(const Session &session, int64_t length, int64_t other) {
  OwnShape shape = shapeOfInputs(session);
  std::vector<std::string> sequences = sequenceSizes(session);
  for (auto &[name, n] : shape.sizes)
    if (auto given = session.givenSizes().find(name); given != session.givenSizes().end())
      n = given->second.front();
    else if (n < 0)
      n = llvm::is_contained(sequences, name) ? length : other;
  return shape;
}

std::vector<OwnShape> shapesOf(const Session &session, int64_t length, int64_t other) {
  std::vector<OwnShape> shapes = {shapeOf(session, length, other)};
  for (auto &[name, values] : session.givenSizes()) {
    std::vector<OwnShape> next;
    for (const OwnShape &s : shapes)
      for (int64_t v : values) {
        next.push_back(s);
        if (name == "batch")
          next.back().batch = v;
        else if (s.sizes.count(name))
          next.back().sizes[name] = v;
      }
    shapes = std::move(next);
  }
  return shapes;
}

std::string sizesText(const OwnShape &shape) {
  std::string text;
  for (auto &[name, value] : shape.sizes)
    text += (text.empty() ? "" : ", ") + name + "=" + std::to_string(value);
  if (shape.batch >= 0)
    text += (text.empty() ? "batch=" : ", batch=") + std::to_string(shape.batch);
  return text;
}

bool sizesAgree(Session &session) {
  OwnShape inputs = shapeOfInputs(session);
  inputs.sizes["batch"] = inputs.batch;
  bool agree = true;
  for (auto &[name, values] : session.givenSizes())
    for (int64_t v : values) {
      auto at = inputs.sizes.find(name);
      if (at == inputs.sizes.end() || at->second < 0 || at->second == v)
        continue;
      session.diags
          .error(Diag::InputShape, session.entry().name,
                 "`" + name + "=" + std::to_string(v) + "` where an input that is given has " +
                     std::to_string(at->second))
          .hint("leave one of the two away");
      agree = false;
    }
  return agree;
}

static void fillRandom(Array &a, uint64_t seed, uint64_t stream) {
  if (a.isFloat())
    a.fillNormal(seed, stream, 0.5);
  else if (a.dtype() == SEQ_I32)
    seq_random_below(seed, stream, 0, 4, a.as<int32_t>(), a.count());
  else
    seq_random_coin(seed, stream, 0, a.as<uint8_t>(), a.count());
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

template <class T> static void moveToNeighbours(T *x, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    x[i] = std::nextafter(x[i], i % 2 ? T(INFINITY) : T(-INFINITY));
}

CallInputs moveLastBits(const CallInputs &inputs) {
  CallInputs out;
  out.lengths = inputs.lengths;
  for (const Array &a : inputs.arrays) {
    out.arrays.push_back(a ? copyOf(a) : Array());
    if (Array &moved = out.arrays.back(); moved && moved.dtype() == SEQ_F32)
      moveToNeighbours(moved.as<float>(), moved.count());
    else if (moved && moved.dtype() == SEQ_F64)
      moveToNeighbours(moved.as<double>(), moved.count());
  }
  return out;
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
  out.lengths = session.inputs.lengths.empty() ? shape.lengths : session.inputs.lengths;
  return true;
}

} // namespace seq::tool

//===- Batch.cpp - A ragged batch, sequence by sequence ---------------------------------===//
//
// Argument `x: f32[T, C]` of a batch is padded to [B, T, C]. Sequence b with T = 3 gets
// the box [3, C] of it, cut by the argument's seq.shape at its own sizes; its results are
// put into the corner of zeros. So nothing of the padding can be seen.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Tape.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "runtime/include/seq/abi.h"

#include <cstring>

using namespace mlir;

namespace seq::reference {

using Shape = std::vector<int64_t>;

/// `e` at the sizes; a division by zero gives 0.
static int64_t evaluate(AffineExpr e, const Shape &sizes) {
  if (auto c = dyn_cast<AffineConstantExpr>(e))
    return c.getValue();
  if (auto s = dyn_cast<AffineSymbolExpr>(e))
    return sizes[s.getPosition()];
  auto binary = dyn_cast<AffineBinaryOpExpr>(e);
  if (!binary)
    return 0;
  int64_t a = evaluate(binary.getLHS(), sizes), b = evaluate(binary.getRHS(), sizes);
  int64_t mod = b ? (a % b + b) % b : 0;
  switch (e.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::Mod:
    return mod;
  case AffineExprKind::FloorDiv:
    return b ? (a - mod) / b : 0;
  case AffineExprKind::CeilDiv:
    return b ? (a - mod) / b + (mod != 0) : 0;
  default:
    return 0;
  }
}

/// The shape of an argument or result at the sizes, where it is declared.
static std::optional<Shape> shapeAt(Attribute attr, const Shape &sizes) {
  auto map = dyn_cast_or_null<AffineMapAttr>(attr);
  if (!map || map.getValue().getNumSymbols() > sizes.size())
    return std::nullopt;
  Shape shape;
  for (AffineExpr e : map.getValue().getResults())
    shape.push_back(std::max<int64_t>(evaluate(e, sizes), 0));
  return shape;
}

/// Copies the corner `box` of an array of shape `from` to one of shape `to`.
static void copyBox(const char *in, const Shape &from, char *out, const Shape &to, const Shape &box,
                    size_t each, size_t axis = 0) {
  if (axis == box.size())
    return static_cast<void>(std::memcpy(out, in, each));
  size_t inner = each, outer = each;
  for (size_t k = axis + 1; k < box.size(); ++k) {
    inner *= from[k];
    outer *= to[k];
  }
  bool whole = true;
  for (size_t k = axis + 1; k < box.size(); ++k)
    whole &= box[k] == from[k] && box[k] == to[k];
  if (whole && box[axis])
    return static_cast<void>(std::memcpy(out, in, inner * box[axis]));
  for (int64_t i = 0; i < box[axis]; ++i)
    copyBox(in + i * inner, from, out + i * outer, to, box, each, axis + 1);
}

static bool inside(const Shape &box, const Shape &shape) {
  if (box.size() != shape.size())
    return false;
  return llvm::all_of(llvm::zip(box, shape),
                      [](auto p) { return std::get<0>(p) <= std::get<1>(p); });
}

namespace {
class BatchRun {
public:
  BatchRun(func::FuncOp func, const Batch &batch, const Program &program, Counts *counts,
           Failure &failure)
      : func(func), batch(batch), program(program), counts(counts), failure(failure) {}
  bool run(std::vector<Tensor> &results);

private:
  func::FuncOp func;
  const Batch &batch;
  const Program &program;
  Counts *counts;
  Failure &failure;
  std::vector<std::vector<Tensor>> each; ///< the results of each sequence

  Shape sizesOf(int64_t b) const;
  bool cut(size_t i, int64_t b, const Shape &sizes, Tensor &own, const Tensor *&arg);
  bool sequence(int64_t b);
  bool sizeError(int64_t value, int64_t wanted);
  Tensor pad(size_t r);
};
} // namespace

/// The sizes of sequence `b`, in the order of seq.sizes; of the padding where b is −1.
Shape BatchRun::sizesOf(int64_t b) const {
  Shape sizes;
  for (const std::string &name : program.sizes) {
    auto own = batch.lengths.find(name);
    auto padded = batch.sizes.find(name);
    if (b >= 0 && own != batch.lengths.end())
      sizes.push_back(own->second[b]);
    else
      sizes.push_back(padded == batch.sizes.end() ? 0 : padded->second);
  }
  return sizes;
}

bool BatchRun::sizeError(int64_t value, int64_t wanted) {
  failure = Failure();
  failure.kind = SEQ_FAIL_SIZE;
  failure.what = func.getName().str();
  failure.value = value;
  failure.bound = wanted;
  return false;
}

/// Argument `i` as sequence `b` sees it: itself, or a copy of its corner in `own`.
bool BatchRun::cut(size_t i, int64_t b, const Shape &sizes, Tensor &own, const Tensor *&arg) {
  const Tensor &whole = *batch.args[i];
  bool batched = i < batch.batched.size() && batch.batched[i];
  Shape padded(whole.shape.begin() + (batched && !whole.shape.empty()), whole.shape.end());
  if (batched && (whole.shape.empty() || whole.shape[0] != batch.batch))
    return sizeError(whole.shape.empty() ? 0 : whole.shape[0], batch.batch);
  Shape box = shapeAt(func.getArgAttr(i, "seq.shape"), sizes).value_or(padded);
  if (!inside(box, padded))
    return sizeError(static_cast<int64_t>(i), static_cast<int64_t>(box.size()));
  if (!batched && box == padded) {
    arg = &whole;
    return true;
  }
  own = Tensor::zeros(whole.elem, box);
  size_t bytes = elemBytes(whole.elem);
  for (int64_t d : padded)
    bytes *= d;
  if (own.count())
    copyBox(whole.bytes.data() + (batched ? b * bytes : 0), padded, own.bytes.data(), box, box,
            elemBytes(whole.elem));
  arg = &own;
  return true;
}

bool BatchRun::sequence(int64_t b) {
  Shape sizes = sizesOf(b);
  std::map<std::string, int64_t> named = batch.sizes;
  for (auto [name, value] : llvm::zip(program.sizes, sizes))
    named[name] = value;
  std::vector<Tensor> own(batch.args.size());
  std::vector<const Tensor *> args(batch.args.size());
  bool ok = true;
  for (size_t i = 0; i < args.size() && ok; ++i)
    ok = cut(i, b, sizes, own[i], args[i]);
  ok = ok && runProgram(program, args, named, counts, each.emplace_back(), failure);
  failure.sequence = ok ? 0 : b;
  return ok;
}

/// Result `r` of all sequences as one array. Its shape is the declared one at the padded
/// sizes, and at least that of every sequence.
Tensor BatchRun::pad(size_t r) {
  Shape padded = shapeAt(func.getResultAttr(r, "seq.shape"), sizesOf(-1)).value_or(Shape());
  for (const auto &results : each) {
    padded.resize(results[r].shape.size());
    for (auto [p, d] : llvm::zip(padded, results[r].shape))
      p = std::max(p, d);
  }
  Elem elem = *elemOf(getElementTypeOrSelf(func.getResultTypes()[r]), false);
  if (!each.empty())
    elem = each[0][r].elem;
  Shape shape = padded;
  shape.insert(shape.begin(), batch.batch);
  Tensor all = Tensor::zeros(elem, shape);
  size_t bytes = batch.batch ? all.bytes.size() / batch.batch : 0;
  for (auto [b, results] : llvm::enumerate(each))
    if (const Tensor &one = results[r]; one.count())
      copyBox(one.bytes.data(), one.shape, all.bytes.data() + b * bytes, padded, one.shape,
              elemBytes(elem));
  return all;
}

bool BatchRun::run(std::vector<Tensor> &results) {
  results.clear();
  if (batch.args.size() != func.getNumArguments())
    return sizeError(static_cast<int64_t>(batch.args.size()), func.getNumArguments());
  for (const auto &[name, lengths] : batch.lengths)
    if (static_cast<int64_t>(lengths.size()) != batch.batch)
      return sizeError(static_cast<int64_t>(lengths.size()), batch.batch);
  for (int64_t b = 0; b < batch.batch; ++b)
    if (!sequence(b))
      return false;
  for (size_t r = 0; r < program.resultSlots.size(); ++r)
    results.push_back(pad(r));
  return true;
}

bool interpretBatch(func::FuncOp func, const Batch &batch, const Options &options,
                    std::vector<Tensor> &results, Failure &failure) {
  std::unique_ptr<Program> program = buildProgram(func, options.f64);
  failure = Failure();
  return BatchRun(func, batch, *program, options.counts, failure).run(results);
}

} // namespace seq::reference

//===- LongConv.cpp - Convolutions that transforms may compute ----------------------------===//
//
// From `s <= t` and the read `x[t − s]` follows p = t − s ≥ 0: a bound of t in which s stands with
// the factor that p gives it is a bound of p. A condition in which t does not stand makes points of
// the kernel 0. Any other condition makes products that no product of transforms has.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/LongConv.h"

#include "compiler/Transforms/Rewrite.h"

using namespace mlir;
namespace seq {

/// Sizes are values of the function's own block.
static Value sizeOfAxis(OpBuilder &b, func::FuncOp func, Value tensor, unsigned axis) {
  auto scan = tensor.getDefiningOp<ScanOp>();
  if (scan && cast<OpResult>(tensor).getResultNumber() < scan.numYields())
    return axis == 0 ? scan.getExtent() : Value();
  auto sizes = tensorSizes(b, func, tensor);
  return sizes ? (*sizes)[axis] : Value();
}

bool LongConv::kernelUses(unsigned place) {
  auto uses = [&](Value v) { return dependsOn(v, op.indices()[place], op.getBody()); };
  return uses(kernel()) || llvm::any_of(conditions, uses);
}

bool LongConv::inputUses(unsigned place) {
  return llvm::any_of(input.getIndices(),
                      [&](Value i) { return dependsOn(i, op.indices()[place], op.getBody()); });
}

/// Values of the function that are known when weights are bound.
static bool isOfWeights(Value v) {
  if (auto argument = dyn_cast<BlockArgument>(v)) {
    auto func = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    return func && func.getArgAttr(argument.getArgNumber(), kWeightAttr);
  }
  Operation *op = v.getDefiningOp();
  return isa<arith::ConstantOp>(op) ||
         (isa<MapOp>(op) && !mayFail(op) && llvm::all_of(capturedBy(op), isOfWeights));
}

bool LongConv::kernelIsOfWeights() {
  SmallVector<Value> made(conditions);
  made.push_back(kernel());
  return llvm::all_of(made, [&](Value v) {
    Operation *op = v.getDefiningOp();
    if (!op || op->getBlock() != this->op.bodyBlock())
      return op && isOfWeights(v);
    auto slice = scalarSlice(op, this->op.bodyBlock());
    return llvm::all_of(slice, [&](Operation *part) {
      return llvm::all_of(capturedBy(part), [&](Value from) {
        return this->op.getBody().isAncestor(from.getParentRegion()) || isOfWeights(from);
      });
    });
  });
}

/// Made of constants, values from outside and indices that are one value in a tile.
bool LongConv::isUniform(const AffineSum &sum) {
  return llvm::all_of(sum.terms, [&](auto &term) {
    return !llvm::any_of(op.indices(), [&](BlockArgument i) {
      bool moves = i.getArgNumber() == time || i == op.indices().back() || i.getArgNumber() == lane;
      return moves && dependsOn(term.second, i, op.getBody());
    });
  });
}

/// Finds t, p and the axis in the places that the input is read at.
bool LongConv::readsAtPlace() {
  Value s = op.indices().back();
  Region &body = op.getBody();
  std::optional<unsigned> window;
  for (auto [k, i] : llvm::enumerate(input.getIndices()))
    if (dependsOn(i, s, body)) {
      if (window)
        return false;
      window = k;
    }
  if (!window)
    return false;
  axis = *window;
  auto whole = [&](Value v) { return !body.isAncestor(v.getParentRegion()); };
  shift.add(input.getIndices()[axis], 1, whole);
  int64_t factor = shift.take(s);
  std::optional<unsigned> moving;
  for (unsigned k = 0; k + 1 < op.indices().size(); ++k)
    if (int64_t f = shift.take(op.indices()[k])) {
      if (moving || f != 1)
        return false;
      moving = k;
    }
  bool outside = llvm::all_of(shift.terms, [&](auto &term) { return whole(term.second); });
  if (std::abs(factor) != 1 || !moving || !outside)
    return false;
  sign = static_cast<int>(factor);
  time = *moving;
  for (auto [k, i] : llvm::enumerate(input.getIndices()))
    if (k != axis && dependsOn(i, op.indices()[time], body))
      return false;
  return true;
}

bool LongConv::addCondition(Value conjunct) {
  Value t = op.indices()[time];
  if (!dependsOn(conjunct, t, op.getBody())) {
    conditions.push_back(conjunct);
    return true;
  }
  if (!isAllBounds(conjunct, t, op.getBody()))
    return false;
  for (IndexBound &bound : boundsOf(conjunct, t, op.getBody())) {
    // t ≥ v − sign s is p ≥ v + shift.
    if (bound.value.take(op.indices().back()) != -sign || !isUniform(bound.value))
      return false;
    bound.value.constant += shift.constant;
    llvm::append_range(bound.value.terms, shift.terms);
    bounds.push_back(bound);
  }
  return true;
}

std::optional<LongConv> LongConv::match(ConvOp op, std::string &why) {
  LongConv c;
  c.op = op;
  auto refuse = [&](StringRef reason) {
    why = reason;
    return std::nullopt;
  };
  auto func = dyn_cast<func::FuncOp>(op->getParentOp());
  if (!func)
    return refuse("it stands in the step of a scan");
  if (op.getReduced() != 1)
    return refuse("it sums over several indices");
  c.input = op.yield().getValues()[1].getDefiningOp<ReadOp>();
  if (!c.input || !c.readsAtPlace())
    return refuse("it does not read its input at `t - s` or `t + s` in one axis");
  if (c.kernelUses(c.time))
    return refuse("its kernel changes with the step");
  unsigned last = op.getExtents().size() - 2;
  if (c.time != last)
    c.lane = last;
  for (unsigned k = 0; k <= last; ++k)
    if (k != c.time && c.lane != k)
      c.outer.push_back(k);
  for (Value conjunct : conjunctsOf(op.yield().getPresent()))
    if (!c.addCondition(conjunct))
      return refuse("a condition on the step is no bound of the place that is read");
  // The kernel is computed once for all steps, at absent points too.
  if (mayFail(op))
    return refuse("a value in it may fail");
  OpBuilder b(op);
  c.inputSize = sizeOfAxis(b, func, c.input.getTensor(), c.axis);
  if (!c.inputSize)
    return refuse("how long its input is cannot be said");
  return c;
}

} // namespace seq

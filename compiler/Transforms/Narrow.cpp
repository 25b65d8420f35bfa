//===- Narrow.cpp - Tensors in the 16 bits that they are rounded to ---------------------------===//
//
//   %y = map (t, c) { … f32 }                  %y = map (t, c) { truncf … bf16 }
//   return map (t, c) { truncf y[t, c] }   →   return %y
//
// A program computes in f32 and rounds where it says so: its results, and what `bf16(x)`
// names. A tensor that only readers who round read, or that holds rounded values, is kept in
// 16 bits: the same numbers, half of the bytes. So are what a scan yields and the copy that a
// result would be.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQNARROW
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

Type elementOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getElementType();
}

/// A tensor under all of its names: what a map makes, and scans that yield it.
struct Uses {
  SmallVector<Value> names;
  SmallVector<ReadOp> reads;
  bool known = true; ///< nothing else uses it

  void add(Value tensor) {
    names.push_back(tensor);
    for (OpOperand &use : tensor.getUses()) {
      Operation *user = use.getOwner();
      if (auto read = dyn_cast<ReadOp>(user); read && use.getOperandNumber() == 0) {
        reads.push_back(read);
        continue;
      }
      auto next = dyn_cast<NextOp>(user);
      unsigned states = next ? next.getStates().size() : 0;
      if (!next || use.getOperandNumber() < states) {
        known = false;
        return;
      }
      add(next->getParentOp()->getResult(use.getOperandNumber() - states));
    }
  }

  /// The type that all readers round to, or null.
  Type rounded() const {
    Type to;
    for (ReadOp read : reads)
      for (Operation *user : read->getUsers()) {
        Type t = isa<arith::TruncFOp>(user) ? user->getResult(0).getType() : Type();
        if (!t || !isShort(t) || (to && t != to))
          return {};
        to = t;
      }
    return to;
  }

  void become(Type element) {
    for (Value name : names)
      name.setType(cast<RankedTensorType>(name.getType()).clone(element));
    for (ReadOp read : reads)
      retype(read, element);
  }

private:
  static void retype(ReadOp read, Type element) {
    OpBuilder b(read->getContext());
    b.setInsertionPointAfter(read);
    Value x = read.getResult();
    Type wide = x.getType();
    x.setType(element);
    SmallVector<Operation *> users(x.getUsers());
    Operation *widened = nullptr;
    for (Operation *user : users) {
      if (isa<arith::TruncFOp>(user) && user->getResult(0).getType() == element) {
        user->getResult(0).replaceAllUsesWith(x);
        user->erase();
        continue;
      }
      if (!widened)
        widened = arith::ExtFOp::create(b, read.getLoc(), wide, x);
      user->replaceUsesOfWith(x, widened->getResult(0));
    }
  }
};

class Narrower {
public:
  explicit Narrower(func::FuncOp func) : func(func) {}

  void run() {
    // From the last: what a later tensor is rounded to decides about those that it copies.
    SmallVector<Operation *> ops;
    func.walk([&](Operation *op) {
      if (isa<MapOp, ScanOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : llvm::reverse(ops)) {
      if (auto scan = dyn_cast<ScanOp>(op))
        narrowYields(scan);
      else
        narrowResults(cast<MapOp>(op));
    }
    for (Operation *op : ops)
      if (auto map = dyn_cast<MapOp>(op))
        skipCopy(map);
    eraseDead(func);
  }

private:
  void narrowResults(MapOp map) {
    for (auto [k, result] : llvm::enumerate(map.getResults())) {
      if (!elementOf(result).isF32())
        continue;
      Uses uses;
      uses.add(result);
      if (!uses.known || uses.reads.empty())
        continue;
      Value value = map.yield().getValues()[k];
      auto widened = value.getDefiningOp<arith::ExtFOp>();
      bool holds = widened && isShort(widened.getIn().getType());
      Type element = holds ? widened.getIn().getType() : uses.rounded();
      if (!element)
        continue;
      OpBuilder b(map.yield());
      Value narrow = holds ? widened.getIn()
                           : arith::TruncFOp::create(b, map.getLoc(), element, value).getResult();
      map.yield()->setOperand(k, narrow);
      uses.become(element);
    }
  }

  /// What a step also keeps as a state stays as it is there; the yield is a copy of it.
  void narrowYields(ScanOp scan) {
    NextOp next = scan.next();
    for (auto [k, yielded] : llvm::enumerate(next.getYields())) {
      Value result = scan.getResult(k);
      auto made = yielded.getDefiningOp<MapOp>();
      if (!elementOf(result).isF32() || !made || yielded.hasOneUse())
        continue;
      Uses uses;
      uses.add(result);
      Type element = uses.known && !uses.reads.empty() ? uses.rounded() : Type();
      if (!element)
        continue;
      OpBuilder b(next);
      auto copy = MapOp::create(
          b, scan.getLoc(), element, made.getExtents(),
          [&](OpBuilder &in, Location loc, ValueRange at) {
            Value x = ReadOp::create(in, loc, yielded, at);
            YieldOp::create(in, loc, arith::TruncFOp::create(in, loc, element, x).getResult());
          });
      next->setOperand(next.getStates().size() + k, copy.getResult(0));
      uses.become(element);
    }
  }

  /// The extents along the axes of a tensor that a map or a scan makes; empty: not known.
  static SmallVector<Value> sizesOf(Value tensor) {
    if (auto map = tensor.getDefiningOp<MapOp>())
      return SmallVector<Value>(map.getExtents());
    auto scan = tensor.getDefiningOp<ScanOp>();
    unsigned k = scan ? cast<OpResult>(tensor).getResultNumber() : 0;
    if (!scan || k >= scan.next().getYields().size())
      return {};
    SmallVector<Value> out{scan.getExtent()};
    llvm::append_range(out, sizesOf(scan.next().getYields()[k]));
    return out;
  }

  void skipCopy(MapOp map) {
    if (map->getNumResults() != 1 || !isShort(elementOf(map.getResult(0))))
      return;
    auto read = map.yield().getValues()[0].getDefiningOp<ReadOp>();
    if (!read || read.getGuard() || read.getCheck() || read->getBlock() != map.bodyBlock() ||
        !llvm::equal(read.getIndices(), map.indices()))
      return;
    auto same = [](Value a, Value b) {
      auto x = constantOf(a), y = constantOf(b);
      return a == b || (x && x == y);
    };
    SmallVector<Value> sizes = sizesOf(read.getTensor());
    if (read.getTensor().getType() == map.getResult(0).getType() &&
        llvm::equal(sizes, map.getExtents(), same))
      map.getResult(0).replaceAllUsesWith(read.getTensor());
  }

  func::FuncOp func;
};

struct Narrow : seq::impl::SeqNarrowBase<Narrow> {
  void runOnOperation() override { Narrower(getOperation()).run(); }
};

} // namespace

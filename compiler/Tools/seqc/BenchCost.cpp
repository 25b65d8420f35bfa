//===- BenchCost.cpp - Work of a call, counted from the program --------------------------===//
#include "compiler/Tools/seqc/BenchCost.h"

#include "dialect/Seq.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace seq::tool {

namespace {
class Counter {
public:
  explicit Counter(const std::map<std::string, int64_t> &sizes) : sizes(sizes) {}

  double count(Region &region) {
    double flops = 0;
    for (Operation &op : region.front())
      flops += count(op);
    return flops;
  }

private:
  /// The value of an extent; what depends on an index counts as its largest value, 1
  /// where nothing is known.
  int64_t value(Value v, unsigned depth = 0) {
    Operation *op = v.getDefiningOp();
    if (!op || depth > 64)
      return 1;
    if (auto c = dyn_cast<arith::ConstantOp>(op))
      if (auto i = dyn_cast<IntegerAttr>(c.getValue()))
        return i.getInt();
    if (auto s = dyn_cast<SizeOp>(op)) {
      auto it = sizes.find(s.getName().str());
      return it == sizes.end() ? 1 : it->second;
    }
    if (op->getNumOperands() != 2)
      return 1;
    int64_t a = value(op->getOperand(0), depth + 1), b = value(op->getOperand(1), depth + 1);
    if (isa<arith::AddIOp>(op))
      return a + b;
    if (isa<arith::SubIOp>(op))
      return a - b;
    if (isa<arith::MulIOp>(op))
      return a * b;
    if (auto d = dyn_cast<IntDivOp>(op); d && b > 0)
      return d.getKind() == DivKind::div ? a / b : a % b;
    return 1;
  }

  double points(OperandRange extents) {
    double n = 1;
    for (Value e : extents)
      n *= double(std::max<int64_t>(0, value(e)));
    return n;
  }

  double count(Operation &op) {
    if (auto map = dyn_cast<MapOp>(op))
      return points(map.getExtents()) * count(map.getBody());
    if (auto reduce = dyn_cast<ReduceOp>(op))
      return points(reduce.getExtents()) *
             (count(reduce.getBody()) + double(reduce.getNumResults()));
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      return points(softmax.getExtents()) * (count(softmax.getBody()) + kUnaryFlops + 3);
    if (auto scan = dyn_cast<ScanOp>(op))
      return double(std::max<int64_t>(0, value(scan.getExtent()))) * count(scan.getBody());
    if (isa<UnaryOp, PowerOp>(op))
      return kUnaryFlops;
    return isa<arith::AddFOp, arith::SubFOp, arith::MulFOp, arith::DivFOp, arith::MaximumFOp,
               arith::MinimumFOp>(op);
  }

  const std::map<std::string, int64_t> &sizes;
};
} // namespace

double countFlops(func::FuncOp func, const std::map<std::string, int64_t> &sizes) {
  return Counter(sizes).count(func.getBody());
}

} // namespace seq::tool

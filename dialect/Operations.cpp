//===- Operations.cpp - What counts as an operation -----------------------------------===//
#include "dialect/Operations.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

#include <bit>

using namespace mlir;
namespace seq {

static Operations<double> ofUnary(UnaryKind kind) {
  switch (kind) {
  case UnaryKind::abs:
  case UnaryKind::sign:
  case UnaryKind::floor:
  case UnaryKind::relu:
    return {.extremes = 1};
  case UnaryKind::sqrt:
  case UnaryKind::rsqrt:
    return {.divisions = 1};
  default:
    return {.functions = 1};
  }
}

/// A constant whole exponent means products by squaring.
static Operations<double> ofPower(PowerOp op) {
  if (!isa<FloatType>(op.getBase().getType()))
    return {};
  auto n = op.getExponent().getType().isIndex() ? constantOf(op.getExponent()) : std::nullopt;
  if (!n)
    return {.functions = 1};
  uint64_t k = std::abs(*n);
  double products = k ? std::bit_width(k) - 1 + std::popcount(k) - 1 : 0;
  return {.multiplies = products, .divisions = *n < 0 ? 1.0 : 0.0};
}

Operations<double> operationsOf(Operation *op) {
  if (isa<arith::AddFOp, arith::SubFOp>(op))
    return {.adds = 1};
  if (isa<arith::MulFOp>(op))
    return {.multiplies = 1};
  if (isa<arith::DivFOp>(op))
    return {.divisions = 1};
  if (isa<arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp, arith::MinNumFOp>(op))
    return {.extremes = 1};
  if (auto u = dyn_cast<UnaryOp>(op))
    return ofUnary(u.getKind());
  if (auto p = dyn_cast<PowerOp>(op))
    return ofPower(p);
  return {};
}

/// Calls f with the kind of each value that is a float before it is folded.
static void forEachFloat(ReduceOp op, llvm::function_ref<void(ReduceKind)> f) {
  for (auto [k, value] : llvm::enumerate(op.yield().getValues()))
    if (isa<FloatType>(value.getType()))
      f(op.kind(k));
}

Operations<double> operationsOfPoint(ReduceOp op) {
  Operations<double> n;
  forEachFloat(op, [&](ReduceKind kind) {
    switch (kind) {
    case ReduceKind::sum:
    case ReduceKind::mean:
      n.adds += 1;
      break;
    case ReduceKind::prod:
      n.multiplies += 1;
      break;
    case ReduceKind::logsumexp:
      n.add(Operations<double>{.adds = 2, .functions = 1, .extremes = 1}, 1);
      break;
    default:
      n.extremes += 1;
    }
  });
  return n;
}

Operations<double> operationsOfEnd(ReduceOp op) {
  Operations<double> n;
  forEachFloat(op, [&](ReduceKind kind) {
    n.divisions += kind == ReduceKind::mean;
    n.adds += kind == ReduceKind::logsumexp;
    n.functions += kind == ReduceKind::logsumexp;
  });
  return n;
}

Operations<double> operationsOfPoint(Operation *op) {
  return llvm::TypeSwitch<Operation *, Operations<double>>(op)
      .Case<ReduceOp>([](ReduceOp r) { return operationsOfPoint(r); })
      .Case<SoftmaxOp>([](SoftmaxOp) {
        return Operations<double>{.adds = 2, .divisions = 1, .functions = 1, .extremes = 1};
      })
      .Case<AttentionOp>([](AttentionOp a) {
        double values = a.yield().getValues().size() - 1;
        return Operations<double>{.adds = values, .multiplies = values};
      })
      .Case<ConvOp>([](ConvOp) { return Operations<double>{.adds = 1, .multiplies = 1}; })
      .Default(Operations<double>{});
}

Operations<double> operationsOfWeight(AttentionOp op) {
  if (op.getLinear())
    return {};
  return {.adds = 2, .functions = 1, .extremes = 1};
}

Operations<double> operationsOfRow(AttentionOp op) {
  if (op.getNormaliser())
    return {.adds = 1, .functions = 1};
  return {.divisions = op.getLinear() ? 0.0 : double(op.getNumResults())};
}

} // namespace seq

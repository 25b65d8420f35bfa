//===- EmitCall.cpp - Calls are expanded ----------------------------------------------===//
//
// The callee's statements are emitted where the call stands, in a frame of its own. Extra
// leading axes of the arguments become ambient indices: the callee's code is that of one
// head or one step, and what depends on them gets axes for them.
//
//   let y = f(x)      // f on [I], x: [T, I]     x is (T ambient, own 0) inside;
//                     // f's map over [I] becomes one over (T, I), and y's first axis is T
//
//===----------------------------------------------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

/// The value for one call: its first `extra` axes are the last ones of `mapped`.
TensorValue Emitter::spread(TensorValue value, unsigned extra, ArrayRef<Ambient *> mapped) {
  mapped = mapped.take_back(extra);
  for (Dim &dim : value.dims) {
    if (dim.ambient || dim.fixed)
      continue;
    if (dim.own < extra)
      dim.ambient = mapped[dim.own];
    else
      dim.own -= extra;
  }
  value.rank -= extra;
  if (value.presence && extra)
    value.presence = [inner = value.presence,
                      outer = SmallVector<Ambient *>(mapped)](ValueRange at) {
      SmallVector<Value> whole;
      for (Ambient *ambient : outer)
        whole.push_back(ambient->current);
      llvm::append_range(whole, at);
      return inner(whole);
    };
  return value;
}

SmallVector<TensorValue> Emitter::emitCall(const Expr &expr, ArrayRef<Value> at) {
  LeaveBody leave(*this);
  const typed::CallExpr &call = *expr.call;
  const typed::FunctionInstance &callee = *call.callee;
  SmallVector<Ambient *> mapped;
  for (const Size &s : call.mapped)
    mapped.push_back(newAmbient(size(s), {}));
  // The leading axes of the result are those of the mapped arguments.
  SmallVector<Value> mappedAt(mapped.size());
  if (!at.empty())
    llvm::copy(at.take_front(mapped.size()), mappedAt.begin());
  auto argumentAt = [&](const Expr &arg, unsigned extra) {
    SmallVector<Value> places(ArrayRef<Value>(mappedAt).take_back(extra));
    places.resize(arg.type().shape.size());
    return places;
  };
  SmallVector<TensorValue> args(callee.params.size());
  for (auto [i, arg] : llvm::enumerate(call.args))
    if (arg)
      args[i] = spread(materializeFor(*arg, argumentAt(*arg, call.extraAxes[i])), call.extraAxes[i],
                       mapped);

  frames.emplace_back();
  Frame *inner = &frames.back();
  inner->prefix = frame->prefix + call.prefix;
  for (const auto &[symbol, s] : call.sizes)
    inner->sizes[symbol] = resolve(s);
  FrameScope scope(*this, inner);
  size_t mark = active.size(), asked = demand ? demand->indices.size() : 0;
  if (demand)
    for (auto [place, ambient] : llvm::zip(mappedAt, mapped))
      if (place)
        demand->indices.emplace_back(place, ambient);
  active.insert(active.end(), mapped.begin(), mapped.end());
  for (auto [param, arg] : llvm::zip_equal(callee.params, args))
    bind(param.var, arg.tensor ? arg : materialize(*param.init));
  SmallVector<TensorValue> results = emitBody(callee);
  active.resize(mark);
  if (demand)
    demand->indices.resize(asked);
  for (TensorValue &result : results)
    result = close(std::move(result), mapped);
  return results;
}

} // namespace seq::emit

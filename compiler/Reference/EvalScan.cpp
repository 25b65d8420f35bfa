//===- EvalScan.cpp - seq.scan ------------------------------------------------------===//
//
// States are tensors that nobody writes to: a step makes new ones, and a state is a
// shared pointer to the last. Its old buffer is used again as soon as nobody holds it.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Machine.h"

#include <cstring>

namespace seq::reference {

/// Gives the stacked results their shapes.
static bool makeStacks(Machine &m, const Scan &scan, int64_t steps, uint32_t place) {
  for (auto [i, y] : llvm::enumerate(scan.yields)) {
    llvm::SmallVector<int64_t, 6> shape{steps};
    llvm::append_range(shape, m.tensors[y].shape);
    if (!m.allocate(scan.results[i], shape, place))
      return false;
  }
  return true;
}

/// Puts what step `t` yields in its place.
static bool stackYields(Machine &m, const Scan &scan, int64_t t, uint32_t place) {
  for (auto [i, y] : llvm::enumerate(scan.yields)) {
    const Slot &from = m.tensors[y];
    Slot &to = m.tensors[scan.results[i]];
    auto row = llvm::ArrayRef(to.shape).drop_front();
    for (auto [have, want] : llvm::zip(from.shape, row))
      if (have != want) {
        m.failSize(place, have, want);
        return false;
      }
    size_t bytes = static_cast<size_t>(from.count()) * elemBytes(from.elem);
    if (bytes)
      std::memcpy(to.bytes.get() + static_cast<size_t>(t) * bytes, from.bytes.get(), bytes);
  }
  return true;
}

/// All states change at once: a next value may be another state.
static void advance(Machine &m, const Scan &scan) {
  llvm::SmallVector<Slot, 4> next;
  for (uint32_t slot : scan.nexts)
    next.push_back(m.tensors[slot]);
  for (auto [slot, value] : llvm::zip(scan.states, next))
    m.tensors[slot] = std::move(value);
}

static void setFinalStates(Machine &m, const Scan &scan) {
  for (auto [i, slot] : llvm::enumerate(scan.states))
    m.tensors[scan.results[scan.yields.size() + i]] = m.tensors[slot];
}

/// Over no steps the yields have shapes all the same: the body runs once without touching
/// an element.
static void runNoSteps(Machine &m, Frame &frame, const Scan &scan, int64_t steps, uint32_t place) {
  bool dry = m.dry;
  m.dry = true;
  frame[scan.index].set<int64_t>(0);
  m.run(scan.code, frame, 1);
  m.dry = dry;
  makeStacks(m, scan, steps, place);
}

void runScan(Machine &m, Frame &frame, const Instr &in, int) {
  const Scan &scan = *m.program.scans[in.payload];
  int64_t steps = std::max<int64_t>(frame[scan.extent].first(), 0);
  for (auto [state, init] : llvm::zip(scan.states, scan.inits))
    m.tensors[state] = m.tensors[init];
  if (steps == 0 || m.dry)
    runNoSteps(m, frame, scan, steps, in.place);
  for (int64_t k = 0; k < steps && !m.dry; ++k) {
    int64_t t = scan.reverse ? steps - 1 - k : k;
    frame[scan.index].set<int64_t>(t);
    if (!m.run(scan.code, frame, 1) || (k == 0 && !makeStacks(m, scan, steps, in.place)) ||
        !stackYields(m, scan, t, in.place))
      return;
    advance(m, scan);
  }
  setFinalStates(m, scan);
}

} // namespace seq::reference

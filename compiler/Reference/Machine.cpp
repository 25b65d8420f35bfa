//===- Machine.cpp - Registers, buffers, blocks of points --------------------------===//
#include "compiler/Reference/Machine.h"

#include "runtime/include/seq/abi.h"

#include <cstdlib>
#include <cstring>

namespace seq::reference {

/// Blocks keep to one row where rows are at least this long: the last index is then
/// affine and reads along it are pointers. Shorter rows share a block.
static constexpr int64_t kLongRow = 16;

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

void Reg::copyLane(const Reg &from, int lane) {
  if (from.form == Form::Affine)
    return set<int64_t>(from.start + from.step * lane);
  const char *source = from.data + (from.form == Form::Varying ? size_t(lane) * bytes : 0);
  form = Form::Uniform;
  data = own;
  std::memcpy(own, source, bytes);
}

void Reg::alias(const Reg &from) {
  data = from.data;
  form = from.form;
  start = from.start;
  step = from.step;
}

void Reg::spread(int n) {
  uint64_t value = start, by = step;
  auto *out = write<int64_t>(Form::Varying);
  for (int l = 0; l < n; ++l)
    out[l] = static_cast<int64_t>(value + by * static_cast<uint64_t>(l));
}

static Frame makeFrame(const Body &body, int lanes) {
  Frame frame;
  frame.memory = std::make_unique<char[]>(body.regs.size() * lanes * sizeof(int64_t));
  frame.regs.resize(body.regs.size());
  for (auto [i, reg] : llvm::enumerate(frame.regs)) {
    reg.own = frame.memory.get() + i * lanes * sizeof(int64_t);
    reg.data = reg.own;
    reg.bytes = static_cast<uint8_t>(elemBytes(body.regs[i]));
  }
  for (auto [reg, bits] : body.fixed)
    std::memcpy(frame[reg].own, &bits, frame[reg].bytes);
  return frame;
}

//===----------------------------------------------------------------------===//
// The machine
//===----------------------------------------------------------------------===//

int64_t Slot::count() const {
  int64_t n = 1;
  for (int64_t d : shape)
    n *= d;
  return n;
}

Machine::Machine(const Program &program, Failure &failure) : program(program), failure(failure) {
  for (const Body *body : program.frames)
    frames.push_back(makeFrame(*body, body == &program.main ? 1 : kLanes));
  tensors.resize(program.slotElems.size());
  for (auto [slot, elem] : llvm::zip(tensors, program.slotElems))
    slot.elem = elem;
  for (const auto &[slot, value] : program.data)
    tensors[slot] = value;
  accumulators.resize(program.accumulators);
}

void Machine::fail(uint32_t place, int kind, int64_t value, int64_t bound) {
  if (dry || place >= failedPlace)
    return;
  const Place &p = program.places[place];
  failedPlace = place;
  failure = Failure();
  failure.kind = kind;
  failure.file = p.file;
  failure.what = p.what;
  failure.line = p.line;
  failure.column = p.column;
  failure.value = value;
  failure.bound = bound;
}

void Machine::failSize(uint32_t place, int64_t value, int64_t wanted) {
  fail(place, SEQ_FAIL_SIZE, value, wanted);
  stop = true;
}

/// The bytes of an array; INT64_MAX where they are not an int64_t.
static int64_t bytesOf(llvm::ArrayRef<int64_t> shape, Elem elem) {
  if (llvm::is_contained(shape, 0))
    return 0;
  int64_t bytes = static_cast<int64_t>(elemBytes(elem));
  for (int64_t d : shape)
    if (__builtin_mul_overflow(bytes, d, &bytes))
      return INT64_MAX;
  return bytes;
}

bool Machine::allocate(uint32_t slot, llvm::ArrayRef<int64_t> shape, uint32_t place) {
  Slot &s = tensors[slot];
  s.shape.assign(shape.begin(), shape.end());
  if (dry)
    return true;
  int64_t bytes = bytesOf(shape, s.elem);
  if (s.bytes.use_count() == 1 && s.capacity >= static_cast<size_t>(bytes))
    return true;
  char *memory = nullptr;
  if (bytes <= kMaxBytes)
    memory = static_cast<char *>(std::malloc(std::max<int64_t>(bytes, 1)));
  if (!memory) {
    failSize(place, bytes, kMaxBytes);
    return false;
  }
  s.bytes = std::shared_ptr<char>(memory, [](char *p) { std::free(p); });
  s.capacity = bytes;
  return true;
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

bool makeRange(const Body &body, Frame &outer, int lane, Range &range) {
  range.extents.clear();
  range.total = 1;
  bool empty = false, fits = true;
  for (uint32_t r : body.extents) {
    const Reg &reg = outer[r];
    int64_t e = reg.form == Form::Varying ? reinterpret_cast<const int64_t *>(reg.data)[lane]
                                          : reg.first() + reg.stride() * lane;
    e = std::max<int64_t>(e, 0);
    empty |= e == 0;
    fits &= !__builtin_mul_overflow(range.total, e, &range.total);
    range.extents.push_back(e);
  }
  if (empty)
    range.total = 0;
  return fits || empty;
}

int Range::block(int64_t p) const {
  int64_t left = total - p;
  if (!extents.empty() && extents.back() >= kLongRow)
    left = extents.back() - p % extents.back();
  return static_cast<int>(std::min<int64_t>(left, kLanes));
}

void Range::setIndices(Frame &frame, const Body &body, int64_t p, int n) const {
  int rank = static_cast<int>(extents.size());
  if (rank == 0)
    return;
  llvm::SmallVector<int64_t, 8> at(rank);
  for (int k = rank - 1; k >= 0; p /= extents[k], --k)
    at[k] = p % extents[k];
  if (at[rank - 1] + n <= extents[rank - 1]) {
    for (int k = 0; k + 1 < rank; ++k)
      frame[body.indices[k]].set<int64_t>(at[k]);
    frame[body.indices[rank - 1]].setAffine(at[rank - 1], n > 1 ? 1 : 0);
    return;
  }
  llvm::SmallVector<int64_t *, 8> out;
  for (uint32_t r : body.indices)
    out.push_back(frame[r].write<int64_t>(Form::Varying));
  for (int l = 0; l < n; ++l) {
    for (int k = 0; k < rank; ++k)
      out[k][l] = at[k];
    for (int k = rank - 1; k >= 0 && ++at[k] == extents[k]; --k)
      at[k] = 0;
  }
}

void captureLane(const Body &body, Frame &outer, Frame &inner, int lane) {
  for (Capture c : body.captures)
    inner[c.inner].copyLane(outer[c.outer], lane);
}

void captureAll(const Body &body, Frame &outer, Frame &inner) {
  for (Capture c : body.captures)
    inner[c.inner].alias(outer[c.outer]);
}

} // namespace seq::reference

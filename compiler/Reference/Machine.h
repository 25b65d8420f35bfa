//===- Machine.h - The state of a running program --------------------------------===//
#ifndef SEQC_REFERENCE_MACHINE_H
#define SEQC_REFERENCE_MACHINE_H

#include "compiler/Reference/Tape.h"

namespace seq::reference {

/// More than any machine has: an array of so many bytes is a wrong size, not a large model.
constexpr int64_t kMaxBytes = int64_t(1) << 40;

enum class Form : uint8_t { Uniform, Affine, Varying };

/// A register: a value for each lane. `data` is `own` or memory that outlives the block
/// (a tensor, the register of an enclosing frame).
struct Reg {
  char *own = nullptr;
  const char *data = nullptr;
  int64_t start = 0, step = 0; ///< Affine
  uint8_t bytes = 0;
  Form form = Form::Uniform;

  bool varying() const { return form != Form::Uniform; }
  template <class T> T *write(Form f) {
    form = f;
    data = own;
    return reinterpret_cast<T *>(own);
  }
  template <class T> void set(T value) { *write<T>(Form::Uniform) = value; }
  void setAffine(int64_t first, int64_t by) {
    if (by == 0)
      return set<int64_t>(first);
    form = Form::Affine;
    start = first;
    step = by;
  }
  /// The lanes as memory; only lane 0 where the register is uniform.
  template <class T> const T *read(int n) {
    if (form == Form::Affine)
      spread(n);
    return reinterpret_cast<const T *>(data);
  }
  /// An index that is not Varying: its value in lane 0, and the difference of two lanes.
  int64_t first() const {
    return form == Form::Affine ? start : *reinterpret_cast<const int64_t *>(data);
  }
  int64_t stride() const { return form == Form::Affine ? step : 0; }
  void copyLane(const Reg &from, int lane);
  void alias(const Reg &from);
  void spread(int n);
};

struct Frame {
  std::vector<Reg> regs;
  std::unique_ptr<char[]> memory;
  Reg &operator[](uint32_t r) { return regs[r]; }
};

/// What the folds of one result have gathered so far, one for each lane of the frame around.
struct Accumulator {
  double a[kLanes], b[kLanes];
  int64_t i[kLanes];
  uint8_t seen[kLanes];
};

struct Machine {
  const Program &program;
  std::vector<Frame> frames;
  std::vector<Slot> tensors;
  std::vector<Accumulator> accumulators;
  std::vector<int64_t> sizes;
  Failure &failure;
  uint32_t failedPlace = kNone; ///< the first place, in the order of the text, that failed
  bool stop = false;            ///< an array could not be made: nothing more can be computed
  bool dry = false;             ///< shapes only; see runScan
  Counts *counts = nullptr;     ///< null: nobody wants them
  double times = 1;             ///< how many points one evaluation stands for

  Machine(const Program &program, Failure &failure);

  /// Notes that `work` was done for `points` points.
  void count(const Operations<double> &work, double points) {
    if (counts && !dry)
      counts->operations.add(work, times * points);
  }

  /// Notes that `place` failed; the program goes on with 0. Of several places the first
  /// in the text is kept, of one place the first time: independent of blocks of points.
  void fail(uint32_t place, int kind, int64_t value, int64_t bound);
  void failSize(uint32_t place, int64_t value, int64_t wanted);
  bool run(const std::vector<Instr> &code, Frame &frame, int n) {
    for (const Instr &i : code) {
      if (i.work)
        count(program.works[i.work], n);
      i.kernel(*this, frame, i, n);
      if (stop)
        return false;
    }
    return true;
  }
  /// Gives `slot` the shape and bytes that nobody else reads; not in a dry run.
  bool allocate(uint32_t slot, llvm::ArrayRef<int64_t> shape, uint32_t place);
};

/// Of what is counted while it lives, only the part that present points have: all of a
/// block's points are evaluated before it is known which are.
class PresentPart {
public:
  explicit PresentPart(Machine &m) : m(m) {
    if (m.counts)
      before = *m.counts;
  }
  void keep(double present, double points) {
    if (!m.counts || present == points)
      return;
    Counts all = *m.counts;
    *m.counts = before;
    Operations<double> &to = m.counts->operations;
    to.add(all.operations, present / points);
    to.add(before.operations, -present / points);
  }

private:
  Machine &m;
  Counts before;
};

/// The extents of a body, and walking its points in row-major order.
struct Range {
  llvm::SmallVector<int64_t, 4> extents;
  int64_t total = 1;
  /// How many points from `p` on make the next block.
  int block(int64_t p) const;
  /// Sets the index registers for `n` points from `p` on.
  void setIndices(Frame &frame, const Body &body, int64_t p, int n) const;
};
/// Reads the extents in `lane` of `outer`; false where their product overflows.
bool makeRange(const Body &body, Frame &outer, int lane, Range &range);

/// Hands on the values from around: of one lane, or of all lanes.
void captureLane(const Body &body, Frame &outer, Frame &inner, int lane);
void captureAll(const Body &body, Frame &outer, Frame &inner);

} // namespace seq::reference

#endif

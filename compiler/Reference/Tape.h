//===- Tape.h - The program as the interpreter runs it --------------------------===//
//
// A function is compiled once into tapes: flat lists of instructions over numbered
// registers. The body of a map, a softmax or a reduction is a tape of its own (`Body`)
// and runs for a block of up to kLanes points at a time, so that finding out what to do
// is paid once for hundreds of points:
//
//     y[t, c] = sum[k](w[c, k] * x[t, k])      read w → r3, read x → r4, mulf r3 r4 → r5
//
// runs for 256 values of k as two pointers into tensors and one loop of multiplications.
// A register is uniform (the same for all lanes: lane 0 holds it), affine (an index,
// start + step · lane, never written out while only addresses are made of it) or varying.
// Which it is turns out as it runs; each instruction does as little as the forms of its
// operands allow. A tree walk with one hash look-up for each operand and point was
// rejected: it is fifty times slower.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_REFERENCE_TAPE_H
#define SEQC_REFERENCE_TAPE_H

#include "compiler/Reference/Reference.h"
#include "dialect/Seq.h"

#include "llvm/ADT/SmallVector.h"

#include <memory>

namespace seq::reference {

constexpr int kLanes = 256;
constexpr uint32_t kNone = ~0u;

struct Machine;
struct Frame;
struct Instr;
/// Executes one instruction for lanes 0 … n − 1 of `frame`.
using Kernel = void (*)(Machine &machine, Frame &frame, const Instr &instr, int n);

struct Instr {
  Kernel kernel = nullptr;
  uint32_t dst = kNone;
  uint32_t in[3] = {kNone, kNone, kNone};
  uint32_t payload = 0; ///< into the list of Program that the kernel knows
  uint32_t place = 0;   ///< into Program::places
  uint32_t work = 0;    ///< into Program::works
};

/// Where an op stands and what a failure there is called.
struct Place {
  std::string file, what;
  unsigned line = 0, column = 0;
};

/// A register of the frame around and the one that holds its value inside.
struct Capture {
  uint32_t outer, inner;
};

/// What each point of an index range computes.
struct Body {
  std::vector<Elem> regs;                           ///< the frame's registers
  std::vector<std::pair<uint32_t, uint64_t>> fixed; ///< constants and their bits
  std::vector<Capture> captures;
  std::vector<Instr> code;
  std::vector<uint32_t> indices, extents; ///< extents: registers of the frame around
  std::vector<uint32_t> values;
  uint32_t present = kNone;
  uint32_t frame = 0; ///< into Machine::frames
};

/// A map, softmax, attention or convolution: points into tensors.
struct Points {
  Body body;
  std::vector<uint32_t> results;                   ///< tensor slots
  std::vector<llvm::SmallVector<int64_t, 4>> dims; ///< as the result types say
  unsigned reduced = 0;                            ///< indices at the end that make a row
  Operations<double> ofPoint, ofRow;               ///< beside those of the body
};

struct Fold {
  Body body;
  std::vector<ReduceKind> kinds;
  std::vector<uint32_t> results; ///< registers of the frame around
  std::vector<Elem> resultElems;
  uint32_t accumulators = 0; ///< first of its own in Machine::accumulators
  uint32_t guard = kNone;    ///< of the frame around: whether nothing may be a failure
  /// Reads that jump from one value of the reduction's last index to the next, and of the
  /// last index around it.
  unsigned jumpsAlong = 0, jumpsAcross = 0;
  Operations<double> ofPoint, ofEnd; ///< beside those of the body
};

struct Read {
  uint32_t tensor = 0, guard = kNone;
  llvm::SmallVector<uint32_t, 4> indices;
  bool checked = false;
};

/// The step runs in the frame of the tape around it: all its scalars are single values.
struct Scan {
  uint32_t extent = 0, index = 0;
  bool reverse = false;
  std::vector<Instr> code;
  std::vector<uint32_t> inits, states, nexts, yields, results; ///< tensor slots
};

/// A tensor while the program runs. The bytes are shared and never change once read.
struct Slot {
  Elem elem = Elem::F32;
  llvm::SmallVector<int64_t, 4> shape;
  std::shared_ptr<char> bytes;
  size_t capacity = 0; ///< of bytes; 0 where the slot does not own them alone
  int64_t count() const;
};

struct Program {
  std::string error; ///< not empty: the function has something the interpreter does not know
  Place errorPlace;
  Body main; ///< without indices
  std::vector<std::unique_ptr<Points>> points;
  std::vector<std::unique_ptr<Fold>> folds;
  std::vector<std::unique_ptr<Scan>> scans;
  std::vector<Read> reads;
  std::vector<Place> places;
  std::vector<Operations<double>> works{{}};
  std::vector<std::string> sizes;              ///< seq.sizes
  std::vector<Elem> slotElems;                 ///< one for each tensor value
  std::vector<std::pair<uint32_t, Slot>> data; ///< dense constants
  std::vector<const Body *> frames;
  uint32_t accumulators = 0;
  /// Arguments and results: a tensor slot or a scalar's register, never both.
  std::vector<uint32_t> argSlots, argRegs, resultSlots, resultRegs;
  std::vector<llvm::SmallVector<int64_t, 4>> argDims;
};

/// Compiles `func`; with `f64` every f32 becomes an f64.
std::unique_ptr<Program> buildProgram(mlir::func::FuncOp func, bool f64);

/// Runs a compiled program; as `interpret` of Reference.h.
bool runProgram(const Program &program, const std::vector<const Tensor *> &args,
                const std::map<std::string, int64_t> &sizes, Counts *counts,
                std::vector<Tensor> &results, Failure &failure);

// Kernels by group. The scalar ones return null where they do not know the op.
Kernel arithKernel(mlir::Operation *op, bool f64); ///< EvalScalar.cpp, EvalConvert.cpp
Kernel convertKernel(mlir::Operation *op, bool f64);
Kernel mathKernel(mlir::Operation *op, bool f64);    ///< EvalMath.cpp
Kernel integerKernel(mlir::Operation *op, bool f64); ///< EvalInteger.cpp
Kernel readKernel(Elem elem);                        ///< EvalRead.cpp
void runSize(Machine &, Frame &, const Instr &, int n);
void runMap(Machine &, Frame &, const Instr &, int n); ///< EvalPoints.cpp
void runSoftmax(Machine &, Frame &, const Instr &, int n);
void runAttention(Machine &, Frame &, const Instr &, int n);
void runLinearAttention(Machine &, Frame &, const Instr &, int n);
void runNormaliser(Machine &, Frame &, const Instr &, int n);
void runConv(Machine &, Frame &, const Instr &, int n);
void runReduce(Machine &, Frame &, const Instr &, int n); ///< EvalReduce.cpp
void runScan(Machine &, Frame &, const Instr &, int n);   ///< EvalScan.cpp

/// The element type of a scalar, or none.
std::optional<Elem> elemOf(mlir::Type type, bool f64);

/// Calls `f` with a zero of the C type of `e`.
template <class F> decltype(auto) dispatch(Elem e, F &&f) {
  switch (e) {
  case Elem::F32:
  case Elem::BF16:
  case Elem::F16:
    return f(float());
  case Elem::F64:
    return f(double());
  case Elem::I32:
    return f(int32_t());
  case Elem::Bool:
    return f(uint8_t());
  case Elem::Int:
    break;
  }
  return f(int64_t());
}

} // namespace seq::reference

#endif

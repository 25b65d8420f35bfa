//===- Reference.h - The interpreter of the seq dialect -------------------------===//
//
// The oracle: evaluates a func.func of the seq dialect op by op for one sequence, in the
// exact rounding of the program's types or with every float as f64. Batches are a loop
// over sequences, each cut to its own lengths, so padding is never seen.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_REFERENCE_REFERENCE_H
#define SEQC_REFERENCE_REFERENCE_H

#include "dialect/Operations.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace seq::reference {

/// Of 16-bit floats the interpreter keeps the values, as f32.
enum class Elem { F32, F64, I32, Bool, Int, BF16, F16 };
constexpr size_t kElems = 7;
size_t elemBytes(Elem e);   ///< in the interpreter: 4 8 4 1 8 4 4
size_t storedBytes(Elem e); ///< in a compiled program: 4 8 4 1 8 2 2

/// A dense row-major array that owns its bytes.
struct Tensor {
  Elem elem = Elem::F32;
  std::vector<int64_t> shape;
  std::vector<char> bytes;
  int64_t count() const;
  template <class T> T *data() { return reinterpret_cast<T *>(bytes.data()); }
  template <class T> const T *data() const { return reinterpret_cast<const T *>(bytes.data()); }
  static Tensor zeros(Elem elem, std::vector<int64_t> shape);
};

/// A run-time failure of the program: the kinds are SEQ_FAIL_* of seq/abi.h.
struct Failure {
  int kind = 0;
  std::string file, what;
  unsigned line = 0, column = 0;
  int64_t sequence = 0, value = 0, bound = 0;
};

/// What was done: operations at each point that is present, whether or not the interpreter could
/// save some of them, and the bytes of all elements that maps and their like stored.
struct Counts {
  Operations<double> operations;
  double stored = 0;
};

struct Options {
  bool f64 = false;         ///< every f32 is computed and stored as f64; results are f64
  Counts *counts = nullptr; ///< added to
};

/// Evaluates `func` for one sequence. `args` are all arguments (weights, inputs);
/// `sizes` gives each of seq.sizes. Returns false and fills `failure` where the program
/// fails; the results otherwise.
bool interpret(mlir::func::FuncOp func, const std::vector<const Tensor *> &args,
               const std::map<std::string, int64_t> &sizes, const Options &options,
               std::vector<Tensor> &results, Failure &failure);

/// A batch: inputs[i] has a leading axis of `batch` where batched[i]. `lengths` gives for
/// each size its value in every sequence (missing: `sizes`). Results have a leading axis
/// of `batch`, are padded to `sizes` and zero past each length.
struct Batch {
  int64_t batch = 1;
  std::vector<const Tensor *> args;
  std::vector<bool> batched;
  std::map<std::string, int64_t> sizes;
  std::map<std::string, std::vector<int64_t>> lengths;
};
bool interpretBatch(mlir::func::FuncOp func, const Batch &batch, const Options &options,
                    std::vector<Tensor> &results, Failure &failure);

} // namespace seq::reference

#endif

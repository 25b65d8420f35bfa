//===- Facts.h - What the lowering decided, for explanations -----------------------===//
//
// Filled while a function is lowered, from what it decides there; no code depends on it.
// Shapes and extents are text over the function's sizes: "T", "4 * H".
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_LOWERING_COMMON_FACTS_H
#define SEQC_LOWERING_COMMON_FACTS_H

#include "mlir/IR/Location.h"

#include <optional>
#include <string>
#include <vector>

namespace seq::lowering {

/// A reduction of a map's body.
struct SumFacts {
  explicit SumFacts(mlir::Location place) : place(place) {}
  mlir::Location place;
  std::string kind;                ///< "sum", "max"
  unsigned count = 1;              ///< sums that share the loop
  bool product = false;            ///< sums of products
  std::vector<std::string> over;   ///< extents
  std::vector<std::string> states; ///< states of the enclosing scans that it needs
};

/// Reads of one reduction that became a stream of whole vectors in `prepared`.
struct PackFacts {
  explicit PackFacts(mlir::Location place) : place(place) {}
  mlir::Location place;
  std::vector<std::string> weights; ///< names of parameters; "" for a tensor made of some
  unsigned slots = 1;               ///< vectors of different rows side by side (gates)
  unsigned unit = 1;                ///< adjacent vectors side by side
  unsigned width = 1;               ///< lanes of a vector
  int64_t tiles = 0;                ///< panels: blocks of unit * width lanes
  int64_t bytes = 0;
};

struct MapFacts {
  explicit MapFacts(mlir::Location place) : place(place) {}
  mlir::Location place;
  std::string elem;
  std::vector<std::string> shape;
  std::vector<SumFacts> sums;
  std::vector<PackFacts> packs;
  bool prepared = false; ///< computed once, when weights are bound
  bool copy = false;     ///< of a tensor, with its axes in another order
  unsigned results = 1;
  int lane = -1, row = -2;      ///< as MapPlan has them
  unsigned width = 1, rows = 1; ///< lanes of a vector, the highest register tile
  // Of a GPU:
  std::string kernel;
  std::string runs; ///< "thread" or "warp": takes a point; "tile": of a block; "column": a thread's
  unsigned tileRows = 0, tileColumns = 0;
  /// By what instructions: "mma", "wgmma"; "": fused multiply-adds. How many of the factors the
  /// device copies, and how many of these in boxes.
  std::string instructions;
  unsigned copiedFactors = 0, boxedFactors = 0;
};

/// Why the next value of a state waits: a read of `state` that it needs.
struct NeedFacts {
  std::string state;
  mlir::Location place;
};

/// One factor of a state's next value: what it is, and its text in parts, places and strings.
struct FactorFacts {
  struct Part {
    std::string text;
    std::optional<mlir::Location> place;
  };
  std::string role; ///< "decay", "key"
  std::vector<Part> parts;
};

/// What the analysis found of a state (`seq-classify`).
struct ClassFacts {
  std::string name, title;   ///< "C4", "low-rank correction"; "" for a scan of our own making
  std::string detail;        ///< "rank 2", "max"
  std::string reason, reads; ///< C7: "`tanh` of it", the state that this read
  std::optional<mlir::Location> place;
  std::string hint; ///< C7: the class that it would have without
  std::vector<FactorFacts> factors;
  int key = -1; ///< the axis that products and reads contract
  std::vector<unsigned> values;
};

struct StateFacts {
  std::string name, elem;
  std::vector<std::string> shape;
  std::optional<int64_t> bytes; ///< of one sequence, where the shape is constant
  bool inPlace = false;
  std::vector<NeedFacts> needs;
  ClassFacts cls;
};

/// What a pass moved out of the step. `map` is what it became, where it is still one.
struct HoistFacts {
  explicit HoistFacts(mlir::Location place) : place(place) {}
  mlir::Location place;
  std::optional<MapFacts> map;
};

/// A form that a scan could have (`seq-form`).
struct FormFacts {
  std::string form;
  int64_t chunk = 0;                ///< steps; 0: none
  std::string state, refused;       ///< why it cannot be, and because of which state; else empty
  double nanoseconds = 0;           ///< estimated, of a call
  std::string sizes;                ///< "K=64, T=1024": for which
  std::string flops, stored;        ///< formulas: operations, bytes of all that is made
  double flopsAt = 0, storedAt = 0; ///< for those sizes
};

struct ScanFacts {
  explicit ScanFacts(mlir::Location place) : place(place) {}
  mlir::Location place;
  std::string axis, extent;
  std::string form = "sequential";
  int64_t chunk = 0; ///< steps of a chunk, where it runs in chunks
  std::vector<FormFacts> candidates;
  bool derived = false; ///< made by a derived form, no scan of the program
  bool reverse = false;
  unsigned depth = 0;    ///< scans around it
  bool shared = false;   ///< threads share a step where sequences are fewer than threads
  bool parallel = false; ///< its steps are independent: threads take them in turn
  bool tiles = false;    ///< of a larger computation: made by seq-tile-attention
  std::vector<StateFacts> states;
  std::vector<HoistFacts> hoisted;
  std::vector<MapFacts> maps; ///< of the step, in order
  // Of a GPU:
  std::string kernel;
  /// "columns": a thread runs all steps of one; "block": its threads share each step; "group": so
  /// do those of several blocks where sequences are few; "loop": blocks take steps in turn; "":
  /// inside of another scan's step.
  std::string runs;
};

struct TensorFacts {
  std::string elem;
  std::vector<std::string> shape;
  int64_t elemBytes = 4;
  bool perThread = false; ///< a copy for each thread, not for each sequence
};

/// How a stream's step runs on a GPU.
struct StepFacts {
  unsigned ops = 0; ///< that run, each of which can be a kernel
  /// Nanoseconds, estimated: with a kernel for each op; as one, on a block or on several.
  double kernels = 0, block = 0, group = 0;
  std::string runs; ///< as of a scan: "block", "group"; "": a kernel for each op
};

struct FunctionFacts {
  std::vector<MapFacts> maps;         ///< outside of scans
  std::vector<ScanFacts> scans;       ///< outer ones first
  std::vector<TensorFacts> workspace; ///< a copy for each sequence, or for each thread
  std::vector<std::string> copied;    ///< parameters that are read as they are
  std::optional<StepFacts> step;

  /// Everything noted since the last kernel is part of this one.
  void closeKernel(const std::string &name);
};

} // namespace seq::lowering

#endif

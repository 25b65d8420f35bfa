//===- Lower.h - Inside the lowerings ----------------------------------------------===//
//
// How a function of the seq dialect becomes loops (essay: LowerFunction.cpp):
//
//   FunctionLowering  owns buffers and the three generated functions; a target derives from it
//                     and says how the points of a map and the steps of a scan are shared out
//   MapPlan           which index runs in lanes, which in register rows
//   Tile, Val         one register tile of a map's body: M rows × U vectors; a thread of a GPU
//                     has a tile of one point
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_LOWERING_COMMON_LOWER_H
#define SEQC_LOWERING_COMMON_LOWER_H

#include "compiler/Lowering/Common/Code.h"
#include "dialect/Seq.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace seq {
struct AffineSum;
}
namespace seq::lowering {

/// One sequence of the batch inside generated code: its number, and its position in each
/// enclosing scan.
struct Row {
  Value b;
  Values t; ///< by scan level; a reversed scan counts down from this sequence's own end
};

/// A tensor in memory: dense and row major in the padded sizes after the batch axis.
struct Buffer {
  Value base; ///< pointer to sequence 0
  Type elem;
  Value batchStride; ///< elements; constant 0 where all sequences share it
  Values strides;    ///< elements
  Values dims;       ///< index values of the seq function: each sequence's own sizes
  bool perBatch = true;
  bool near = false; ///< in a team's own memory
  int level = -1;    ///< ≥ 0: `base` is a stack over that scan's index, read at its position
  Value lead;        ///< elements from one position to the next
};

/// A value of a map's body for a register tile. `v` holds one entry, or one for each row,
/// each vector, or both (row major).
struct Val {
  bool row = false, lane = false;
  /// An index that is `v + coefficient * lane`; v holds scalars (one, or one a row).
  bool affine = false;
  int64_t coefficient = 0;
  Values v;

  static Val scalar(Value v) {
    Val r;
    r.v.push_back(v);
    return r;
  }
  /// The index that is `start` in lane 0 and grows by one a lane.
  static Val lanes(Value start) {
    Val r = scalar(start);
    r.lane = r.affine = true;
    r.coefficient = 1;
    return r;
  }
};

/// Elements from a buffer's base to one sequence's tensor (at its position in a stack).
Value rowOffset(Code &c, const Buffer &buffer, const Row &row);
/// The range of an index argument of a map or reduction, where it is a number.
std::optional<int64_t> extentOf(Value index);
/// An index value, or where it moves with the steps of a scan what it does not exceed: a tile's
/// side is the smaller of its full size and of what is left.
Value upperBound(Value index);
/// Lanes of a vector of the widest float that `map` computes with.
unsigned vectorWidth(MapOp map, const Target &target);

/// The function's tensors that depend on weights alone, and are made when these are bound.
llvm::DenseSet<Value> preparedTensors(mlir::func::FuncOp func);

/// Joins reductions of one block over the same range (MergeReductions.cpp).
void mergeReductions(mlir::Block &block);

/// Where the weights that a reduction reads in a loop are laid out as a stream: for each
/// tile of lanes and each step of the loops, the vectors that one iteration reads.
struct Pack {
  MapOp map;
  int64_t offset = 0, bytes = 0; ///< in `prepared`
  Type elem;
  llvm::SmallVector<ReadOp> slots;
  llvm::SmallVector<Value> outer; ///< map indices other than the lane that the reads use
  llvm::SmallVector<Value> inner; ///< reduction indices, outermost first
  Value lane;
  int64_t laneBlocks = 0;
  int64_t unit = 1; ///< vectors of adjacent lane blocks that lie side by side
};

struct MapPlan {
  int lane = -1;       ///< map index in vector lanes; -1: reductions run in lanes instead
  bool across = false; ///< a warp takes a point: its threads share the reductions
  static constexpr int kNone = -2, kBatch = -1;
  int row = kNone;                         ///< kBatch, or the map index that runs in register rows
  unsigned width = 1;                      ///< lanes of one vector
  unsigned vectors = 1, vectorsSingle = 1; ///< vectors of a tile; of a tile with one row
  llvm::SmallVector<unsigned, 3> rows;     ///< tile heights, falling, ending in 1
};

/// A tensor of which this thread has its part in registers.
struct Resident {
  /// By axis: how many places it has here; none: one, the thread's own.
  llvm::SmallVector<std::optional<int64_t>, 4> extents;
  int split = -1; ///< the axis whose places a few lanes share by turns; −1: none
  Values values;  ///< row major over the axes that have extents
};

/// What a thread holds of the tensors of a step. Reductions that read them are written out.
struct Residents {
  llvm::DenseMap<Value, Resident> tensors;
  unsigned lanes =
      1;      ///< threads, a power of 2, that share the split axes: place p is lane p % lanes
  Value lane; ///< this thread's number among them
  llvm::DenseSet<Value> splitIndices;       ///< of reductions along split axes
  llvm::DenseMap<Value, int64_t> ownPlaces; ///< of an index that runs along one: which of its own
};

struct Tile {
  unsigned M = 1, U = 1, width = 1;
  bool rowIsBatch = false;
  llvm::SmallVector<Row, 8> rows; ///< M where rowIsBatch, else one
  bool laneActive = false;        ///< lanes run over some index
  Value mask;                     ///< lanes inside of the range (the last, partial vector)
  bool laneAligned = false;       ///< the first lane is a multiple of the tile's lanes
  const MapPlan *plan = nullptr;
  MapOp map;
  Residents *residents = nullptr;
  /// Reads of a reduction that are answered from near memory: where this point's values begin, in
  /// the order of the reduction's indices.
  llvm::DenseMap<mlir::Operation *, Value> kept;
  Value across; ///< lane of a warp whose threads share the reductions; null: each has its own
  llvm::DenseMap<Value, Val> vals;
  const Row &rowOf(unsigned m) const { return rows[rowIsBatch ? m : 0]; }
};

/// A few sequences that a team runs at once: `first`, and those that follow it in the batch.
struct Together {
  unsigned most = 1;                   ///< how many there are room for: code is written out
  Value first, longest;                ///< numbers of the first one, and of the one with most steps
  std::function<Value(Value b)> steps; ///< of one of them; null outside of the steps of a scan
  Value step;                          ///< the current one
};

/// The sequences that a block of ops is run for.
struct RowSet {
  std::optional<Together> together;         ///< then `count` of them, and no order
  Value count;                              ///< i64
  Value order;                              ///< pointer to their numbers, or null: 0 … count−1
  Value stride, offset;                     ///< entry r of `order` is at r * stride + offset
  Value single;                             ///< the number of the only one (then count = 1)
  std::function<Values(Value b)> positions; ///< t of each enclosing scan
  Value parity;                             ///< in a step: 0 or 1 by turns; else null
};

/// Which threads share the work of an op.
struct Team {
  Value tid, count; ///< i32→i64; count = constant 1: alone
  bool alone() const { return Code::constant(count) == 1; }
};

/// What a team has made since its threads met last.
class Unmet {
public:
  bool reads(mlir::Operation &op) const;
  void add(mlir::Operation &op) { made.insert(op.result_begin(), op.result_end()); }
  void clear() { made.clear(); }

private:
  llvm::DenseSet<Value> made;
};

class BodyEmitter;

class FunctionLowering {
public:
  FunctionLowering(mlir::func::FuncOp func, const Target &target, llvm::StringRef suffix,
                   mlir::ModuleOp module);
  virtual ~FunctionLowering() = default;
  /// `places`: those that have their numbers already.
  Function run(std::vector<Place> places);

protected:
  friend class BodyEmitter;
  //===--- What differs between targets -------------------------------------------===//
  /// The function's ops in order, for the whole batch.
  virtual void lowerBody(mlir::Block &body) = 0;
  /// What is made once of the weights: `maps`, then those that are read as they are.
  virtual void prepareAll(mlir::ArrayRef<MapOp> maps) = 0;
  virtual void lowerMap(MapOp map, const RowSet &rows, const Team &team) = 0;
  /// A scan in a block that is lowered by `lowerBlock`.
  virtual void lowerScan(ScanOp scan, const RowSet &rows, const Team &team, bool barriers) = 0;
  virtual void barrier(const Team &team) = 0;
  /// Copies `n` elements that lie behind each other, by the team.
  virtual void copyElements(Value to, Value from, Type elem, Value n, const Team &team) = 0;
  /// `base` plus this worker's share of a workspace of `bytes` for each worker.
  virtual Value ownShare(Value base, Value bytes) = 0;
  /// Memory that is nearer than the workspace, for what one team makes and reads; none: there is
  /// none to be had.
  virtual std::optional<Buffer> nearMemory(Type, mlir::ArrayRef<Value>) { return std::nullopt; }
  /// Records a failure at `place`.
  virtual void emitFail(Value place, Value sequence, Value value, Value bound) = 0;
  /// `v` of the lane whose number differs from this one's in the bits of `flip`.
  virtual Value fromLane(Value v, unsigned flip);
  /// Called when a generated function is complete.
  virtual void finishFunction() {}

  //===--- Function (LowerFunction.cpp) -------------------------------------------===//
  void normalise();
  bool isPrepared(Value v) const { return prepared.contains(v); }
  void beginFunction(llvm::StringRef name, bool returnsSize);
  Value copyOf(mlir::OpBuilder &builder, Value tensor);
  void emitForward();
  void emitPrepare();
  void emitWorkspace();
  Buffer denseBuffer(Value base, Type elem, mlir::ArrayRef<Value> dims, bool perBatch);
  /// Memory for a tensor of `dims`: near the team where there is some and `near` allows it, else
  /// workspace for each sequence.
  Buffer allocate(Type elem, mlir::ArrayRef<Value> dims, bool near = true);
  Value slotBytes(Type elem, mlir::ArrayRef<Value> dims, bool perThread);
  /// Code that the whole function may use is emitted at its start.
  template <class F> auto atEntry(F f) {
    mlir::OpBuilder::InsertionGuard guard(code->b);
    code->b.setInsertionPoint(anchor);
    return f();
  }
  Values dimsOf(Value tensor);
  Buffer &bufferOf(Value tensor);
  Buffer preparedBuffer(Value tensor);
  int64_t preparedOffset(Value tensor);

  /// An index value of the seq function for the sizes as padded, or for one sequence.
  Value padded(Value index);
  Value evaluate(Value index, const Row &row);
  bool dependsOnBatch(Value index);
  Value evaluateWith(Value index, llvm::function_ref<Value(SizeOp)> size,
                     llvm::function_ref<Value(mlir::BlockArgument)> argument);
  Value elements(mlir::ArrayRef<Value> dims); ///< padded

  //===--- Blocks and scans (LowerBlock.cpp) -----------------------------------------===//
  Value stepRead(ReadOp read, const Row &row);
  void lowerBlock(mlir::Block &block, const RowSet &rows, const Team &team, bool barriers);
  void bindYields(ScanOp scan);
  void unbindYields(ScanOp scan);
  void lowerNestedScan(ScanOp scan, const RowSet &rows, const Team &team, bool barriers);
  void bindDestinations(mlir::Block &block);
  /// What `body` made of the map's points, to all of its places.
  void storeResults(MapOp map, BodyEmitter &body);
  void runSteps(ScanOp scan, const RowSet &all, const Team &team, bool barriers, Value maxSteps);
  void copyRow(const Buffer &from, const Buffer &to, const Row &row, const Team &team);
  Row makeRow(const RowSet &rows, Value r);
  bool ownsInit(ScanOp scan, unsigned k);
  bool pointwiseUpdate(ScanOp scan, unsigned state);

  //===--- Explanations (Facts.cpp) ------------------------------------------------------===//
  PackFacts factsOf(const Pack &pack);
  MapFacts factsOf(MapOp map);
  MapFacts &noteMap(MapOp map, const MapPlan &plan);
  ScanFacts &noteScan(ScanOp scan);
  void noteMemory();
  ScanFacts &scanFacts(ScanOp scan);

  mlir::func::FuncOp func;
  const Target &target;
  std::string suffix;
  mlir::ModuleOp module;
  std::unique_ptr<mlir::OpBuilder> builder;
  std::unique_ptr<Code> code;
  Function result;

  llvm::DenseSet<Value> prepared; ///< tensors that depend on weights alone
  llvm::DenseMap<Value, Buffer> buffers;
  llvm::DenseMap<Value, llvm::SmallVector<Buffer, 2>> destinations;
  llvm::DenseMap<Value, Value> paddedCache;
  llvm::DenseMap<mlir::Operation *, Pack *> packs; ///< by the read
  llvm::DenseMap<mlir::Operation *, unsigned> packSlot;
  std::vector<std::unique_ptr<Pack>> packList;
  llvm::MapVector<Value, int64_t> preparedOffsets;
  int64_t preparedBytes = 0;

  /// Workspace: what was asked for, in order, so that `workspace` can add it up.
  struct Slot {
    Type elem;
    Values dims;
    bool perThread; ///< one for each thread, else one for each sequence
  };
  llvm::SmallVector<Slot> slots;
  Value workspaceCursor;             ///< bytes, while a function is emitted
  mlir::Operation *anchor = nullptr; ///< end of the entry code
  llvm::DenseMap<Value, Values> argumentDims;

  // Of the generated function being emitted.
  Value call, tid, nthreads, batch;
  Value lengthsBase, workspaceBase, preparedBase; ///< of the call, loaded once
  llvm::DenseSet<Value> constantBases;            ///< addresses of what the function only reads
  llvm::DenseSet<Value> alignedBases;             ///< multiples of 64
  bool inPrepare = false;
  bool perThread = false;                   ///< workspace is a thread's own: in a parallel scan
  llvm::DenseMap<Value, Value> stepScalars; ///< index arithmetic of a step of one sequence
  llvm::DenseMap<mlir::Operation *, int> scanLevel;
  llvm::DenseMap<mlir::Operation *, size_t> factsIndex;
};

/// Those of function number `function`; none where there are none yet.
inline std::vector<Place> placesOf(const Places &places, size_t function) {
  return function < places.size() ? places[function] : std::vector<Place>();
}

/// A function and its stream prepare the same of their parameters, as a rule: then it is there
/// once. (Streams beside a function of other packings have their own.)
void sharePrepare(mlir::ModuleOp module, std::vector<Function> &functions);

/// Emits a map's body for one tile (EmitBody.cpp, EmitReduce.cpp).
class BodyEmitter {
public:
  BodyEmitter(FunctionLowering &fn, Code &c, Tile &tile) : fn(fn), c(c), tile(tile) {}

  void emitBlock(mlir::Block &block);
  /// Emits what `v` needs and no more.
  void ensure(Value v);
  Val get(Value v);
  Value scalarAt(const Val &v, unsigned m);
  Value vectorAt(const Val &v, unsigned m, unsigned u);
  /// The entry for (m, u) in the form that `v` has.
  Value at(const Val &v, unsigned m, unsigned u);
  void store(Value value, const Buffer &to, mlir::Block::BlockArgListType indices);
  Val readUnpacked(ReadOp op);
  /// Where the element lies that an unguarded read of one point reads.
  Value addressOf(ReadOp op);

private:
  friend class RegisterReduction;
  friend class LaneReduction;
  void emitOp(mlir::Operation *op);
  void emitReduce(ReduceOp op);
  Value fromLane(Value v, unsigned flip) { return fn.fromLane(v, flip); }
  Values extentsOf(ReduceOp op);
  /// Bounds of a reduction's index outside of which every point of the tile is absent.
  std::pair<Value, Value> rangeOf(ReduceOp op, unsigned dim, Value extent);
  /// The part of the range in which all points of the tile are present; none where the presence is
  /// not made of bounds of this index.
  std::optional<std::pair<Value, Value>> wholeRangeOf(ReduceOp op, unsigned dim, Value lo,
                                                      Value hi);
  Value extremeOf(const AffineSum &sum, bool largest);
  Val elementwise(ValueRange operands, llvm::function_ref<Value(ValueRange)> f);
  Val build(bool row, bool lane, llvm::function_ref<Value(unsigned m, unsigned u)> f);
  Val read(ReadOp op);
  Val readPacked(ReadOp op, const Pack &pack);
  Val readResident(ReadOp op, const Resident &resident);
  Val readKept(ReadOp op, Value base);
  int64_t placeIn(const Resident &resident, unsigned axis, Value index);
  /// The stream that the read `op` takes its vectors from, or null.
  const Pack *packOf(mlir::Operation *op) const {
    return fn.inPrepare ? nullptr : fn.packs.lookup(op);
  }
  Val indexArithmetic(mlir::Operation *op);
  Val intDiv(IntDivOp op);
  Val toInt(ToIntOp op);
  Val power(PowerOp op);
  Val guardWithCheck(Val guard, bool hasGuard, const Val &index, mlir::ArrayRef<Value> bound,
                     mlir::Operation *op, int kind, mlir::StringRef what);
  void fail(Value condition, Value value, Value bound, const Row &row, int place);
  int place(mlir::Operation *op, int kind, mlir::StringRef what);
  struct Deps {
    bool row = false, lane = false;
  };
  Deps deps(Value v);
  llvm::DenseMap<Value, Deps> depsCache;

  FunctionLowering &fn;
  Code &c;
  Tile &tile;
};

} // namespace seq::lowering

#endif

//===- TimeAnalysis.h - How the time structure is found -----------------------------------===//
//
// Private to this folder.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_ANALYSIS_TIMEANALYSIS_H
#define SEQC_ANALYSIS_TIMEANALYSIS_H

#include "compiler/Analysis/Time.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace seq::time {

using llvm::ArrayRef;
using llvm::SmallVector;
using llvm::StringRef;
using llvm::Twine;
using mlir::AffineExpr;
using mlir::Block;
using mlir::Location;
using mlir::Operation;
using mlir::Value;

/// How the readers of a tensor read one of its axes.
struct AxisUse {
  bool exact = false;         ///< at their own step
  Operation *other = nullptr; ///< a reader that reads at another step
  Window window;              ///< how far back the others go
};

/// Where an op stands: the row that it is for (null: none), and past indices around it.
struct Scope {
  Value row;
  bool inScan = false;
  SmallVector<Value> pasts;
};

class Analysis {
public:
  Analysis(mlir::func::FuncOp func, std::optional<StreamRefusal> &refusal)
      : func(func), refusal(refusal) {}
  bool run();
  TimeStructure out;

private:
  bool refuse(StreamRefusal::Kind kind, Location where, const Twine &text, const Twine &hint);
  bool findTime();
  bool checkExtents();
  SmallVector<AffineExpr> axesOf(Value tensor);
  static mlir::OperandRange extentsOf(Operation *op);
  bool isTime(AffineExpr expr) const;
  bool ofTime(Value value) const;
  bool hasTime(Value tensor);
  std::string nameOf(mlir::BlockArgument arg);

  Facts factsIn(Operation *op, const Scope &scope);
  bool isCausal(const Linear &at, const Facts &facts, const Scope &scope);
  Window windowOf(const Linear &at, const Facts &facts, const Scope &scope);
  bool visitRead(ReadOp read, const Scope &scope);
  void settle(mlir::arith::CmpIOp op, const Scope &scope);
  bool visitReduce(ReduceOp op, Scope &scope);
  bool addPast(Value index, Operation *op, YieldOp yield, Scope &scope, StringRef what);
  bool visitBody(Block &body, Scope scope);
  std::optional<unsigned> chooseRow(ArrayRef<unsigned> times, Value result);
  bool visitPoints(Operation *op, Scope scope);
  bool visitScan(ScanOp scan, Scope scope);
  bool visitBlock(Block &block, Scope scope);
  void rowsOf(Value tensor);
  void useRows(Value tensor);
  bool decideMemory();

  bool soFarIn(Operation *op, bool row, bool &soFar);
  bool soFarBlock(Block &block, bool row);
  bool soFarScan(ScanOp scan, bool row);
  bool checkResults();

  // TimeTables.cpp
  void markSequences();
  void notePast(ReadOp read, const Linear &at, const Scope &scope);
  void findTables();

  /// A read at a past index, or at the row's distance from one.
  struct PastRead {
    Value index, tensor;
    bool difference;
  };

  mlir::func::FuncOp func;
  std::optional<StreamRefusal> &refusal;
  unsigned time = 0; ///< the time's place among the sizes
  llvm::MapVector<Value, SmallVector<AxisUse>> uses;
  SmallVector<PastRead> pastReads;
  llvm::DenseMap<Value, unsigned> unknownReads; ///< neither of both
};

} // namespace seq::time

#endif

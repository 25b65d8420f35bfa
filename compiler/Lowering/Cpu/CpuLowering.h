//===- CpuLowering.h - Inside the CPU lowering ----------------------------------------===//
#ifndef SEQC_LOWERING_CPU_CPULOWERING_H
#define SEQC_LOWERING_CPU_CPULOWERING_H

#include "compiler/Lowering/Common/Lower.h"

namespace seq::cpu {

using namespace lowering; // NOLINT: the vocabulary of all lowerings

class CpuLowering : public FunctionLowering {
public:
  using FunctionLowering::FunctionLowering;

protected:
  //===--- The team of threads (CpuLowering.cpp) --------------------------------------===//
  void lowerBody(mlir::Block &body) override;
  void prepareAll(mlir::ArrayRef<MapOp> maps) override;
  void barrier(const Team &team) override;
  void copyElements(Value to, Value from, Type elem, Value n, const Team &team) override;
  Value ownShare(Value base, Value bytes) override;
  void emitFail(Value place, Value sequence, Value value, Value bound) override;
  void emitPack(Pack &pack);

  //===--- Scans (LowerScan.cpp) ----------------------------------------------------------===//
  void lowerScan(ScanOp scan, const RowSet &rows, const Team &team, bool barriers) override;
  void lowerBatchScan(ScanOp scan, const Team &team);
  void lowerParallelScan(ScanOp scan, const Team &team);
  bool worthSharing(ScanOp scan);

  //===--- Maps (LowerMap.cpp, Plan.cpp) --------------------------------------------------===//
  void lowerMap(MapOp map, const RowSet &rows, const Team &team) override;
  MapPlan plan(MapOp map, bool inScan);
  bool uniformExtents(MapOp map);
  unsigned readsSharedByRows(MapOp map, int lane, int row);
  std::pair<int, unsigned> chooseRow(MapOp map, int lane, bool inScan);
  void planPacks(MapOp map, const MapPlan &plan);
  llvm::DenseSet<mlir::Operation *> packsPlanned;
};

} // namespace seq::cpu

#endif

//===- SimulateOps.h - Operations of the simulator in LLVM IR ----------------------===//
#ifndef SEQC_CODEGEN_SIMULATEOPS_H
#define SEQC_CODEGEN_SIMULATEOPS_H

#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"

#include <string>

namespace seq::codegen {

/// Writes calls of runtime/GpuSim/Ops.h, and the constants that tell where they stand.
class SimulatorOps {
public:
  explicit SimulatorOps(llvm::Module &module) : module(module) {}

  /// A record of its own for this instruction: line and column where they are known.
  llvm::Constant *site(const llvm::Instruction &at);
  /// Calls seq_sim_<name>. Those that only tell numbers of the thread have no effect.
  llvm::CallInst *call(llvm::IRBuilderBase &b, llvm::StringRef name, llvm::Type *result,
                       llvm::ArrayRef<llvm::Value *> args);
  llvm::Value *index(llvm::IRBuilderBase &b, llvm::StringRef name) {
    return call(b, name, b.getInt32Ty(), {});
  }

private:
  llvm::Constant *fileName(llvm::StringRef file);

  llvm::Module &module;
  llvm::StringMap<llvm::Constant *> files;
};

/// A call that is to be replaced.
struct Site {
  SimulatorOps &ops;
  llvm::IRBuilder<> b;
  llvm::CallInst &call;
  bool waits = false;

  llvm::Value *arg(unsigned i) const { return call.getArgOperand(i); }
  llvm::Value *where() { return ops.site(call); }
  llvm::Type *i32() { return b.getInt32Ty(); }
  llvm::Value *op(llvm::StringRef name, llvm::Type *result, llvm::ArrayRef<llvm::Value *> args) {
    return ops.call(b, name, result, args);
  }
  llvm::Value *flat(llvm::Value *p) { return b.CreateAddrSpaceCast(p, b.getPtrTy()); }
  /// What stands for a call without result.
  llvm::Value *done() { return llvm::PoisonValue::get(i32()); }
  /// An operation without result.
  llvm::Value *act(llvm::StringRef name, llvm::ArrayRef<llvm::Value *> args) {
    op(name, b.getVoidTy(), args);
    return done();
  }
  llvm::Value *pair(llvm::Value *first, llvm::Value *second) {
    llvm::Value *result = llvm::PoisonValue::get(call.getType());
    return b.CreateInsertValue(b.CreateInsertValue(result, first, 0), second, 1);
  }
  /// Memory of this function, for operands that the simulator takes together.
  llvm::AllocaInst *scratch(llvm::Type *type) {
    llvm::IRBuilder<> entry(&*call.getFunction()->getEntryBlock().getFirstInsertionPt());
    return entry.CreateAlloca(type);
  }
};

/// Barriers in shared memory, bulk copies, fences, clusters: the intrinsic of NVVM `name`, without
/// its prefix; null where it is none of them.
llvm::Value *replaceAsync(Site &s, llvm::StringRef name);

/// Inline assembly of sm_90; null where a part of it is not known.
llvm::Value *replacePtx(Site &s, llvm::StringRef text);
/// Coordinates of a box, together in memory.
llvm::Value *storeCoordinates(Site &s, llvm::ArrayRef<llvm::Value *> start);
/// Lets all uses of results of products of warp groups read them then, not where the products
/// begin. Comes before the calls of `f` are replaced.
void readProducts(SimulatorOps &ops, llvm::Function &f);

/// What became of a call.
enum class Replaced { Yes, Kept, Unknown };

/// Replaces a call of an intrinsic of NVVM, an inline assembly or a function of libdevice, and
/// erases it; sets `waits` where other threads have to come. Kept: what runs on a CPU as it is.
Replaced replaceCall(SimulatorOps &ops, llvm::CallInst &call, bool &waits);

/// What a device computes as one instruction (`ex2.approx.ftz.f32`), named without prefixes;
/// null where it is not known.
llvm::Value *mathsOf(llvm::IRBuilderBase &b, llvm::StringRef name,
                     llvm::ArrayRef<llvm::Value *> args, llvm::Type *type);

/// A conversion from or to a float of 16 bits as operations on 32 bits, which need no library;
/// null where it is no such one.
llvm::Value *convertHalf(llvm::IRBuilderBase &b, llvm::CastInst &cast);
/// The same for arithmetic and comparisons; stores and choices go by bits.
llvm::Value *computeHalf(llvm::IRBuilderBase &b, llvm::Instruction &inst);
/// f32 to f16 or bf16, or vectors of them.
llvm::Value *roundToHalf(llvm::IRBuilderBase &b, llvm::Value *v, llvm::Type *to);

} // namespace seq::codegen

#endif

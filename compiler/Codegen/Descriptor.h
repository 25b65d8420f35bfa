//===- Descriptor.h - The model's descriptor in memory --------------------------===//
//
// One seq_model_desc is made from a checked program, with all that it points to. The
// interpreter's models use it as it is; generated libraries hold a copy of it as
// constants (DescriptorIr.h); headers and reports read it.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_CODEGEN_DESCRIPTOR_H
#define SEQC_CODEGEN_DESCRIPTOR_H

#include "compiler/Lowering/Common/Lowering.h"
#include "compiler/Sema/Typed.h"
#include "seq/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Allocator.h"

namespace seq::codegen {

class Descriptor {
public:
  /// Describes the first `count` functions of the program.
  Descriptor(const typed::Program &program, size_t count);
  Descriptor(const Descriptor &) = delete;

  /// Adds what the program's module tells of these functions: what they require of their sizes;
  /// and what `makeStream` and `makeStep` made of the first one, as more functions.
  void addModule(mlir::ModuleOp module);
  bool hasStream() const { return !functions.empty() && functions.back().is_stream; }

  const seq_model_desc &model() const { return desc; }
  size_t functionCount() const { return functions.size(); }
  /// Those that hosts call: all but the step, which stands last and which the stream calls.
  size_t calledCount() const {
    bool step = hasStream() && functions.back().is_stream == SEQ_STREAM_STEP;
    return functions.size() - step;
  }
  seq_function_desc &function(size_t i) { return functions[i]; }
  const seq_function_desc &function(size_t i) const { return functions[i]; }

  /// Copies; they live as long as the descriptor.
  void setPlaces(size_t function, llvm::ArrayRef<lowering::Place> places);
  void setVariants(size_t function, llvm::ArrayRef<seq_variant> variants);

private:
  const char *text(llvm::StringRef s);
  template <class T> T *copy(llvm::ArrayRef<T> items) {
    T *p = arena.Allocate<T>(items.size() + 1);
    std::copy(items.begin(), items.end(), p);
    return p;
  }
  seq_dim dim(const Size &size, llvm::ArrayRef<const SizeSymbol *> sizes);
  void emitDim(const Size &size, llvm::ArrayRef<const SizeSymbol *> sizes,
               std::vector<seq_dim_op> &ops);
  void emitAtom(const Size::Atom &atom, llvm::ArrayRef<const SizeSymbol *> sizes,
                std::vector<seq_dim_op> &ops);
  seq_tensor_desc tensor(const std::string &name, const typed::Type &type,
                         llvm::ArrayRef<const SizeSymbol *> sizes);
  seq_tensor_desc weight(const typed::EntryWeight &weight);
  seq_function_desc describe(const typed::Program &program, const typed::FunctionInstance &fn);
  void addStream(mlir::func::FuncOp stream);
  void setRequirements(seq_function_desc &out, mlir::func::FuncOp func);
  seq_dim dim(mlir::AffineExpr expr);
  seq_tensor_desc tensor(llvm::StringRef name, mlir::Type type, mlir::AffineMap shape,
                         llvm::ArrayRef<std::string> sizes);
  void describeSizes(seq_function_desc &out, llvm::ArrayRef<const SizeSymbol *> sizes);

  llvm::BumpPtrAllocator arena;
  std::vector<seq_function_desc> functions;
  seq_model_desc desc = {};
};

int dtypeOf(typed::Elem elem);

} // namespace seq::codegen

#endif

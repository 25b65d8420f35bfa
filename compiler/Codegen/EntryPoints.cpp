//===- EntryPoints.cpp - The C functions of a generated library ---------------------===//
//
// For a model `lstm` with the functions forward and step:
//
//   int seq_lstm_create(seq_ctx *, seq_model **);
//   int seq_lstm_load(seq_model *, const char *safetensors_path);
//   int seq_lstm_forward(seq_model *, const DLTensor *const *, DLTensor *const *,
//                        const seq_lengths *, int32_t n_lengths);
//   int seq_lstm_forward_workspace_size(seq_model *, …, int64_t *bytes);
//
// and for its stream, where it has one:
//
//   int seq_lstm_state_size(seq_model *, const seq_state_options *, int64_t *bytes);
//   int seq_lstm_state_create(seq_model *, const seq_state_options *, seq_state **);
//   int seq_lstm_prefill(seq_state *, const DLTensor *const *, …);
//   int seq_lstm_step(seq_state *, const DLTensor *const *, …);
//
// They fill a seq_args and call the runtime.
//
//===----------------------------------------------------------------------===//
#include "compiler/Codegen/DescriptorIr.h"
#include "compiler/Codegen/Header.h"

#include "seq/runtime.h"

#include "llvm/IR/IRBuilder.h"

#include <cstddef>

using namespace llvm;

namespace seq::codegen {

namespace {
class EntryWriter {
public:
  EntryWriter(Module &module, const Descriptor &descriptor)
      : module(module), descriptor(descriptor), context(module.getContext()), b(context),
        i32(b.getInt32Ty()), i64(b.getInt64Ty()), ptr(b.getPtrTy()),
        base(symbolBase(descriptor.model().name)) {}

  void write() {
    writeCreate();
    writeLoad();
    for (size_t i = 0; i < descriptor.calledCount(); ++i) {
      if (descriptor.function(i).is_stream) {
        writeStream(i);
        continue;
      }
      writeCall(i);
      writeWorkspace(i);
    }
  }

private:
  Function *define(const Twine &name, ArrayRef<Type *> args) {
    auto *f = Function::Create(FunctionType::get(i32, args, false), Function::ExternalLinkage, name,
                               module);
    f->addFnAttr(Attribute::NoUnwind);
    b.SetInsertPoint(BasicBlock::Create(context, "", f));
    return f;
  }
  void returnCall(StringRef name, ArrayRef<Type *> types, ArrayRef<Value *> args) {
    auto callee = module.getOrInsertFunction(name, FunctionType::get(i32, types, false));
    b.CreateRet(b.CreateCall(callee, args));
  }

  void writeCreate() {
    Function *f = define(base + "_create", {ptr, ptr});
    Value *desc = module.getNamedGlobal(descriptorSymbol(descriptor.model().name));
    returnCall("seq_model_create", {ptr, ptr, ptr}, {f->getArg(0), desc, f->getArg(1)});
  }
  void writeLoad() {
    Function *f = define(base + "_load", {ptr, ptr});
    returnCall("seq_model_bind_file", {ptr, ptr, i32}, {f->getArg(0), f->getArg(1), b.getInt32(0)});
  }

  void set(Value *args, size_t offset, Value *v) {
    b.CreateAlignedStore(v, b.CreateConstInBoundsGEP1_64(b.getInt8Ty(), args, offset),
                         Align(v->getType() == i32 ? 4 : 8));
  }
  /// A seq_args on the stack.
  Value *fillArgs(size_t function, Value *inputs, Value *outputs, Value *lengths, Value *n) {
    const seq_function_desc &f = descriptor.function(function);
    auto *args = b.CreateAlloca(ArrayType::get(b.getInt8Ty(), sizeof(seq_args)));
    args->setAlignment(Align(8));
    b.CreateMemSet(args, b.getInt8(0), sizeof(seq_args), Align(8));
    set(args, offsetof(seq_args, struct_size), b.getInt32(sizeof(seq_args)));
    set(args, offsetof(seq_args, inputs), inputs);
    if (outputs)
      set(args, offsetof(seq_args, outputs), outputs);
    set(args, offsetof(seq_args, lengths), lengths);
    set(args, offsetof(seq_args, n_inputs), b.getInt32(f.n_inputs - f.n_states));
    set(args, offsetof(seq_args, n_outputs), b.getInt32(f.n_outputs - f.n_states));
    set(args, offsetof(seq_args, n_lengths), n);
    return args;
  }

  void writeCall(size_t i) {
    Function *f = define(base + "_" + descriptor.function(i).name, {ptr, ptr, ptr, ptr, i32});
    Value *args = fillArgs(i, f->getArg(1), f->getArg(2), f->getArg(3), f->getArg(4));
    returnCall("seq_model_call", {ptr, i32, ptr}, {f->getArg(0), b.getInt32(i), args});
  }
  void writeStream(size_t i) {
    for (StringRef name : {"size", "create"}) {
      Function *f = define(streamBase(descriptor) + "state_" + name, {ptr, ptr, ptr});
      returnCall(("seq_state_" + name).str(), {ptr, ptr, ptr},
                 {f->getArg(0), f->getArg(1), f->getArg(2)});
    }
    for (auto [name, callee] :
         {std::pair("prefill", "seq_state_call"), {"step", "seq_state_step"}}) {
      Function *f = define(streamBase(descriptor) + name, {ptr, ptr, ptr, ptr, i32});
      Value *args = fillArgs(i, f->getArg(1), f->getArg(2), f->getArg(3), f->getArg(4));
      returnCall(callee, {ptr, ptr}, {f->getArg(0), args});
    }
  }
  void writeWorkspace(size_t i) {
    Function *f = define(base + "_" + descriptor.function(i).name + "_workspace_size",
                         {ptr, ptr, ptr, i32, ptr});
    Value *args = fillArgs(i, f->getArg(1), nullptr, f->getArg(2), f->getArg(3));
    returnCall("seq_model_workspace_size", {ptr, i32, ptr, ptr},
               {f->getArg(0), b.getInt32(i), args, f->getArg(4)});
  }

  Module &module;
  const Descriptor &descriptor;
  LLVMContext &context;
  IRBuilder<> b;
  Type *i32, *i64, *ptr;
  std::string base;
};
} // namespace

void emitEntryPoints(Module &module, const Descriptor &descriptor) {
  EntryWriter(module, descriptor).write();
}

} // namespace seq::codegen

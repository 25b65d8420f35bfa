//===- SimulateCalls.cpp - What only a GPU has, as calls of its simulator -----------===//
#include "compiler/Codegen/SimulateOps.h"
#include "runtime/GpuSim/Ops.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/DebugInfoMetadata.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/IntrinsicInst.h"

using namespace llvm;

namespace seq::codegen {

//===----------------------------------------------------------------------===//
// SimulatorOps
//===----------------------------------------------------------------------===//

Constant *SimulatorOps::fileName(StringRef file) {
  Constant *&name = files[file];
  if (!name) {
    auto *text = ConstantDataArray::getString(module.getContext(), file);
    name = new GlobalVariable(module, text->getType(), true, GlobalValue::PrivateLinkage, text,
                              "seq.site.file");
  }
  return name;
}

Constant *SimulatorOps::site(const Instruction &at) {
  LLVMContext &context = module.getContext();
  Type *i32 = Type::getInt32Ty(context);
  auto *ptr = PointerType::get(context, 0);
  const DebugLoc &loc = at.getDebugLoc();
  Constant *file = loc ? fileName(loc->getFilename()) : ConstantPointerNull::get(ptr);
  auto *record = ConstantStruct::getAnon({file, ConstantInt::get(i32, loc ? loc.getLine() : 0),
                                          ConstantInt::get(i32, loc ? loc.getCol() : 0)});
  // Its address counts: without that it would be merged with its equals.
  return new GlobalVariable(module, record->getType(), true, GlobalValue::InternalLinkage, record,
                            "seq.site");
}

CallInst *SimulatorOps::call(IRBuilderBase &b, StringRef name, Type *result,
                             ArrayRef<Value *> args) {
  std::vector<Type *> types;
  for (Value *v : args)
    types.push_back(v->getType());
  auto f = module.getOrInsertFunction(("seq_sim_" + name).str(),
                                      FunctionType::get(result, types, false));
  auto *callee = cast<Function>(f.getCallee());
  callee->setDoesNotThrow();
  bool tells = name.ends_with("_index") || name.ends_with("_count") || name == "shared";
  if (tells && args.empty()) {
    callee->setDoesNotAccessMemory();
    callee->setWillReturn();
  } else if (name == "access") {
    callee->setOnlyAccessesInaccessibleMemory();
  }
  return b.CreateCall(f, args);
}

//===----------------------------------------------------------------------===//
// Calls by family; null: not of this one
//===----------------------------------------------------------------------===//

static Value *lane(Site &s) {
  return s.b.CreateAnd(s.ops.index(s.b, "thread_index"), 31);
}

static Value *laneMask(Site &s, StringRef kind) {
  Value *one = s.b.getInt32(1), *bit = s.b.CreateShl(one, lane(s));
  Value *below = s.b.CreateSub(bit, one);
  return StringSwitch<function_ref<Value *()>>(kind)
      .Case("eq", [&] { return bit; })
      .Case("lt", [&] { return below; })
      .Case("le", [&] { return s.b.CreateOr(below, bit); })
      .Case("ge", [&] { return s.b.CreateNot(below); })
      .Default([&] { return s.b.CreateNot(s.b.CreateOr(below, bit)); })();
}

/// Registers that tell where a thread is. Blocks and grids have one axis.
static Value *replaceRegister(Site &s, StringRef name) {
  if (!name.consume_front("read.ptx.sreg."))
    return nullptr;
  const char *index = StringSwitch<const char *>(name)
                          .Case("tid.x", "thread_index")
                          .Case("ntid.x", "thread_count")
                          .Case("ctaid.x", "block_index")
                          .Case("nctaid.x", "block_count")
                          .Cases({"cluster.ctarank", "cluster.ctaid.x"}, "cluster_index")
                          .Cases({"cluster.nctarank", "cluster.nctaid.x"}, "cluster_count")
                          .Default(nullptr);
  if (index)
    return s.ops.index(s.b, index);
  if (name == "tid.y" || name == "tid.z" || name == "ctaid.y" || name == "ctaid.z")
    return s.b.getInt32(0);
  if (name == "ntid.y" || name == "ntid.z" || name == "nctaid.y" || name == "nctaid.z")
    return s.b.getInt32(1);
  if (name == "laneid")
    return lane(s);
  if (name == "warpid")
    return s.b.CreateLShr(s.ops.index(s.b, "thread_index"), 5);
  if (name == "nwarpid")
    return s.b.CreateLShr(s.b.CreateAdd(s.ops.index(s.b, "thread_count"), s.b.getInt32(31)), 5);
  if (name == "warpsize")
    return s.b.getInt32(32);
  if (name.consume_front("lanemask."))
    return laneMask(s, name);
  return nullptr;
}

static Value *replaceBarrier(Site &s, StringRef name) {
  if (!name.consume_front("barrier.cta."))
    return nullptr;
  s.waits = true;
  bool counted = name.ends_with(".count"), aligned = name.contains(".aligned.");
  Value *count = counted ? s.arg(1) : s.b.getInt32(0), *whether = s.b.getInt32(aligned);
  StringRef kind = name.take_front(name.find('.'));
  if (kind == "sync" || kind == "arrive") {
    s.op(kind == "sync" ? "barrier" : "barrier_arrive", s.b.getVoidTy(),
         {s.arg(0), count, whether, s.where()});
    return s.done();
  }
  if (!name.consume_front("red."))
    return nullptr;
  Value *predicate = s.b.CreateZExt(s.arg(counted ? 2 : 1), s.i32());
  Value *sum = s.op("barrier_count", s.i32(), {s.arg(0), count, whether, predicate, s.where()});
  if (name.starts_with("popc."))
    return sum;
  if (name.starts_with("or."))
    return s.b.CreateICmpNE(sum, s.b.getInt32(0));
  return s.b.CreateICmpEQ(sum, counted ? count : s.ops.index(s.b, "thread_count"));
}

static Value *replaceShuffle(Site &s, StringRef name) {
  int mode = StringSwitch<int>(name.take_front(name.find('.')))
                 .Case("up", SEQ_SIM_UP)
                 .Case("down", SEQ_SIM_DOWN)
                 .Case("bfly", SEQ_SIM_BFLY)
                 .Default(SEQ_SIM_IDX);
  Value *got = s.op("shuffle", s.b.getInt64Ty(),
                    {s.b.getInt32(mode), s.arg(0), s.b.CreateBitCast(s.arg(1), s.i32()), s.arg(2),
                     s.arg(3), s.where()});
  Value *value = s.b.CreateBitCast(s.b.CreateTrunc(got, s.i32()), s.arg(1)->getType());
  if (!name.ends_with("p"))
    return value;
  return s.pair(value, s.b.CreateTrunc(s.b.CreateLShr(got, 32), s.b.getInt1Ty()));
}

static Value *replaceVote(Site &s, StringRef name) {
  int kind = StringSwitch<int>(name)
                 .Case("all.sync", SEQ_SIM_ALL)
                 .Case("any.sync", SEQ_SIM_ANY)
                 .Case("uni.sync", SEQ_SIM_UNI)
                 .Case("ballot.sync", SEQ_SIM_BALLOT)
                 .Default(-1);
  if (kind < 0)
    return nullptr;
  Value *predicate = s.b.CreateZExt(s.arg(1), s.i32());
  Value *got = s.op("vote", s.i32(), {s.b.getInt32(kind), s.arg(0), predicate, s.where()});
  return s.b.CreateTrunc(got, s.call.getType());
}

static Value *replaceRedux(Site &s, StringRef name) {
  int kind = StringSwitch<int>(name)
                 .Case("add", SEQ_SIM_ADD)
                 .Case("min", SEQ_SIM_MIN)
                 .Case("max", SEQ_SIM_MAX)
                 .Case("umin", SEQ_SIM_UMIN)
                 .Case("umax", SEQ_SIM_UMAX)
                 .Case("and", SEQ_SIM_AND)
                 .Case("or", SEQ_SIM_OR)
                 .Case("xor", SEQ_SIM_XOR)
                 .Default(-1);
  if (kind < 0)
    return nullptr;
  return s.op("redux", s.i32(), {s.b.getInt32(kind), s.arg(1), s.arg(0), s.where()});
}

/// A vote makes the lanes wait and orders no memory, as this does.
static Value *replaceElect(Site &s) {
  s.op("vote", s.i32(), {s.b.getInt32(SEQ_SIM_BALLOT), s.arg(0), s.b.getInt32(0), s.where()});
  Value *leader = s.b.CreateBinaryIntrinsic(Intrinsic::cttz, s.arg(0), s.b.getFalse());
  return s.pair(leader, s.b.CreateICmpEQ(leader, lane(s)));
}

static Value *replaceMatch(Site &s, StringRef name) {
  Value *value = s.b.CreateZExt(s.arg(1), s.b.getInt64Ty());
  Value *same = s.op("match", s.i32(), {s.arg(0), value, s.where()});
  if (name.starts_with("any."))
    return same;
  Value *all = s.b.CreateICmpEQ(same, s.arg(0));
  return s.pair(s.b.CreateSelect(all, same, s.b.getInt32(0)), all);
}

static Value *replaceWarp(Site &s, StringRef name) {
  if (name == "activemask")
    return s.op("active_mask", s.i32(), {});
  s.waits = true;
  if (name == "bar.warp.sync") {
    s.op("warp_sync", s.b.getVoidTy(), {s.arg(0), s.where()});
    return s.done();
  }
  if (name.consume_front("shfl.sync."))
    return replaceShuffle(s, name);
  if (name.consume_front("vote."))
    return replaceVote(s, name);
  if (name.consume_front("redux.sync."))
    return replaceRedux(s, name);
  if (name.consume_front("match."))
    return replaceMatch(s, name);
  if (name == "elect.sync")
    return replaceElect(s);
  s.waits = false;
  return nullptr;
}

static Value *loadResult(Site &s, Value *memory, Type *element, unsigned n) {
  if (!s.call.getType()->isStructTy())
    return s.b.CreateLoad(element, memory);
  Value *result = PoisonValue::get(s.call.getType());
  for (unsigned i = 0; i < n; ++i) {
    Value *p = s.b.CreateConstInBoundsGEP1_64(element, memory, i);
    result = s.b.CreateInsertValue(result, s.b.CreateLoad(element, p), i);
  }
  return result;
}

static Value *replaceMatrix(Site &s, StringRef name) {
  int type = StringSwitch<int>(name)
                 .Case("mma.m16n8k16.row.col.f32.f32", SEQ_SIM_F16)
                 .Case("mma.m16n8k16.row.col.bf16", SEQ_SIM_BF16)
                 .Case("mma.m16n8k8.row.col.tf32", SEQ_SIM_TF32)
                 .Default(-1);
  if (type >= 0) {
    s.waits = true;
    Value *in = s.scratch(ArrayType::get(s.i32(), 10));
    Value *out = s.scratch(ArrayType::get(s.b.getFloatTy(), 4));
    for (unsigned i = 0; i < 10; ++i)
      s.b.CreateStore(s.arg(i), s.b.CreateConstInBoundsGEP1_64(s.i32(), in, i));
    s.op("mma", s.b.getVoidTy(), {out, in, s.b.getInt32(type), s.where()});
    return loadResult(s, out, s.b.getFloatTy(), 4);
  }
  bool stores = name.consume_front("stmatrix.");
  int tiles = 0;
  if ((!stores && !name.consume_front("ldmatrix.")) || !name.consume_front("sync.aligned.m8n8.x") ||
      name.consumeInteger(10, tiles) || !name.contains(".b16"))
    return nullptr;
  s.waits = true;
  if (stores) {
    Value *values = s.scratch(ArrayType::get(s.i32(), 4));
    for (int i = 0; i < tiles; ++i)
      s.b.CreateStore(s.arg(unsigned(i) + 1), s.b.CreateConstInBoundsGEP1_64(s.i32(), values, i));
    s.op("stmatrix", s.b.getVoidTy(),
         {s.flat(s.arg(0)), values, s.b.getInt32(tiles), s.b.getInt32(name.starts_with(".trans")),
          s.where()});
    return s.done();
  }
  Value *out = s.scratch(ArrayType::get(s.i32(), 4));
  s.op("ldmatrix", s.b.getVoidTy(),
       {out, s.flat(s.arg(0)), s.b.getInt32(tiles), s.b.getInt32(name.starts_with(".trans")),
        s.where()});
  return loadResult(s, out, s.i32(), unsigned(tiles));
}

static Value *replaceCopy(Site &s, StringRef name) {
  if (!name.consume_front("cp.async."))
    return nullptr;
  if (name == "commit.group") {
    s.op("copy_commit", s.b.getVoidTy(), {});
    return s.done();
  }
  if (name == "wait.group" || name == "wait.all") {
    s.op("copy_wait", s.b.getVoidTy(), {name == "wait.all" ? s.b.getInt32(-1) : s.arg(0)});
    return s.done();
  }
  int bytes = 0;
  if (!name.consume_front("ca.shared.global.") && !name.consume_front("cg.shared.global."))
    return nullptr;
  if (name.consumeInteger(10, bytes) || (!name.empty() && name != ".s"))
    return nullptr;
  Value *source = name.empty() ? s.b.getInt32(bytes) : s.arg(2);
  s.op("copy", s.b.getVoidTy(),
       {s.flat(s.arg(0)), s.flat(s.arg(1)), s.b.getInt32(bytes), source, s.where()});
  return s.done();
}

//===----------------------------------------------------------------------===//
// One call
//===----------------------------------------------------------------------===//

static Value *replaceIntrinsic(Site &s, StringRef name) {
  for (auto family :
       {replaceRegister, replaceBarrier, replaceWarp, replaceMatrix, replaceCopy, replaceAsync})
    if (Value *v = family(s, name))
      return v;
  std::vector<Value *> args(s.call.arg_begin(), s.call.arg_end());
  return mathsOf(s.b, name, args, s.call.getType());
}

/// "ex2.approx.ftz.f32 $0, $1;": one instruction with a result, its operands in order.
static Value *replaceAssembly(Site &s, StringRef text) {
  text = text.trim();
  text.consume_back(";");
  auto [name, operands] = text.split(' ');
  std::string given = operands.str(), expected = "$0";
  llvm::erase(given, ' ');
  for (unsigned i = 0; i < s.call.arg_size(); ++i)
    expected += ",$" + std::to_string(i + 1);
  if (given != expected)
    return nullptr;
  std::vector<Value *> args(s.call.arg_begin(), s.call.arg_end());
  return mathsOf(s.b, name, args, s.call.getType());
}

/// A function of libdevice as the one of libm, where they have the same meaning.
static Value *replaceLibdevice(Site &s, StringRef name) {
  std::vector<Value *> args(s.call.arg_begin(), s.call.arg_end());
  Type *type = s.call.getType();
  bool isFloat = type->isFloatTy();
  if (!isFloat && !type->isDoubleTy())
    return nullptr;
  if (isFloat && !name.consume_back("f"))
    return nullptr;
  name.consume_front("fast_");
  if (Value *v = mathsOf(s.b, name, args, type))
    return v;
  static const StringRef known[] = {"exp", "log", "expm1", "log1p", "tanh",
                                    "erf", "sin", "cos",   "pow",   "fmod"};
  if (!is_contained(known, name))
    return nullptr;
  std::string callee = name.str() + (isFloat ? "f" : "");
  return s.b.CreateCall(
      s.call.getModule()->getOrInsertFunction(
          callee, FunctionType::get(type, std::vector<Type *>(args.size(), type), false)),
      args);
}

static Value *replaceTrap(Site &s) {
  s.op("trap", s.b.getVoidTy(), {s.where()});
  return s.done();
}

Replaced replaceCall(SimulatorOps &ops, CallInst &call, bool &waits) {
  Site s{ops, IRBuilder<>(&call), call};
  Value *v = nullptr;
  if (auto *assembly = dyn_cast<InlineAsm>(call.getCalledOperand())) {
    v = replaceAssembly(s, assembly->getAsmString());
    v = v ? v : replacePtx(s, assembly->getAsmString());
  } else if (Function *callee = call.getCalledFunction()) {
    StringRef name = callee->getName();
    if (!callee->isDeclaration() || name.starts_with("seq_sim_")) {
      waits = callee->isDeclaration() && name != "seq_sim_shared";
      return Replaced::Kept;
    }
    if (name.consume_front("llvm.nvvm."))
      v = replaceIntrinsic(s, name);
    else if (name.consume_front("__nv_"))
      v = replaceLibdevice(s, name);
    else if (name == "__nvvm_reflect") // which asks how to round and what the chip has
      v = s.b.getInt32(0);
    else if (name == "llvm.trap" || name == "__assertfail")
      v = replaceTrap(s);
    else if (name.starts_with("llvm."))
      return name.starts_with("llvm.masked.") ? Replaced::Unknown : Replaced::Kept;
  } else {
    return Replaced::Kept; // through a pointer
  }
  if (!v)
    return Replaced::Unknown;
  waits = s.waits;
  if (!call.getType()->isVoidTy())
    call.replaceAllUsesWith(v);
  call.eraseFromParent();
  return Replaced::Yes;
}

} // namespace seq::codegen

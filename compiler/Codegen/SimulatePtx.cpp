//===- SimulatePtx.cpp - Inline assembly of sm_90, for the simulator -----------------------===//
//
// Some operations have no intrinsic, or MLIR writes them as text: products of warp groups,
// predicated ones of barriers and tensor maps, loops that try to wait. Their texts are taken
// apart into statements,
//
//     @$5 cp.async.bulk.tensor.2d.shared::cluster… [$0], [$1, {$2, $3}], [$4];
//      guard  mnemonic                             operands
//
// and a statement that is not known in each of its parts makes the call unknown.
//
//===----------------------------------------------------------------------===//
#include "compiler/Codegen/SimulateOps.h"
#include "runtime/GpuSim/Ops.h"

#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;

namespace seq::codegen {

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

namespace {
struct Statement {
  std::string label, guard, mnemonic;
  std::vector<std::string> operands; ///< without spaces; those in braces or brackets as one
};
} // namespace

/// Splits at commas outside of braces and brackets.
static std::vector<std::string> splitOperands(StringRef text) {
  std::vector<std::string> operands;
  std::string last;
  int depth = 0;
  for (char c : text) {
    depth += (c == '{' || c == '[') - (c == '}' || c == ']');
    if (c == ',' && depth == 0)
      operands.push_back(std::exchange(last, ""));
    else if (!isSpace(c))
      last += c;
  }
  if (!last.empty() || !operands.empty())
    operands.push_back(last);
  return operands;
}

static Statement parseStatement(StringRef text) {
  Statement s;
  auto token = [&] {
    text = text.ltrim();
    size_t end = text.find_first_of(" \t\n");
    StringRef word = text.take_front(end);
    text = text.drop_front(word.size());
    return word;
  };
  StringRef word = token();
  if (word.consume_back(":")) {
    s.label = word.str();
    word = token();
  }
  if (word.consume_front("@")) {
    s.guard = word.str();
    word = token();
  }
  s.mnemonic = word.str();
  s.operands = splitOperands(text);
  return s;
}

static std::vector<Statement> parseAssembly(StringRef text) {
  text = text.trim();
  if (text.consume_front("{") && !text.consume_back("}"))
    return {};
  std::vector<Statement> statements;
  while (!text.empty()) {
    auto [first, rest] = text.split(';');
    if (!first.trim().empty())
      statements.push_back(parseStatement(first));
    text = rest;
  }
  return statements;
}

//===----------------------------------------------------------------------===//
// Operands
//===----------------------------------------------------------------------===//

namespace {
/// What `$0`, `$1`, … of a call stand for: its results, then its arguments.
class Operands {
public:
  explicit Operands(CallInst &call)
      : call(call), constraints(cast<InlineAsm>(call.getCalledOperand())->ParseConstraints()) {
    for (const InlineAsm::ConstraintInfo &c : constraints)
      results += c.Type == InlineAsm::isOutput;
    isPlain = results + call.arg_size() == constraints.size();
  }

  /// The number in "$7"; nothing for other texts.
  static std::optional<unsigned> number(StringRef text) {
    unsigned n;
    if (!text.consume_front("$") || text.getAsInteger(10, n))
      return std::nullopt;
    return n;
  }
  /// An argument or a number; null for a result.
  Value *value(StringRef text) const {
    auto n = number(text);
    int literal;
    if (!n && !text.getAsInteger(10, literal))
      return ConstantInt::getSigned(Type::getInt32Ty(call.getContext()), literal);
    return n && *n >= results && *n - results < call.arg_size() ? call.getArgOperand(*n - results)
                                                                : nullptr;
  }
  /// Of "[$0]"; null where that is no pointer.
  Value *address(StringRef text) const {
    if (!text.consume_front("[") || !text.consume_back("]"))
      return nullptr;
    Value *v = value(text);
    return v && v->getType()->isPointerTy() ? v : nullptr;
  }
  /// Of "{$0,$1}"; empty where one is not known.
  std::vector<Value *> list(StringRef text) const {
    std::vector<Value *> values;
    if (!text.consume_front("{") || !text.consume_back("}"))
      return {};
    for (StringRef item : split(text, ',')) {
      values.push_back(value(item));
      if (!values.back())
        return {};
    }
    return values;
  }
  /// The argument that is in the same register as result `n`.
  Value *tiedTo(unsigned n) const {
    int input = constraints[n].MatchingInput;
    return input < int(results) ? nullptr : call.getArgOperand(unsigned(input) - results);
  }

  unsigned results = 0;
  bool isPlain; ///< no clobbers, no results in memory

private:
  CallInst &call;
  InlineAsm::ConstraintInfoVector constraints;
};
} // namespace

static bool isConstant(Value *v, int64_t one, int64_t other, bool &isOther) {
  auto *c = dyn_cast_or_null<ConstantInt>(v);
  if (!c || (c->getSExtValue() != one && c->getSExtValue() != other))
    return false;
  isOther = c->getSExtValue() == other;
  return true;
}

//===----------------------------------------------------------------------===//
// Products of warp groups
//===----------------------------------------------------------------------===//

static constexpr StringRef kProduct = "wgmma.mma_async.sync.aligned.m64n",
                           kWait = "wgmma.wait_group.sync.aligned";

namespace {
struct Product {
  int n = 0, type = 0;
  Value *a = nullptr, *b = nullptr, *scale = nullptr;
  std::vector<Value *> registers; ///< of A; empty: `a` is a descriptor
  bool negatesA = false, negatesB = false, transposesA = false, transposesB = false;
};
} // namespace

static bool parseShape(StringRef name, Product &p) {
  if (!name.consume_front(kProduct) || name.consumeInteger(10, p.n))
    return false;
  if (name == "k16.f32.f16.f16")
    p.type = SEQ_SIM_F16;
  else if (name == "k16.f32.bf16.bf16")
    p.type = SEQ_SIM_BF16;
  else if (name == "k8.f32.tf32.tf32")
    p.type = SEQ_SIM_TF32;
  else
    return false;
  return p.n >= 8 && p.n <= 256 && p.n % 8 == 0;
}

/// All results in order, each in the register of an argument.
static bool checkResults(const Operands &operands, StringRef text, int n) {
  std::string expected;
  for (int i = 0; i < n / 2; ++i) {
    expected += (i ? ",$" : "{$") + std::to_string(i);
    if (i >= int(operands.results) || !operands.tiedTo(unsigned(i)))
      return false;
  }
  return int(operands.results) == n / 2 && text == expected + "}";
}

/// `{ .reg .pred p; setp.ne.b32 p, $10, 0; wgmma… {d}, a, b, p, scale-a, scale-b, transpose-a,
/// transpose-b; }`: the last two are of 16-bit types, transpose-a of descriptors.
static std::optional<Product> parseProduct(const std::vector<Statement> &statements,
                                           const Operands &operands) {
  if (statements.size() != 3)
    return std::nullopt;
  const Statement &declares = statements[0], &compares = statements[1], &mma = statements[2];
  Product p;
  if (declares.mnemonic != ".reg" || declares.operands.size() != 1 ||
      compares.mnemonic != "setp.ne.b32" || compares.operands.size() != 3 ||
      declares.operands[0] != ".pred" + compares.operands[0] || compares.operands[2] != "0" ||
      !parseShape(mma.mnemonic, p))
    return std::nullopt;
  const std::vector<std::string> &ops = mma.operands;
  p.scale = operands.value(compares.operands[1]);
  if (ops.size() < 6 || !checkResults(operands, ops[0], p.n) || ops[3] != compares.operands[0])
    return std::nullopt;
  p.registers = operands.list(ops[1]);
  p.a = operands.value(ops[1]);
  p.b = operands.value(ops[2]);
  bool fromRegisters = p.registers.size() == 4;
  size_t expected = p.type == SEQ_SIM_TF32 ? 6 : fromRegisters ? 7 : 8;
  bool good = p.scale && p.scale->getType()->isIntegerTy(32) && p.b &&
              p.b->getType()->isIntegerTy(64) && ops.size() == expected &&
              (fromRegisters || (p.a && p.a->getType()->isIntegerTy(64))) &&
              isConstant(operands.value(ops[4]), 1, -1, p.negatesA) &&
              isConstant(operands.value(ops[5]), 1, -1, p.negatesB);
  if (good && expected == 8)
    good = isConstant(operands.value(ops[6]), 0, 1, p.transposesA);
  if (good && expected > 6)
    good = isConstant(operands.value(ops.back()), 0, 1, p.transposesB);
  return good ? std::optional(p) : std::nullopt;
}

static Value *emitProduct(Site &s, const Product &p, const Operands &operands) {
  Type *f32 = s.b.getFloatTy(), *i64 = s.b.getInt64Ty();
  Value *d = s.scratch(ArrayType::get(f32, 128));
  // Two descriptors, then 32-bit words: seq_sim_wgmma.
  Value *in = s.scratch(ArrayType::get(i64, 8));
  auto store = [&](Value *v, Type *type, unsigned at) {
    s.b.CreateStore(v, s.b.CreateConstInBoundsGEP1_64(type, in, at));
  };
  for (int i = 0; i < p.n / 2; ++i)
    s.b.CreateStore(operands.tiedTo(unsigned(i)),
                    s.b.CreateConstInBoundsGEP1_64(f32, d, unsigned(i)));
  bool fromRegisters = !p.registers.empty();
  store(fromRegisters ? s.b.getInt64(0) : p.a, i64, 0);
  store(p.b, i64, 1);
  unsigned at = 4;
  for (unsigned i = 0; i < 4; ++i)
    store(fromRegisters ? s.b.CreateBitCast(p.registers[i], s.i32()) : s.b.getInt32(0), s.i32(),
          at++);
  for (int v : {p.type, p.n})
    store(s.b.getInt32(uint32_t(v)), s.i32(), at++);
  store(p.scale, s.i32(), at++);
  for (bool v : {fromRegisters, p.negatesA, p.negatesB, p.transposesA, p.transposesB})
    store(s.b.getInt32(v), s.i32(), at++);
  s.waits = true;
  s.act("wgmma_begin", {d, in, s.where()});
  Value *result = PoisonValue::get(s.call.getType());
  for (unsigned i = 0; i < unsigned(p.n) / 2; ++i) {
    Value *v = s.b.CreateLoad(f32, s.b.CreateConstInBoundsGEP1_64(f32, d, i));
    result = s.b.CreateInsertValue(result, v, i);
  }
  return result;
}

/// `wgmma.wait_group.sync.aligned 0`, through which results pass that are there afterwards.
static Value *replaceWait(Site &s, const Statement &l, const Operands &operands) {
  unsigned pending;
  if (l.mnemonic != kWait || !l.guard.empty() || l.operands.size() != 1 ||
      StringRef(l.operands[0]).getAsInteger(10, pending))
    return nullptr;
  for (unsigned i = 0; i < operands.results; ++i)
    if (!operands.tiedTo(i))
      return nullptr;
  s.waits = true;
  s.act("wgmma_wait", {s.b.getInt32(pending), s.where()});
  if (s.call.getType()->isVoidTy())
    return s.done();
  if (operands.results == 1)
    return operands.tiedTo(0);
  Value *result = PoisonValue::get(s.call.getType());
  for (unsigned i = 0; i < operands.results; ++i)
    result = s.b.CreateInsertValue(result, operands.tiedTo(i), i);
  return result;
}

//===----------------------------------------------------------------------===//
// Results of products
//===----------------------------------------------------------------------===//

static bool isAssembly(const Value *v, StringRef text) {
  auto *call = dyn_cast<CallInst>(v);
  auto *assembly = call ? dyn_cast<InlineAsm>(call->getCalledOperand()) : nullptr;
  return assembly && assembly->getAsmString().contains(text);
}

static bool isProduct(const Value *v) {
  return isAssembly(v, kProduct);
}

/// Whether the user hands the value on as it is.
static bool handsOn(const User *user) {
  return isa<PHINode, SelectInst, ExtractValueInst, InsertValueInst, FreezeInst>(user) ||
         isAssembly(user, kWait);
}

/// `v` at this use, once its product has happened.
static void readThere(SimulatorOps &ops, Use &use) {
  auto *user = cast<Instruction>(use.getUser());
  IRBuilder<> b(user);
  b.SetCurrentDebugLocation(user->getDebugLoc());
  use.set(ops.call(b, "accumulator", b.getFloatTy(), {use.get(), ops.site(*user)}));
}

void readProducts(SimulatorOps &ops, Function &f) {
  std::vector<Value *> values;
  for (Instruction &inst : instructions(f))
    if (isProduct(&inst))
      values.push_back(&inst);
  SmallPtrSet<Value *, 32> seen(values.begin(), values.end());
  std::vector<Use *> uses;
  for (size_t i = 0; i < values.size(); ++i)
    for (Use &use : values[i]->uses()) {
      User *user = use.getUser();
      bool condition = isa<SelectInst>(user) && use.getOperandNo() == 0;
      if (handsOn(user) && !condition && seen.insert(user).second)
        values.push_back(user);
      if (!handsOn(user) && !isProduct(user) && values[i]->getType()->isFloatTy())
        uses.push_back(&use);
    }
  for (Use *use : uses)
    readThere(ops, *use);
}

//===----------------------------------------------------------------------===//
// Barriers and tensor maps
//===----------------------------------------------------------------------===//

/// `{ .reg .pred P1; again: mbarrier.try_wait.parity.shared.b64 P1, [$0], $1, $2; @P1 bra.uni
/// done; bra.uni again; done: }` waits until the phase has ended.
static Value *replaceLoop(Site &s, const std::vector<Statement> &l, const Operands &operands) {
  if (l.size() != 5 || l[0].mnemonic != ".reg" || l[0].operands.size() != 1 ||
      l[1].operands.size() < 3 || l[1].operands.size() > 4 ||
      l[0].operands[0] != ".pred" + l[1].operands[0] || l[2].guard != l[1].operands[0] ||
      l[2].mnemonic != "bra.uni" || l[3].mnemonic != "bra.uni" || l[1].label.empty() ||
      l[3].operands != std::vector{l[1].label} || !l[3].guard.empty() || l[4].label.empty() ||
      l[2].operands != std::vector{l[4].label} || !l[4].mnemonic.empty())
    return nullptr;
  StringRef name = l[1].mnemonic;
  if (name != "mbarrier.try_wait.parity.shared.b64" &&
      name != "mbarrier.try_wait.parity.shared::cta.b64")
    return nullptr;
  Value *barrier = operands.address(l[1].operands[1]), *parity = operands.value(l[1].operands[2]);
  if (!barrier || !parity || !parity->getType()->isIntegerTy(32))
    return nullptr;
  s.waits = true;
  s.op("mbarrier_wait", s.i32(), {s.flat(barrier), parity, s.b.getInt32(1), s.where()});
  return s.done();
}

static Value *replaceBarrierText(Site &s, const Statement &l, const Operands &operands) {
  StringRef name = l.mnemonic;
  if (!name.consume_front("mbarrier.") ||
      (!name.consume_back(".shared.b64") && !name.consume_back(".shared::cta.b64")))
    return nullptr;
  bool arrives = !l.operands.empty() && l.operands[0] == "_";
  size_t n = l.operands.size() - arrives;
  Value *barrier = n > 0 ? operands.address(l.operands[arrives]) : nullptr;
  Value *count = n > 1 ? operands.value(l.operands[arrives + 1u]) : nullptr;
  if (!barrier || n > 2 || (n > 1 && (!count || !count->getType()->isIntegerTy(32))))
    return nullptr;
  if (name == "init" && n == 2 && !arrives)
    return s.act("mbarrier_init", {s.flat(barrier), count, s.where()});
  if (name == "inval" && n == 1 && !arrives)
    return s.act("mbarrier_inval", {s.flat(barrier), s.where()});
  bool expects = name == "arrive.expect_tx";
  if (!arrives || (name != "arrive" && !expects) || (expects && n != 2))
    return nullptr;
  Value *zero = s.b.getInt32(0), *one = s.b.getInt32(1);
  s.op("mbarrier_arrive", s.b.getInt64Ty(),
       {s.flat(barrier), expects || n < 2 ? one : count, expects ? count : zero, zero, s.where()});
  return s.done();
}

/// "[$1,{$2,$3}]": the map and the coordinates.
static Value *parseBox(const Operands &operands, StringRef text, std::vector<Value *> &start) {
  if (!text.consume_front("[") || !text.consume_back("]"))
    return nullptr;
  auto [map, list] = text.split(',');
  start = operands.list(list);
  Value *v = operands.value(map);
  return v && v->getType()->isPointerTy() && !start.empty() ? v : nullptr;
}

static Value *replaceTensorText(Site &s, const Statement &l, const Operands &operands) {
  StringRef name = l.mnemonic;
  unsigned rank = 0;
  if (!name.consume_front("cp.async.bulk.tensor.") || name.consumeInteger(10, rank))
    return nullptr;
  bool loads = name == "d.shared::cluster.global.mbarrier::complete_tx::bytes" ||
               name == "d.shared::cta.global.mbarrier::complete_tx::bytes";
  if ((!loads && name != "d.global.shared::cta.bulk_group") ||
      l.operands.size() != (loads ? 3u : 2u))
    return nullptr;
  std::vector<Value *> start;
  Value *map = parseBox(operands, l.operands[loads ? 1 : 0], start);
  Value *shared = operands.address(l.operands[loads ? 0 : 1]);
  Value *barrier = loads ? operands.address(l.operands[2]) : nullptr;
  if (!map || !shared || start.size() != rank || (loads && !barrier))
    return nullptr;
  Value *list = storeCoordinates(s, start);
  if (loads)
    return s.act("tensor_load", {s.flat(map), s.flat(shared), s.flat(barrier), s.b.getInt32(rank),
                                 list, s.b.getInt32(0), s.where()});
  return s.act("tensor_store", {s.flat(map), s.flat(shared), s.b.getInt32(rank), list, s.where()});
}

/// One statement without result, perhaps under a guard.
static Value *replaceStatement(Site &s, const Statement &l, const Operands &operands) {
  if (!s.call.getType()->isVoidTy())
    return nullptr;
  StringRef guard = l.guard;
  bool negated = guard.consume_front("!");
  Value *condition = guard.empty() ? nullptr : operands.value(guard);
  if (!guard.empty() && (!condition || !condition->getType()->isIntegerTy(1)))
    return nullptr;
  if (condition) {
    condition = negated ? s.b.CreateNot(condition) : condition;
    s.b.SetInsertPoint(SplitBlockAndInsertIfThen(condition, &s.call, /*Unreachable=*/false));
  }
  s.waits = true;
  for (auto family : {replaceBarrierText, replaceTensorText})
    if (Value *v = family(s, l, operands))
      return v;
  s.waits = false;
  return nullptr;
}

Value *replacePtx(Site &s, StringRef text) {
  std::vector<Statement> statements = parseAssembly(text);
  Operands operands(s.call);
  if (!operands.isPlain || statements.empty())
    return nullptr;
  if (auto product = parseProduct(statements, operands))
    return emitProduct(s, *product, operands);
  if (statements.size() != 1)
    return replaceLoop(s, statements, operands);
  if (Value *v = replaceWait(s, statements[0], operands))
    return v;
  return replaceStatement(s, statements[0], operands);
}

} // namespace seq::codegen

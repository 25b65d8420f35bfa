//===- EmitFunction.cpp - Functions of the entry ----------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

#include "mlir/IR/Iterators.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace seq::emit {

RankedTensorType Emitter::tensorType(const typed::Type &type) {
  SmallVector<int64_t> shape;
  for (const Size &s : type.shape) {
    std::optional<int64_t> value = resolve(s).asConstant();
    shape.push_back(value ? std::max<int64_t>(*value, 0) : ShapedType::kDynamic);
  }
  return RankedTensorType::get(shape, storedType(type.elem));
}

namespace {
SmallVector<const SizeSymbol *> dynamicSymbols(const typed::FunctionInstance &fn) {
  SmallVector<const SizeSymbol *> out;
  for (const SizeSymbol *symbol : fn.symbols)
    if (!symbol->isStatic)
      out.push_back(symbol);
  return out;
}

/// A size as an affine expression over the function's dynamic sizes.
struct AffineOfSize {
  MLIRContext *context;
  ArrayRef<const SizeSymbol *> symbols;

  AffineExpr of(const Size &size) const {
    AffineExpr sum = getAffineConstantExpr(0, context);
    for (const Size::Term &term : size.sum()) {
      AffineExpr product = getAffineConstantExpr(term.coefficient, context);
      for (const Size::Atom &atom : term.atoms)
        product = product * of(atom);
      sum = sum + product;
    }
    return sum;
  }
  AffineExpr of(const Size::Atom &atom) const {
    if (atom.kind == Size::Atom::Symbol) {
      const auto *it = llvm::find(symbols, atom.symbol);
      assert(it != symbols.end() && "a size that the function does not declare");
      return getAffineSymbolExpr(it - symbols.begin(), context);
    }
    return atom.kind == Size::Atom::Mod ? of(*atom.a) % of(*atom.b)
                                        : of(*atom.a).floorDiv(of(*atom.b));
  }
};
} // namespace

AffineMapAttr Emitter::shapeAttr(const typed::Type &type, const typed::FunctionInstance &fn) {
  auto symbols = dynamicSymbols(fn);
  AffineOfSize affine{b.getContext(), symbols};
  SmallVector<AffineExpr> dims;
  for (const Size &s : type.shape)
    dims.push_back(affine.of(resolve(s)));
  return AffineMapAttr::get(AffineMap::get(0, symbols.size(), dims, b.getContext()));
}

/// What the entry's sizes have to satisfy, where they are not known to.
ArrayAttr Emitter::requirementsAttr(const typed::FunctionInstance &fn) {
  auto symbols = dynamicSymbols(fn);
  AffineOfSize affine{b.getContext(), symbols};
  SmallVector<Attribute> all;
  for (const typed::SizeRequirement &r : fn.requirements) {
    std::optional<int64_t> gap = (resolve(r.b) - resolve(r.a)).asConstant();
    if (gap && (r.equal ? *gap == 0 : *gap >= 0))
      continue;
    AffineExpr sides[] = {affine.of(resolve(r.a)), affine.of(resolve(r.b))};
    NamedAttrList entry;
    entry.set("sizes",
              AffineMapAttr::get(AffineMap::get(0, symbols.size(), sides, b.getContext())));
    if (r.equal)
      entry.set("equal", b.getUnitAttr());
    entry.set("text", b.getStringAttr(r.a.str() + (r.equal ? " == " : " <= ") + r.b.str()));
    entry.set("place", LocationAttr(loc(r.range)));
    entry.set("what", sourceText(r.range));
    all.push_back(entry.getDictionary(b.getContext()));
  }
  return b.getArrayAttr(all);
}

static typed::Type typeOf(const typed::EntryWeight &weight) {
  typed::Type type{weight.elem, {}};
  for (int64_t n : weight.shape)
    type.shape.push_back(Size::constant(n));
  return type;
}

void Emitter::declareArguments(const typed::FunctionInstance &fn, func::FuncOp func) {
  unsigned n = 0;
  for (const typed::EntryWeight &weight : program.weights) {
    weights[weight.name] = func.getArgument(n);
    func.setArgAttr(n, kNameAttr, b.getStringAttr(weight.name));
    func.setArgAttr(n, kWeightAttr, b.getUnitAttr());
    func.setArgAttr(n++, kShapeAttr, shapeAttr(typeOf(weight), fn));
  }
  for (const typed::ParamInfo &param : fn.params) {
    bind(param.var, exactValue(func.getArgument(n), {}, param.var->type.shape.size()));
    func.setArgAttr(n, kNameAttr, b.getStringAttr(param.var->name));
    func.setArgAttr(n++, kShapeAttr, shapeAttr(param.var->type, fn));
  }
}

void Emitter::declareResults(const typed::FunctionInstance &fn, func::FuncOp func,
                             TypeRange types) {
  func.setType(b.getFunctionType(func.getArgumentTypes(), types));
  for (auto [i, result] : llvm::enumerate(fn.results)) {
    func.setResultAttr(i, kNameAttr, b.getStringAttr(result.name));
    func.setResultAttr(i, kShapeAttr, shapeAttr(result.type, fn));
  }
}

void Emitter::emitFunction(const typed::FunctionInstance &fn, ModuleOp module) {
  frames.emplace_back();
  FrameScope scope(*this, &frames.back());
  SmallVector<Type> inputs;
  for (const typed::EntryWeight &weight : program.weights)
    inputs.push_back(tensorType(typeOf(weight)));
  for (const typed::ParamInfo &param : fn.params)
    inputs.push_back(tensorType(param.var->type));
  b.setInsertionPointToEnd(module.getBody());
  auto func = func::FuncOp::create(b, loc(fn.range), fn.name, b.getFunctionType(inputs, {}));
  SmallVector<Attribute> names;
  for (const SizeSymbol *symbol : dynamicSymbols(fn))
    names.push_back(b.getStringAttr(symbol->name));
  func->setAttr(kSizesAttr, b.getArrayAttr(names));
  if (ArrayAttr requirements = requirementsAttr(fn); !requirements.empty())
    func->setAttr(kRequiresAttr, requirements);
  entry = func.addEntryBlock();
  b.setInsertionPointToStart(entry);
  declareArguments(fn, func);

  SmallVector<Value> results;
  for (auto [value, result] : llvm::zip_equal(emitBody(fn), fn.results))
    results.push_back(normalize(value, {}, result.type, loc(fn.range), true).tensor);
  func::ReturnOp::create(b, loc(fn.range), results);
  declareResults(fn, func, ValueRange(results).getTypes());
}
} // namespace seq::emit

namespace seq {
namespace {
/// Operations, roughly, that a function becomes when its calls are expanded.
class Expansion {
public:
  size_t of(const typed::FunctionInstance &fn) {
    if (auto it = known.find(&fn); it != known.end())
      return it->second;
    size_t n = 0;
    for (const typed::ParamInfo &param : fn.params)
      n = sum(n, of(param.init.get()));
    for (const auto &stmt : fn.body)
      n = sum(n, of(*stmt));
    return known[&fn] = n;
  }

private:
  static size_t sum(size_t a, size_t b) { return std::min<size_t>(a + b, size_t(1) << 40); }
  size_t of(const typed::Stmt &stmt) {
    size_t n = 1;
    for (const auto &value : stmt.values)
      n = sum(n, of(value.get()));
    return n;
  }
  size_t of(const typed::Expr *e) {
    if (!e)
      return 0;
    size_t n = sum(1, sum(of(e->a.get()), sum(of(e->b.get()), of(e->c.get()))));
    for (const auto &arg : e->args)
      n = sum(n, of(arg.get()));
    for (const auto &subscript : e->subscripts)
      n = sum(n, of(subscript.index.get()));
    for (const auto &stmt : e->stmts)
      n = sum(n, of(*stmt));
    if (e->call) {
      n = sum(n, of(*e->call->callee));
      for (const auto &arg : e->call->args)
        n = sum(n, of(arg.get()));
    }
    return e->scan ? sum(n, of(*e->scan)) : n;
  }
  size_t of(const typed::ScanExpr &scan) {
    size_t n = of(scan.reset.get());
    for (const typed::StateInfo &state : scan.states)
      n = sum(n, of(state.init.get()));
    for (const auto &stmt : scan.body)
      n = sum(n, of(*stmt));
    for (const auto &value : scan.yields)
      n = sum(n, of(value.get()));
    return n;
  }
  llvm::DenseMap<const typed::FunctionInstance *, size_t> known;
};

/// Emission writes what might be wanted; what is not is no part of the program.
void eraseUnused(ModuleOp module) {
  module.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}
} // namespace

OwningOpRef<ModuleOp> astToSeq(const typed::Program &program, MLIRContext &context,
                               DiagnosticEngine &diags) {
  constexpr size_t limit = 300000;
  context.loadDialect<SeqDialect, arith::ArithDialect, func::FuncDialect>();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&context));
  Expansion expansion;
  for (const typed::FunctionInstance *fn : program.functions) {
    if (expansion.of(*fn) > limit) {
      diags.error(Diag::ProgramTooLarge, fn->range,
                  "the program is too large when its calls are expanded");
      return {};
    }
    emit::Emitter(program, context, diags.sourceManager()).emitFunction(*fn, *module);
  }
  eraseUnused(*module);
  if (failed(verify(*module)))
    llvm::report_fatal_error("the emitted module does not verify");
  return module;
}

} // namespace seq

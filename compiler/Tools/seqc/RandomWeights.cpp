//===- RandomWeights.cpp - Weights of `--weights random:SEED` -------------------------===//
//
// A parameter with an initial value has that, computed by the interpreter on a function
// made of it alone. One without is normal: deviation 1/√(last size) with two or more
// axes, else 0.1. Each parameter's numbers depend on the seed and on its name, so that
// they stay the same where other parameters come or go.
//
//===----------------------------------------------------------------------===//
#include "compiler/Reference/Reference.h"
#include "compiler/Tools/seqc/Runner.h"
#include "seq/random.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <cmath>
#include <cstring>

using namespace seq::typed;

namespace seq::tool {

static uint64_t hashOf(const std::string &text) {
  uint64_t h = 14695981039346656037ull;
  for (unsigned char c : text)
    h = (h ^ c) * 1099511628211ull;
  return h;
}

static void fillNormal(const EntryWeight &w, uint64_t seed, Array &out) {
  double scale =
      w.shape.size() >= 2 ? 1 / std::sqrt(double(std::max<int64_t>(1, w.shape.back()))) : 0.1;
  uint64_t stream = hashOf(w.name);
  if (out.isFloat())
    out.fillNormal(seed, stream, scale);
}

namespace {
/// A program of one function that returns a parameter's initial value. The expression is
/// lent by the parameter and given back at the end.
class InitialValue {
public:
  InitialValue(const EntryWeight &weight) : info(const_cast<WeightInfo &>(*weight.info)) {
    program.entryName = "initial";
    auto fn = std::make_unique<FunctionInstance>();
    fn->name = "initial";
    fn->results.push_back({"out", staticType(weight)});
    auto var = std::make_unique<Var>();
    var->kind = VarKind::Let;
    var->name = "value";
    var->type = staticType(weight);
    fn->body.push_back(assign(var.get()));
    fn->body.push_back(result(var.get()));
    program.functions.push_back(fn.get());
    program.varStore.push_back(std::move(var));
    program.functionStore.push_back(std::move(fn));
  }
  ~InitialValue() { info.init = std::move(program.functionStore[0]->body[0]->values[0]); }

  Program program;

private:
  static Type staticType(const EntryWeight &weight) {
    Type type;
    type.elem = weight.elem;
    for (int64_t n : weight.shape)
      type.shape.push_back(Size::constant(n));
    return type;
  }
  std::unique_ptr<Stmt> assign(Var *var) {
    auto s = std::make_unique<Stmt>();
    s->kind = info.indices.empty() ? StmtKind::Let : StmtKind::LetIndexed;
    s->vars.push_back(var);
    s->indices = info.indices;
    s->values.push_back(std::move(info.init));
    return s;
  }
  static std::unique_ptr<Stmt> result(Var *var) {
    auto e = std::make_unique<Expr>();
    e->kind = ExprKind::VarRef;
    e->types.push_back(var->type);
    e->var = var;
    auto s = std::make_unique<Stmt>();
    s->kind = StmtKind::Return;
    s->values.push_back(std::move(e));
    return s;
  }

  WeightInfo &info;
};
} // namespace

static bool fillInitial(Session &session, const EntryWeight &w, Array &out) {
  InitialValue initial(w);
  auto module =
      pipeline::toSeq(initial.program, 1, session.context(), session.diags, session.internal);
  if (!module)
    return false;
  auto func = *(*module).getOps<mlir::func::FuncOp>().begin();
  std::vector<reference::Tensor> results;
  reference::Failure failure;
  bool good = reference::interpret(func, {}, {}, {}, results, failure) && results.size() == 1 &&
              int64_t(results[0].bytes.size()) == out.byteCount();
  if (good && out.byteCount())
    std::memcpy(out.data(), results[0].bytes.data(), results[0].bytes.size());
  if (!good)
    session.diags.error(Diag::RunFailed, w.info->range,
                        "the initial value of `" + w.name + "` cannot be computed");
  return good;
}

bool makeRandomWeights(Session &session, uint64_t seed, std::vector<Array> &out) {
  for (const EntryWeight &w : session.program->weights) {
    Array a(codegen::dtypeOf(w.elem), w.shape);
    if (!a) {
      session.diags.error(Diag::WeightsSize, w.name,
                          "there is no memory for a parameter of " + shapeText(w.shape));
      return false;
    }
    if (w.info && w.info->init) {
      if (!fillInitial(session, w, a))
        return false;
    } else
      fillNormal(w, seed, a);
    out.push_back(std::move(a));
  }
  return true;
}

} // namespace seq::tool

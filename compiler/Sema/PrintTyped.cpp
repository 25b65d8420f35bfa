//===- PrintTyped.cpp - The typed tree as text --------------------------------===//
#include "compiler/Sema/Typed.h"

#include <sstream>

namespace seq::typed {

const char *elemName(Elem elem) {
  switch (elem) {
  case Elem::F32:
    return "f32";
  case Elem::F64:
    return "f64";
  case Elem::I32:
    return "i32";
  case Elem::Bool:
    return "bool";
  case Elem::Int:
    return "int";
  case Elem::BF16:
    return "bf16";
  case Elem::F16:
    return "f16";
  }
  return "";
}

std::optional<Elem> floatNamed(const std::string &name) {
  for (Elem e : {Elem::F32, Elem::F64, Elem::BF16, Elem::F16})
    if (name == elemName(e))
      return e;
  return std::nullopt;
}

std::string Type::str() const {
  std::string text = elemName(elem);
  if (shape.empty())
    return text;
  text += "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + shape[i].str();
  return text + "]";
}

namespace {
class Printer {
public:
  std::string expr(const Expr &e);
  void stmts(const std::vector<std::unique_ptr<Stmt>> &list, unsigned indent);
  void function(const FunctionInstance &fn);
  std::ostringstream out;

private:
  std::string list(const std::vector<ExprPtr> &exprs);
  std::string indices(const std::vector<Var *> &vars, bool ranges);
  std::string read(const Expr &e);
  std::string call(const Expr &e);
  std::string scan(const Expr &e);
  unsigned depth = 0;
};

std::string Printer::list(const std::vector<ExprPtr> &exprs) {
  std::string text;
  for (size_t i = 0; i < exprs.size(); ++i)
    text += (i ? ", " : "") + (exprs[i] ? expr(*exprs[i]) : std::string("default"));
  return text;
}

std::string Printer::indices(const std::vector<Var *> &vars, bool ranges) {
  std::string text = "[";
  for (size_t i = 0; i < vars.size(); ++i) {
    text += (i ? ", " : "") + vars[i]->name;
    if (ranges)
      text += " in " + vars[i]->lo.str() + ".." + vars[i]->hi.str();
  }
  return text + "]";
}

std::string Printer::read(const Expr &e) {
  std::string text = expr(*e.a) + "[";
  bool first = true;
  for (const Subscript &s : e.subscripts) {
    text += first ? "" : ", ";
    first = false;
    if (s.isSlice) {
      text += s.lo.str() + ":" + s.hi.str();
      continue;
    }
    const char *marks[] = {"", " guarded", " absent", " checked"};
    text += expr(*s.index) + marks[int(s.bounds)];
  }
  return text + "]";
}

std::string Printer::call(const Expr &e) {
  const CallExpr &c = *e.call;
  std::string text = c.prefix + c.callee->name + "(" + list(c.args) + ")";
  if (!c.mapped.empty()) {
    text += " mapped [";
    for (size_t i = 0; i < c.mapped.size(); ++i)
      text += (i ? ", " : "") + c.mapped[i].str();
    text += "]";
  }
  return text;
}

std::string Printer::scan(const Expr &e) {
  const ScanExpr &s = *e.scan;
  std::string text = std::string("scan ") + (s.reverse ? "reverse " : "") + s.index->name + " in " +
                     s.index->lo.str() + ".." + s.index->hi.str() + " (";
  for (size_t i = 0; i < s.states.size(); ++i)
    text += (i ? ", " : "") + s.states[i].before->name + ": " + s.states[i].before->type.str() +
            " = " + expr(*s.states[i].init);
  text += s.reset ? ") reset " + expr(*s.reset) + " {\n" : ") {\n";
  std::ostringstream saved;
  std::swap(saved, out);
  stmts(s.body, depth + 1);
  std::string body = out.str();
  std::swap(saved, out);
  std::string pad(2 * depth, ' ');
  text += body;
  if (!s.yields.empty())
    text += pad + "  yield " + list(s.yields) + "\n";
  return text + pad + "}";
}

std::string Printer::expr(const Expr &e) {
  switch (e.kind) {
  case ExprKind::FloatConst: {
    std::ostringstream number;
    number << e.floating;
    std::string text = number.str();
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  case ExprKind::IntConst:
    return std::to_string(e.integer);
  case ExprKind::BoolConst:
    return e.integer ? "true" : "false";
  case ExprKind::SizeValue:
    return "|" + e.size.str() + "|";
  case ExprKind::VarRef:
    return e.var->name;
  case ExprKind::WeightRef:
    return "%" + e.text;
  case ExprKind::Read:
    return read(e);
  case ExprKind::Unary:
    return "(" + e.text + " " + expr(*e.a) + ")";
  case ExprKind::Binary:
  case ExprKind::Compare:
    return "(" + expr(*e.a) + " " + e.text + " " + expr(*e.b) + ")";
  case ExprKind::Select:
    return "(" + expr(*e.a) + " ? " + expr(*e.b) + " : " + expr(*e.c) + ")";
  case ExprKind::Math:
    return e.text + "(" + list(e.args) + ")";
  case ExprKind::Convert:
    return std::string(elemName(e.type().elem)) + "(" + expr(*e.a) + ")";
  case ExprKind::Reduce:
  case ExprKind::Softmax:
    return e.text + indices(e.indices, true) + "(" + expr(*e.a) +
           (e.b ? " where " + expr(*e.b) : "") + ")";
  case ExprKind::MatMul:
    return "(" + expr(*e.a) + " @ " + expr(*e.b) + ")";
  case ExprKind::Concat:
    return "concat" + std::to_string(e.axis) + "(" + list(e.args) + ")";
  case ExprKind::Stack:
    return "stack" + std::to_string(e.axis) + "(" + list(e.args) + ")";
  case ExprKind::Reverse:
    return "reverse" + std::to_string(e.axis) + "(" + expr(*e.a) + ")";
  case ExprKind::Cumulative:
    return e.text + std::to_string(e.axis) + (e.reverse ? " reverse" : "") +
           (e.exclusive ? " exclusive" : "") + "(" + expr(*e.a) + ")";
  case ExprKind::Broadcast:
    return "broadcast(" + expr(*e.a) + ", " + e.type().str() + ")";
  case ExprKind::Call:
    return call(e);
  case ExprKind::Scan:
    return scan(e);
  case ExprKind::Block: {
    std::ostringstream saved;
    std::swap(saved, out);
    stmts(e.stmts, depth + 1);
    std::string body = out.str();
    std::swap(saved, out);
    return "{\n" + body + std::string(2 * depth + 2, ' ') + list(e.args) + "\n" +
           std::string(2 * depth, ' ') + "}";
  }
  }
  return "";
}

void Printer::stmts(const std::vector<std::unique_ptr<Stmt>> &body, unsigned indent) {
  unsigned saved = depth;
  depth = indent;
  for (const auto &s : body) {
    std::string text(2 * indent, ' ');
    if (s->kind == StmtKind::Return) {
      text += "return " + list(s->values);
    } else {
      text += "let ";
      for (size_t i = 0; i < s->vars.size(); ++i)
        text += (i ? ", " : "") + (s->vars[i] ? s->vars[i]->name : std::string("_"));
      if (s->kind == StmtKind::LetIndexed)
        text += indices(s->indices, true);
      if (s->vars.size() == 1 && s->vars[0])
        text += ": " + s->vars[0]->type.str();
      text += " = " + list(s->values);
    }
    out << text << "\n";
  }
  depth = saved;
}

void Printer::function(const FunctionInstance &fn) {
  out << "fn " << fn.name << "(";
  for (size_t i = 0; i < fn.params.size(); ++i) {
    out << (i ? ", " : "") << fn.params[i].var->name << ": " << fn.params[i].var->type.str();
    if (fn.params[i].init)
      out << " = " << expr(*fn.params[i].init);
  }
  out << ") ->";
  for (size_t i = 0; i < fn.results.size(); ++i)
    out << (i ? ", " : " ") << fn.results[i].name << ": " << fn.results[i].type.str();
  out << " {\n";
  stmts(fn.body, 1);
  for (const SizeRequirement &r : fn.requirements)
    out << "  require " << r.a.str() << (r.equal ? " == " : " <= ") << r.b.str() << "\n";
  out << "}\n";
}
} // namespace

std::string printExpr(const Expr &expr) {
  return Printer().expr(expr);
}

std::string printTyped(const Program &program) {
  Printer printer;
  printer.out << "entry " << program.entryName << "\n";
  for (const EntryWeight &weight : program.weights) {
    printer.out << "weight " << weight.name << " " << elemName(weight.elem) << "[";
    for (size_t i = 0; i < weight.shape.size(); ++i)
      printer.out << (i ? ", " : "") << weight.shape[i];
    printer.out << "]\n";
  }
  for (const auto &fn : program.functionStore)
    printer.function(*fn);
  return printer.out.str();
}

} // namespace seq::typed

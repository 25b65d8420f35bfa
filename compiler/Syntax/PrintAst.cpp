//===- PrintAst.cpp - The syntax tree as indented text -----------------------===//
#include "compiler/Diagnostics/Utf8.h"
#include "compiler/Syntax/Syntax.h"

namespace seq {

namespace {
using namespace ast;

class Printer {
public:
  explicit Printer(std::string &out) : out(out) {}
  void file(const File &file);

private:
  void line(const std::string &text) { out += std::string(2 * level, ' ') + text + "\n"; }
  template <typename Body> void nested(const std::string &head, Body body) {
    line(head);
    ++level;
    body();
    --level;
  }
  void labelled(const std::string &label, const Expr *e) {
    if (e)
      nested(label, [&] { expr(*e); });
  }

  void function(const FnDecl &fn, const char *keyword = "fn");
  void layer(const LayerDecl &layer);
  void param(const ParamDecl &param);
  void subLayer(const SubLayerDecl &sub);
  void docs(const std::string &doc);
  void block(const Block &block);
  void stmt(const Stmt &stmt);
  void target(const Target &target);
  void index(const IndexDecl &index);
  void named(const char *kind, const std::string &name, const std::optional<TypeExpr> &type,
             const Expr *init);
  void type(const TypeExpr &type);
  void expr(const Expr &e);
  void arguments(const std::vector<Argument> &args);
  void subscripts(const Expr &e);
  void scan(const ScanExpr &scan);

  std::string &out;
  unsigned level = 0;
};

void Printer::file(const File &file) {
  for (const ImportDecl &import : file.imports)
    line("import " + std::string(import.isFile ? "file " : "") + utf8::safe(import.path) + " as " +
         import.alias.text);
  for (auto [isLayer, i] : file.order)
    if (isLayer)
      layer(*file.layers[i]);
    else
      function(*file.functions[i]);
  for (const TestDecl &test : file.tests)
    nested("test " + utf8::safe(test.title), [&] { block(test.body); });
}

void Printer::docs(const std::string &doc) {
  for (size_t start = 0; !doc.empty() && start <= doc.size();) {
    size_t end = std::min(doc.find('\n', start), doc.size());
    line("doc " + utf8::safe(doc.substr(start, end - start)));
    start = end + 1;
  }
}

void Printer::named(const char *kind, const std::string &name, const std::optional<TypeExpr> &t,
                    const Expr *init) {
  nested(std::string(kind) + " " + name, [&] {
    if (t)
      type(*t);
    labelled("value", init);
  });
}

void Printer::function(const FnDecl &fn, const char *keyword) {
  nested(std::string(keyword) + " " + fn.name.text, [&] {
    docs(fn.doc);
    for (const Param &p : fn.params)
      named("arg", p.name.text, p.type, p.init.get());
    for (const ResultDecl &r : fn.results)
      nested("result" + (r.name ? " " + r.name->text : ""), [&] { type(r.type); });
    block(fn.body);
  });
}

void Printer::layer(const LayerDecl &layer) {
  nested((layer.isModel ? "model " : "layer ") + layer.name.text, [&] {
    docs(layer.doc);
    for (const SizeParam &size : layer.sizes)
      named("size", size.name.text, size.type, size.init.get());
    for (auto [isSubLayer, i] : layer.order)
      if (isSubLayer)
        subLayer(layer.subLayers[i]);
      else
        param(layer.params[i]);
    for (const auto &fn : layer.functions)
      function(*fn);
  });
}

void Printer::param(const ParamDecl &param) {
  nested("param " + param.name.text, [&] {
    docs(param.doc);
    for (const IndexDecl &i : param.indices)
      index(i);
    if (param.type)
      type(*param.type);
    labelled("value", param.init.get());
    labelled("if", param.condition.get());
  });
}

void Printer::subLayer(const SubLayerDecl &sub) {
  nested("sub-layer " + sub.name.text, [&] {
    docs(sub.doc);
    labelled("count", sub.count.get());
    if (sub.indexVar)
      line("index " + sub.indexVar->text);
    labelled("layer", sub.callee.get());
    arguments(sub.args);
  });
}

void Printer::block(const Block &block) {
  nested("block", [&] {
    for (const StmtPtr &s : block.stmts)
      stmt(*s);
  });
}

void Printer::index(const IndexDecl &index) {
  nested("index " + index.name.text, [&] {
    labelled("from", index.lo.get());
    labelled("to", index.hi.get());
  });
}

void Printer::target(const Target &target) {
  nested("target " + target.name.text + (target.hasIndices ? " indexed" : ""), [&] {
    for (const IndexDecl &i : target.indices)
      index(i);
    if (target.type)
      type(*target.type);
  });
}

void Printer::stmt(const Stmt &stmt) {
  static const char *const names[] = {"let", "assign", "return", "yield", "value", "for", "if"};
  if (stmt.function)
    return function(*stmt.function, "let fn");
  std::string head = names[int(stmt.kind)];
  if (stmt.kind == StmtKind::For)
    head += " " + stmt.loopVar.text;
  nested(head, [&] {
    for (const Target &t : stmt.targets)
      target(t);
    for (const ExprPtr &value : stmt.values)
      expr(*value);
    labelled("in", stmt.lo.get());
    labelled("to", stmt.hi.get());
    labelled("condition", stmt.cond.get());
    if (stmt.kind == StmtKind::For || stmt.kind == StmtKind::If)
      block(stmt.body);
    if (stmt.hasElse)
      nested("else", [&] { block(stmt.elseBody); });
  });
}

void Printer::type(const TypeExpr &type) {
  nested("type " + (type.element.empty() ? std::string("float") : type.element) +
             (type.hasShape ? "[]" : ""),
         [&] {
           for (const ExprPtr &size : type.shape)
             expr(*size);
         });
}

void Printer::arguments(const std::vector<Argument> &args) {
  for (const Argument &arg : args)
    if (arg.name)
      nested(arg.name->text + " =", [&] { expr(*arg.value); });
    else
      expr(*arg.value);
}

void Printer::subscripts(const Expr &e) {
  for (const Subscript &item : e.subscripts) {
    if (!item.isSlice) {
      expr(*item.lo);
      continue;
    }
    nested("slice", [&] {
      labelled("from", item.lo.get());
      labelled("to", item.hi.get());
    });
  }
}

void Printer::scan(const ScanExpr &scan) {
  nested(scan.reverse ? "scan reverse" : "scan", [&] {
    index(scan.axis);
    for (const StateDecl &state : scan.states)
      named("state", state.name.text, state.type, state.init.get());
    for (const Name &name : scan.as)
      line("as " + name.text);
    labelled("reset", scan.reset.get());
    block(scan.body);
  });
}

void Printer::expr(const Expr &e) {
  static const char *const names[] = {"number", "bool",   "string",  "name",  "member",
                                      "unary",  "binary", "ternary", "index", "call",
                                      "reduce", "list",   "scan",    "block", "grad"};
  if (e.kind == ExprKind::Scan)
    return scan(*e.scan);
  if (e.kind == ExprKind::Block)
    return block(*e.block);
  std::string head = names[int(e.kind)];
  nested(e.text.empty() ? head : head + " " + utf8::safe(e.text), [&] {
    for (const IndexDecl &i : e.indices)
      index(i);
    if (e.a)
      expr(*e.a);
    if (e.kind == ExprKind::Reduce)
      labelled("where", e.b.get());
    else if (e.b)
      expr(*e.b);
    if (e.c)
      expr(*e.c);
    subscripts(e);
    arguments(e.args);
  });
}
} // namespace

std::string printAst(const ast::File &file) {
  std::string out;
  Printer(out).file(file);
  return out;
}

} // namespace seq

//===- ClassifyFactors.cpp - The factors of a state, in the words of the program ----------===//
//
// The analysis knows a state's next value as factors: a decay, what is added, what a C4 reads
// and writes. People know them as what they wrote. So a factor is told as places of the
// program's text with a few signs between them:
//
//   S'[a, b] = exp(g[t]) * S[a, b] + k[t, a] * v[t, b]
//   decay <exp(g[t])>, key <k[t, a]>, value <v[t, b]>
//
// What has no place of its own (a quotient's inverse, a sum that was taken apart) is put
// together from those that have one; what would be long ends in dots.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/ClassifyFactors.h"

#include "dialect/Seq.h"

#include "llvm/Support/Format.h"

using namespace mlir;

namespace seq {

using analysis::Class;
using analysis::Component;
using analysis::Expr;
using analysis::ExprRef;
using analysis::Exprs;
using analysis::Product;

namespace {
constexpr size_t kMaxWords = 12, kMaxProducts = 3;

/// One factor's words: strings and places.
class Words {
public:
  explicit Words(MLIRContext *context) : b(context) {}

  void product(const Product &p, bool tropical) {
    double number = tropical ? 0 : 1;
    Exprs over, under;
    for (ExprRef f : p.factors)
      if (f->kind == Expr::Number)
        number = tropical ? number + f->number : number * f->number;
      else if (f->kind == Expr::Inverse && !tropical)
        under.push_back(f->args[0]);
      else
        over.push_back(f);
    bool plain = number == (tropical ? 0 : 1);
    if (!plain && number == -1 && !tropical && !over.empty())
      say("-");
    else if (!plain || over.empty())
      say(text(number) + (over.empty() ? "" : tropical ? " + " : " * "));
    list(over, tropical ? " + " : " * ");
    for (ExprRef e : under) {
      say(" / ");
      one(e);
    }
    for (ExprRef g : p.guards) {
      say(g == p.guards.front() ? " where " : " and ");
      one(g);
    }
  }

  ArrayAttr take(StringRef role) {
    SmallVector<Attribute> all{b.getStringAttr(role)};
    llvm::append_range(all, words);
    return b.getArrayAttr(all);
  }

private:
  static std::string text(double number) {
    std::string s;
    llvm::raw_string_ostream(s) << llvm::format("%g", number);
    return s;
  }

  bool full() const { return words.size() >= kMaxWords; }

  void say(const std::string &s) {
    if (!full())
      words.push_back(b.getStringAttr(s));
    else if (words.size() == kMaxWords)
      words.push_back(b.getStringAttr("..."));
  }

  void list(ArrayRef<ExprRef> all, const char *sign) {
    for (auto [i, e] : llvm::enumerate(all)) {
      if (full())
        return say("");
      if (i)
        say(sign);
      one(e);
    }
  }

  void one(ExprRef e) {
    switch (full() ? Expr::Var : e->kind) {
    case Expr::Op:
    case Expr::Closure:
    case Expr::Outer:
      words.push_back(cast<LocationAttr>(e->value.getLoc()));
      return;
    case Expr::Number:
      return say(text(e->number));
    case Expr::Product: {
      Product p;
      p.factors = e->args;
      return product(p, false);
    }
    case Expr::Sum:
      return list(e->args, " + ");
    case Expr::Inverse:
      say("1 / ");
      return one(e->args[0]);
    case Expr::Not:
      say("not ");
      return one(e->args[0]);
    case Expr::Pick:
      one(e->args[0]);
      say(" ? ");
      one(e->args[1]);
      say(" : ");
      return one(e->args[2]);
    case Expr::Fold:
      if (e->args.back()->is(1))
        return say("count");
      say((stringifyReduceKind(ReduceKind(e->id)) + "(").str());
      one(e->args.back());
      return say(")");
    case Expr::Var:
      return say("index");
    }
  }

  Builder b;
  SmallVector<Attribute> words;
};

/// The factors of one component, role by role.
class Factors {
public:
  Factors(MLIRContext *context, const Component &c, function_ref<StringRef(unsigned)> nameOf)
      : context(context), c(c), nameOf(nameOf) {}

  SmallVector<Attribute> run(unsigned member) {
    const analysis::StateForm &next = c.next[member];
    const analysis::Factors &f = c.factors;
    if (c.cls == Class::C2 || c.cls == Class::C3 || c.cls == Class::C4)
      add("decay", f.decay);
    for (const analysis::LowRank &r : f.ranks) {
      add("reads", r.read);
      add("writes", r.writes);
    }
    if (c.cls == Class::C5 || c.cls == Class::C6)
      for (const analysis::Term &t : next.form.terms)
        add(("from " + nameOf(t.state)).str(), t.coef);
    if (!f.keys.empty() && !f.keys[0].columns.empty())
      for (const Product &p : ArrayRef(next.form.constants).take_front(kMaxProducts))
        outer(p, next);
    else
      add(c.cls == Class::C6 ? "or" : "adds", next.form.constants);
    return std::move(out);
  }

private:
  void add(const std::string &role, ArrayRef<Product> products) {
    for (const Product &p : products.take_front(kMaxProducts)) {
      Words words(context);
      words.product(p, c.cls == Class::C6);
      ArrayAttr said = words.take(role);
      if (!llvm::is_contained(out, said))
        out.push_back(said);
    }
    if (products.size() > kMaxProducts)
      out.push_back(Builder(context).getStrArrayAttr({role, "..."}));
  }

  /// What belongs to the key's axis, and what to the others.
  void outer(const Product &p, const analysis::StateForm &next) {
    auto ofValue = [&](ExprRef e) {
      return llvm::any_of(c.factors.keys[0].columns,
                          [&](unsigned d) { return e->dependsOn(next.vars[d]); });
    };
    Product key, value;
    for (ExprRef e : p.factors)
      (ofValue(e) ? value : key).factors.push_back(e);
    for (ExprRef g : p.guards)
      (ofValue(g) ? value : key).guards.push_back(g);
    add("key", key);
    add("value", value);
  }

  MLIRContext *context;
  const Component &c;
  function_ref<StringRef(unsigned)> nameOf;
  SmallVector<Attribute> out;
};
} // namespace

SmallVector<Attribute> factorsOf(MLIRContext *context, const Component &c, unsigned member,
                                 function_ref<StringRef(unsigned)> nameOf) {
  if (member >= c.next.size() || c.cls == Class::C0 || c.cls == Class::C1 || c.cls == Class::C7)
    return {};
  return Factors(context, c, nameOf).run(member);
}

} // namespace seq

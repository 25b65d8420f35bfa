//===- Classify.cpp - Notes the class of every state --------------------------------------===//
#include "compiler/Analysis/Recurrence.h"
#include "compiler/Transforms/ClassifyFactors.h"
#include "compiler/Transforms/Transforms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace seq {
#define GEN_PASS_DEF_SEQCLASSIFY
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

static StringRef stateName(ScanOp scan, unsigned state) {
  auto names = scan.getStateNames();
  return names ? cast<StringAttr>((*names)[state]).getValue() : "";
}

static DictionaryAttr describe(ScanOp scan, const analysis::Component &c, unsigned number,
                               unsigned member) {
  Builder b(scan.getContext());
  SmallVector<NamedAttribute> facts;
  auto note = [&](StringRef key, Attribute value) { facts.push_back(b.getNamedAttr(key, value)); };
  note("class", b.getStringAttr(analysis::name(c.cls)));
  note("component", b.getI64IntegerAttr(number));
  note("title", b.getStringAttr(analysis::title(c.cls)));
  if (c.cls == analysis::Class::C4)
    note("detail", b.getStringAttr("rank " + Twine(c.factors.ranks.size())));
  if (!c.factors.keys.empty()) {
    note("key_axis", b.getI64IntegerAttr(c.factors.keys[0].key));
    note("value_axes", b.getI64ArrayAttr(llvm::to_vector_of<int64_t>(c.factors.keys[0].columns)));
  }
  auto nameOf = [&](unsigned k) { return stateName(scan, k); };
  if (auto factors = factorsOf(b.getContext(), c, member, nameOf); !factors.empty())
    note("factors", b.getArrayAttr(factors));
  if (c.cls == analysis::Class::C6)
    note("detail", b.getStringAttr("(" + stringifyReduceKind(c.semiring) + ", +)"));
  if (c.cls == analysis::Class::C7) {
    note("reason", b.getStringAttr(c.cause.what));
    note("reads", b.getStringAttr(stateName(scan, c.cause.state)));
    note("place", cast<LocationAttr>(c.cause.op->getLoc()));
    if (member < c.hints.size() && c.hints[member])
      note("hint", b.getStringAttr(analysis::name(*c.hints[member])));
  }
  return b.getDictionaryAttr(facts);
}

namespace {
struct Classify : seq::impl::SeqClassifyBase<Classify> {
  void runOnOperation() override {
    getOperation().walk([](ScanOp scan) {
      analysis::Recurrence r = analysis::classify(scan);
      SmallVector<Attribute> classes(scan.getInits().size());
      for (auto [number, c] : llvm::enumerate(r.components))
        for (auto [member, state] : llvm::enumerate(c.states))
          classes[state] = describe(scan, c, number, member);
      scan->setAttr(kClassesAttr, ArrayAttr::get(scan.getContext(), classes));
    });
  }
};
} // namespace

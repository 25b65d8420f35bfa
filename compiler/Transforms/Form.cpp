//===- Form.cpp - The form of each scan ---------------------------------------------------===//
//
// Which form is cheapest is a question of the machine and of the sizes; that each gives the
// same result is not. Here the choice is made, nowhere else.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Forms.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQFORM
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

/// Steps of a chunk where nothing is said.
static constexpr int64_t kChunk = 16;

std::optional<FormRequest> seq::parseForm(StringRef text) {
  auto [name, steps] = text.split(':');
  FormRequest r{name, 0};
  if (!llvm::is_contained(kFormNames, name))
    return std::nullopt;
  if (name.size() == text.size())
    return r;
  if (name != "chunked" || steps.getAsInteger(10, r.chunk) || r.chunk < 1 || r.chunk > 256)
    return std::nullopt;
  return r;
}

void seq::notePart(ScanOp scan) {
  for (StringRef name : {StringRef(kTileAttr), StringRef(kPartAttr)})
    scan->setAttr(name, UnitAttr::get(scan.getContext()));
}

void seq::noteForm(ScanOp scan, ScanOp derived, StringRef form) {
  for (StringRef name : {StringRef("stateNames"), StringRef("axisName"), StringRef(kClassesAttr)})
    if (Attribute a = scan->getAttr(name))
      derived->setAttr(name, a);
  derived->setAttr(kFormAttr, StringAttr::get(scan.getContext(), form));
}

namespace {
struct FormPass : seq::impl::SeqFormBase<FormPass> {
  using SeqFormBase::SeqFormBase;

  void runOnOperation() override {
    if (form.empty() || form == "sequential")
      return;
    auto scans = llvm::to_vector(getOperation().getBody().front().getOps<ScanOp>());
    for (ScanOp scan : scans)
      if (!scan.getInits().empty())
        derive(scan);
    eraseDead(getOperation());
  }

  /// Next states that are other tensors as they stand become maps, so that they have forms.
  void copyNextStates(ScanOp scan) {
    OpBuilder b(scan.next());
    auto func = getOperation();
    for (auto [k, operand] : llvm::enumerate(scan.next().getStatesMutable())) {
      Value v = operand.get();
      if (v.getDefiningOp() && v.getParentBlock() == scan.bodyBlock())
        continue;
      auto sizes = tensorSizes(b, func, scan.getInits()[k]);
      if (!sizes)
        continue;
      auto type = cast<RankedTensorType>(v.getType());
      auto copy =
          MapOp::create(b, scan.getLoc(), TypeRange(type.getElementType()), *sizes,
                        [&](OpBuilder &in, Location loc, ValueRange i) {
                          YieldOp::create(in, loc, ReadOp::create(in, loc, v, i).getResult());
                        });
      copy.getResult(0).setType(type);
      operand.set(copy.getResult(0));
    }
  }

  void derive(ScanOp scan) {
    hoistFrom(scan);
    copyNextStates(scan); // what was hoisted too
    analysis::Recurrence r = analysis::classify(scan);
    FormRequest request = *parseForm(form);
    bool blocks = request.name == "scan";
    Refusal no = blocks ? canRunInBlocks(scan, r) : canRunInChunks(scan, r);
    if (no)
      return refuse(scan, no);
    SmallVector<Value> results = blocks
                                     ? runInBlocks(scan, r)
                                     : runInChunks(scan, r, request.chunk ? request.chunk : kChunk);
    scan.replaceAllUsesWith(results);
    scan.erase();
  }

  void refuse(ScanOp scan, const Refusal &no) {
    Builder b(&getContext());
    auto names = scan.getStateNames();
    StringRef state = names ? cast<StringAttr>((*names)[no.state]).getValue() : "";
    scan->setAttr(kRefusedAttr,
                  b.getDictionaryAttr({b.getNamedAttr("state", b.getStringAttr(state)),
                                       b.getNamedAttr("why", b.getStringAttr(no.why))}));
  }
};
} // namespace

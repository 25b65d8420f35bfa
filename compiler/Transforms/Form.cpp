//===- Form.cpp - The form of each scan ---------------------------------------------------===//
//
// Which form is cheapest is a question of the machine and of the sizes; that each gives the
// same result is not. Here the choice is made, nowhere else.
//
// A form's cost is that of its ops (Cost.h): they are written, counted, and erased again. Chunks of
// 16 steps are tried first, then longer ones while these are cheaper. Forms in
// blocks do what others do and more, so they are tried where a part of the machine would have
// nothing else to do: where a CPU's threads are more than the sequences, and on a GPU.
//
// The estimate is good to some ten per cent: a derived form has to be that much cheaper.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Cost.h"
#include "compiler/Transforms/Forms.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQFORM
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

/// Steps of a chunk where nothing is said, and the most that are tried.
static constexpr int64_t kChunk = 16, kMostChunk = 64;
/// By so much the estimate of a derived form has to be the lower one; that of one in blocks by
/// more, for the other threads may have less of the machine than is thought.
static constexpr double kMargin = 1.1, kMarginOfBlocks = 1.25;
/// Where the usual chunk is so much dearer than the sequential form, no other one is tried.
static constexpr double kHopeless = 1.5;

/// Whether a form has chunks, the steps of which may be given.
static bool hasChunks(StringRef form) {
  return form == "chunked" || form == "two-level";
}

std::optional<FormRequest> seq::parseForm(StringRef text) {
  auto [name, steps] = text.split(':');
  FormRequest r{name, 0};
  if (!llvm::is_contained(kFormNames, name) && !llvm::is_contained(kConvFormNames, name))
    return std::nullopt;
  if (name.size() == text.size())
    return r;
  if (!hasChunks(name) || steps.getAsInteger(10, r.chunk) || r.chunk < 1 || r.chunk > 256)
    return std::nullopt;
  return r;
}

void seq::notePart(ScanOp scan) {
  for (StringRef name : {StringRef(kTileAttr), StringRef(kPartAttr)})
    scan->setAttr(name, UnitAttr::get(scan.getContext()));
}

void seq::noteForm(ScanOp scan, ScanOp derived, StringRef form) {
  for (StringRef name : {StringRef("stateNames"), StringRef("axisName"), StringRef(kClassesAttr),
                         StringRef(kCandidatesAttr)})
    if (Attribute a = scan->getAttr(name))
      derived->setAttr(name, a);
  derived->setAttr(kFormAttr, StringAttr::get(scan.getContext(), form));
}

namespace {
/// A form that a scan could have.
struct Candidate {
  std::string form;
  int64_t chunk = 0;
  Refusal refusal;
  double nanoseconds = 0;
  analysis::Work work;
};

struct FormPass : seq::impl::SeqFormBase<FormPass> {
  using SeqFormBase::SeqFormBase;
  FormPass(const SeqFormOptions &options, CostModel &model) : SeqFormBase(options), model(&model) {}

  void runOnOperation() override {
    CpuCost cpu(threads, batch);
    if (!model)
      model = &cpu;
    auto scans = llvm::to_vector(getOperation().getBody().front().getOps<ScanOp>());
    for (ScanOp scan : scans)
      if (!scan.getInits().empty())
        visit(scan);
    if (!scans.empty())
      eraseDead(getOperation());
    if (model == &cpu)
      model = nullptr;
  }

private:
  void visit(ScanOp scan) {
    bool isStream = getOperation()->hasAttr(kPositionAttr);
    FormRequest wanted{"sequential", 0};
    if (!form.empty())
      wanted = *parseForm(form);
    bool choose = form.empty() && !isStream;
    SmallVector<Candidate, 0> all;
    if (tell || (choose && (hasMatrix(scan) || model->hasIdle())))
      all = candidatesOf(scan, wanted);
    if (choose)
      wanted = cheapest(all);
    if (tell)
      note(scan, all);
    if (wanted.name != "sequential")
      derive(scan, wanted);
  }

  //===--- Candidates ---===//

  /// Some state has a class that crosses chunks by matrix products.
  static bool hasMatrix(ScanOp scan) {
    auto classes = scan->getAttrOfType<ArrayAttr>(kClassesAttr);
    return classes && llvm::any_of(classes.getAsRange<DictionaryAttr>(), [](DictionaryAttr c) {
             auto name = c.getAs<StringAttr>("class");
             return name && (name == "C3" || name == "C4");
           });
  }

  SmallVector<Candidate, 0> candidatesOf(ScanOp scan, FormRequest wanted) {
    SmallVector<Candidate, 0> all{measure(scan, {"sequential", 0})};
    double sequential = all.front().nanoseconds;
    if (tell || model->hasIdle())
      all.push_back(measure(scan, {"scan", 0}));
    for (StringRef form : {"chunked", "two-level"}) {
      if (form == "two-level" && !tell && (!model->hasIdle() || all.back().refusal))
        break;
      if (tell || hasMatrix(scan))
        all.push_back(inChunks(scan, form, form == wanted.name ? wanted.chunk : 0, sequential));
    }
    return all;
  }

  /// The form with the best chunk, or with the one that is asked for.
  Candidate inChunks(ScanOp scan, StringRef form, int64_t chunk, double sequential) {
    Candidate best = measure(scan, {form, chunk ? chunk : kChunk});
    bool hopeless = best.nanoseconds > kHopeless * sequential;
    if (chunk || best.refusal || (hopeless && !tell))
      return best;
    for (int64_t longer = 2 * kChunk; longer <= kMostChunk; longer *= 2)
      if (!improve(scan, longer, best))
        break;
    return best;
  }

  bool improve(ScanOp scan, int64_t chunk, Candidate &best) {
    Candidate other = measure(scan, {best.form, chunk});
    bool better = other.nanoseconds < best.nanoseconds;
    if (better)
      best = std::move(other);
    return better;
  }

  /// Writes the form beside the scan, counts it, and erases it again.
  Candidate measure(ScanOp scan, FormRequest request) {
    Candidate c;
    c.form = request.name.str();
    c.chunk = request.chunk;
    Operation *last = scan->getPrevNode();
    OpBuilder b(scan);
    auto copy = cast<ScanOp>(b.clone(*scan));
    SmallVector<Value> made(copy.getResults()), results;
    if (request.name == "sequential")
      hoistFrom(copy);
    else
      made = write(copy, request, c.refusal);
    SmallVector<Operation *> ops;
    Operation *first = last ? last->getNextNode() : &scan->getBlock()->front();
    for (Operation *o = first; o != copy; o = o->getNextNode())
      ops.push_back(o);
    if (request.name == "sequential")
      ops.push_back(copy);
    if (!c.refusal) {
      for (auto [result, value] : llvm::zip(scan.getResults(), made))
        if (!result.use_empty())
          results.push_back(value);
      c.nanoseconds = model->costOf(ops, results, expectedSizes(scan));
      if (tell)
        c.work = analysis::workOf(ops);
    }
    if (request.name != "sequential")
      copy.erase();
    for (Operation *o : llvm::reverse(ops))
      o->erase();
    return c;
  }

  static bool inBlocks(const Candidate &c) { return c.form == "scan" || c.form == "two-level"; }
  static double margin(const Candidate &c) { return inBlocks(c) ? kMarginOfBlocks : kMargin; }

  /// Of those that one thread runs, then of those in blocks, where these are better still.
  FormRequest cheapest(ArrayRef<Candidate> all) {
    const Candidate *best = nullptr;
    for (bool blocks : {false, true})
      for (const Candidate &c : all)
        if (inBlocks(c) == blocks && !c.refusal &&
            (!best || margin(c) * c.nanoseconds < best->nanoseconds))
          best = &c;
    return best ? FormRequest{best->form, best->chunk} : FormRequest{"sequential", 0};
  }

  /// Sizes that are given, and nominal ones.
  analysis::Sizes expectedSizes(ScanOp scan) {
    analysis::Sizes out;
    if (auto names = getOperation()->getAttrOfType<ArrayAttr>(kSizesAttr))
      for (auto name : names.getAsRange<StringAttr>())
        out[name.str()] = kNominalSize;
    analysis::formulaOf(scan.getExtent()).forEachSize([&](StringRef name) {
      out[name.str()] = kNominalSteps;
    });
    giveSizes(out, sizes);
    return out;
  }

  void note(ScanOp scan, ArrayRef<Candidate> all) {
    Builder b(&getContext());
    SmallVector<Attribute> notes;
    for (const Candidate &c : all) {
      SmallVector<NamedAttribute> entry{b.getNamedAttr("form", b.getStringAttr(c.form))};
      if (c.chunk)
        entry.push_back(b.getNamedAttr("chunk", b.getI64IntegerAttr(c.chunk)));
      if (c.refusal) {
        entry.push_back(b.getNamedAttr("state", b.getStringAttr(stateName(scan, c.refusal.state))));
        entry.push_back(b.getNamedAttr("refused", b.getStringAttr(c.refusal.why)));
      } else {
        entry.push_back(b.getNamedAttr("ns", b.getF64FloatAttr(c.nanoseconds)));
        analysis::Sizes at = expectedSizes(scan);
        entry.push_back(b.getNamedAttr("sizes", b.getStringAttr(sizesText(at))));
        for (auto [name, f] : {std::pair("flops", c.work.flops()), {"stored", c.work.stored}}) {
          entry.push_back(b.getNamedAttr(name, b.getStringAttr(f.str())));
          entry.push_back(b.getNamedAttr(std::string(name) + "_at", b.getF64FloatAttr(f.at(at))));
        }
      }
      notes.push_back(b.getDictionaryAttr(entry));
    }
    scan->setAttr(kCandidatesAttr, b.getArrayAttr(notes));
  }

  //===--- Forms ---===//

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

  /// Writes the form before the scan, and gives the scan's results in it; nothing but the
  /// reason where it cannot be.
  SmallVector<Value> write(ScanOp scan, FormRequest request, Refusal &refusal) {
    hoistFrom(scan);
    copyNextStates(scan); // what was hoisted too
    analysis::Recurrence r = analysis::classify(scan);
    bool blocks = request.name != "chunked";
    int64_t chunk = !hasChunks(request.name) ? 0 : request.chunk ? request.chunk : kChunk;
    if (blocks)
      refusal = canRunInBlocks(scan, r);
    if (!refusal && chunk)
      refusal = canRunInChunks(scan, r);
    if (refusal)
      return {};
    return blocks ? runInBlocks(scan, r, chunk) : runInChunks(scan, r, {chunk, request.name});
  }

  void derive(ScanOp scan, FormRequest request) {
    Refusal refusal;
    SmallVector<Value> results = write(scan, request, refusal);
    if (refusal)
      return refuse(scan, refusal);
    scan.replaceAllUsesWith(results);
    scan.erase();
  }

  static StringRef stateName(ScanOp scan, unsigned state) {
    auto names = scan.getStateNames();
    return names ? cast<StringAttr>((*names)[state]).getValue() : "";
  }

  void refuse(ScanOp scan, const Refusal &no) {
    Builder b(&getContext());
    scan->setAttr(
        kRefusedAttr,
        b.getDictionaryAttr({b.getNamedAttr("state", b.getStringAttr(stateName(scan, no.state))),
                             b.getNamedAttr("why", b.getStringAttr(no.why))}));
  }

  CostModel *model = nullptr;
};
} // namespace

std::unique_ptr<Pass> seq::createSeqForm(const SeqFormOptions &options, CostModel &model) {
  return std::make_unique<FormPass>(options, model);
}

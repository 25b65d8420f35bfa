//===- FourierConv.cpp - The form of each convolution -------------------------------------===//
//
// Cost, in multiplications and additions of a channel's step, with M blocks, m of them met by
// a block of results on average: 4 R1 + 8 for the first stages, 12 R2 (1 + 2/R1) for the second,
// 4 m (1 + 2/R1) for the products; directly there is one for each point of the kernel. B grows
// with the square root of the length. Figures: docs/Derivation.md.
//
//===----------------------------------------------------------------------===//
#include "compiler/Transforms/Cost.h"
#include "compiler/Transforms/FourierBlocks.h"
#include "compiler/Transforms/Rewrite.h"
#include "compiler/Transforms/Transforms.h"

namespace seq {
#define GEN_PASS_DEF_SEQFOURIERCONV
#include "compiler/Transforms/Passes.h.inc"
} // namespace seq

using namespace mlir;
using namespace seq;

namespace {

/// Multiplications and additions of a step of one lane.
double blockWork(const Radices &r, double steps, double kernel) {
  double blocks = std::ceil(steps / r.block()), own = std::ceil(kernel / r.block());
  double met = own <= blocks ? own * (1 - own / (2 * blocks)) : blocks / 2;
  double redundant = 1 + 2.0 / r.r1;
  return 4.0 * r.r1 + 8 + 12.0 * r.r2 * redundant + 4 * (met + 0.5) * redundant;
}

/// Points of the kernel that a step meets, of a causal convolution.
double directWork(double steps, double kernel) {
  return kernel <= steps ? kernel * (1 - kernel / (2 * steps)) : steps / 2;
}

/// Transforms have to be so much cheaper than products: these run at twice the rate.
constexpr double kMargin = 1.5;
/// With lanes: as the products of a stage are best shared. Without, vectors run along k2 and n2.
constexpr Radices kOfLanes[] = {{16, 8}, {32, 8}, {32, 16}, {64, 16}, {64, 32}};
constexpr Radices kAlone[] = {{16, 16}, {32, 16}, {32, 32}, {64, 32}};

Radices cheapest(ArrayRef<Radices> all, double steps, double kernel) {
  return *llvm::min_element(all, [&](const Radices &a, const Radices &b) {
    return blockWork(a, steps, kernel) < blockWork(b, steps, kernel);
  });
}

/// The fewest steps, and points of a kernel, for which transforms pay.
int64_t leastSteps(const Radices &r) {
  int64_t n = 64;
  while (blockWork(r, n, n) * kMargin > directWork(n, n))
    n += 64;
  return n;
}

constexpr int64_t kNominalLength = 4096;

struct FourierConv : seq::impl::SeqFourierConvBase<FourierConv> {
  using SeqFourierConvBase::SeqFourierConvBase;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    auto ops = llvm::to_vector(func.getBody().front().getOps<ConvOp>());
    for (ConvOp op : ops)
      visit(op);
    eraseDead(func);
  }

private:
  void visit(ConvOp op) {
    if (form == "direct")
      return noteForm(op, "direct");
    std::string why;
    auto conv = LongConv::match(op, why);
    bool asked = form == "fft";
    if (!conv)
      return asked ? refuse(op, why) : noteForm(op, "direct");
    analysis::Sizes at = expectedSizes(*conv);
    double steps = std::max(1.0, analysis::formulaOf(conv->steps()).at(at));
    double kernel = std::max(1.0, analysis::formulaOf(conv->kernelSize()).at(at));
    Radices r = cheapest(conv->lane ? ArrayRef(kOfLanes) : ArrayRef(kAlone), steps, kernel);
    if (!asked && blockWork(r, steps, kernel) * kMargin > directWork(steps, kernel))
      return noteForm(op, "direct");
    Attribute candidates = candidatesOf(*conv, r, steps, kernel, at);
    ScanOp tiles = convolveInBlocks(*conv, r, asked ? 1 : leastSteps(r));
    noteForm(tiles, "fft");
    tiles->setAttr(kChunkAttr, Builder(&getContext()).getI64IntegerAttr(r.block()));
    tiles->setAttr(kCandidatesAttr, candidates);
  }

  /// Both forms with their costs, for explanations.
  Attribute candidatesOf(const LongConv &conv, const Radices &r, double steps, double kernel,
                         const analysis::Sizes &at) {
    Builder b(&getContext());
    analysis::Formula points(1);
    for (Value e : conv.extents().drop_back())
      points *= analysis::formulaOf(e);
    std::string text;
    for (auto &[name, n] : at) {
      text += (text.empty() ? "" : ", ") + name + "=" + std::to_string(n);
    }
    auto entry = [&](StringRef form, double work, int64_t block) {
      analysis::Formula flops = points * analysis::Formula(2 * std::round(work));
      CostCounts counts;
      counts.products =
          flops.at(at) * (ConvOp(conv.op).getResult().getType().getElementTypeBitWidth() / 32);
      SmallVector<NamedAttribute> out{b.getNamedAttr("form", b.getStringAttr(form)),
                                      b.getNamedAttr("ns", b.getF64FloatAttr(counts.nanoseconds())),
                                      b.getNamedAttr("flops", b.getStringAttr(flops.str())),
                                      b.getNamedAttr("flops_at", b.getF64FloatAttr(flops.at(at))),
                                      b.getNamedAttr("sizes", b.getStringAttr(text))};
      if (block)
        out.push_back(b.getNamedAttr("chunk", b.getI64IntegerAttr(block)));
      return b.getDictionaryAttr(out);
    };
    return b.getArrayAttr({entry("direct", directWork(steps, kernel), 0),
                           entry("fft", blockWork(r, steps, kernel), r.block())});
  }

  static void noteForm(Operation *op, StringRef form) {
    op->setAttr(kFormAttr, StringAttr::get(op->getContext(), form));
  }
  static void refuse(ConvOp op, StringRef why) {
    Builder b(op.getContext());
    op->setAttr(kRefusedAttr, b.getDictionaryAttr(b.getNamedAttr("why", b.getStringAttr(why))));
  }

  /// Sizes that are given, and nominal ones. Blocks for 4096 steps take 20 % longer than the best
  /// at 1024, and 10 % at 16384.
  analysis::Sizes expectedSizes(const LongConv &conv) {
    analysis::Sizes at;
    for (Value e : conv.extents())
      analysis::formulaOf(e).forEachSize([&](StringRef name) { at[name.str()] = kNominalSize; });
    analysis::formulaOf(conv.steps()).forEachSize([&](StringRef name) {
      at[name.str()] = kNominalLength;
    });
    for (StringRef one : llvm::split(StringRef(sizes), ',')) {
      auto [name, number] = one.split('=');
      int64_t n = 0;
      if (at.count(name.str()) && !number.getAsInteger(10, n))
        at[name.str()] = n;
    }
    return at;
  }
};

} // namespace

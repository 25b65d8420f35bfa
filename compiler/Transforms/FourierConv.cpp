//===- FourierConv.cpp - The form of each convolution -------------------------------------===//
//
// Cost, in multiplications and additions of a channel's step, with M blocks, m of them met by
// a block of results on average: 4 R1 + 8 for the first stages, 12 R2 (1 + 2/R1) for the second,
// 4 m (1 + 2/R1) for the products; a third of the second and a quarter of the first are the
// kernel's, and not of a call where it is made of weights. Directly there is one for each point of
// the kernel. B grows with the square root of the length. Figures: docs/Derivation.md.
//
// So it is on a CPU, where products of either run near the peak. Elsewhere both are written, and
// their ops asked for of the cost model.
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

/// What a convolution is to cost: its lengths, and whether its kernel is transformed in each call.
struct Lengths {
  double steps, kernel;
  bool transformsKernel;
};

/// Multiplications and additions of a step of one lane.
double blockWork(const Radices &r, const Lengths &n) {
  double blocks = std::ceil(n.steps / r.block()), own = std::ceil(n.kernel / r.block());
  double met = own <= blocks ? own * (1 - own / (2 * blocks)) : blocks / 2;
  double redundant = 1 + 2.0 / r.r1, transforms = n.transformsKernel ? 1 : 0;
  return (3 + transforms) * (r.r1 + 2) + (2 + transforms) * 4 * r.r2 * redundant +
         4 * (met + 0.5) * redundant;
}

/// Points of the kernel that a step meets, of a causal convolution.
double directWork(const Lengths &n) {
  return n.kernel <= n.steps ? n.kernel * (1 - n.kernel / (2 * n.steps)) : n.steps / 2;
}

/// Transforms have to be so much cheaper than products: on a CPU these run at twice the rate.
constexpr double kMargin = 1.5, kMarginOfModel = 1.25;
/// With lanes: as the products of a stage are best shared. Without, vectors run along k2 and n2.
constexpr Radices kOfLanes[] = {{16, 8}, {32, 8}, {32, 16}, {64, 16}, {64, 32}};
constexpr Radices kAlone[] = {{16, 16}, {32, 16}, {32, 32}, {64, 32}};

Radices cheapest(ArrayRef<Radices> all, const Lengths &n) {
  return *llvm::min_element(
      all, [&](const Radices &a, const Radices &b) { return blockWork(a, n) < blockWork(b, n); });
}

/// The fewest steps, and points of a kernel, for which transforms pay.
int64_t leastSteps(const Radices &r, bool transformsKernel) {
  Lengths n{0, 0, transformsKernel};
  do
    n.kernel = n.steps += 64;
  while (blockWork(r, n) * kMargin > directWork(n));
  return int64_t(n.steps);
}

constexpr int64_t kNominalLength = 4096;

/// Nanoseconds of both forms.
struct Costs {
  double direct, blocks;
  bool blocksPay(double margin) const { return blocks * margin < direct; }
};

struct FourierConv : seq::impl::SeqFourierConvBase<FourierConv> {
  using SeqFourierConvBase::SeqFourierConvBase;
  FourierConv(const SeqFourierConvOptions &options, CostModel &model)
      : SeqFourierConvBase(options), model(&model) {}

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
    Lengths n = lengthsOf(*conv, at);
    Radices r = cheapest(conv->lane ? ArrayRef(kOfLanes) : ArrayRef(kAlone), n);
    Costs costs = costsOf(*conv, r, at);
    if (!asked && !costs.blocksPay(margin()))
      return noteForm(op, "direct");
    Attribute candidates = candidatesOf(*conv, r, at, costs);
    int64_t least = asked   ? 1
                    : model ? leastByModel(*conv, r, at)
                            : leastSteps(r, n.transformsKernel);
    ScanOp tiles = convolveInBlocks(*conv, r, least);
    noteForm(tiles, "fft");
    tiles->setAttr(kChunkAttr, Builder(&getContext()).getI64IntegerAttr(r.block()));
    tiles->setAttr(kCandidatesAttr, candidates);
  }

  double margin() const { return model ? kMarginOfModel : kMargin; }

  static Lengths lengthsOf(LongConv &conv, const analysis::Sizes &at) {
    auto length = [&](Value size) { return std::max(1.0, analysis::formulaOf(size).at(at)); };
    return {length(conv.steps()), length(conv.kernelSize()), !conv.kernelIsOfWeights()};
  }

  /// Points of the result in one step.
  static analysis::Formula pointsOf(const LongConv &conv) {
    analysis::Formula points(1);
    for (Value e : conv.extents().drop_back())
      points *= analysis::formulaOf(e);
    return points;
  }

  Costs costsOf(LongConv &conv, const Radices &r, const analysis::Sizes &at) {
    if (model)
      return {measure(conv, nullptr, at), measure(conv, &r, at)};
    Lengths n = lengthsOf(conv, at);
    double points = 2 * pointsOf(conv).at(at) *
                    (ConvOp(conv.op).getResult().getType().getElementTypeBitWidth() / 32);
    CostCounts direct, blocks;
    direct.products = points * directWork(n);
    blocks.products = points * blockWork(r, n);
    return {direct.nanoseconds(), blocks.nanoseconds()};
  }

  /// Writes the convolution once more, directly or in blocks, asks what it takes, and erases it.
  double measure(LongConv &conv, const Radices *r, const analysis::Sizes &at) {
    ConvOp op = conv.op;
    Operation *last = op->getPrevNode();
    OpBuilder b(op);
    auto copy = cast<ConvOp>(b.clone(*op));
    Value result = copy.getResult();
    // What reads the copy's result stands for the rest of the function.
    auto reader = UnrealizedConversionCastOp::create(b, op.getLoc(), result.getType(), result);
    std::string why;
    if (auto other = r ? LongConv::match(copy, why) : std::nullopt)
      convolveInBlocks(*other, *r, 1);
    result = reader.getInputs()[0];
    SmallVector<Operation *> ops;
    for (Operation *o = last ? last->getNextNode() : &op->getBlock()->front(); o != reader;
         o = o->getNextNode())
      ops.push_back(o);
    double time = model->costOf(ops, result, at);
    reader.erase();
    for (Operation *o : llvm::reverse(ops))
      o->erase();
    return time;
  }

  /// The fewest steps, and points of the kernel, for which the model has transforms pay.
  int64_t leastByModel(LongConv &conv, const Radices &r, analysis::Sizes at) {
    constexpr int64_t kFirst = 64, kMost = 1 << 20;
    for (int64_t n = kFirst; n < kMost; n *= 2) {
      for (Value size : {conv.steps(), conv.kernelSize()})
        analysis::formulaOf(size).forEachSize([&](StringRef name) { at[name.str()] = n; });
      if (costsOf(conv, r, at).blocksPay(margin()))
        return n;
    }
    return kMost;
  }

  /// Both forms with their costs, for explanations.
  Attribute candidatesOf(LongConv &conv, const Radices &r, const analysis::Sizes &at,
                         const Costs &costs) {
    Builder b(&getContext());
    analysis::Formula points = pointsOf(conv);
    Lengths n = lengthsOf(conv, at);
    auto entry = [&](StringRef form, double work, double time, int64_t block) {
      analysis::Formula flops = points * analysis::Formula(2 * std::round(work));
      SmallVector<NamedAttribute> out{b.getNamedAttr("form", b.getStringAttr(form)),
                                      b.getNamedAttr("ns", b.getF64FloatAttr(time)),
                                      b.getNamedAttr("flops", b.getStringAttr(flops.str())),
                                      b.getNamedAttr("flops_at", b.getF64FloatAttr(flops.at(at))),
                                      b.getNamedAttr("sizes", b.getStringAttr(sizesText(at)))};
      if (block)
        out.push_back(b.getNamedAttr("chunk", b.getI64IntegerAttr(block)));
      return b.getDictionaryAttr(out);
    };
    return b.getArrayAttr({entry("direct", directWork(n), costs.direct, 0),
                           entry("fft", blockWork(r, n), costs.blocks, r.block())});
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
    giveSizes(at, sizes);
    return at;
  }

  CostModel *model = nullptr; ///< null: that of a CPU
};

} // namespace

std::unique_ptr<Pass> seq::createSeqFourierConv(const SeqFourierConvOptions &options,
                                                CostModel &model) {
  return std::make_unique<FourierConv>(options, model);
}

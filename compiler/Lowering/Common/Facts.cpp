//===- Facts.cpp - What the lowering decided, for explanations -----------------------===//
#include "compiler/Lowering/Common/Lower.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace seq::lowering {

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

/// An index value over the function's sizes. `tight`: a sum is put in brackets.
static std::string sizeText(Value v, bool tight = false) {
  if (auto k = Code::constant(v))
    return std::to_string(*k);
  Operation *op = v.getDefiningOp();
  if (!op)
    return "step"; // the index of an enclosing scan
  if (auto size = dyn_cast<SizeOp>(op))
    return size.getName().str();
  auto two = [&](const char *sign, bool inner) {
    return sizeText(op->getOperand(0), inner) + sign + sizeText(op->getOperand(1), true);
  };
  auto call = [&](const char *name) {
    return std::string(name) + "(" + sizeText(op->getOperand(0)) + ", " +
           sizeText(op->getOperand(1)) + ")";
  };
  if (isa<arith::MulIOp>(op))
    return two(" * ", true);
  if (isa<arith::MaxSIOp>(op))
    return call("max");
  if (isa<arith::MinSIOp>(op))
    return call("min");
  std::string text;
  if (isa<arith::AddIOp>(op)) {
    text = two(" + ", false);
  } else if (isa<arith::SubIOp>(op)) {
    text = two(" - ", false);
  } else if (auto div = dyn_cast<IntDivOp>(op)) {
    std::string by = sizeText(op->getOperand(1), true);
    if (op->getOperand(1).getDefiningOp<arith::MulIOp>())
      by = "(" + by + ")";
    text = sizeText(op->getOperand(0), true) + (div.getKind() == DivKind::div ? " / " : " % ") + by;
  } else {
    text = "?";
  }
  return tight && text != "?" ? "(" + text + ")" : text;
}

static std::vector<std::string> sizeTexts(ValueRange sizes) {
  std::vector<std::string> out;
  for (Value v : sizes)
    out.push_back(sizeText(upperBound(v)));
  return out;
}

static std::string elemText(Value tensor) {
  std::string text;
  llvm::raw_string_ostream(text) << cast<RankedTensorType>(tensor.getType()).getElementType();
  return text == "i1" ? "bool" : text;
}

static std::string stateName(ScanOp scan, unsigned k) {
  auto names = scan.getStateNames();
  return names ? cast<StringAttr>((*names)[k]).str() : "";
}

//===----------------------------------------------------------------------===//
// Which states a value needs
//===----------------------------------------------------------------------===//

namespace {
/// Follows values of the step of an outermost scan back to the states of the scans around
/// them, each with the place of the first read on the way.
class Needs {
public:
  explicit Needs(Operation *inside) {
    for (Operation *op = inside; op; op = op->getParentOp())
      if (auto scan = dyn_cast<ScanOp>(op))
        outermost = scan;
  }

  llvm::MapVector<Value, Location> states;

  void follow(Value v, Location place) {
    if (!outermost || !outermost.getBody().isAncestor(v.getParentRegion()))
      return;
    if (auto a = dyn_cast<BlockArgument>(v)) {
      auto scan = dyn_cast<ScanOp>(a.getOwner()->getParentOp());
      if (scan && a.getArgNumber() > 0)
        states.insert({v, place});
      return;
    }
    if (!seen.insert(v).second)
      return;
    Operation *op = v.getDefiningOp();
    unsigned result = cast<OpResult>(v).getResultNumber();
    if (auto map = dyn_cast<MapOp>(op))
      return follow(map.yield().getValues()[result], map.getLoc());
    if (auto read = dyn_cast<ReadOp>(op))
      return followRead(read, place);
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      for (Value o : reduce.yield()->getOperands())
        follow(o, reduce.getLoc());
      return;
    }
    if (auto scan = dyn_cast<ScanOp>(op))
      for (Value o : scan.next()->getOperands())
        follow(o, scan.getLoc());
    for (Value o : op->getOperands())
      follow(o, op->getLoc());
  }

private:
  /// Inside of a reduction the reduction is the place: the whole product, not its operand.
  void followRead(ReadOp read, Location place) {
    if (isa<ReduceOp>(read->getParentOp()))
      place = read->getParentOp()->getLoc();
    for (Value i : read.getIndices())
      follow(i, place);
    if (read.getGuard())
      follow(read.getGuard(), place);
    follow(read.getTensor(), place);
  }

  ScanOp outermost;
  llvm::DenseSet<Value> seen;
};
} // namespace

static std::vector<std::string> statesOf(ReduceOp reduce) {
  Needs needs(reduce);
  needs.follow(reduce.getResult(0), reduce.getLoc());
  std::vector<std::string> names;
  for (auto &[state, place] : needs.states) {
    auto a = cast<BlockArgument>(state);
    names.push_back(stateName(cast<ScanOp>(a.getOwner()->getParentOp()), a.getArgNumber() - 1));
  }
  return names;
}

//===----------------------------------------------------------------------===//
// Maps
//===----------------------------------------------------------------------===//

static bool isProduct(ReduceOp reduce) {
  for (auto [k, v] : llvm::enumerate(reduce.yield().getValues())) {
    if (reduce.kind(k) != ReduceKind::sum || !v.getDefiningOp<arith::MulFOp>())
      return false;
  }
  return true;
}

static std::vector<SumFacts> sumsOf(MapOp map) {
  std::vector<SumFacts> sums;
  map->walk<WalkOrder::PreOrder>([&](ReduceOp reduce) {
    SumFacts s(reduce.getLoc());
    s.kind = stringifyReduceKind(reduce.kind(0)).str();
    s.count = reduce.getNumResults();
    s.product = isProduct(reduce);
    s.over = sizeTexts(reduce.getExtents());
    s.states = statesOf(reduce);
    sums.push_back(std::move(s));
  });
  return sums;
}

static std::string weightName(Value tensor) {
  auto arg = dyn_cast<BlockArgument>(tensor);
  if (!arg)
    return "";
  auto func = dyn_cast<func::FuncOp>(arg.getOwner()->getParentOp());
  auto name =
      func ? func.getArgAttrOfType<StringAttr>(arg.getArgNumber(), kNameAttr) : StringAttr();
  return name ? name.str() : "";
}

PackFacts FunctionLowering::factsOf(const Pack &pack) {
  ReadOp first = pack.slots.front();
  PackFacts f(first->getParentOp()->getLoc());
  for (ReadOp read : pack.slots) {
    std::string name = weightName(read.getTensor());
    if (!llvm::is_contained(f.weights, name))
      f.weights.push_back(name);
  }
  f.slots = pack.slots.size();
  f.unit = pack.unit;
  f.width = vectorWidth(pack.map, target);
  f.tiles = pack.laneBlocks / pack.unit;
  f.bytes = pack.bytes;
  return f;
}

MapFacts FunctionLowering::factsOf(MapOp map) {
  MapFacts f(map.getLoc());
  f.elem = elemText(map.getResult(0));
  f.shape = sizeTexts(map.getExtents());
  f.sums = sumsOf(map);
  f.results = map.getNumResults();
  f.prepared = isPrepared(map.getResult(0));
  // Nothing but a read at its own indices.
  Block &body = *map.bodyBlock();
  auto read = dyn_cast<ReadOp>(body.front());
  f.copy = read && read->getNextNode() == body.getTerminator() && map.getNumResults() == 1 &&
           llvm::all_of(read.getIndices(), [](Value i) { return isa<BlockArgument>(i); });
  return f;
}

/// Called where `map` is lowered, with the plan that it is lowered by.
MapFacts &FunctionLowering::noteMap(MapOp map, const MapPlan &plan) {
  MapFacts f = factsOf(map);
  f.lane = plan.lane;
  f.row = plan.row;
  f.width = plan.width;
  f.rows = plan.rows.front();
  if (!inPrepare)
    for (auto &pack : packList)
      if (pack->map == map)
        f.packs.push_back(factsOf(*pack));
  auto scan = map->getParentOfType<ScanOp>();
  auto &maps = scan ? scanFacts(scan).maps : result.facts.maps;
  maps.push_back(std::move(f));
  return maps.back();
}

void FunctionFacts::closeKernel(const std::string &name) {
  auto close = [&](auto &noted) {
    if (noted.kernel.empty())
      noted.kernel = name;
  };
  llvm::for_each(maps, close);
  for (ScanFacts &scan : scans) {
    close(scan);
    llvm::for_each(scan.maps, close);
  }
}

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

ScanFacts &FunctionLowering::scanFacts(ScanOp scan) {
  return result.facts.scans[factsIndex.lookup(scan)];
}

static bool placedAt(Location loc, Location wanted) {
  bool found = false;
  loc->walk([&](Location l) {
    found |= l == wanted;
    return found ? WalkResult::interrupt() : WalkResult::advance();
  });
  return found;
}

/// What a hoisted place became: a map outside of the scan that the scan reads.
static MapOp hoistedMap(ScanOp scan, Location place) {
  for (Block *block = scan->getBlock(); block;
       block = isa<ScanOp>(block->getParentOp()) ? block->getParentOp()->getBlock() : nullptr)
    for (auto map : block->getOps<MapOp>()) {
      bool read = false, here = placedAt(map.getLoc(), place);
      for (Operation *user : map->getUsers())
        read |= scan->isAncestor(user);
      map->walk([&](ReduceOp r) { here |= placedAt(r.getLoc(), place); });
      if (read && here)
        return map;
    }
  return {};
}

static std::vector<NeedFacts> needsOf(ScanOp scan, unsigned state) {
  Value next = scan.next().getStates()[state];
  Needs needs(scan);
  needs.follow(next, next.getLoc());
  std::vector<NeedFacts> out;
  for (auto &[state, place] : needs.states) {
    auto a = cast<BlockArgument>(state);
    out.push_back(
        {stateName(cast<ScanOp>(a.getOwner()->getParentOp()), a.getArgNumber() - 1), place});
  }
  return out;
}

static FactorFacts factorOf(ArrayAttr words) {
  FactorFacts f;
  f.role = cast<StringAttr>(words[0]).str();
  for (Attribute word : words.getValue().drop_front())
    if (auto place = dyn_cast<LocationAttr>(word))
      f.parts.push_back({"", Location(place)});
    else
      f.parts.push_back({cast<StringAttr>(word).str(), std::nullopt});
  return f;
}

/// "" where there is none.
static std::string textOf(DictionaryAttr facts, StringRef key) {
  auto text = facts.getAs<StringAttr>(key);
  return text ? text.str() : std::string();
}

static ClassFacts classOf(ScanOp scan, unsigned state) {
  ClassFacts c;
  auto all = scan->getAttrOfType<ArrayAttr>(kClassesAttr);
  if (!all)
    return c;
  auto facts = cast<DictionaryAttr>(all[state]);
  auto text = [&](StringRef key) { return textOf(facts, key); };
  c.name = text("class");
  c.title = text("title");
  c.detail = text("detail");
  c.reason = text("reason");
  c.reads = text("reads");
  c.hint = text("hint");
  if (auto place = dyn_cast_or_null<LocationAttr>(facts.get("place")))
    c.place = Location(place);
  if (auto factors = facts.getAs<ArrayAttr>("factors"))
    for (auto words : factors.getAsRange<ArrayAttr>())
      c.factors.push_back(factorOf(words));
  if (auto key = facts.getAs<IntegerAttr>("key_axis"))
    c.key = key.getInt();
  if (auto values = facts.getAs<ArrayAttr>("value_axes"))
    for (auto v : values.getAsRange<IntegerAttr>())
      c.values.push_back(v.getInt());
  return c;
}

static std::vector<FormFacts> candidatesOf(ScanOp scan) {
  std::vector<FormFacts> out;
  auto all = scan->getAttrOfType<ArrayAttr>(kCandidatesAttr);
  if (!all)
    return out;
  for (auto c : all.getAsRange<DictionaryAttr>()) {
    auto text = [&](StringRef key) { return textOf(c, key); };
    FormFacts f;
    f.form = text("form");
    f.state = text("state");
    f.refused = text("refused");
    f.flops = text("flops");
    f.stored = text("stored");
    f.sizes = text("sizes");
    auto number = [&](StringRef key) {
      auto value = c.getAs<FloatAttr>(key);
      return value ? value.getValueAsDouble() : 0;
    };
    f.flopsAt = number("flops_at");
    f.storedAt = number("stored_at");
    f.nanoseconds = number("ns");
    if (auto chunk = c.getAs<IntegerAttr>("chunk"))
      f.chunk = chunk.getInt();
    out.push_back(std::move(f));
  }
  return out;
}

/// Called where `scan` is lowered.
ScanFacts &FunctionLowering::noteScan(ScanOp scan) {
  ScanFacts f(scan.getLoc());
  f.axis = scan.getAxisName().value_or("").str();
  f.extent = sizeText(scan.getExtent());
  if (auto form = scan->getAttrOfType<StringAttr>(kFormAttr))
    f.form = form.str();
  if (auto chunk = scan->getAttrOfType<IntegerAttr>(kChunkAttr))
    f.chunk = chunk.getInt();
  f.candidates = candidatesOf(scan);
  f.derived = scan->hasAttr(kPartAttr) && !scan->hasAttr(kFormAttr);
  f.reverse = scan.getReverse();
  f.depth = scanLevel[scan];
  f.tiles = scan->hasAttr(kTileAttr) && !scan->hasAttr(kPartAttr);
  for (auto [k, init] : llvm::enumerate(scan.getInits())) {
    StateFacts s;
    s.name = stateName(scan, k);
    s.elem = elemText(init);
    s.shape = sizeTexts(dimsOf(init));
    auto type = cast<RankedTensorType>(init.getType());
    if (type.hasStaticShape())
      s.bytes = type.getNumElements() * Code::bytes(type.getElementType());
    s.inPlace = pointwiseUpdate(scan, k);
    s.needs = needsOf(scan, k);
    s.cls = classOf(scan, k);
    f.states.push_back(std::move(s));
  }
  if (auto places = scan->getAttrOfType<ArrayAttr>(kHoistedAttr))
    for (Attribute a : places) {
      HoistFacts h(cast<LocationAttr>(a));
      if (MapOp map = hoistedMap(scan, h.place))
        h.map = factsOf(map);
      f.hoisted.push_back(std::move(h));
    }
  factsIndex[scan] = result.facts.scans.size();
  return result.facts.scans.emplace_back(std::move(f));
}

/// Called when all is lowered.
void FunctionLowering::noteMemory() {
  for (Slot &slot : slots) {
    std::string text;
    llvm::raw_string_ostream(text) << slot.elem;
    result.facts.workspace.push_back(
        {text, sizeTexts(slot.dims), Code::bytes(slot.elem), slot.perThread});
  }
  for (auto &[tensor, offset] : preparedOffsets)
    if (std::string name = weightName(tensor); !name.empty())
      result.facts.copied.push_back(name);
}

} // namespace seq::lowering

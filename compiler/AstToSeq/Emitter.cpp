//===- Emitter.cpp - Scopes, places, conditions ----------------------------------===//
#include "compiler/AstToSeq/Emitter.h"

using namespace mlir;

namespace seq::emit {

Location Emitter::loc(SourceRange range) {
  if (!range.valid())
    return b.getUnknownLoc();
  LineColumn from = sources.lineColumn(range.file, range.begin);
  LineColumn to = sources.lineColumn(range.file, range.end);
  return FileLineColRange::get(b.getStringAttr(sources.path(range.file)), from.line, from.column,
                               to.line, to.column);
}

/// The source of a range as messages at run time quote it.
StringAttr Emitter::sourceText(SourceRange range) {
  constexpr size_t limit = 60;
  std::string text;
  for (char c : range.valid() ? sources.text(range) : std::string_view()) {
    bool blank = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!blank)
      text += c;
    else if (!text.empty() && text.back() != ' ')
      text += ' ';
  }
  if (text.size() > limit) {
    size_t end = limit;
    while (end && (text[end] & 0xC0) == 0x80) // not inside a character
      --end;
    text = text.substr(0, end) + "…";
  }
  return b.getStringAttr(text);
}

Value Emitter::both(Value x, Value y, Location loc) {
  if (!x || !y)
    return x ? x : y;
  return b.createOrFold<arith::AndIOp>(loc, x, y);
}

/// x or y, where null stands for true.
Value Emitter::either(Value x, Value y, Location loc) {
  if (!x || !y)
    return {};
  return b.createOrFold<arith::OrIOp>(loc, x, y);
}

Value Emitter::negated(Value x, Location loc) {
  Value one = arith::ConstantOp::create(b, loc, b.getBoolAttr(true));
  return b.createOrFold<arith::XOrIOp>(loc, x, one);
}

Ambient *Emitter::newAmbient(Value extent, Value lo) {
  ambients.push_back({extent, lo, {}});
  return &ambients.back();
}

/// The indices of a body, or of a reduction in one.
void Emitter::enterBlock(ValueRange indices, ValueRange extents) {
  blocks.push_back(b.getInsertionBlock());
  for (auto [index, extent] : llvm::zip_equal(indices, extents))
    extentOf[index] = extent;
}

IndexScope::IndexScope(Emitter &e, ArrayRef<Var *> vars) : e(e), mark(e.active.size()) {
  for (Var *var : vars) {
    Ambient *ambient = e.newAmbient(e.extent(*var), e.lowerBound(*var));
    indices.push_back(ambient);
    extents.push_back(ambient->extent);
    e.active.push_back(ambient);
    Binding binding;
    binding.kind = Binding::Index;
    binding.ambient = ambient;
    e.frame->vars[var] = std::move(binding);
  }
}

void IndexScope::enter(ValueRange values, Location loc) {
  for (auto [ambient, value] : llvm::zip(indices, values))
    ambient->current = ambient->lo ? e.add(value, ambient->lo, loc) : value;
}

LeaveBody::LeaveBody(Emitter &e)
    : e(e), wasInBody(e.inBody), point(e.b.saveInsertionPoint()), outer(e.outer), demand(e.demand),
      pathExact(e.pathExact) {
  if (!wasInBody)
    return;
  e.inBody = false;
  e.b.restoreInsertionPoint(e.outer);
  made.path = e.pathValue;
  made.blocks = std::move(e.blocks);
  for (Ambient *ambient : e.active) {
    if (ambient->current)
      made.indices.emplace_back(ambient->current, ambient);
    currents.push_back(ambient->current);
    ambient->current = {};
  }
  e.demand = &made;
  e.pathValue = {};
  e.blocks.clear();
}

LeaveBody::~LeaveBody() {
  if (!wasInBody)
    return;
  e.inBody = true;
  e.b.restoreInsertionPoint(point);
  e.outer = outer;
  e.pathValue = made.path;
  e.pathExact = pathExact;
  e.blocks = std::move(made.blocks);
  e.demand = demand;
  for (auto [ambient, current] : llvm::zip(e.active, currents))
    ambient->current = current;
}

EnterBody::EnterBody(Emitter &e, OpBuilder::InsertPoint outside, ArrayRef<Ambient *> ambients,
                     ValueRange values, ValueRange extents, Location loc)
    : e(e) {
  assert(!e.inBody && "a map is built before another, never inside");
  e.inBody = true;
  e.outer = outside;
  e.enterBlock(values, extents);
  for (auto [ambient, value] : llvm::zip(ambients, values))
    ambient->current = ambient->lo ? e.add(value, ambient->lo, loc) : value;
  e.pathValue = {};
  e.pathExact = true;
}

EnterBody::~EnterBody() {
  e.inBody = false;
  e.pathValue = {};
  e.pathExact = true;
  e.blocks.clear();
  for (Ambient *ambient : e.active)
    ambient->current = {};
}

} // namespace seq::emit

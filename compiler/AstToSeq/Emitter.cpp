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

/// Writes the conditions of the path into the body that was just entered, each under
/// those before it.
Value Emitter::enterPath() {
  pathValue = {};
  std::vector<PathItem> items = std::move(path);
  path.clear();
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].local) {
      Value condition = items[i].emit();
      if (condition)
        pathValue = both(pathValue, condition, condition.getLoc());
    }
    path.push_back(items[i]);
  }
  return pathValue;
}

/// True where a condition around could not be written again in the current body.
bool Emitter::pathIncomplete() const {
  for (size_t i = 0; i < firstLocalPath; ++i)
    if (path[i].local)
      return true;
  return false;
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
    : e(e), wasInBody(e.inBody), point(e.b.saveInsertionPoint()), outer(e.outer),
      pathValue(e.pathValue), firstLocalPath(e.firstLocalPath) {
  if (!wasInBody)
    return;
  e.inBody = false;
  e.b.restoreInsertionPoint(e.outer);
  e.pathValue = {};
  e.firstLocalPath = e.path.size();
  for (Ambient *ambient : e.active) {
    currents.push_back(ambient->current);
    ambient->current = {};
  }
}

LeaveBody::~LeaveBody() {
  if (!wasInBody)
    return;
  e.inBody = true;
  e.b.restoreInsertionPoint(point);
  e.outer = outer;
  e.pathValue = pathValue;
  e.firstLocalPath = firstLocalPath;
  for (auto [ambient, current] : llvm::zip(e.active, currents))
    ambient->current = current;
}

EnterBody::EnterBody(Emitter &e, OpBuilder::InsertPoint outside, ArrayRef<Ambient *> ambients,
                     ValueRange values, bool guarded, Location loc)
    : e(e) {
  assert(!e.inBody && "a map is built before another, never inside");
  e.inBody = true;
  e.outer = outside;
  for (auto [ambient, value] : llvm::zip(ambients, values))
    ambient->current = ambient->lo ? e.add(value, ambient->lo, loc) : value;
  e.pathValue = {};
  if (guarded)
    e.enterPath();
}

EnterBody::~EnterBody() {
  e.inBody = false;
  e.pathValue = {};
  for (Ambient *ambient : e.active)
    ambient->current = {};
}

PathScope::PathScope(Emitter &e, Value condition, PathItem item, Location loc)
    : e(e), saved(e.pathValue), pushed(condition != nullptr) {
  if (!pushed)
    return;
  e.pathValue = e.both(e.pathValue, condition, loc);
  e.path.push_back(std::move(item));
}

PathScope::~PathScope() {
  e.pathValue = saved;
  if (pushed)
    e.path.pop_back();
}

} // namespace seq::emit

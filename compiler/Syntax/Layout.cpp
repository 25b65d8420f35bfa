//===- Layout.cpp - Newlines, brackets and nesting before the grammar --------===//
//
// The grammar would need a newline rule, error recovery and a bound on its recursion in
// every rule. One pass over the words gives it all three:
//
//   * An END is placed where a statement ends: at a newline outside ( ) and [ ] unless
//     the word before it asks for more (an operator, a comma, `=`, `{`, ...) or the word
//     after it goes on (`else`, `->`); at `;`; before a `}`; at the end of the file.
//   * Brackets come out balanced. A `}` or a word that only begins a statement, at the
//     start of a line, shows that a bracket before it was not closed: the missing one is
//     reported and supplied, so that one slip does not swallow the rest of the file.
//   * Depth is counted as the parser and the tree will have it: open brackets and, in
//     each of them, pending operators that nest to the right (`-`, `not`, `**`, `? :`).
//
// It also gives words that are keywords in one place only their type there: `layer`,
// `model`, `import`, `test` outside all blocks, `param` in a layer, `reverse`, `as` and
// `reset` in the head of a scan; and the `(` of a scan's states its own, since
// `scan t in 0..N (h = 0)` would read as a call of `N`.
//
//===----------------------------------------------------------------------===//
#include "compiler/Syntax/Syntax.h"
#include "compiler/Syntax/Tokens.h"

#include "SeqParser.h"

#include <algorithm>

namespace seq::syntax {

namespace {
using L = SeqParser; // the parser knows the virtual words too

/// The head of a scan, from `scan` to its `{`.
struct ScanHead {
  size_t statesParen = 0; ///< token index of the last `(` at the scan's own level
  bool hasStates = false; ///< and it is known to be the states' one
};

/// An open bracket, or the file itself (type 0).
struct Level {
  size_t type = 0;
  SourceRange range;
  bool isLayer = false;                        ///< the body of a layer or model
  unsigned column = 0;                         ///< of the line that opened it
  unsigned unary = 0, nots = 0, ternaries = 0; ///< pending right-nested operators
  std::vector<ScanHead> scans;
  unsigned depth() const { return 1 + unary + nots + ternaries; }
};

/// True after words that cannot end a statement.
bool asksForMore(size_t type) {
  switch (type) {
  case L::LBRACE:
  case L::COMMA:
  case L::COLON:
  case L::DOTDOT:
  case L::DOT:
  case L::ARROW:
  case L::FATARROW:
  case L::ASSIGN:
  case L::QUESTION:
  case L::POWER:
  case L::STAR:
  case L::SLASH:
  case L::PERCENT:
  case L::AT:
  case L::PLUS:
  case L::MINUS:
  case L::LESSEQ:
  case L::LESS:
  case L::GREATEREQ:
  case L::GREATER:
  case L::EQUAL:
  case L::NOTEQUAL:
  case L::IN:
  case L::WHERE:
  case L::AND:
  case L::OR:
  case L::NOT:
    return true;
  default:
    return false;
  }
}

/// True after words that end an operand: then `-` subtracts.
bool endsOperand(size_t type) {
  switch (type) {
  case L::IDENT:
  case L::INT:
  case L::FLOAT:
  case L::STRING:
  case L::TRUE:
  case L::FALSE:
  case L::RPAREN:
  case L::RBRACKET:
  case L::RBRACE:
    return true;
  default:
    return false;
  }
}

bool beginsStatementOnly(size_t type) {
  return type == L::LET || type == L::RETURN || type == L::YIELD || type == L::FOR || type == L::FN;
}

size_t closerOf(size_t opener) {
  if (opener == L::LPAREN)
    return L::RPAREN;
  return opener == L::LBRACKET ? L::RBRACKET : L::RBRACE;
}

const char *spelling(size_t bracket) {
  switch (bracket) {
  case L::LPAREN:
    return "`(`";
  case L::RPAREN:
    return "`)`";
  case L::LBRACKET:
    return "`[`";
  case L::RBRACKET:
    return "`]`";
  case L::LBRACE:
    return "`{`";
  default:
    return "`}`";
  }
}

class Layout {
public:
  Layout(const Text &text, const std::vector<RawToken> &raw, DiagnosticEngine &diags)
      : source(diags.sourceManager().text(text.file)), raw(raw), diags(diags) {
    out.file = text.file;
    levels.emplace_back();
  }

  TokenList run() {
    for (next = 0; next < raw.size() && out.usable; ++next)
      word(raw[next]);
    closeAtEnd();
    return std::move(out);
  }

private:
  // Words in order.
  void word(const RawToken &token);
  void place(const RawToken &token);
  void doc(const RawToken &token);
  void endStatement(EndKind kind, SourceRange at);
  void emit(size_t type, SourceRange range, EndKind end = EndKind::None);

  // Brackets.
  void open(const RawToken &token);
  void close(const RawToken &token);
  void supplyCloser(SourceRange at);
  void reportNotClosed(const Level &level, SourceRange at, const std::string &seen);
  void closeBefore(const RawToken &token);
  bool isDeclarationWord(const RawToken &token) const;
  void closeAtEnd();

  // Words that depend on their place.
  size_t typeInPlace(const RawToken &token);
  size_t typeInScan(std::string_view word, size_t nextType);
  void endScanHead();
  void count(const RawToken &token);
  void tooDeep(const RawToken &token);

  Level &top() { return levels.back(); }
  bool inBlock() const { return levels.back().type == 0 || levels.back().type == L::LBRACE; }
  size_t lastType() const {
    return out.tokens.empty() ? size_t(L::END) : out.tokens.back()->getType();
  }
  bool atSegmentStart() const { return lastType() == L::END || lastType() == L::LBRACE; }
  std::string_view textOf(SourceRange range) const {
    return source.substr(range.begin, range.end - range.begin);
  }
  unsigned columnOf(SourceRange range) const {
    size_t line = range.begin == 0 ? std::string_view::npos : source.rfind('\n', range.begin - 1);
    return range.begin - unsigned(line + 1);
  }
  SourceRange afterLast() const {
    uint32_t end = out.info.empty() ? 0 : out.info.back().range.end;
    return {out.file, end, end};
  }
  size_t nextType() const {
    return next + 1 < raw.size() ? raw[next + 1].type : size_t(L::NEWLINE);
  }

  std::string_view source;
  const std::vector<RawToken> &raw;
  DiagnosticEngine &diags;
  TokenList out;
  std::vector<Level> levels;
  size_t next = 0;
  bool newline = true; ///< the word stands first on its line
  std::string docText;
  uint32_t segment = 0;
  size_t segmentStart = 0; ///< index of the segment's first token
  unsigned depth = 0;
};

void Layout::emit(size_t type, SourceRange range, EndKind end) {
  if (!docText.empty() && type != L::END) {
    if (atSegmentStart())
      out.docs[out.tokens.size()] = docText;
    docText.clear();
  }
  if (atSegmentStart())
    segmentStart = out.tokens.size();
  out.tokens.push_back(std::make_unique<antlr4::CommonToken>(type));
  out.info.push_back({range, segment, end});
}

void Layout::endStatement(EndKind kind, SourceRange at) {
  if (lastType() == L::END || lastType() == L::LBRACE)
    return;
  while (!top().scans.empty())
    endScanHead();
  emit(L::END, at, kind);
  Level &level = top();
  depth -= level.depth() - 1;
  level.unary = level.nots = level.ternaries = 0;
  ++segment;
}

void Layout::doc(const RawToken &token) {
  if (!newline)
    return;
  std::string_view line = textOf(token.range).substr(3);
  if (!line.empty() && line.front() == ' ')
    line.remove_prefix(1);
  line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
  if (!docText.empty())
    docText += '\n';
  docText += line;
}

void Layout::word(const RawToken &token) {
  switch (token.type) {
  case L::NEWLINE:
    newline = true;
    return;
  case L::DOC:
    return doc(token);
  case L::BAD:
  case L::BAD_STRING:
    out.tainted.insert(segment);
    // The string stands for a value; a bad character stands for nothing.
    if (token.type == L::BAD_STRING)
      emit(L::STRING, token.range);
    return;
  default:
    break;
  }
  if (newline)
    closeBefore(token);
  bool goesOn = asksForMore(lastType()) || token.type == L::ELSE || token.type == L::ARROW;
  if (newline && inBlock() && !goesOn)
    endStatement(EndKind::Line, afterLast());
  newline = false;
  place(token);
}

void Layout::place(const RawToken &token) {
  switch (token.type) {
  case L::SEMICOLON:
    if (inBlock())
      return endStatement(EndKind::Semicolon, token.range);
    // Inside brackets it ends nothing: the bracket was not closed.
    while (!inBlock()) {
      reportNotClosed(top(), token.range, "`;`");
      supplyCloser(token.range);
    }
    return endStatement(EndKind::Semicolon, token.range);
  case L::LPAREN:
  case L::LBRACKET:
  case L::LBRACE:
    return open(token);
  case L::RPAREN:
  case L::RBRACKET:
  case L::RBRACE:
    return close(token);
  case L::BAD_NUMBER:
    out.tainted.insert(segment);
    return emit(L::INT, token.range);
  default:
    count(token);
    return emit(typeInPlace(token), token.range);
  }
}

//===----------------------------------------------------------------------===//
// Brackets
//===----------------------------------------------------------------------===//

void Layout::open(const RawToken &token) {
  size_t type = token.type;
  if (type == L::LBRACE)
    endScanHead();
  else if (type == L::LPAREN && !top().scans.empty() && !top().scans.back().hasStates)
    top().scans.back().statesParen = out.tokens.size();
  if (++depth > kMaxNesting)
    return tooDeep(token);
  emit(type, token.range);
  size_t first = out.tokens[segmentStart]->getType();
  Level level;
  level.type = type;
  level.range = token.range;
  level.isLayer =
      type == L::LBRACE && levels.size() == 1 && (first == L::LAYER || first == L::MODEL);
  level.column = columnOf(out.info[segmentStart].range);
  levels.push_back(std::move(level));
  if (type == L::LBRACE)
    ++segment;
}

void Layout::close(const RawToken &token) {
  auto opener = std::find_if(levels.rbegin(), levels.rend(), [&](const Level &level) {
    return level.type == L::LBRACE || (level.type != 0 && closerOf(level.type) == token.type);
  });
  if (opener == levels.rend() || closerOf(opener->type) != token.type) {
    // `( ... ]`: a slip for the closing bracket that is due.
    if (!inBlock() && token.type != L::RBRACE) {
      reportNotClosed(top(), token.range, spelling(token.type));
      return supplyCloser(token.range);
    }
    diags.error(Diag::SyntaxClosesNothing, token.range,
                std::string(spelling(token.type)) + " closes nothing");
    return;
  }
  while (closerOf(top().type) != token.type) {
    reportNotClosed(top(), token.range, spelling(token.type));
    supplyCloser({out.file, token.range.begin, token.range.begin});
  }
  supplyCloser(token.range);
}

/// Closes the innermost bracket at `at`.
void Layout::supplyCloser(SourceRange at) {
  size_t closer = closerOf(top().type);
  if (closer == L::RBRACE)
    endStatement(EndKind::Brace, {out.file, at.begin, at.begin});
  emit(closer, at);
  depth -= top().depth();
  levels.pop_back();
}

void Layout::reportNotClosed(const Level &level, SourceRange at, const std::string &seen) {
  LineColumn place = diags.sourceManager().lineColumn(out.file, level.range.begin);
  std::string what = level.type == L::LBRACE
                         ? "the block opened at line " + std::to_string(place.line)
                         : "the " + std::string(spelling(level.type)) + " opened at " +
                               std::to_string(place.line) + ":" + std::to_string(place.column);
  std::string closer = spelling(closerOf(level.type));
  diags
      .error(Diag::SyntaxNotClosed, at,
             "expected " + closer + " to close " + what + ", found " + seen)
      .note(level.range, "opened here");
  out.tainted.insert(segment);
}

/// `layer Name`, `import "file"`: at the start of a line these begin a declaration even
/// where a block before them was left open.
bool Layout::isDeclarationWord(const RawToken &token) const {
  if (token.type != L::IDENT || columnOf(token.range) != 0)
    return false;
  std::string_view word = textOf(token.range);
  if (word == "layer" || word == "model" || word == "import")
    return nextType() == L::IDENT || nextType() == L::STRING;
  return word == "test" && nextType() == L::STRING;
}

/// The first word of a line shows which brackets should have been closed before it.
void Layout::closeBefore(const RawToken &token) {
  bool isDeclaration = isDeclarationWord(token);
  if (!inBlock() && (beginsStatementOnly(token.type) || isDeclaration)) {
    SourceRange at = afterLast();
    while (!inBlock()) {
      reportNotClosed(top(), at, "the end of the line");
      supplyCloser(at);
    }
  }
  if (token.type != L::FN && !isDeclaration)
    return;
  bool reported = false;
  while (levels.size() > 1) {
    // A function that stands further to the right is meant to be inside.
    if (token.type == L::FN && columnOf(token.range) > top().column)
      return;
    // One word is one error, however many blocks were left open.
    if (!reported)
      reportNotClosed(top(), token.range, "`" + std::string(textOf(token.range)) + "`");
    reported = true;
    supplyCloser({out.file, token.range.begin, token.range.begin});
  }
}

void Layout::closeAtEnd() {
  uint32_t end = uint32_t(source.size());
  SourceRange at{out.file, end, end};
  bool reported = !out.usable;
  if (newline && levels.size() == 1)
    endStatement(EndKind::Line, afterLast());
  while (levels.size() > 1) {
    if (!reported)
      reportNotClosed(top(), at, "the end of the file");
    reported = true;
    supplyCloser(at);
  }
  endStatement(EndKind::File, at);
  emit(antlr4::Token::EOF, at);
}

//===----------------------------------------------------------------------===//
// Words that depend on their place
//===----------------------------------------------------------------------===//

size_t Layout::typeInPlace(const RawToken &token) {
  if (token.type == L::SCAN)
    top().scans.emplace_back();
  if (token.type != L::IDENT)
    return token.type;
  std::string_view word = textOf(token.range);
  if (atSegmentStart() && levels.size() == 1) {
    if (word == "layer")
      return L::LAYER;
    if (word == "model")
      return L::MODEL;
    if (word == "import")
      return L::IMPORT;
    if (word == "test")
      return L::TEST;
  }
  if (atSegmentStart() && top().isLayer && word == "param" && nextType() != L::COLON)
    return L::PARAM;
  if (word == "as" && out.tokens.size() > segmentStart + 1 &&
      out.tokens[segmentStart]->getType() == L::IMPORT && lastType() != L::DOT)
    return L::AS;
  return typeInScan(word, nextType());
}

size_t Layout::typeInScan(std::string_view word, size_t nextType) {
  if (word == "reverse" && lastType() == L::SCAN && nextType == L::IDENT)
    return L::REVERSE;
  if ((word != "as" && word != "reset") || top().scans.empty() || !endsOperand(lastType()))
    return L::IDENT;
  // The first of them follows the states.
  ScanHead &head = top().scans.back();
  if (!head.hasStates && head.statesParen != 0 && lastType() == L::RPAREN) {
    out.tokens[head.statesParen] = std::make_unique<antlr4::CommonToken>(L::STATES);
    head.hasStates = true;
  }
  return word == "as" ? L::AS : L::RESET;
}

/// A `{` ends the head of the innermost scan of its level.
void Layout::endScanHead() {
  if (top().scans.empty())
    return;
  ScanHead head = top().scans.back();
  top().scans.pop_back();
  if (!head.hasStates && head.statesParen != 0 && lastType() == L::RPAREN)
    out.tokens[head.statesParen] = std::make_unique<antlr4::CommonToken>(L::STATES);
}

/// Counts operators that nest to the right: pending ones end at the next looser operator.
void Layout::count(const RawToken &token) {
  Level &level = top();
  unsigned before = level.depth();
  switch (token.type) {
  case L::POWER:
    ++level.unary;
    break;
  case L::MINUS:
    level.unary = endsOperand(lastType()) ? 0 : level.unary + 1;
    break;
  case L::NOT:
    ++level.nots;
    break;
  case L::QUESTION:
    ++level.ternaries;
    [[fallthrough]];
  case L::COLON:
  case L::AND:
  case L::OR:
    level.unary = level.nots = 0;
    break;
  case L::ELSE:
    ++level.ternaries;
    break;
  case L::COMMA:
  case L::ASSIGN:
  case L::DOTDOT:
  case L::IN:
  case L::WHERE:
  case L::ARROW:
  case L::FATARROW:
    level.unary = level.nots = level.ternaries = 0;
    break;
  default:
    if (asksForMore(token.type))
      level.unary = 0;
    break;
  }
  depth = depth + level.depth() - before;
  if (depth > kMaxNesting)
    tooDeep(token);
}

void Layout::tooDeep(const RawToken &token) {
  diags
      .error(Diag::SyntaxTooDeep, token.range,
             "brackets, blocks or operators nest deeper than " + std::to_string(kMaxNesting))
      .hint("give a part of it a name with `let`");
  out.usable = false;
}
} // namespace

TokenList layOut(const Text &text, const std::vector<RawToken> &raw, DiagnosticEngine &diags) {
  return Layout(text, raw, diags).run();
}

} // namespace seq::syntax

//===- ErrorStrategy.cpp - What the grammar expected, in words ---------------===//
//
// What is said depends on the rule in which the parser stood, on the tokens that it could
// have taken there, and on the token before. A rule with one way on says which name or
// sign it misses and what for ("expected `:` before the type of parameter `x`"); inside an
// expression it is a value or an operator; else the signs that would have done are listed.
//
//===----------------------------------------------------------------------===//
#include "compiler/Syntax/ErrorStrategy.h"

#include "SeqParser.h"

#include <algorithm>

namespace seq::syntax {

namespace {
using P = SeqParser;
using antlr4::misc::IntervalSet;

/// What a report will say.
struct Report {
  Diag kind = Diag::SyntaxUnexpected;
  std::string text; ///< without ", found ..."
  std::string hint;
};

/// Everything that wording a report may look at.
struct Place {
  antlr4::ParserRuleContext *context; ///< innermost rule that is no expression
  bool inExpr;                        ///< the innermost rule is an expression
  IntervalSet expected;
  size_t before; ///< type of the token before, or END
  std::string beforeText;
  size_t found;
  std::string foundText;
  std::string startText; ///< of the innermost rule
  size_t index;          ///< of the found token
  bool startsScanBody;   ///< the `{` of a scan is missing
  const TokenList &tokens;
  std::string_view source;
  const antlr4::dfa::Vocabulary &words;

  bool wants(size_t type) const { return expected.contains(type); }
  bool wantsOnly(size_t type) const { return expected.size() == 1 && wants(type); }
  /// The text of the first IDENT of the innermost rule, in backticks.
  std::string name() const;
};

std::string ticked(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string Place::name() const {
  for (size_t i = context->getStart()->getTokenIndex(); i < index; ++i) {
    SourceRange at = tokens.info[i].range;
    std::string_view text = source.substr(at.begin, at.end - at.begin);
    if (!text.empty() && (isalpha((unsigned char)text[0]) || text[0] == '_' || (text[0] & 0x80)) &&
        text != "fn" && text != "layer" && text != "model" && text != "param" && text != "let")
      return ticked(text);
  }
  return "";
}

bool isKeyword(size_t type) {
  return type >= P::FN && type <= P::FALSE;
}

Report expectedName(const Place &place, std::string what) {
  Report report{Diag::SyntaxName, "expected " + what, ""};
  if (isKeyword(place.found))
    report.hint = ticked(place.foundText) + " is a keyword of the language: choose another name";
  return report;
}

Report inFunction(const Place &place) {
  if (place.wants(P::IDENT) && place.before == P::FN)
    return expectedName(place, "the function's name after `fn`");
  if (place.wantsOnly(P::LPAREN))
    return {Diag::SyntaxUnexpected,
            "expected `(` and the parameters of " + ticked(place.beforeText), ""};
  Report report{Diag::SyntaxUnexpected, "expected `{` to begin the body of " + place.name(), ""};
  if (place.tokens.info[place.index].end == EndKind::Line)
    report.hint = "a body's `{` stands on the line of its declaration";
  else if (place.found == P::COLON)
    report.hint = "a result's type follows `->`";
  return report;
}

Report inParameter(const Place &place) {
  if (place.wants(P::COLON))
    return {Diag::SyntaxParameterType, "expected `:` before the type of parameter " + place.name(),
            "write `" + place.name().substr(1, place.name().size() - 2) + ": [T]` or another type"};
  return {Diag::SyntaxUnexpected, "expected `,` or `)` after parameter " + place.name(), ""};
}

Report inType(const Place &place) {
  if (place.before == P::LBRACKET)
    return {Diag::SyntaxType, "expected a size", "a scalar's type has no brackets: `float`"};
  if (place.wants(P::COMMA) || place.wants(P::RBRACKET))
    return {Diag::SyntaxUnexpected, "expected `,` or `]` between sizes", ""};
  return {Diag::SyntaxType, "expected a type", ""};
}

Report inLayer(const Place &place) {
  if (place.wants(P::IDENT))
    return expectedName(place, "the " + place.beforeText + "'s name");
  return {Diag::SyntaxUnexpected, "expected `{` to begin the body of " + place.name(), ""};
}

Report inSubLayer(const Place &place) {
  std::string sub = ticked(place.startText);
  if (place.wants(P::COLON) && place.startText == "rename" && place.found == P::LBRACE)
    return {Diag::SyntaxRename, "`rename` blocks are not supported",
            "rename the tensors in a mapping file"};
  if (place.wants(P::COLON))
    return {Diag::SyntaxMember, "expected `:` and a layer after " + sub,
            "sub-layers are written `name: Layer(sizes)`, parameters `param name: type`"};
  std::string param = place.startText == "param" ? "name" : place.startText;
  if (place.wants(P::IDENT) && place.before != P::IDENT) {
    Report report = expectedName(place, "the layer of sub-layer " + sub);
    if (place.found == P::END)
      report.hint = "a parameter is written `param " + param + ": [D]`";
    return report;
  }
  if (place.wants(P::IDENT) || place.wants(P::LPAREN))
    return {Diag::SyntaxUnexpected, "expected `(` and the sizes of the layer",
            "a layer without sizes is written `Layer()`, a parameter `param " + param + ": [D]`"};
  return {Diag::SyntaxUnexpected, "expected the end of sub-layer " + sub, ""};
}

Report inLet(const Place &place) {
  if (place.wants(P::ASSIGN)) {
    Report report{Diag::SyntaxUnexpected, "expected `=` and a value for " + place.name(), ""};
    if (place.found == P::IDENT && place.context->getRuleIndex() == P::RuleTarget)
      report.hint = "several names are separated by commas";
    return report;
  }
  return expectedName(place, place.before == P::LET ? "a name after `let`" : "a name");
}

Report inScan(const Place &place) {
  if (place.before == P::SCAN || place.before == P::REVERSE)
    return expectedName(place, "the index of the scan");
  if (place.wants(P::STATES))
    return {Diag::SyntaxUnexpected, "expected `(` and the states of the scan",
            "a scan is written `scan t (h = 0.0) { … }`, without states `scan t () { … }`"};
  return {Diag::SyntaxUnexpected, "expected `{` to begin the steps of the scan", ""};
}

Report inState(const Place &place) {
  if (place.wants(P::IDENT))
    return expectedName(place, "the name of a state");
  return {Diag::SyntaxUnexpected, "expected `=` and the initial value of state " + place.name(),
          ""};
}

Report inFor(const Place &place) {
  if (place.before == P::FOR)
    return expectedName(place, "a name after `for`");
  if (place.wantsOnly(P::IN))
    return {Diag::SyntaxUnexpected, "expected `in` after `for " + place.beforeText + "`",
            "a loop is written `for l in layers { … }` or `for s in 0..S { … }`"};
  return {Diag::SyntaxUnexpected, "expected `{` to begin the body of the loop", ""};
}

Report inImport(const Place &place) {
  if (place.before == P::IMPORT)
    return {Diag::SyntaxImport, "expected a module's name or a file in quotes after `import`", ""};
  if (place.before == P::AS || place.before == P::DOT)
    return expectedName(place, "a name after " + ticked(place.beforeText));
  return {Diag::SyntaxImport, "expected the end of the import", ""};
}

Report inTest(const Place &place) {
  if (place.before == P::TEST)
    return {Diag::SyntaxUnexpected, "expected the test's name in quotes after `test`",
            "a test is written `test \"name\" { … }`"};
  return {Diag::SyntaxUnexpected, "expected `{` to begin the test", ""};
}

const char *spell(size_t type) {
  switch (type) {
  case P::IDENT:
    return "a name";
  case P::STRING:
    return "a string";
  case P::STATES:
    return "`(`";
  case P::END:
    return "the end of the statement";
  case P::AS:
    return "`as`";
  case P::RESET:
    return "`reset`";
  default:
    return nullptr;
  }
}

/// "`,` or `)`": the signs that would have done, operators left away.
std::string listExpected(const Place &place) {
  static const size_t order[] = {P::IDENT,  P::STRING, P::COLON,    P::ASSIGN, P::IN,
                                 P::DOTDOT, P::ARROW,  P::LPAREN,   P::STATES, P::LBRACE,
                                 P::COMMA,  P::RPAREN, P::RBRACKET, P::RBRACE, P::END};
  std::vector<std::string> words;
  for (size_t type : order)
    if (place.wants(type)) {
      std::string literal = place.words.getLiteralName(type);
      std::replace(literal.begin(), literal.end(), '\'', '`');
      words.push_back(spell(type) ? spell(type) : literal);
    }
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

bool isOperator(size_t type) {
  return (type >= P::POWER && type <= P::NOTEQUAL) || type == P::AND || type == P::OR ||
         type == P::NOT || type == P::ASSIGN || type == P::QUESTION;
}

/// A value should have stood here.
Report expectedValue(const Place &place) {
  Report report{Diag::SyntaxUnexpected, "expected a value", ""};
  if (isOperator(place.before) || isKeyword(place.before) || place.before == P::COMMA ||
      place.before == P::COLON || place.before == P::LPAREN || place.before == P::LBRACKET ||
      place.before == P::DOTDOT)
    report.text += " after " + ticked(place.beforeText);
  if (place.found == P::PLUS)
    report.hint = "there is no unary `+`";
  else if (place.found == P::DOT)
    report.hint = "digits stand on both sides of a number's point: `0.5`";
  else if (place.found == P::ASSIGN && place.before >= P::POWER && place.before <= P::MINUS)
    report.hint = "write `x = x " + place.beforeText + " …`";
  else if (place.found == P::EQUAL || place.found == P::ASSIGN)
    report.hint = "`==` compares, `=` gives a value";
  else if (isKeyword(place.found) && place.found != P::NOT)
    report.hint = ticked(place.foundText) + " is a keyword of the language";
  return report;
}

Report inIf(const Place &place) {
  if (place.before == P::ELSE)
    return {Diag::SyntaxUnexpected, "expected `{` or `if` after `else`", ""};
  Report report{Diag::SyntaxUnexpected, "expected `{` after the condition of `if`", ""};
  if (place.found == P::ASSIGN)
    report.hint = "`==` compares, `=` gives a value";
  return report;
}

Report atRule(const Place &place);

/// A value is complete, and what follows does not continue it.
Report afterValue(const Place &place) {
  size_t rule = place.context->getRuleIndex();
  if (place.wantsOnly(P::IDENT) && place.before == P::DOT) {
    Report report = expectedName(place, "a name after `.`");
    if (place.found != P::IDENT)
      report.hint = "digits stand on both sides of a number's point: `1.0`";
    return report;
  }
  if (place.wants(P::COLON) && place.inExpr)
    return {Diag::SyntaxTernary, "expected `:` and the other value of the ternary", ""};
  if (place.before == P::ELSE || rule == P::RuleIfStmt)
    return inIf(place);
  if (rule == P::RuleRange || rule == P::RuleForStmt)
    return atRule(place);
  if (place.found == P::ASSIGN && place.wants(P::RPAREN))
    return {Diag::SyntaxUnexpected, "expected `,` or `)`", "`==` compares, `=` gives a value"};
  if (place.wants(P::RBRACKET) || place.wants(P::RPAREN))
    return {Diag::SyntaxUnexpected,
            "expected an operator" + std::string(place.wants(P::COMMA) ? ", " : " or ") +
                listExpected(place),
            ""};
  Report report{Diag::SyntaxStatementEnd, "expected an operator or the end of the statement", ""};
  if (place.found == P::COMMA && place.startText == "let")
    report.hint = "a `let` takes one value; a call or a scan may give several";
  return report;
}

Report atRule(const Place &place) {
  switch (place.context->getRuleIndex()) {
  case P::RuleFnDecl:
  case P::RuleParams:
  case P::RuleResults:
  case P::RuleResult:
    if (place.context->getRuleIndex() == P::RuleParams && !place.wants(P::LPAREN))
      return place.before == P::LPAREN || place.before == P::COMMA
                 ? expectedName(place, "a parameter's name")
                 : Report{Diag::SyntaxUnexpected, "expected `,` or `)` between parameters", ""};
    return place.before == P::ARROW || place.before == P::COMMA
               ? Report{Diag::SyntaxType,
                        "expected a result's type after " + ticked(place.beforeText), ""}
               : inFunction(place);
  case P::RuleParam:
    return inParameter(place);
  case P::RuleType:
  case P::RuleQualified:
    return inType(place);
  case P::RuleLayerDecl:
    return inLayer(place);
  case P::RuleSizes:
    return place.before == P::LPAREN || place.before == P::COMMA
               ? expectedName(place, "the name of a size")
               : Report{Diag::SyntaxUnexpected, "expected `,` or `)` between sizes", ""};
  case P::RuleSubLayer:
    return inSubLayer(place);
  case P::RuleLetStmt:
  case P::RuleTarget:
    return inLet(place);
  case P::RuleIndices:
  case P::RuleIndex: {
    Report report = place.wants(P::IDENT)
                        ? expectedName(place, "the name of an index")
                        : Report{Diag::SyntaxUnexpected, "expected `,` or `]` between indices", ""};
    report.kind = Diag::SyntaxIndexName;
    return report;
  }
  case P::RuleStates:
    return place.before == P::STATES || place.before == P::COMMA
               ? expectedName(place, "the name of a state")
               : Report{Diag::SyntaxUnexpected, "expected `,` or `)` between states", ""};
  case P::RuleState:
    return inState(place);
  case P::RuleRange:
    return {Diag::SyntaxUnexpected, "expected `..` in the range after `in`",
            "a range is written `0..N`, its end excluded"};
  case P::RuleScanAs:
    return {Diag::SyntaxUnexpected, "expected the names of the yields after `as`",
            "write `as (hs, cs)`"};
  case P::RuleArgs:
    return place.before == P::COMMA || place.before == P::LPAREN
               ? expectedValue(place)
               : Report{Diag::SyntaxUnexpected, "expected `,` or `)` between arguments", ""};
  case P::RuleForStmt:
    return inFor(place);
  case P::RuleIfStmt:
    return inIf(place);
  case P::RuleImportDecl:
    return inImport(place);
  case P::RuleTestDecl:
    return inTest(place);
  case P::RuleParamDecl:
    if (place.before == P::PARAM)
      return expectedName(place, "the parameter's name after `param`");
    break;
  case P::RuleLine:
  case P::RuleMember:
    return afterValue(place);
  default:
    break;
  }
  std::string list = listExpected(place);
  return {Diag::SyntaxUnexpected,
          list.empty() ? "something else was expected here" : "expected " + list, ""};
}

Report word(const Place &place) {
  size_t rule = place.context->getRuleIndex();
  bool inScanHead = place.before == P::SCAN || place.before == P::REVERSE ||
                    place.wants(P::STATES) || place.startsScanBody;
  if (inScanHead)
    return inScan(place);
  if (rule == P::RuleTestDecl)
    return inTest(place);
  if (place.wants(P::SCAN) && place.wants(P::INT))
    return rule == P::RuleType && place.before == P::LBRACKET ? inType(place)
                                                              : expectedValue(place);
  if (place.inExpr || place.wants(P::POWER))
    return afterValue(place);
  return atRule(place);
}

/// Twenty are shown; this many are counted.
constexpr size_t kEnoughErrors = 1000;

bool isRecoveryPoint(size_t rule) {
  return rule == P::RuleLine || rule == P::RuleMember || rule == P::RuleDecl ||
         rule == P::RuleFile || rule == P::RuleEntry;
}

antlr4::ParserRuleContext *outOfExpression(antlr4::ParserRuleContext *context) {
  while (context->getRuleIndex() == P::RuleExpr && context->parent)
    context = static_cast<antlr4::ParserRuleContext *>(context->parent);
  return context;
}
} // namespace

std::string describeToken(const TokenList &tokens, std::string_view source, size_t index) {
  const TokenInfo &info = tokens.info[index];
  std::string_view text = source.substr(info.range.begin, info.range.end - info.range.begin);
  switch (info.end) {
  case EndKind::Line:
    return "the end of the line";
  case EndKind::Semicolon:
    return "`;`";
  case EndKind::Brace:
    return "`}`";
  case EndKind::File:
    return "the end of the file";
  case EndKind::None:
    break;
  }
  if (text.empty())
    return index + 1 == tokens.info.size() ? "the end of the file" : "the end of the line";
  if (text.front() == '"')
    return "a string";
  constexpr size_t kShown = 60;
  return text.size() > kShown ? "a long word" : ticked(text);
}

/// Where a report points and what it found: the end of the line before, where a word is
/// missed at a line's end.
static std::pair<SourceRange, std::string> placeOf(const TokenList &tokens, std::string_view source,
                                                   size_t before, size_t found) {
  SourceRange last = tokens.info[before].range, at = tokens.info[found].range;
  bool breaks = before != found && tokens.info[before].end == EndKind::None &&
                last.end < at.begin &&
                source.substr(last.end, at.begin - last.end).find('\n') != std::string_view::npos;
  bool atEnd = tokens.info[found].end == EndKind::File || found + 1 == tokens.info.size();
  if (!breaks || atEnd)
    return {at, describeToken(tokens, source, found)};
  return {{at.file, last.end, last.end}, "the end of the line"};
}

antlr4::Token *ErrorStrategy::recoverInline(antlr4::Parser *parser) {
  report(parser, parser->getCurrentToken());
  throw antlr4::InputMismatchException(parser);
}

void ErrorStrategy::reportError(antlr4::Parser *parser, const antlr4::RecognitionException &error) {
  report(parser, error.getOffendingToken());
}

void ErrorStrategy::report(antlr4::Parser *parser, antlr4::Token *found) {
  if (reported || stopped)
    return;
  reported = true;
  size_t index = found->getTokenIndex();
  size_t before = index == 0 ? index : index - 1;
  if (tokens.tainted.count(tokens.info[index].segment) ||
      tokens.tainted.count(tokens.info[before].segment))
    return;
  std::string_view source = diags.sourceManager().text(tokens.file);
  auto textOf = [&](size_t i) {
    SourceRange at = tokens.info[i].range;
    return std::string(source.substr(at.begin, at.end - at.begin));
  };
  antlr4::TokenStream *stream = parser->getTokenStream();
  antlr4::ParserRuleContext *context = parser->getContext();
  // A block that does not begin is missed by the rule around it.
  if (context->getRuleIndex() == P::RuleBlock && context->parent &&
      context->getStart()->getTokenIndex() == index)
    context = static_cast<antlr4::ParserRuleContext *>(context->parent);
  antlr4::ParserRuleContext *outer = outOfExpression(context);
  Place place{outer,
              context->getRuleIndex() == P::RuleExpr,
              parser->getExpectedTokens(),
              index == 0 ? size_t(P::END) : stream->get(before)->getType(),
              textOf(before),
              found->getType(),
              textOf(index),
              textOf(outer->getStart()->getTokenIndex()),
              index,
              context != parser->getContext() && dynamic_cast<P::ScanContext *>(context),
              tokens,
              source,
              parser->getVocabulary()};
  Report report = word(place);
  auto [at, seen] = placeOf(tokens, source, before, index);
  auto error = diags.error(report.kind, at,
                           report.kind == Diag::SyntaxRename ? report.text
                                                             : report.text + ", found " + seen);
  if (!report.hint.empty())
    error.hint(report.hint);
}

/// Leaves the rules around an error up to a statement, member or declaration, and goes
/// on behind its end.
void ErrorStrategy::recover(antlr4::Parser *parser, std::exception_ptr error) {
  if (!isRecoveryPoint(parser->getContext()->getRuleIndex()))
    std::rethrow_exception(error);
  reported = false;
  stopped |= diags.errorCount() >= kEnoughErrors;
  bool isDecl = parser->getContext()->getRuleIndex() == P::RuleDecl;
  antlr4::TokenStream *stream = parser->getTokenStream();
  for (unsigned depth = 0;;) {
    size_t type = stream->LA(1);
    if (type == antlr4::Token::EOF || (type == P::RBRACE && depth == 0 && !stopped))
      return;
    stream->consume();
    depth += type == P::LBRACE;
    depth -= type == P::RBRACE;
    // A body on the line after a broken head belongs to it.
    if (type == P::END && depth == 0 && !stopped && !(isDecl && stream->LA(1) == P::LBRACE))
      return;
  }
}

} // namespace seq::syntax

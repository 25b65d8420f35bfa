//===- Parse.cpp - Text to syntax tree ---------------------------------------===//
//
// text -> words (Lex) -> words with ENDs and balanced brackets (Layout) -> the grammar's
// tree (Seq.g4) -> the syntax tree (Build*). The grammar is tried with ANTLR's fast
// prediction (SLL) first, silently; only where that fails is it run again with full
// prediction and with messages.
//
//===----------------------------------------------------------------------===//
#include "compiler/Syntax/ErrorStrategy.h"
#include "compiler/Syntax/Syntax.h"
#include "compiler/Syntax/TreeBuilder.h"

namespace seq {

using namespace syntax;

namespace {
using antlr4::atn::ParserATNSimulator;
using antlr4::atn::PredictionMode;

/// A token list with the parser that reads it.
class Parsing {
public:
  Parsing(uint32_t file, DiagnosticEngine &diags) : diags(diags) {
    Text text;
    std::vector<RawToken> raw;
    if (!decodeText(file, diags, text) || !lex(text, diags, raw))
      return;
    tokens = layOut(text, raw, diags);
    usable = tokens.usable;
    source = std::make_unique<antlr4::ListTokenSource>(std::move(tokens.tokens));
    stream = std::make_unique<antlr4::CommonTokenStream>(source.get());
  }

  /// The context of `rule`, or null where the text could not be split into words.
  template <typename Context> Context *run(Context *(SeqParser::*rule)()) {
    if (!usable)
      return nullptr;
    start(std::make_shared<antlr4::BailErrorStrategy>(), PredictionMode::SLL);
    try {
      return (parser.get()->*rule)();
    } catch (const antlr4::ParseCancellationException &) {
    }
    stream->seek(0);
    start(std::make_shared<ErrorStrategy>(tokens, diags), PredictionMode::LL);
    return (parser.get()->*rule)();
  }

  TokenList tokens;

private:
  void start(std::shared_ptr<antlr4::ANTLRErrorStrategy> strategy, PredictionMode mode) {
    parser = std::make_unique<SeqParser>(stream.get());
    parser->removeErrorListeners();
    parser->setErrorHandler(strategy);
    parser->getInterpreter<ParserATNSimulator>()->setPredictionMode(mode);
  }

  DiagnosticEngine &diags;
  bool usable = false;
  std::unique_ptr<antlr4::ListTokenSource> source;
  std::unique_ptr<antlr4::CommonTokenStream> stream;
  std::unique_ptr<SeqParser> parser;
};

void reportFailure(uint32_t file, DiagnosticEngine &diags) {
  diags.error(Diag::SyntaxUnexpected, SourceRange{file, 0, 0}, "the text cannot be parsed");
}
} // namespace

std::unique_ptr<ast::File> parseFile(uint32_t id, DiagnosticEngine &diags) {
  try {
    Parsing parsing(id, diags);
    SeqParser::FileContext *ctx = parsing.run(&SeqParser::file);
    return ctx ? TreeBuilder(parsing.tokens, diags).file(ctx) : nullptr;
  } catch (const std::exception &) {
    reportFailure(id, diags);
    return nullptr;
  }
}

ast::ExprPtr parseEntry(uint32_t id, DiagnosticEngine &diags) {
  try {
    size_t before = diags.errorCount();
    Parsing parsing(id, diags);
    SeqParser::EntryContext *ctx = parsing.run(&SeqParser::entry);
    if (!ctx || ctx->exception || diags.errorCount() != before)
      return nullptr;
    return TreeBuilder(parsing.tokens, diags).entry(ctx);
  } catch (const std::exception &) {
    reportFailure(id, diags);
    return nullptr;
  }
}

} // namespace seq

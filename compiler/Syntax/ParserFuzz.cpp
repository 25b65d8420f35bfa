// Any bytes parse without a crash, and every error has a place inside the text.
#include "compiler/Syntax/Syntax.h"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  seq::SourceManager sources;
  uint32_t file = sources.addFile("fuzz.seq", std::string((const char *)data, size));
  seq::DiagnosticEngine diags(sources);
  auto tree = seq::parseFile(file, diags);
  if (!tree && !diags.hasErrors())
    abort();
  if (tree)
    seq::printAst(*tree);
  for (const seq::Message &message : diags.messages())
    if (message.range.begin > message.range.end || message.range.end > size)
      abort();
  seq::render(diags, sources, seq::ErrorFormat::Text, true);
  seq::render(diags, sources, seq::ErrorFormat::Json, false);
  return 0;
}

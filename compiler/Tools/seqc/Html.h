//===- Html.h - Pages that stand alone ----------------------------------------------------===//
#ifndef SEQC_TOOLS_SEQC_HTML_H
#define SEQC_TOOLS_SEQC_HTML_H

#include "compiler/Diagnostics/Diagnostics.h"

#include <string>
#include <vector>

namespace seq::tool {

/// Text for content and for quoted attributes, whatever its bytes are.
std::string escaped(std::string_view text);

/// A range of a source file that a page points at.
struct Mark {
  SourceRange range;
  std::string cls, title, id; ///< CSS classes, a tooltip, what links lead to ("" for none)
};

/// The file with numbered lines and its marks, which may overlap; of a long file the lines
/// around the range `shown`, whose end is after its begin.
std::string sourceHtml(const SourceManager &sources, uint32_t file, std::vector<Mark> marks,
                       SourceRange shown);

extern const char *const kPageStyle;

} // namespace seq::tool

#endif

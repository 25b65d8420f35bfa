//===- Diagnostics.h - Messages to users -----------------------------------===//
//
// Everything a user can get wrong is reported here: a kind with a stable code and
// a rule (Diagnostics.def), a place, what was seen, and a hint. Shape of a message:
//
//   model.seq:3:10: error: unknown name `decoy` [E0201]
//       h' = decoy * h + (1 - decay) * x[t]
//            ^~~~~
//   rule: a name is declared before it is used
//   hint: did you mean `decay`?
//
// Messages are lower-case, without a period, with code in backticks.
//
//===----------------------------------------------------------------------===//
#ifndef SEQC_DIAGNOSTICS_DIAGNOSTICS_H
#define SEQC_DIAGNOSTICS_DIAGNOSTICS_H

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace seq {

/// A half-open range of bytes in a file of the SourceManager. File 0 is "nowhere".
struct SourceRange {
  uint32_t file = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
  bool valid() const { return file != 0; }
};

struct LineColumn {
  unsigned line = 0;   ///< from 1
  unsigned column = 0; ///< from 1, in characters (code points), not bytes
};

/// Owns the text of every file that was read. Ids start at 1 and never change.
class SourceManager {
public:
  uint32_t addFile(std::string path, std::string text);
  const std::string &path(uint32_t file) const;
  std::string_view text(uint32_t file) const;
  std::string_view text(SourceRange range) const;
  LineColumn lineColumn(uint32_t file, uint32_t offset) const;
  /// The other way; a place past the end of its line or file is that end.
  uint32_t offset(uint32_t file, LineColumn place) const;
  size_t size() const { return files.size(); }

private:
  struct File {
    std::string path, text;
    std::vector<uint32_t> lineStarts;
  };
  std::vector<std::unique_ptr<File>> files;
};

/// Kinds of messages: name, code, title and rule come from Diagnostics.def.
enum class Diag : uint16_t {
#define SEQ_DIAG(NAME, CODE, TITLE, RULE) NAME,
#include "compiler/Diagnostics/Diagnostics.def"
};
struct DiagInfo {
  const char *name, *code, *title, *rule;
};
const DiagInfo &diagInfo(Diag kind);
/// All kinds in order, for the error index.
const std::vector<DiagInfo> &allDiags();

enum class Severity { Error, Warning, Note };

struct Note {
  SourceRange range;
  std::string message;
};
struct Message {
  Diag kind;
  Severity severity = Severity::Error;
  SourceRange range; ///< may be invalid: then `subject` leads (a file's name, an argument)
  std::string subject;
  std::string text;
  std::string hint;
  std::vector<Note> notes;
};

/// Collects messages. Printing happens once, at the end or when a limit is reached.
class DiagnosticEngine {
public:
  explicit DiagnosticEngine(SourceManager &sources) : sources(sources) {}

  class Builder {
  public:
    Builder(DiagnosticEngine &engine, size_t index) : engine(engine), index(index) {}
    Builder &hint(std::string text);
    Builder &note(SourceRange range, std::string text);

  private:
    DiagnosticEngine &engine;
    size_t index;
  };

  Builder error(Diag kind, SourceRange range, std::string text);
  /// An error without a place in a .seq file; `subject` is a path or an argument.
  Builder error(Diag kind, std::string subject, std::string text);
  Builder warning(Diag kind, SourceRange range, std::string text);

  bool hasErrors() const { return errors != 0; }
  size_t errorCount() const { return errors; }
  /// True once so many errors were reported that going on is pointless (20).
  bool full() const { return errors >= 20; }
  const std::vector<Message> &messages() const { return list; }
  /// Gives the messages since there were `since` that stand in another file than `use` its
  /// place; where they stood becomes a note.
  void moveToUse(size_t since, SourceRange use);
  SourceManager &sourceManager() { return sources; }

private:
  friend class Builder;
  SourceManager &sources;
  std::vector<Message> list; // capped; `errors` counts on
  size_t errors = 0;
};

enum class ErrorFormat { Text, Json };
/// Renders the messages, sorted by place within a file, duplicates dropped.
std::string render(const DiagnosticEngine &engine, const SourceManager &sources, ErrorFormat format,
                   bool color);

/// The candidate nearest to `name` within a third of its length, or "".
std::string nearest(std::string_view name, const std::vector<std::string> &candidates);

} // namespace seq

#endif

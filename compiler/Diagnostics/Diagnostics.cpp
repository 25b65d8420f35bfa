#include "compiler/Diagnostics/Diagnostics.h"

#include <algorithm>

namespace seq {

const std::vector<DiagInfo> &allDiags() {
  static const std::vector<DiagInfo> all = {
#define SEQ_DIAG(NAME, CODE, TITLE, RULE) {#NAME, CODE, TITLE, RULE},
#include "compiler/Diagnostics/Diagnostics.def"
  };
  return all;
}

const DiagInfo &diagInfo(Diag kind) {
  return allDiags()[size_t(kind)];
}

namespace {
constexpr size_t kDropped = SIZE_MAX;
constexpr size_t kMaxErrors = 20, kMaxWarnings = 100;

bool sameMessage(const Message &a, const Message &b) {
  return a.kind == b.kind && a.severity == b.severity && a.range.file == b.range.file &&
         a.range.begin == b.range.begin && a.range.end == b.range.end && a.subject == b.subject &&
         a.text == b.text;
}

/// Appends unless it is there already or there are enough of its severity.
/// Returns its index, or kDropped; `isNew` is false for a duplicate.
size_t append(std::vector<Message> &list, Message message, bool &isNew) {
  isNew = std::none_of(list.begin(), list.end(),
                       [&](const Message &other) { return sameMessage(other, message); });
  size_t same = std::count_if(list.begin(), list.end(), [&](const Message &other) {
    return other.severity == message.severity;
  });
  size_t limit = message.severity == Severity::Error ? kMaxErrors : kMaxWarnings;
  if (!isNew || same >= limit)
    return kDropped;
  list.push_back(std::move(message));
  return list.size() - 1;
}
} // namespace

DiagnosticEngine::Builder &DiagnosticEngine::Builder::hint(std::string text) {
  if (index != kDropped)
    engine.list[index].hint = std::move(text);
  return *this;
}

DiagnosticEngine::Builder &DiagnosticEngine::Builder::note(SourceRange range, std::string text) {
  if (index != kDropped)
    engine.list[index].notes.push_back({range, std::move(text)});
  return *this;
}

DiagnosticEngine::Builder DiagnosticEngine::error(Diag kind, SourceRange range, std::string text) {
  bool isNew;
  size_t index = append(list, {kind, Severity::Error, range, "", std::move(text), "", {}}, isNew);
  errors += isNew;
  return {*this, index};
}

DiagnosticEngine::Builder DiagnosticEngine::error(Diag kind, std::string subject,
                                                  std::string text) {
  bool isNew;
  size_t index =
      append(list, {kind, Severity::Error, {}, std::move(subject), std::move(text), "", {}}, isNew);
  errors += isNew;
  return {*this, index};
}

DiagnosticEngine::Builder DiagnosticEngine::warning(Diag kind, SourceRange range,
                                                    std::string text) {
  bool isNew;
  size_t index = append(list, {kind, Severity::Warning, range, "", std::move(text), "", {}}, isNew);
  return {*this, index};
}

void DiagnosticEngine::moveToUse(size_t since, SourceRange use) {
  for (size_t i = since; i < list.size(); ++i) {
    Message &message = list[i];
    if (!message.range.valid() || message.range.file == use.file)
      continue;
    message.notes.insert(message.notes.begin(), {message.range, "it arises here"});
    message.range = use;
  }
}

} // namespace seq

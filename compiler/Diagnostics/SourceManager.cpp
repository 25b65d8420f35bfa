#include "compiler/Diagnostics/Diagnostics.h"
#include "compiler/Diagnostics/Utf8.h"

#include <algorithm>

namespace seq {

uint32_t SourceManager::addFile(std::string path, std::string text) {
  auto file = std::make_unique<File>();
  file->path = std::move(path);
  file->text = std::move(text);
  file->lineStarts.push_back(0);
  for (size_t i = 0; i < file->text.size(); ++i)
    if (file->text[i] == '\n')
      file->lineStarts.push_back(uint32_t(i + 1));
  files.push_back(std::move(file));
  return uint32_t(files.size());
}

const std::string &SourceManager::path(uint32_t file) const {
  static const std::string none;
  return file == 0 || file > files.size() ? none : files[file - 1]->path;
}

std::string_view SourceManager::text(uint32_t file) const {
  return file == 0 || file > files.size() ? std::string_view() : files[file - 1]->text;
}

std::string_view SourceManager::text(SourceRange range) const {
  std::string_view all = text(range.file);
  size_t begin = std::min<size_t>(range.begin, all.size());
  size_t end = std::clamp<size_t>(range.end, begin, all.size());
  return all.substr(begin, end - begin);
}

LineColumn SourceManager::lineColumn(uint32_t file, uint32_t offset) const {
  if (file == 0 || file > files.size())
    return {};
  const File &f = *files[file - 1];
  offset = uint32_t(std::min<size_t>(offset, f.text.size()));
  auto line = std::upper_bound(f.lineStarts.begin(), f.lineStarts.end(), offset) - 1;
  size_t pos = *line;
  // A byte-order mark has no column.
  if (pos == 0 && f.text.compare(0, 3, "\xEF\xBB\xBF") == 0)
    pos = 3;
  unsigned column = 1;
  for (; pos < offset; ++column)
    utf8::decode(f.text, pos);
  return {unsigned(line - f.lineStarts.begin()) + 1, column};
}

uint32_t SourceManager::offset(uint32_t file, LineColumn place) const {
  if (file == 0 || file > files.size() || place.line == 0)
    return 0;
  const File &f = *files[file - 1];
  if (place.line > f.lineStarts.size())
    return uint32_t(f.text.size());
  size_t pos = f.lineStarts[place.line - 1];
  if (pos == 0 && f.text.compare(0, 3, "\xEF\xBB\xBF") == 0)
    pos = 3;
  for (unsigned column = 1; column < place.column && pos < f.text.size() && f.text[pos] != '\n';
       ++column)
    utf8::decode(f.text, pos);
  return uint32_t(pos);
}

} // namespace seq

#include "client/csv_reader.h"

namespace predictd::client {

bool CsvReader::NextLine(std::string* text) {
  if (!std::getline(in_, *text)) return false;
  if (++lines_read_ == 1 && text->starts_with("\xef\xbb\xbf")) text->erase(0, 3);
  if (text->ends_with('\r')) text->pop_back();
  return true;
}

bool CsvReader::Next(std::vector<std::string>* cells) {
  cells->clear();
  open_quote_ = false;
  std::string text;
  do {
    if (!NextLine(&text)) return false;
  } while (text.find_first_not_of(" \t") == std::string::npos);
  line_ = lines_read_;
  bool quoted = false;
  std::string cell;
  for (size_t at = 0;; ++at) {
    if (at == text.size()) {
      if (!quoted) break;
      // The cell goes on behind the line break.
      if (!NextLine(&text)) {
        open_quote_ = true;
        break;
      }
      cell += '\n';
      at = static_cast<size_t>(-1);
      continue;
    }
    const char c = text[at];
    if (quoted && c == '"') {
      if (at + 1 < text.size() && text[at + 1] == '"') {
        cell += text[++at];
      } else {
        quoted = false;
      }
    } else if (quoted) {
      cell += c;
    } else if (c == '"' && cell.empty()) {
      quoted = true;
    } else if (c == ',') {
      cells->push_back(std::move(cell));
      cell.clear();
    } else {
      cell += c;
    }
  }
  cells->push_back(std::move(cell));
  return true;
}

}  // namespace predictd::client

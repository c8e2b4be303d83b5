#include "client/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"

namespace predictd::client {
namespace {

size_t Width(absl::string_view text) {
  // Every byte but UTF-8's continuation bytes starts a character.
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

size_t DigitsBeforePoint(absl::string_view number) {
  const size_t point = number.find_first_of(".e");
  return point == absl::string_view::npos ? number.size() : point;
}

}  // namespace

void Table::AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

std::string Table::Text() const {
  std::vector<size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] - Width(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line;
    text += '\n';
  }
  return text;
}

void AlignDecimalPoints(std::vector<std::string>& numbers) {
  size_t widest = 0;
  for (const auto& number : numbers) widest = std::max(widest, DigitsBeforePoint(number));
  for (auto& number : numbers) number.insert(0, widest - DigitsBeforePoint(number), ' ');
}

}  // namespace predictd::client

#include "client/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/string_view.h"
#include "client/text.h"

namespace predictd::client {
namespace {

size_t DigitsBeforePoint(absl::string_view number) {
  const size_t point = number.find_first_of(".e");
  return point == absl::string_view::npos ? number.size() : point;
}

}  // namespace

void Table::AddRow(std::vector<std::string> cells) {
  rows_.push_back({.cells = std::move(cells), .text = ""});
}

void Table::AddText(std::string text) { rows_.back().text += text; }

std::string Table::Text() const {
  std::vector<size_t> widths;
  for (const auto& [cells, below] : rows_) {
    widths.resize(std::max(widths.size(), cells.size()));
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], Width(cells[i]));
  }
  std::string text;
  for (const auto& [cells, below] : rows_) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += cells[i];
      line.append(widths[i] - Width(cells[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line;
    text += '\n';
    text += below;
  }
  return text;
}

void AlignDecimalPoints(std::vector<std::string>& numbers) {
  size_t widest = 0;
  for (const auto& number : numbers) widest = std::max(widest, DigitsBeforePoint(number));
  for (auto& number : numbers) number.insert(0, widest - DigitsBeforePoint(number), ' ');
}

}  // namespace predictd::client

// Plain text in columns.
#ifndef PREDICTD_CLIENT_TABLE_H_
#define PREDICTD_CLIENT_TABLE_H_

#include <string>
#include <vector>

namespace predictd::client {

// Left-aligned columns two spaces apart, each as wide as its widest cell; widths count UTF-8
// characters. One thread.
class Table {
 public:
  // Rows may differ in length; an empty row is a blank line.
  void AddRow(std::vector<std::string> cells);

  // Lines below the row that was added last, for which no column is widened; empty or ends with
  // '\n'.
  void AddText(std::string text);

  // Every line ends with '\n' and has no trailing spaces.
  std::string Text() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    std::string text;  // below them
  };

  std::vector<Row> rows_;
};

// Pads numbers on the left so that their decimal points stand below each other.
void AlignDecimalPoints(std::vector<std::string>& numbers);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_TABLE_H_

// Reads comma-separated values after RFC 4180.
#ifndef PREDICTD_CLIENT_CSV_READER_H_
#define PREDICTD_CLIENT_CSV_READER_H_

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

namespace predictd::client {

// Takes '\n' and "\r\n", passes over empty lines and a byte order mark. One thread.
class CsvReader {
 public:
  explicit CsvReader(std::istream& in) : in_(in) {}

  // The next record's cells, a quoted one without its quotes; false at the end.
  bool Next(std::vector<std::string>* cells);

  // On which line, counted from 1, the record starts.
  int64_t line() const { return line_; }
  // Its last quoted cell has no end: the cells are those up to the end of the file.
  bool open_quote() const { return open_quote_; }
  // The end came because reading failed.
  bool failed() const { return in_.bad(); }

 private:
  bool NextLine(std::string* text);

  std::istream& in_;
  int64_t line_ = 0;
  int64_t lines_read_ = 0;
  bool open_quote_ = false;
};

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_CSV_READER_H_

// User ids from a text file, one per line.
#ifndef PREDICTD_CLIENT_ID_READER_H_
#define PREDICTD_CLIENT_ID_READER_H_

#include <cstdint>
#include <istream>
#include <string>

namespace predictd::client {

// Takes LF and CRLF line ends, skips blank lines and a byte order mark, and leaves ids as they are
// otherwise: spaces inside or around an id belong to it. One thread.
class IdReader {
 public:
  // `in` must outlive the reader.
  explicit IdReader(std::istream& in) : in_(in) {}

  // False at the end of the file or when reading fails: ask failed().
  bool Next(std::string* id);

  bool failed() const { return in_.bad(); }

 private:
  std::istream& in_;
  bool first_line_ = true;
};

// How many ids Next() will give; reads to the end.
int64_t CountIds(std::istream& in);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_ID_READER_H_

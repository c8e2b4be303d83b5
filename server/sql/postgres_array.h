// A column of values as one parameter: PostgreSQL's binary form of a one-dimensional array.
#ifndef PREDICTD_SERVER_SQL_POSTGRES_ARRAY_H_
#define PREDICTD_SERVER_SQL_POSTGRES_ARRAY_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace predictd {

// Exact: texts need no quoting, and numbers keep their bits.
class PostgresArray {
 public:
  enum class Element : uint32_t { kText = 25, kDouble = 701 };  // object ids of the built-in types

  explicit PostgresArray(Element element) : element_(element) { Clear(); }

  void Clear();
  void AppendText(absl::string_view text);
  void AppendDouble(double value);
  void AppendNull();

  // The parameter, until the next change.
  absl::string_view bytes() const { return bytes_; }

 private:
  void Append32(uint32_t value);
  // Where the array's header has a number.
  void Put32(size_t at, uint32_t value);
  void Count();

  const Element element_;
  uint32_t size_ = 0;
  std::string bytes_;
};

}  // namespace predictd

#endif  // PREDICTD_SERVER_SQL_POSTGRES_ARRAY_H_

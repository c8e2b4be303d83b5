#include "client/csv.h"

#include "absl/strings/str_cat.h"

namespace predictd::client {
namespace {

bool NeedsQuotes(absl::string_view field) {
  if (field.empty()) return false;
  return field.front() == ' ' || field.back() == ' ' ||
         field.find_first_of(",\"\r\n") != absl::string_view::npos;
}

}  // namespace

void AppendCsvField(absl::string_view field, std::string& out) {
  if (!NeedsQuotes(field)) {
    absl::StrAppend(&out, field);
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

}  // namespace predictd::client

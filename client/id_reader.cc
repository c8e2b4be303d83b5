#include "client/id_reader.h"

namespace predictd::client {

bool IdReader::Next(std::string* id) {
  while (std::getline(in_, *id)) {
    if (first_line_ && id->starts_with("\xef\xbb\xbf")) id->erase(0, 3);
    first_line_ = false;
    if (id->ends_with('\r')) id->pop_back();
    if (id->find_first_not_of(" \t") != std::string::npos) return true;
  }
  return false;
}

int64_t CountIds(std::istream& in) {
  IdReader reader(in);
  std::string id;
  int64_t count = 0;
  while (reader.Next(&id)) ++count;
  return count;
}

}  // namespace predictd::client

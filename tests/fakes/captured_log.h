// What is written to stderr, the log included, while an object of this class lives.
#ifndef PREDICTD_TESTS_FAKES_CAPTURED_LOG_H_
#define PREDICTD_TESTS_FAKES_CAPTURED_LOG_H_

#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/catch.h"

namespace predictd {

class CapturedLog {
 public:
  CapturedLog() : file_(std::tmpfile()), stderr_(dup(STDERR_FILENO)) {
    REQUIRE(file_ != nullptr);
    dup2(fileno(file_), STDERR_FILENO);
  }
  ~CapturedLog() {
    dup2(stderr_, STDERR_FILENO);
    close(stderr_);
    std::fclose(file_);
  }
  CapturedLog(const CapturedLog&) = delete;
  CapturedLog& operator=(const CapturedLog&) = delete;

  std::string text() const {
    std::string text(1 << 20, '\0');
    const ssize_t size = pread(fileno(file_), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return text;
  }
  int Count(const std::string& part) const {
    const std::string all = text();
    int count = 0;
    for (size_t at = all.find(part); at != std::string::npos; at = all.find(part, at + 1)) ++count;
    return count;
  }

 private:
  std::FILE* const file_;
  const int stderr_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_CAPTURED_LOG_H_

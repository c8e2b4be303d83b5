// A disk that is full, as SQLite sees it.
#ifndef PREDICTD_TESTS_UNIT_SQL_SMALL_DISK_H_
#define PREDICTD_TESTS_UNIT_SQL_SMALL_DISK_H_

#include <sys/resource.h>

#include <csignal>

#include "tests/catch.h"

namespace predictd {

// While it lives no file of this process may grow beyond `bytes`.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*const handler_)(int);
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_UNIT_SQL_SMALL_DISK_H_

// A pipe that nobody reads from: one more byte does not fit into it.
#ifndef PREDICTD_TESTS_FAKES_FULL_PIPE_H_
#define PREDICTD_TESTS_FAKES_FULL_PIPE_H_

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "tests/catch.h"

namespace predictd {

class FullPipe {
 public:
  FullPipe() {
    REQUIRE(pipe2(ends_, O_CLOEXEC | O_NONBLOCK) == 0);
    while (write(ends_[1], " ", 1) == 1) {
    }
    // What is handed on blocks, as a terminal's or a container engine's pipe does.
    REQUIRE(fcntl(ends_[1], F_SETFL, 0) == 0);
  }
  ~FullPipe() {
    close(ends_[0]);
    close(ends_[1]);
  }
  FullPipe(const FullPipe&) = delete;
  FullPipe& operator=(const FullPipe&) = delete;

  int writer() const { return ends_[1]; }

  // Takes out what is in it, without what it was filled up with.
  std::string Drain() {
    std::string all;
    char part[4096];
    for (ssize_t size = 0; (size = read(ends_[0], part, sizeof(part))) > 0;) all.append(part, size);
    return all.substr(std::min(all.size(), all.find_first_not_of(' ')));
  }

 private:
  int ends_[2];
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_FULL_PIPE_H_

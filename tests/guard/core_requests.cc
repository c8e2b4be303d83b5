// core_requests COUNT [--source]: predicts COUNT times from the in-process cache, or reading each
// row from the source. For programs that count what a process does.
#include <iostream>

#include "absl/strings/numbers.h"
#include "tests/guard/warm_line.h"

int main(int argc, char** argv) {
  const bool source = argc == 3 && absl::string_view(argv[2]) == "--source";
  int count = 0;
  if ((argc != 2 && !source) || !absl::SimpleAtoi(argv[1], &count) || count < 0) {
    std::cerr << "usage: core_requests COUNT [--source]\n";
    return 2;
  }
  predictd::predict::WarmLine line(source ? absl::ZeroDuration() : absl::InfiniteDuration());
  line.Run(count);
}

// Every test program's main. A write to a socket that its peer closed is an error, not a signal, as
// in the server.
#include <csignal>

#define CATCH_CONFIG_RUNNER
#include "tests/catch.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return Catch::Session().run(argc, argv);
}

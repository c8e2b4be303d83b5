#include "server/rpc/idle_cpus.h"

#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/fakes/manual_loop.h"

namespace predictd::rpc {
namespace {

class Rig {
 public:
  ~Rig() { ::unlink(path_.c_str()); }

  // `seconds` later all CPUs together have been idle for `idle` seconds in all.
  double After(double seconds, double idle) {
    clock_.Advance(absl::Seconds(seconds));
    const auto ticks = static_cast<int64_t>(idle * static_cast<double>(::sysconf(_SC_CLK_TCK)));
    std::ofstream(path_) << "cpu  100 2 30 " << ticks << " 5 0 7 0 0 0\ncpu0 50 1 15 1 2 0\n";
    return cpus_.SinceLastCall();
  }

 private:
  FakeClock clock_;
  const std::string path_ = absl::StrCat("/tmp/predictd-idle-cpus-", ::getpid());
  IdleCpus cpus_{clock_, path_};
};

TEST_CASE("idle CPUs are counted since the last call") {
  Rig rig;
  CHECK(rig.After(0.1, 1000) == 0);
  CHECK(rig.After(0.1, 1000.1) == Approx(1));
  CHECK(rig.After(0.1, 1000.25) == Approx(1.5));
  CHECK(rig.After(0.1, 1000.25) == 0);
}

TEST_CASE("no CPU counts as idle where the last call was long ago, or nothing can be read") {
  Rig rig;
  rig.After(0.1, 1000);
  CHECK(rig.After(10, 1010) == 0);
  const SystemClock clock;
  CHECK(IdleCpus(clock, "/nonexistent").SinceLastCall() == 0);
}

}  // namespace
}  // namespace predictd::rpc

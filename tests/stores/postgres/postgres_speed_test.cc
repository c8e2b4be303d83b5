// How fast rows come from PostgreSQL: postgres_test "[.speed]". Prints, and checks nothing that a
// busy machine could break.
#include <sys/resource.h>

#include <cstdio>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "tests/stores/postgres/postgres_rig.h"

namespace predictd {
namespace {

constexpr int kUsers = 20000;

Task<void> KeepReading(PostgresRig& rig, int first, bool& stop, size_t& reads) {
  int user = first;
  while (!stop) {
    auto reading =
        rig.source->Read(rig.loop, absl::StrCat("user-", user), rig.clock.Now() + absl::Seconds(1));
    const PostgresAnswer row = co_await std::move(reading);
    if (row.ok() && row->has_value()) ++reads;
    user = (user + 7919) % kUsers;
  }
}

void Measure(const std::string& url, int connections, int at_once) {
  PostgresRig rig(url);
  rig.connections = connections;
  rig.loop.set_longest_sleep(absl::Milliseconds(100));
  REQUIRE(rig.Open().ok());
  REQUIRE(rig.Has("user-1"));
  size_t reads = 0;
  bool stop = false;
  Scope scope;
  const absl::Time start = rig.clock.Now();
  const std::clock_t cpu_start = std::clock();
  for (int i = 0; i < at_once; ++i) scope.Spawn(KeepReading(rig, i * 31, stop, reads));
  rig.loop.RunFor(absl::Seconds(2));
  const double cpu = 1e6 * static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
  const double seconds = absl::ToDoubleSeconds(rig.clock.Now() - start);
  const size_t counted = reads;
  stop = true;
  REQUIRE(rig.loop.RunUntil([&] { return scope.running() == 0; }));
  std::printf("%d connections, %3d reads at once: %6.0f reads/s, %5.2f us of our CPU each\n",
              connections, at_once, static_cast<double>(counted) / seconds,
              cpu / static_cast<double>(counted));
}

TEST_CASE("rows of PostgreSQL per second", "[.speed]") {
  std::string columns;
  std::string values;
  for (int i = 0; i < 16; ++i) {
    absl::StrAppend(&columns, ", feature_", i, " float8");
    absl::StrAppend(&values, ", random()");
  }
  const std::string url = PostgresRig::Filled(
      absl::StrCat("CREATE TABLE user_features (user_id text PRIMARY KEY", columns,
                   "); INSERT INTO user_features SELECT 'user-' || n", values,
                   " FROM generate_series(0, ", kUsers - 1, ") n; ANALYZE user_features"));
  for (const int connections : {1, 2, 4}) {
    for (const int at_once : {1, 16, 64, 256}) Measure(url, connections, at_once);
  }
}

}  // namespace
}  // namespace predictd

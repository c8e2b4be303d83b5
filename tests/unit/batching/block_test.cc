// Blocks: consecutive rows of one matrix that go together.
#include <deque>
#include <limits>
#include <utility>
#include <vector>

#include "server/batching/turn_batches.h"
#include "tests/catch.h"
#include "tests/unit/batching/rig.h"

namespace predictd::batching {
namespace {

constexpr absl::Duration kBudget = absl::Milliseconds(100);
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Rows `first` to `first` + `count` of a matrix with one feature and one output.
struct TestBlock final : Row {
  TestBlock(std::vector<float>& features, std::vector<float>& predictions, int first, int count)
      : in(reinterpret_cast<const char*>(features.data())),
        out(reinterpret_cast<char*>(predictions.data())) {
    inputs = absl::MakeConstSpan(&in, 1);
    outputs = absl::MakeSpan(&out, 1);
    index = first;
    rows = count;
  }
  void Run() override { ++answered; }

  const char* in;
  char* out;
  int answered = 0;
};

class BlockRig {
 public:
  // The model doubles, throws on 3 and notes the sizes of its batches.
  explicit BlockRig(int max_queue = 1000) {
    lane = MakeLane(
        metrics,
        [this](int rows, const float* x, float* y) {
          {
            MutexLock lock(mutex);
            sizes.push_back(rows);
          }
          for (int i = 0; i < rows; ++i) {
            if (x[i] == 3) return absl::InternalError("three!");
          }
          return Double(rows, x, y);
        },
        /*max_batch=*/8, max_queue);
  }

  TestBlock& Add(int first, int count) {
    TestBlock& block = blocks.emplace_back(in, out, first, count);
    REQUIRE(batches.Add(*lane, block).ok());
    return block;
  }
  void RunAll() {
    for (const TestBlock& block : blocks) {
      while (block.answered == 0) loop.RunTurn();
    }
  }
  std::vector<int> Failed() const {
    std::vector<int> rows;
    for (const TestBlock& block : blocks) {
      for (const auto& [row, status] : block.failed) rows.push_back(block.index + row);
    }
    return rows;
  }

  const SystemClock clock;
  Metrics metrics;
  ManualLoop loop{clock};
  Mutex mutex;
  std::vector<int> sizes;
  std::unique_ptr<Lane> lane;
  std::vector<float> in = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  std::vector<float> out = std::vector<float>(16, -1);
  std::deque<TestBlock> blocks;
  WorkerPool pool{1, clock, metrics, [] {}};
  TurnBatches batches{loop, pool, metrics, kBudget};
};

TEST_CASE("blocks of one turn run together as far as they fit into a batch") {
  BlockRig rig;
  MakeLight(*rig.lane);
  rig.Add(4, 2);
  rig.Add(6, 5);
  rig.Add(11, 4);
  rig.loop.RunUntilIdle();
  CHECK(rig.sizes == std::vector<int>{8, 4});  // 7 rows, padded, then 4
  for (int i = 4; i < 15; ++i) CHECK(rig.out[i] == 2 * rig.in[i]);
  CHECK(rig.out[3] == -1);
  CHECK(rig.out[15] == -1);
  const LaneStatistics::Numbers numbers = rig.lane->statistics().Read();
  CHECK(numbers.rows == 11);
  CHECK(numbers.queue.count == 11);
  CHECK(numbers.runs[7].count == 1);
  CHECK(numbers.runs[4].count == 1);
}

TEST_CASE(
    "a block takes a place in the queue for each of its rows, or none where they do not fit") {
  BlockRig rig(/*max_queue=*/5);
  MakeLight(*rig.lane);
  rig.Add(4, 4);
  CHECK(rig.lane->queue_limit().waiting() == 4);
  TestBlock refused(rig.in, rig.out, 8, 2);
  CHECK(absl::IsResourceExhausted(rig.batches.Add(*rig.lane, refused)));
  CHECK(rig.lane->queue_limit().waiting() == 4);
  rig.Add(8, 1);
  CHECK(rig.lane->queue_limit().waiting() == 5);
  rig.loop.RunUntilIdle();
  CHECK(rig.lane->queue_limit().waiting() == 0);
  CHECK(refused.answered == 0);
}

TEST_CASE("a row of a block on which the model throws, or gives NaN, fails alone") {
  const bool light = GENERATE(true, false);
  BlockRig rig;
  if (light) MakeLight(*rig.lane);
  rig.in[6] = kNan;
  rig.Add(0, 4);
  rig.Add(4, 4);
  rig.Add(8, 2);
  rig.RunAll();
  CHECK(rig.Failed() == std::vector<int>{3, 6});
  CHECK(rig.lane->metrics().rows_failed.Value() == 2);
  for (const TestBlock& block : rig.blocks) CHECK(block.status.ok());
  CHECK(rig.blocks[0].failed[0].second.message() == "model 'm' version 1: three!");
  CHECK(rig.blocks[1].failed[0].second.message() ==
        "model 'm' version 1: gave NaN or infinity for this row");
  for (const int i : {0, 1, 2, 4, 5, 7, 8, 9}) CHECK(rig.out[i] == 2 * rig.in[i]);
  CHECK(rig.blocks[0].index == 0);
  CHECK(rig.blocks[0].rows == 4);
  CHECK(rig.lane->statistics().Read().rows == 8);
  CHECK(rig.lane->queue_limit().waiting() == 0);
}

TEST_CASE("a block whose caller has gone is dropped whole") {
  BlockRig rig;
  MakeLight(*rig.lane);
  const std::atomic<bool> gone{true};
  TestBlock& block = rig.Add(4, 4);
  block.cancelled = &gone;
  rig.Add(8, 2);
  rig.loop.RunUntilIdle();
  CHECK(absl::IsCancelled(block.status));
  CHECK(rig.sizes == std::vector<int>{2});
}

TEST_CASE("a worker runs the blocks that wait together as far as they fit into a batch") {
  BlockRig rig;
  for (int first = 4; first < 16; first += 3) rig.Add(first, 3);
  rig.RunAll();
  CHECK(rig.sizes == std::vector<int>{8, 8});  // 6 rows each, padded
  for (int i = 4; i < 16; ++i) CHECK(rig.out[i] == 2 * rig.in[i]);
}

}  // namespace
}  // namespace predictd::batching

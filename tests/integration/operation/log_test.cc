// One line per event on stderr, as text or JSON.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <csignal>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/catch.h"
#include "tests/fakes/full_pipe.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

using Line = std::map<std::string, std::string>;

// Every line is a JSON object whose values are texts; another line fails the test.
std::vector<Line> ParseLog(const std::string& log) {
  std::vector<Line> lines;
  for (const absl::string_view text : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    google::protobuf::Struct object;
    INFO(text);
    REQUIRE(google::protobuf::util::JsonStringToMessage(std::string(text), &object).ok());
    Line line;
    for (const auto& [name, value] : object.fields()) line[name] = value.string_value();
    lines.push_back(line);
  }
  return lines;
}

int Count(const std::vector<Line>& lines, const std::string& message, const std::string& field = "",
          const std::string& value = "") {
  int count = 0;
  for (const Line& line : lines) {
    const bool matches = line.at("message") == message &&
                         (field.empty() || (line.count(field) == 1 && line.at(field) == value));
    count += matches ? 1 : 0;
  }
  return count;
}

TEST_CASE("with --log_format=json every line is an object with time, level and message") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  ModelSpec nasty = Sum(1);
  nasty.source =
      "def forward(self, x):\n    assert False, \"a \\\"quoted\\\"\\tmessage\"\n    return x\n";
  repository.Add("nasty", 1, nasty);
  PredictdProcess server({"--models=" + repository.path(), "--log_format=json"});
  REQUIRE(server.WaitForState("m", 1, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("nasty", 1, v1::MODEL_STATE_FAILED));
  const std::vector<Line> lines = ParseLog(server.Log());
  for (const Line& line : lines) {
    CHECK(line.count("time") == 1);
    CHECK(line.count("level") == 1);
    CHECK(line.count("message") == 1);
  }
  CHECK(Count(lines, "model version is ready", "model", "m") == 1);
  CHECK(Count(lines, "model version failed", "model", "nasty") == 1);
}

TEST_CASE("with --log_level=debug there is one line per request, without the user's id") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server(
      {"--models=" + repository.path(), "--log_format=json", "--log_level=debug"});
  REQUIRE(server.WaitUntilReady());
  for (int i = 0; i < 5; ++i) REQUIRE(server.Predict("secretperson", {{"f0", 1}}).ok());
  CHECK(server.Predict("secretperson", {{"f1", 1}}).code() == grpc::INVALID_ARGUMENT);
  const std::vector<Line> lines = ParseLog(server.Log());
  CHECK(Count(lines, "request", "method", "Predict") == 6);
  CHECK(Count(lines, "request", "code", "INVALID_ARGUMENT") == 1);
  CHECK(server.Log().find("secretperson") == std::string::npos);
}

TEST_CASE("with --log_level=debug the log says what keeps a model from the dense kernels") {
  ModelRepository repository;
  repository.Add("summed", 1, Sum(1));
  ModelSpec chain = Sum(1);
  chain.source = "def forward(self, x):\n    return torch.relu(x * 2 + 1)\n";
  repository.Add("chain", 1, chain);
  PredictdProcess server({"--models=" + repository.path(), "--default_model=chain",
                          "--log_format=json", "--log_level=debug"});
  REQUIRE(server.WaitForState("summed", 1, v1::MODEL_STATE_READY));
  REQUIRE(server.WaitForState("chain", 1, v1::MODEL_STATE_READY));
  const auto answer = server.Predict("u", {{"f0", 20}});
  REQUIRE(answer.ok());
  CHECK(answer.response.outputs(0) == 41);
  std::vector<std::string> reasons;
  for (const Line& line : ParseLog(server.Log())) {
    if (line.count("optimisation") == 0 || line.at("optimisation") != "dense kernels") continue;
    reasons.push_back(line.at("reason"));
  }
  CHECK(reasons == std::vector<std::string>{"aten::sum"});
}

TEST_CASE("without it no line is written per request, and the end is told") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  PredictdProcess server({"--models=" + repository.path()});
  REQUIRE(WaitUntil([&] { return absl::StrContains(server.Log(), " info ready\n"); }));
  const std::string before = server.Log();
  for (int i = 0; i < 5; ++i) REQUIRE(server.Predict("u", {{"f0", 1}}).ok());
  CHECK(server.Predict("").code() == grpc::INVALID_ARGUMENT);
  CHECK(server.Log() == before);
  server.Kill(SIGTERM);
  CHECK(server.WaitForExit() == 0);
  CHECK(server.Log().find("info draining") != std::string::npos);
  CHECK(server.Log().find("info stopped") != std::string::npos);
  CHECK(server.Stdout().find("listening grpc 127.0.0.1:") == 0);
}

TEST_CASE("a reader of the log that has stopped reading holds up neither calls nor the end") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  FullPipe pipe;
  PredictdProcess server({"--models=" + repository.path(), "--log_level=debug"},
                         {.err = pipe.writer()});
  REQUIRE(server.WaitUntilReady());
  for (int i = 0; i < 5; ++i) REQUIRE(server.Predict("u", {{"f0", 1}}).ok());
  CHECK(server.WaitForMetric("predictd_log_lines_dropped_total", 5));
  SECTION("to the end") {}
  SECTION("for a while") {
    pipe.Drain();
    REQUIRE(server.Predict("u", {{"f0", 1}}).ok());
    std::string log;
    CHECK(WaitUntil([&] {
      log += pipe.Drain();
      return absl::StrContains(log, " warning log lines were dropped lines=") &&
             absl::StrContains(log, " request method=Predict");
    }));
  }
  server.Kill(SIGTERM);
  CHECK(server.WaitForExit() == 0);
}

}  // namespace
}  // namespace predictd::integration

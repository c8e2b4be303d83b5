// What is wrong with a command line ends predictd at once: one line that names the flag.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/catch.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

// Command lines that must end predictd at once with a failure and one line on stderr. All run at
// the same time: most of a run is the loading of libtorch.
class Refusals {
 public:
  // The line must have each of `parts`.
  void Add(const std::vector<std::string>& flags, std::vector<std::string> parts) {
    // Free ports, unless the flags say which.
    std::vector<std::string> all = {"--listen=127.0.0.1:0", "--http_listen="};
    all.insert(all.end(), flags.begin(), flags.end());
    runs_.push_back({absl::StrJoin(flags, " "), std::move(parts), StartPredictd(all)});
  }

  void Check() {
    for (const Run& run : runs_) {
      const std::optional<int> status = run.process->WaitForExit(kPatience);
      const std::string err = run.process->Stderr();
      INFO(run.flags << "\n" << err);
      REQUIRE(status.has_value());
      CHECK(*status != 0);
      CHECK(*status < 128);
      CHECK(run.process->Stdout() == "");
      CHECK(std::count(err.begin(), err.end(), '\n') == 1);
      for (const std::string& part : run.parts) {
        INFO(part);
        CHECK(err.find(part) != std::string::npos);
      }
    }
  }

 private:
  struct Run {
    std::string flags;
    std::vector<std::string> parts;
    std::unique_ptr<ChildProcess> process;
  };
  std::vector<Run> runs_;
};

TEST_CASE("unknown flags, bad values and leftover arguments are named") {
  Refusals refusals;
  ModelRepository repository;
  const std::string models = "--models=" + repository.path();
  refusals.Add({models, "--modells=x"}, {"there is no flag --modells"});
  refusals.Add({models, "extra"}, {"extra"});
  refusals.Add({}, {"--models"});
  refusals.Add({models, "--max_batch=many"}, {"--max_batch=many: write a whole number"});
  refusals.Add({models, "--max_batch=0"}, {"--max_batch"});
  refusals.Add({models, "--lame_duck=60s"}, {"--lame_duck", "--drain_timeout"});
  refusals.Add({models, "--max_connection_age=-1s"}, {"--max_connection_age"});
  refusals.Add({models, "--max_queue=-1"}, {"--max_queue"});
  refusals.Add({models, "--batch_delay=5"}, {"--batch_delay=5: a time needs a unit, such as 5s"});
  refusals.Add({models, "--batch_delay=-5ms"}, {"--batch_delay"});
  refusals.Add({models, "--inline_budget=-1us"}, {"--inline_budget"});
  refusals.Add({models, "--event_loops=-1"}, {"--event_loops"});
  refusals.Add({models, "--event_loops=2", "--min_event_loops=3"}, {"--min_event_loops", "2"});
  refusals.Add({models, "--drain_timeout=0"}, {"--drain_timeout"});
  refusals.Add({models, "--admin=everyone"}, {"--admin", "loopback"});
  refusals.Add({models, "--log_format=xml"}, {"--log_format", "json"});
  refusals.Add({models, "--save=sometimes"}, {"--save", "after_reply"});
  refusals.Add({models, "--save=before_reply"}, {"--save", "--save_to"});
  refusals.Add({models, "--feature_cache=http://x"}, {"--feature_cache"});
  refusals.Add({models, "--feature_cache=redis://localhost:1"}, {"--feature_names"});
  refusals.Add({models, "--feature_cache=redis://localhost:1", "--feature_cache_ca=x"},
               {"--feature_cache: is not rediss://", "--feature_cache_ca"});
  refusals.Add({models, "--feature_cache_encoding=csv"}, {"--feature_cache_encoding", "packed"});
  const std::string feast = "--feature_cache_encoding=feast";
  refusals.Add({models, feast}, {"--feast_project"});
  refusals.Add({models, feast, "--feast_project=p"}, {"--feast_entity_key"});
  refusals.Add({models, feast, "--feast_project=p", "--feast_entity_key=k"}, {"--feast_view"});
  refusals.Add({models, feast, "--feast_project=p", "--feast_entity_key=k", "--feast_view=v",
                "--feast_entity_type=FLOAT"},
               {"--feast_entity_type", "INT64"});
  refusals.Add({models, "--feature_names=a,b,a"}, {"--feature_names", "'a'"});
  refusals.Add({models, "--feature_names=a,,b"}, {"--feature_names", "empty element"});
  refusals.Add({models, "--listen=127.0.0.1:0, "}, {"--listen", "empty element"});
  refusals.Add({models, "--feature_source=mysql://x"}, {"--feature_source"});
  refusals.Add({models, "--save_to=/tmp/x"}, {"--save_to"});
  refusals.Add({models, "--listen="}, {"--listen"});
  refusals.Add({models, "--listen=:50051"}, {"--listen: :50051", "host:port"});
  refusals.Add({models, "--http_listen=8080"}, {"--http_listen: 8080", "host:port"});
  refusals.Add({models, "--http_listen=:8080"}, {"--http_listen: :8080", "host:port"});
  refusals.Add({models, "--max_message_mb=0"}, {"--max_message_mb"});
  refusals.Check();
}

TEST_CASE("flags that can have no effect beside the others are warnings in the log") {
  ModelRepository repository;
  const FeatureTable table(1, 1);
  const std::string models = "--models=" + repository.path();
  const std::string source = "--feature_source=" + table.source();
  const std::string cache = "--feature_cache=redis://localhost:1";
  const auto warns = [](const std::vector<std::string>& flags,
                        const std::vector<std::string>& warnings) {
    PredictdProcess predictd(flags);
    for (const std::string& warning : warnings) {
      CAPTURE(warning);
      CHECK(WaitUntil([&] { return predictd.Log().find(warning) != std::string::npos; }));
    }
  };
  warns({models, "--feature_table=user_features", "--feature_key=id", "--feature_names=a"},
        {"--feature_table has no effect without --feature_source",
         "--feature_key has no effect without --feature_source",
         "--feature_names has no effect without --feature_cache;"});
  warns({models, source, "--postgres_connections=2", "--feature_cache_prefix=x",
         "--feature_cache_ttl=1h", "--feature_cache_timeout=1s", "--feature_cache_encoding=hash"},
        {"--postgres_connections has no effect", "--feature_cache_prefix has no effect",
         "--feature_cache_ttl has no effect", "--feature_cache_timeout has no effect",
         "--feature_cache_encoding has no effect without --feature_cache;"});
  warns({models, source, cache, "--feature_names=a", "--feast_view=v"},
        {"--feature_names has no effect with --feature_source",
         "--feast_view has no effect without --feature_cache_encoding=feast"});
  warns({models, source, cache, "--feature_cache_encoding=feast", "--feast_project=p",
         "--feast_entity_key=k", "--feast_view=v", "--feature_cache_prefix=features:"},
        {"--feature_cache_prefix has no effect"});
}

TEST_CASE("saving that is asked for without a store is a warning in the log") {
  ModelRepository repository;
  const std::string models = "--models=" + repository.path();
  const std::string warning = "--save has no effect without --save_to";
  PredictdProcess asked({models, "--save=after_reply"});
  CHECK(WaitUntil([&] { return asked.Log().find(warning) != std::string::npos; }));
  PredictdProcess off({models, "--save=off"});
  const std::string next = "the repository has no version";
  CHECK(WaitUntil([&] { return off.Log().find(next) != std::string::npos; }));
  CHECK(off.Log().find(warning) == std::string::npos);
}

TEST_CASE("files that are not there or not what they should be are named") {
  Refusals refusals;
  ModelRepository repository;
  const std::string models = "--models=" + repository.path();
  const TempFolder folder;
  const std::string none = folder.File("none");
  const std::string text = folder.File("text");
  REQUIRE(std::system(("echo hello, this is no database > " + text).c_str()) == 0);
  refusals.Add({"--models=" + none}, {"--models", none});
  refusals.Add({"--models=" + text}, {"--models", text});
  refusals.Add({models, "--feature_source=sqlite:" + none}, {"--feature_source", none});
  refusals.Add({models, "--feature_source=sqlite:" + text}, {"--feature_source", text});
  const FeatureTable table(1, 1);
  refusals.Add({models, "--feature_source=" + table.source(), "--feature_table=persons"},
               {"--feature_table", "persons"});
  refusals.Add({models, "--feature_source=" + table.source(), "--feature_key=name"},
               {"--feature_key", "name"});
  refusals.Add({models, "--save_to=sqlite:" + none + "/p.db"}, {"--save_to", none});
  refusals.Add({models, "--save_to=sqlite:" + text}, {"--save_to", text});
  refusals.Add({models, "--tls_cert=" + none, "--tls_key=" + none}, {"--tls_", none});
  refusals.Add({models, "--tls_cert=" + text, "--tls_key=" + text}, {"--tls_", text});
  refusals.Add({models, "--tls_cert=" + text}, {"--tls_key"});
  const std::string cache = "--feature_cache=rediss://localhost:1";
  refusals.Add({models, cache, "--feature_cache_ca=" + none}, {"--feature_cache_ca", none});
  refusals.Add({models, cache, "--feature_cache_cert=" + text, "--feature_cache_key=" + text},
               {"--feature_cache_key", text});
  refusals.Add({models, cache, "--feature_cache_cert=" + text}, {"--feature_cache_key"});
  refusals.Add({models, "--flagfile=" + none}, {"flagfile", none});
  refusals.Check();
}

TEST_CASE("an address that another process serves is an error that names it") {
  Refusals refusals;
  ModelRepository repository;
  const TempFolder folder;
  const std::string socket = "unix:" + folder.File("s");
  PredictdProcess first({"--models=" + repository.path(), "--listen=127.0.0.1:0," + socket});
  const std::string models = "--models=" + repository.path();
  refusals.Add({models, "--listen=" + first.grpc_address()}, {"--listen", first.grpc_address()});
  refusals.Add({models, "--listen=127.0.0.1:0," + socket}, {"--listen", folder.File("s")});
  refusals.Add({models, "--http_listen=" + first.http_address()},
               {"--http_listen", first.http_address(), "Address already in use"});
  refusals.Check();
  // The first is none the worse for it.
  CHECK(first.ListModels().ok());
  grpc::ClientContext context;
  SetDeadline(context);
  v1::ListModelsResponse response;
  const auto channel = grpc::CreateChannel(socket, grpc::InsecureChannelCredentials());
  CHECK(v1::Predictor::NewStub(channel)
            ->ListModels(&context, v1::ListModelsRequest(), &response)
            .ok());
}

TEST_CASE("a socket that a dead server left behind is taken over") {
  ModelRepository repository;
  const TempFolder folder;
  const std::string socket = "--listen=unix:" + folder.File("s");
  PredictdProcess first({"--models=" + repository.path(), socket});
  first.ExpectExit(128 + SIGKILL);
  first.Kill(SIGKILL);
  REQUIRE(first.WaitForExit() == 128 + SIGKILL);
  PredictdProcess second({"--models=" + repository.path(), socket});
  CHECK(second.ListModels().ok());
}

TEST_CASE("help groups the flags and says their defaults and units") {
  const Exited run = RunPredictd({"--help"});
  REQUIRE(run.status == 1);
  for (const char* text :
       {"Flags from server/config/model_flags.cc", "Flags from server/config/feature_flags.cc",
        "--models", "--listen", "default: \"127.0.0.1:50051\"", "--max_batch", "default: 64",
        "--local_cache_mb", "in MiB", "--inline_budget", "default: 200us"}) {
    INFO(text);
    CHECK(run.out.find(text) != std::string::npos);
  }
}

TEST_CASE("flags can come from a file") {
  ModelRepository repository;
  repository.Add("m", 1, Sum(1));
  const TempFolder folder;
  const std::string file = folder.File("flags");
  REQUIRE(std::system(("echo --models=" + repository.path() + " > " + file).c_str()) == 0);
  PredictdProcess server({"--flagfile=" + file});
  CHECK(server.WaitUntilReady());
}

}  // namespace
}  // namespace predictd::integration

// What is wrong with a command line ends predictd at once: one line that names the flag.
#include <algorithm>
#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/catch.h"
#include "tests/integration/harness/feature_table.h"
#include "tests/integration/harness/models.h"
#include "tests/integration/harness/predictd_process.h"

namespace predictd::integration {
namespace {

// Ends at once with a failure, and with one line on stderr that has each of these.
void CheckRefused(std::vector<std::string> flags, const std::vector<std::string>& parts) {
  // Free ports, unless the flags say which.
  flags.insert(flags.begin(), {"--listen=127.0.0.1:0", "--http_listen="});
  const Exited run = RunPredictd(flags);
  INFO(absl::StrJoin(flags, " ") << "\n" << run.err);
  REQUIRE(run.status.has_value());
  CHECK(*run.status != 0);
  CHECK(*run.status < 128);
  CHECK(run.out == "");
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  for (const std::string& part : parts) {
    INFO(part);
    CHECK(run.err.find(part) != std::string::npos);
  }
}

TEST_CASE("unknown flags, bad values and leftover arguments are named") {
  ModelRepository repository;
  const std::string models = "--models=" + repository.path();
  CheckRefused({models, "--modells=x"}, {"modells"});
  CheckRefused({models, "extra"}, {"extra"});
  CheckRefused({}, {"--models"});
  CheckRefused({models, "--max_batch=many"}, {"max_batch"});
  CheckRefused({models, "--max_batch=0"}, {"--max_batch"});
  CheckRefused({models, "--max_queue=-1"}, {"--max_queue"});
  CheckRefused({models, "--batch_delay=5"}, {"batch_delay"});
  CheckRefused({models, "--batch_delay=-5ms"}, {"--batch_delay"});
  CheckRefused({models, "--inline_budget=-1us"}, {"--inline_budget"});
  CheckRefused({models, "--event_loops=-1"}, {"--event_loops"});
  CheckRefused({models, "--drain_timeout=0"}, {"--drain_timeout"});
  CheckRefused({models, "--admin=everyone"}, {"--admin", "loopback"});
  CheckRefused({models, "--log_format=xml"}, {"--log_format", "json"});
  CheckRefused({models, "--save=sometimes"}, {"--save", "after_reply"});
  CheckRefused({models, "--save=before_reply"}, {"--save", "--save_to"});
  CheckRefused({models, "--feature_cache=http://x"}, {"--feature_cache"});
  CheckRefused({models, "--feature_cache=redis://localhost:1"}, {"--feature_names"});
  CheckRefused({models, "--feature_cache_encoding=csv"}, {"--feature_cache_encoding", "packed"});
  CheckRefused({models, "--feature_names=a,b,a"}, {"--feature_names", "'a'"});
  CheckRefused({models, "--feature_source=mysql://x"}, {"--feature_source"});
  CheckRefused({models, "--save_to=/tmp/x"}, {"--save_to"});
  CheckRefused({models, "--listen="}, {"--listen"});
  CheckRefused({models, "--max_message_mb=0"}, {"--max_message_mb"});
}

TEST_CASE("files that are not there or not what they should be are named") {
  ModelRepository repository;
  const std::string models = "--models=" + repository.path();
  const TempFolder folder;
  const std::string none = folder.File("none");
  const std::string text = folder.File("text");
  REQUIRE(std::system(("echo hello, this is no database > " + text).c_str()) == 0);
  CheckRefused({"--models=" + none}, {"--models", none});
  CheckRefused({"--models=" + text}, {"--models", text});
  CheckRefused({models, "--feature_source=sqlite:" + none}, {"--feature_source", none});
  CheckRefused({models, "--feature_source=sqlite:" + text}, {"--feature_source", text});
  const FeatureTable table(1, 1);
  CheckRefused({models, "--feature_source=" + table.source(), "--feature_table=persons"},
               {"--feature_table", "persons"});
  CheckRefused({models, "--feature_source=" + table.source(), "--feature_key=name"},
               {"--feature_key", "name"});
  CheckRefused({models, "--save_to=sqlite:" + none + "/p.db"}, {"--save_to", none});
  CheckRefused({models, "--save_to=sqlite:" + text}, {"--save_to", text});
  CheckRefused({models, "--tls_cert=" + none, "--tls_key=" + none}, {"--tls_", none});
  CheckRefused({models, "--tls_cert=" + text, "--tls_key=" + text}, {"--tls_", text});
  CheckRefused({models, "--tls_cert=" + text}, {"--tls_key"});
  CheckRefused({models, "--flagfile=" + none}, {"flagfile", none});
}

TEST_CASE("an address that another process serves is an error that names it") {
  ModelRepository repository;
  const TempFolder folder;
  const std::string socket = "unix:" + folder.File("s");
  PredictdProcess first({"--models=" + repository.path(), "--listen=127.0.0.1:0," + socket});
  const std::string models = "--models=" + repository.path();
  CheckRefused({models, "--listen=" + first.grpc_address()}, {"--listen", first.grpc_address()});
  CheckRefused({models, "--listen=127.0.0.1:0," + socket}, {"--listen", folder.File("s")});
  CheckRefused({models, "--http_listen=" + first.http_address()},
               {"--http_listen", first.http_address()});
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

TEST_CASE("--help groups the flags and says their defaults and units") {
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

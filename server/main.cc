// Puts the concrete types together; the only file that knows them all.
#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "server/async/pulse.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/status.h"
#include "server/batching/worker_pool.h"
#include "server/config/config.h"
#include "server/descriptors.h"
#include "server/feature_tiers.h"
#include "server/features/reader.h"
#include "server/free_memory.h"
#include "server/http/http_server.h"
#include "server/huge_pages.h"
#include "server/model/load_model.h"
#include "server/model/torch_runtime.h"
#include "server/predict/feature_store.h"
#include "server/predict/inference.h"
#include "server/predict/predictor.h"
#include "server/predict/shadow.h"
#include "server/redis/hiredis_version.h"
#include "server/repository/warm_up.h"
#include "server/rpc/readiness.h"
#include "server/rpc/server.h"
#include "server/sql/postgres_store.h"
#include "server/sql/sqlite_store.h"

namespace predictd {
namespace {

// What of the drain's time is kept, or less where it is short: for closing connections, for
// flushing saves after the last call, for logging what was given up.
constexpr absl::Duration kGoodbye = absl::Milliseconds(250);
constexpr absl::Duration kFlush = absl::Milliseconds(750);
constexpr absl::Duration kLastWords = absl::Milliseconds(250);

// Longest wait for a model that is being loaded to come out of libtorch.
constexpr absl::Duration kModelEnd = absl::Seconds(1);

// What the shutdown is busy with.
std::atomic<const char*> shutdown_step{"calls and connections"};

// Whatever hangs, the process is gone in time, and the log says what did.
void ExitAfter(absl::Duration longest) {
  std::thread([longest] {
    absl::SleepFor(longest);
    Log(LogLevel::kError, "the shutdown hangs: the process ends without the rest of it",
        {{"step", shutdown_step.load()}});
    std::_Exit(0);
  }).detach();
}

// One event loop's share of the line.
struct LoopLine {
  std::unique_ptr<FeatureTiers::OfLoop> tiers;
  std::unique_ptr<batching::TurnBatches> batches;
  std::unique_ptr<predict::Shadow> shadow;
  std::unique_ptr<predict::FeatureStore> feature_store;
  std::unique_ptr<predict::Predictor> predictor;
  std::unique_ptr<predict::Inference> inference;
};

Task<void> CountDownAfter(FeatureTiers::OfLoop& tiers, std::atomic<int>& left) {
  // First: what it is late with is read anew.
  if (tiers.writer != nullptr) co_await tiers.writer->Done();
  co_await tiers.reader->Done();
  --left;
}

Task<void> CountDownAfter(predict::Shadow& shadow, std::atomic<int>& left) {
  co_await shadow.End();
  --left;
}

// The process, in the order in which its parts depend on each other.
class Predictd {
 public:
  explicit Predictd(config::Config config)
      : config_(std::move(config)),
        server_(config_.listen, config_.event_loops, config_.min_event_loops, clock_),
        pool_(config_.workers, clock_, metrics_, model::PrepareTorchThread),
        catalog_(config_.default_model),
        readiness_(catalog_, config_.default_model, metrics_),
        tiers_(config_, clock_, metrics_) {}

  absl::Status Start() {
    metrics_.SetBuildInfo(
        {PREDICTD_VERSION, model::TorchVersion(), grpc::Version(), redis::HiredisVersion()});
    PREDICTD_RETURN_IF_ERROR(OpenStores());
    MakeRepository();
    const absl::Status looked = repository_->Look();
    if (!looked.ok()) {
      return absl::NotFoundError(absl::StrCat(
          "--models: ", looked.message(),
          "; give it the folder of the models, as it is with models/churn/1/model.pt"));
    }
    if (!config_.default_model.empty() &&
        !catalog_.snapshot()->models.contains(config_.default_model)) {
      Log(LogLevel::kWarning, "--default_model is not in the repository yet",
          {{"model", config_.default_model}, {"models", config_.models}});
    }
    std::vector<predict::Predictor*> predictors;
    std::vector<predict::FeatureStore*> feature_stores;
    std::vector<predict::Inference*> inferences;
    std::vector<Loop*> loops;
    for (const auto& loop : server_.loops()) {
      loops.push_back(loop.get());
      lines_.push_back(MakeLine(*loop));
      predictors.push_back(lines_.back().predictor.get());
      feature_stores.push_back(lines_.back().feature_store.get());
      inferences.push_back(lines_.back().inference.get());
    }
    tiers_.WatchInvalidations(*server_.loops().front());
    catalog_.OnChange([this] {
      server_.HealthChanged();
      readiness_.Changed();
    });
    auto addresses = server_.Start({predictors,
                                    feature_stores,
                                    inferences,
                                    catalog_,
                                    *repository_,
                                    metrics_,
                                    config_.admin,
                                    {PREDICTD_VERSION, config_.workers}},
                                   model::PrepareTorchThread);
    if (!addresses.ok()) return addresses.status();
    if (!config_.http_listen.empty()) {
      pulse_ = std::make_unique<Pulse>(std::move(loops), clock_);
      auto http = http::HttpServer::Start(
          config_.http_listen, metrics_, [this] { return pulse_->Check(); },
          [this] { return readiness_.WhyNot(); });
      if (!http.ok()) return http.status();
      http_ = *std::move(http);
    }
    for (const std::string& address : *addresses)
      std::printf("listening grpc %s\n", address.c_str());
    if (http_ != nullptr) std::printf("listening http %s\n", http_->address().c_str());
    std::fflush(stdout);
    // Only now: a server that cannot start says nothing but why.
    for (const std::string& warning : config_.warnings) Log(LogLevel::kWarning, warning);
    // Last: the port answers while models load.
    repository_->Start();
    return absl::OkStatus();
  }

  // Returns false where something was still under way at the deadline, so that destructors would
  // wait.
  bool Shutdown() {
    // Before ExitAfter, so that what is given up says so itself.
    const absl::Duration share = config_.drain_timeout / 8;
    const absl::Time deadline = clock_.Now() + config_.drain_timeout - std::min(kLastWords, share);
    const absl::Duration goodbye = std::min(kGoodbye, share);
    const absl::Duration reserve =
        goodbye + (writer_ == nullptr ? absl::ZeroDuration() : std::min(kFlush, share));
    ExitAfter(config_.drain_timeout);
    Log(LogLevel::kInfo, "draining", {{"longest", config_.drain_timeout}});
    readiness_.Drain();
    bool ended = server_.Drain(config_.lame_duck, deadline - reserve, goodbye);
    shutdown_step = "models";
    const absl::Duration models_end = std::min(kModelEnd, deadline - clock_.Now());
    if (!repository_->Stop(ended ? models_end : absl::ZeroDuration())) {
      Log(LogLevel::kWarning, "a model that is being loaded is not waited for");
      ended = false;
    }
    shutdown_step = "reads of features and rows of shadows";
    ended &= WaitForLines(deadline);
    shutdown_step = "saves";
    if (writer_ != nullptr) {
      const absl::Status flushed = writer_->Flush(deadline);
      if (!flushed.ok()) Log(LogLevel::kError, "not all was saved", {{"error", flushed.message()}});
    }
    shutdown_step = "event loops";
    if (ended) server_.StopLoops();
    Log(LogLevel::kInfo, "stopped");
    shutdown_step = "destructors";
    return ended;
  }

 private:
  absl::Status OpenStores() {
    PREDICTD_RETURN_IF_ERROR(tiers_.Open());
    if (!config_.save_to) return absl::OkStatus();
    auto store = MakeStore();
    PREDICTD_RETURN_IF_ERROR(store.status());
    store_ = *std::move(store);
    writer_ = std::make_unique<save::Writer>(*store_, clock_, metrics_, save::Writer::Options());
    return absl::OkStatus();
  }

  absl::StatusOr<std::unique_ptr<PredictionStore>> MakeStore() {
    const StoreAddress& address = *config_.save_to;
    if (address.kind == StoreKind::kSqlite) return SqliteStore::Create({address.path}, clock_);
    return PostgresStore::Create({address.path}, clock_);
  }

  void MakeRepository() {
    std::vector<Loop*> loops;
    for (const auto& loop : server_.loops()) loops.push_back(loop.get());
    auto warm_up =
        std::make_shared<repository::WarmUp>(pool_, std::move(loops), config_.inline_budget);
    repository::RepositoryOptions options;
    options.directory = config_.models;
    options.poll = config_.model_poll;
    options.settings = config_.model_settings;
    options.load = model::LoadModel;
    options.warm_up = [warm_up](const repository::VersionHandle& version,
                                const std::atomic<bool>& stopping) {
      return warm_up->Run(version, stopping);
    };
    options.release_memory = ReleaseFreeMemory;
    repository_ =
        std::make_unique<repository::Repository>(std::move(options), catalog_, clock_, metrics_);
  }

  LoopLine MakeLine(Loop& loop) {
    LoopLine line;
    // Steps of a turn in this order: Redis, PostgreSQL, then the batches with what they answered,
    // then what is run beside them.
    line.tiers = tiers_.ForLoop(loop, static_cast<int>(lines_.size()),
                                [this, features = std::shared_ptr<const Schema>()]() mutable
                                -> const std::shared_ptr<const Schema>& {
                                  return features = catalog_.snapshot()->features;
                                });
    features::Reader* const reader = line.tiers->reader.get();
    line.batches =
        std::make_unique<batching::TurnBatches>(loop, pool_, metrics_, config_.inline_budget);
    line.shadow = std::make_unique<predict::Shadow>(loop, catalog_, *line.batches, metrics_);
    line.feature_store =
        std::make_unique<predict::FeatureStore>(loop, reader, line.tiers->writer.get(), metrics_);
    line.predictor = std::make_unique<predict::Predictor>(
        predict::Line{loop, catalog_, reader, *line.batches, writer_.get(), config_.save, metrics_,
                      line.shadow.get(), config_.max_answer_bytes});
    line.inference = std::make_unique<predict::Inference>(loop, catalog_, *line.batches, metrics_,
                                                          config_.max_answer_bytes);
    return line;
  }

  // Reads, and rows of shadows, go on after their callers have gone. True once none is under way.
  bool WaitForLines(absl::Time deadline) {
    for (size_t i = 0; i < lines_.size(); ++i) {
      LoopLine& line = lines_[i];
      lines_left_ += line.tiers->reader == nullptr ? 1 : 2;
      server_.loops()[i]->PostFunction([this, &line] {
        Scope& end = *line.tiers->end;
        end.Spawn(CountDownAfter(*line.shadow, lines_left_));
        if (line.tiers->reader == nullptr) return;
        end.Spawn(CountDownAfter(*line.tiers, lines_left_));
      });
    }
    while (lines_left_ > 0 && clock_.Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
    return lines_left_ == 0;
  }

  const config::Config config_;
  const SystemClock clock_;
  Metrics metrics_;
  // The loops: all that follows may post to them.
  rpc::Server server_;
  batching::WorkerPool pool_;
  repository::Catalog catalog_;
  rpc::Readiness readiness_;
  std::unique_ptr<PredictionStore> store_;
  std::unique_ptr<save::Writer> writer_;
  FeatureTiers tiers_;
  std::vector<LoopLine> lines_;
  std::atomic<int> lines_left_{0};
  std::unique_ptr<repository::Repository> repository_;
  std::unique_ptr<Pulse> pulse_;
  std::unique_ptr<http::HttpServer> http_;
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "predictd: %s\n", std::string(status.message()).c_str());
  return 1;
}

// gRPC's own lines, as lines of ours. What it calls an error it also returns or shows to the
// caller, except for an assertion that ends the process.
void LogOfGrpc(gpr_log_func_args* args) {
  const absl::string_view message = args->message;
  const bool serious =
      args->severity == GPR_LOG_SEVERITY_ERROR && absl::StrContains(message, "assertion failed");
  Log(serious ? LogLevel::kError : LogLevel::kDebug, message, {{"source", "grpc"}});
}

// Its line about a request that cannot be parsed is any caller's to cause: the caller is told.
void LogOfProtobuf(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  Log(LogLevel::kDebug, message, {{"source", "protobuf"}});
}

int Main(int argc, char** argv) {
  FillStandardStreams();
  UseHugePages();
  // Debian builds Abseil without NDEBUG: its deadlock detector would run on every lock of gRPC
  // and take 4 to 14 % of a call's CPU.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  gpr_set_log_function(LogOfGrpc);
  google::protobuf::SetLogHandler(LogOfProtobuf);
  // A write to a socket or file that is gone or too large is an error, not the end.
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  RaiseDescriptorLimit();
  // Before any other thread starts, so that only sigwait below sees them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  // A terminal or session that closes; nohup has it ignored.
  struct sigaction hang_up = {};
  sigaction(SIGHUP, nullptr, &hang_up);
  if (hang_up.sa_handler != SIG_IGN) sigaddset(&ends, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  absl::StatusOr<config::Config> config = config::ReadConfig(argc, argv);
  if (!config.ok()) return Fail(config.status());
  ConfigureLog(config->log_format, config->log_level);
  model::PrepareTorch();

  auto predictd = std::make_unique<Predictd>(*std::move(config));
  if (const absl::Status started = predictd->Start(); !started.ok()) {
    Fail(started);
    // Loops that never ran cannot be taken down in order; nothing is lost by not trying.
    std::_Exit(1);
  }
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  // Where a model library or a caller's read is still busy, destructors would wait for it.
  if (!predictd->Shutdown()) std::_Exit(0);
  predictd.reset();
  return 0;
}

}  // namespace
}  // namespace predictd

int main(int argc, char** argv) { return predictd::Main(argc, argv); }

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/batch_csv.h"
#include "client/commands.h"
#include "client/concurrency.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/id_reader.h"
#include "client/input_file.h"
#include "client/model_list.h"
#include "client/ordered_calls.h"
#include "client/progress_bar.h"
#include "client/request_options.h"
#include "client/status_text.h"
#include "client/text.h"

namespace predictd::client {
namespace {

constexpr int kCallsInFlight = 4;

using BatchCalls = OrderedCalls<v1::PredictBatchRequest, v1::PredictBatchResponse>;

struct BatchPlan {
  Connection connection;
  v1::PredictBatchRequest common;  // without users
  int rows_per_call = 0;
  int calls_in_flight = 0;
};

absl::StatusOr<BatchPlan> PlanFromFlags() {
  auto connection = Connect();
  if (!connection.ok()) return connection.status();
  auto common = BatchRequestFromFlags();
  if (!common.ok()) return common.status();
  const auto rows = BatchRowsFromFlags();
  if (!rows.ok()) return rows.status();
  const auto calls = ConcurrencyFromFlags(kCallsInFlight);
  if (!calls.ok()) return calls.status();
  return BatchPlan{*std::move(connection), *std::move(common), *rows, *calls};
}

// Sends the next call's users; false at the end of the ids.
bool SendNext(const BatchPlan& plan, IdReader& ids, BatchCalls& calls) {
  v1::PredictBatchRequest request = plan.common;
  std::string id;
  while (request.user_ids_size() < plan.rows_per_call && ids.Next(&id)) request.add_user_ids(id);
  if (request.user_ids().empty()) return false;
  calls.Send(std::move(request));
  return true;
}

bool Write(const std::string& csv) {
  return std::fwrite(csv.data(), 1, csv.size(), stdout) == csv.size() && std::fflush(stdout) == 0;
}

int Summarize(int64_t rows, const BatchCsv& csv, absl::Duration elapsed) {
  const double seconds = std::max(absl::ToDoubleSeconds(elapsed), 1e-6);
  std::string line = absl::StrCat(
      FormatCount(rows - csv.failed_rows()), " of ", FormatCount(rows), " users predicted by ",
      csv.versions().empty() ? "no version" : absl::StrJoin(csv.versions(), " and "), " in ",
      FormatBrief(elapsed), " (", FormatCount(static_cast<int64_t>(rows / seconds)), "/s)");
  if (csv.failed_rows() > 0) {
    absl::StrAppend(&line, "; ", FormatCount(csv.failed_rows()), " failed, the first with ",
                    csv.first_error(), "; see the column 'error'");
    return Fail(line);
  }
  std::fprintf(stderr, "predict: %s\n", line.c_str());
  return kExitOk;
}

int RunCalls(const BatchPlan& plan, IdReader& ids, const std::string& name,
             std::optional<int64_t> total) {
  v1::ListModelsResponse models;
  const grpc::Status listed = ListModels(plan.connection, &models);
  if (!listed.ok()) {
    return Fail(ExplainFailure(listed, plan.connection.server, plan.connection.timeout));
  }
  BatchCalls calls(plan.connection, &v1::Predictor::Stub::AsyncPredictBatch);
  ProgressBar progress(total);
  std::optional<BatchCsv> csv;
  int64_t rows = 0;
  bool more = true;
  while (true) {
    // The first call goes alone: its answer says which columns there are, and where it fails as a
    // whole the others would too.
    const size_t limit = csv ? plan.calls_in_flight : 1;
    while (more && calls.in_flight() < limit) more = SendNext(plan, ids, calls);
    if (calls.in_flight() == 0) break;
    const auto call = calls.TakeOldest();
    if (!csv) {
      if (!call->status.ok()) {
        progress.Clear();
        return Fail(ExplainFailure(call->status, plan.connection.server, plan.connection.timeout));
      }
      csv.emplace(models, call->reply);
      if (!Write(csv->Header())) break;
    }
    if (!Write(csv->Rows(*call))) break;
    rows += call->request.user_ids_size();
    progress.Update(rows);
  }
  progress.Clear();
  if (std::ferror(stdout)) {
    return Fail(absl::StrCat("cannot write to stdout: ", std::strerror(errno)));
  }
  if (ids.failed()) return Fail(absl::StrCat("cannot read on in ", name, "; pass a text file"));
  if (!csv) {
    std::fprintf(stderr, "predict: no user ids in %s\n", name.c_str());
    return kExitOk;
  }
  return Summarize(rows, *csv, progress.elapsed());
}

}  // namespace

int RunBatch(const Arguments& arguments) {
  const auto plan = PlanFromFlags();
  if (!plan.ok()) return UsageError(plan.status().message());
  if (arguments.empty() || arguments[0] == "-") {
    std::ios::sync_with_stdio(false);
    IdReader ids(std::cin);
    return RunCalls(*plan, ids, "stdin", std::nullopt);
  }
  const std::string& path = arguments[0];
  absl::StatusOr<std::ifstream> file = OpenInput(path, "pass a file of user ids");
  if (!file.ok()) return UsageError(file.status().message());
  const std::optional<int64_t> total = CountForBar(*file, path, CountIds);
  IdReader ids(*file);
  return RunCalls(*plan, ids, path, total);
}

}  // namespace predictd::client

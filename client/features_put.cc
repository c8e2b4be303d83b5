#include "client/features_put.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "client/exit_status.h"
#include "client/feature_csv.h"
#include "client/ordered_calls.h"
#include "client/progress_bar.h"
#include "client/status_text.h"
#include "client/text.h"

ABSL_FLAG(std::string, key, "",
          "Column of the header that has the user ids; empty = user_id, or without such a column "
          "the first");

namespace predictd::client {
namespace {

constexpr size_t kRowsPerCall = 500;
// Half of what a server takes by default: wide rows go fewer at a time. A value takes eight bytes.
constexpr size_t kBytesPerCall = 2 << 20;
constexpr size_t kBytesPerUser = 64;
constexpr size_t kCallsInFlight = 4;

using PutCalls = OrderedCalls<v1::PutFeaturesRequest, v1::PutFeaturesResponse>;

class Put {
 public:
  Put(const Connection& connection, std::istream& in, const std::string& name,
      std::optional<int64_t> total)
      : connection_(connection),
        csv_(in),
        name_(name),
        calls_(connection, &v1::Predictor::Stub::AsyncPutFeatures),
        progress_(total) {}

  int Run() {
    const absl::Status header = csv_.ReadHeader(absl::GetFlag(FLAGS_key));
    if (!header.ok()) return UsageError(absl::StrCat(name_, ": ", header.message()));
    bool first = true;
    while (true) {
      // The first call goes alone: where it fails as a whole the others would too.
      while (calls_.in_flight() < (first ? 1 : kCallsInFlight) && SendNext()) {
      }
      if (calls_.in_flight() == 0) break;
      const auto call = calls_.TakeOldest();
      const std::vector<int64_t> lines = std::move(sent_.front().lines);
      sent_.pop_front();
      if (!call->status.ok()) return FailCall(call->status, lines);
      first = false;
      Note(*call, lines);
    }
    progress_.Clear();
    if (csv_.failed()) {
      return Fail(absl::StrCat("cannot read on in ", name_, " after line ", csv_.line()));
    }
    return Summarize();
  }

 private:
  struct Sent {
    std::vector<int64_t> lines;  // per row
    absl::flat_hash_set<std::string> users;
  };

  // False at the end, and where the next user has a row in flight: calls may overtake each other,
  // and the user's last line is to count.
  bool SendNext() {
    v1::PutFeaturesRequest request;
    Sent sent;
    const size_t most = std::clamp<size_t>(
        kBytesPerCall / (sizeof(double) * csv_.names().size() + kBytesPerUser), 1, kRowsPerCall);
    while (sent.lines.size() < most && HoldNext() && !InFlight(held_->user_id())) {
      sent.lines.push_back(csv_.line());
      sent.users.insert(held_->user_id());
      *request.add_rows() = *std::move(held_);
      held_.reset();
    }
    if (sent.lines.empty()) return false;
    request.mutable_names()->Assign(csv_.names().begin(), csv_.names().end());
    calls_.Send(std::move(request));
    sent_.push_back(std::move(sent));
    return true;
  }

  // Reads on to a good line if none is held; false at the end.
  bool HoldNext() {
    v1::FeatureRow row;
    absl::Status status;
    while (!held_ && csv_.Next(&row, &status)) {
      if (status.ok()) {
        held_ = std::move(row);
      } else {
        SayBad(csv_.line(), status.message());
      }
    }
    return held_.has_value();
  }

  bool InFlight(const std::string& user_id) const {
    return std::any_of(sent_.begin(), sent_.end(),
                       [&](const Sent& sent) { return sent.users.contains(user_id); });
  }

  void Note(const PutCall& call, const std::vector<int64_t>& lines) {
    for (const v1::RowError& error : call.reply.errors()) {
      SayBad(error.row() < lines.size() ? lines[error.row()] : 0, error.status().message());
    }
    written_ += call.reply.written();
    progress_.Update(written_ + bad_);
  }

  void SayBad(int64_t line, absl::string_view why) {
    ++bad_;
    progress_.Clear();
    Fail(absl::StrCat(name_, ":", line, ": ", why));
  }

  int FailCall(const grpc::Status& status, const std::vector<int64_t>& lines) {
    progress_.Clear();
    std::string message = ExplainFailure(status, connection_.server, connection_.timeout);
    if (written_ > 0) {
      absl::StrAppend(&message, "; ", FormatCount(written_),
                      " rows are written, and not certainly those from line ", lines.front(),
                      " on: put the file again");
    }
    return Fail(message);
  }

  int Summarize() const {
    const double seconds = std::max(absl::ToDoubleSeconds(progress_.elapsed()), 1e-6);
    std::string line = absl::StrCat(
        FormatCount(written_), " of ", FormatCount(written_ + bad_), " rows written in ",
        FormatBrief(progress_.elapsed()), " (",
        FormatCount(static_cast<int64_t>(static_cast<double>(written_) / seconds)), "/s)");
    if (bad_ > 0) return Fail(absl::StrCat(line, "; ", FormatCount(bad_), " are bad, see above"));
    std::fprintf(stderr, "predict: %s\n", line.c_str());
    return kExitOk;
  }

  const Connection& connection_;
  FeatureCsv csv_;
  const std::string& name_;
  PutCalls calls_;
  std::deque<Sent> sent_;               // the calls in flight
  std::optional<v1::FeatureRow> held_;  // read and not yet sent
  ProgressBar progress_;
  int64_t written_ = 0;
  int64_t bad_ = 0;
};

}  // namespace

int PutFeatures(const Connection& connection, std::istream& in, const std::string& name,
                std::optional<int64_t> total) {
  return Put(connection, in, name, total).Run();
}

}  // namespace predictd::client

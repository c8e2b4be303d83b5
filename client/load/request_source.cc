#include "client/load/request_source.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "predictd/v1/predictor.pb.h"

namespace predictd::client {
namespace {

using v1::PredictBatchRequest;
using v1::PredictRequest;

// A user's slice serves both kinds of request: a repeated string field with one element looks the
// same on the wire as a string field of that number, and messages may be joined by joining bytes.
static_assert(int{PredictRequest::kUserIdFieldNumber} ==
              int{PredictBatchRequest::kUserIdsFieldNumber});

}  // namespace

RequestSource::RequestSource(const std::vector<std::string>& users, absl::string_view rest)
    : rest_(rest.data(), rest.size()) {
  users_.reserve(users.size());
  PredictRequest request;
  for (const auto& user : users) {
    request.set_user_id(user);
    users_.emplace_back(request.SerializeAsString());
  }
}

const grpc::Slice& RequestSource::RandomUser(RandomNumbers& random) const {
  return users_[random.Below(users_.size())];
}

grpc::ByteBuffer RequestSource::OneUser(RandomNumbers& random) const {
  const grpc::Slice& user = RandomUser(random);
  if (rest_.size() == 0) return grpc::ByteBuffer(&user, 1);
  const grpc::Slice slices[] = {user, rest_};
  return grpc::ByteBuffer(slices, std::size(slices));
}

grpc::ByteBuffer RequestSource::OneUser(RandomNumbers& random,
                                        const grpc::Slice& request_id) const {
  const grpc::Slice slices[] = {RandomUser(random), rest_, request_id};
  return grpc::ByteBuffer(slices, std::size(slices));
}

grpc::ByteBuffer RequestSource::Batch(RandomNumbers& random, int rows) const {
  std::string bytes;
  for (int row = 0; row < rows; ++row) {
    const grpc::Slice& user = RandomUser(random);
    bytes.append(reinterpret_cast<const char*>(user.begin()), user.size());
  }
  const grpc::Slice slices[] = {grpc::Slice(bytes), rest_};
  return grpc::ByteBuffer(slices, std::size(slices));
}

grpc::Slice RequestSource::RequestId(absl::string_view request_id) {
  PredictRequest request;
  request.set_request_id(std::string(request_id));
  return grpc::Slice(request.SerializeAsString());
}

absl::StatusOr<std::vector<std::string>> UserRange(absl::string_view range) {
  constexpr int64_t kMostUsers = 100'000'000;
  const std::vector<absl::string_view> ends = absl::StrSplit(range, ':');
  int64_t first = 0;
  int64_t last = 0;
  if (ends.size() != 2 || !absl::SimpleAtoi(ends[0], &first) || !absl::SimpleAtoi(ends[1], &last) ||
      first < 0 || last < first || last - first >= kMostUsers) {
    return absl::InvalidArgumentError(
        absl::StrCat("--user_range=", range, " is no range; write FIRST:LAST, such as 1:5000"));
  }
  std::vector<std::string> users;
  users.reserve(last - first + 1);
  for (int64_t user = first; user <= last; ++user) users.push_back(absl::StrCat(user));
  return users;
}

}  // namespace predictd::client

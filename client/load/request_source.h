// The requests of a load run, serialized beforehand as far as possible: what is left per request is
// to pick a user and put slices together.
#ifndef PREDICTD_CLIENT_LOAD_REQUEST_SOURCE_H_
#define PREDICTD_CLIENT_LOAD_REQUEST_SOURCE_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace predictd::client {

// SplitMix64 (Steele, Lea, Flood 2014): a few instructions per number. One thread.
class RandomNumbers {
 public:
  explicit RandomNumbers(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // Evenly from 0 to `limit` - 1, which fits 32 bits.
  size_t Below(size_t limit) { return static_cast<size_t>(((Next() >> 32) * limit) >> 32); }

 private:
  uint64_t state_;
};

// Constant after construction; any thread.
class RequestSource {
 public:
  // `rest` is a serialized request of the kind to be sent (PredictRequest or PredictBatchRequest)
  // without users; `users` has at least one.
  RequestSource(const std::vector<std::string>& users, absl::string_view rest);

  // A PredictRequest for a random user.
  grpc::ByteBuffer OneUser(RandomNumbers& random) const;

  // The same with a request_id that was prepared by RequestId.
  grpc::ByteBuffer OneUser(RandomNumbers& random, const grpc::Slice& request_id) const;

  // Just the `rest`.
  grpc::ByteBuffer WithoutUser() const { return grpc::ByteBuffer(&rest_, 1); }

  // A PredictBatchRequest for `rows` random users.
  grpc::ByteBuffer Batch(RandomNumbers& random, int rows) const;

  static grpc::Slice RequestId(absl::string_view request_id);

 private:
  const grpc::Slice& RandomUser(RandomNumbers& random) const;

  std::vector<grpc::Slice> users_;
  grpc::Slice rest_;
};

// "1:5000" -> "1", ..., "5000". INVALID_ARGUMENT otherwise.
absl::StatusOr<std::vector<std::string>> UserRange(absl::string_view range);

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_LOAD_REQUEST_SOURCE_H_

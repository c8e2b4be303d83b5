#include "server/rpc/predict_stream.h"

#include <grpcpp/support/async_stream.h>

#include <deque>
#include <memory>
#include <utility>

#include "server/async/signal.h"
#include "server/rpc/call.h"
#include "server/rpc/conversions.h"
#include "server/rpc/request_record.h"
#include "server/rpc/status_mapping.h"

namespace predictd::rpc {
namespace {

// Requests of one stream under way at once. A caller who sends more is not read until some are
// answered: HTTP/2's flow control then holds it up.
constexpr size_t kInFlight = 512;
// Answers that wait to be written; a caller who does not read is not read either.
constexpr size_t kUnwritten = 1024;

// One stream, alive in its coroutine's frame. Three activities share it: reading, answering,
// writing.
class Stream {
 public:
  explicit Stream(const StreamParts& parts)
      : parts_(parts), call_(parts.loop), stream_(&call_.context()) {}

  // Until the call was accepted; false where the server shuts down.
  Task<bool> Accept() {
    Completion accepted;
    parts_.service.RequestPredictStream(&call_.context(), &stream_, &parts_.loop.queue(),
                                        &parts_.loop.queue(), accepted.tag());
    const bool ok = co_await accepted;
    if (ok) call_.Accepted();
    co_return ok;
  }

  Task<void> Serve() {
    DrainList::Entry on_drain(parts_.streams, ended_);
    call_.OnCancel([this] { ended_.Set(); });
    if (parts_.state.draining) ended_.Set();
    // A drain that comes while a read is outstanding ends the stream without it; the read then
    // fails.
    reading_.Spawn(Read());
    co_await ended_;
    co_await answering_.Done();
    co_await writing_.Done();
    Completion finished;
    const bool drained = parts_.state.draining && !half_closed_;
    stream_.Finish(drained ? ToGrpc(absl::UnavailableError("shutting down")) : grpc::Status::OK,
                   finished.tag());
    co_await finished;
    co_await reading_.Done();
  }

 private:
  Task<void> Read() {
    Completion read;
    while (!ended_.is_set()) {
      auto request = std::make_unique<v1::PredictRequest>();
      stream_.Read(request.get(), read.tag());
      if (!co_await read) {
        half_closed_ = !call_.cancelled();
        break;
      }
      answering_.Spawn(Answer(std::move(request)));
      while (answering_.running() >= kInFlight || unwritten_.size() >= kUnwritten) {
        room_.Reset();
        co_await room_;
      }
    }
    ended_.Set();
  }

  Task<void> Answer(std::unique_ptr<v1::PredictRequest> message) {
    RequestRecord record(Method::kPredictStream, parts_.loop, parts_.metrics, parts_.state);
    v1::PredictResponse response;
    response.set_request_id(message->request_id());
    absl::Status status = record.Admit();
    predict::StageTimes times;
    if (status.ok()) {
      const predict::Request request = ToRequest(*message);
      absl::StatusOr<predict::Answer> answer =
          co_await parts_.predictor.Predict(request, call_.caller());
      status = answer.status();
      if (answer.ok()) {
        FillResponse(*answer, response);
        times = answer->times;
      }
    }
    if (!status.ok()) *response.mutable_error() = ToMessage(status);
    record.Answered(std::move(status), &times).IgnoreError();
    if (!call_.cancelled()) {
      unwritten_.push_back(std::move(response));
      if (writing_.running() == 0) writing_.Spawn(Write());
    }
    room_.Set();
  }

  Task<void> Write() {
    Completion written;
    // Answers of the same turn that are still to come share this write's system call.
    while (!unwritten_.empty()) {
      const v1::PredictResponse response = std::move(unwritten_.front());
      unwritten_.pop_front();
      grpc::WriteOptions options;
      if (!unwritten_.empty()) options.set_buffer_hint();
      stream_.Write(response, options, written.tag());
      if (!co_await written) {
        unwritten_.clear();
        ended_.Set();
      }
      room_.Set();
    }
  }

  const StreamParts parts_;
  Call call_;
  grpc::ServerAsyncReaderWriter<v1::PredictResponse, v1::PredictRequest> stream_;
  std::deque<v1::PredictResponse> unwritten_;
  // The caller has sent its last request, has gone, or the server drains.
  Signal ended_{parts_.loop};
  Signal room_{parts_.loop};
  bool half_closed_ = false;
  Scope reading_;
  Scope answering_;
  Scope writing_;
};

}  // namespace

Task<void> ServePredictStreams(StreamParts parts) {
  auto stream = std::make_unique<Stream>(parts);
  if (!co_await stream->Accept()) co_return;
  parts.scope.Spawn(ServePredictStreams(parts));
  co_await stream->Serve();
}

}  // namespace predictd::rpc

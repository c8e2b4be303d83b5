// How streams of one method are taken and served on one loop: many requests on one call, answered
// as they are done.
#ifndef PREDICTD_SERVER_RPC_STREAM_H_
#define PREDICTD_SERVER_RPC_STREAM_H_

#include <grpcpp/support/async_stream.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "server/async/scope.h"
#include "server/async/signal.h"
#include "server/async/task.h"
#include "server/rpc/call.h"
#include "server/rpc/drain_list.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/service_state.h"
#include "server/rpc/status_mapping.h"

namespace predictd::rpc {

// Requests of one stream under way at once. A caller who sends more is not read until some are
// answered: HTTP/2's flow control then holds it up.
inline constexpr size_t kStreamInFlight = 512;
// Answers that wait to be written; a caller who does not read is not read either.
inline constexpr size_t kStreamUnwritten = 1024;

// One stream, alive in its coroutine's frame. Three activities share it: reading, answering,
// writing. Loop's thread only.
template <typename RequestMessage, typename ResponseMessage>
class Stream {
 public:
  using ReaderWriter = grpc::ServerAsyncReaderWriter<ResponseMessage, RequestMessage>;
  // Answers one request. A failure is answered in-band: it ends nothing.
  using Handler = std::function<Task<void>(Call&, const RequestMessage&, ResponseMessage&)>;

  Stream(EventLoop& loop, DrainList& streams, const ServiceState& state, const Handler& handler)
      : loop_(loop),
        streams_(streams),
        state_(state),
        handler_(handler),
        call_(loop),
        stream_(&call_.context()),
        ended_(loop),
        room_(loop) {}

  Call& call() { return call_; }
  ReaderWriter& reader_writer() { return stream_; }

  // Once the call was accepted, to its end.
  Task<void> Serve() {
    call_.Accepted();
    End end(*this);
    DrainList::Entry on_drain(streams_, ended_);
    call_.OnCancel([this] { ended_.Set(); });
    if (state_.draining) ended_.Set();
    // A drain that comes while a read is outstanding ends the stream without it; the read then
    // fails.
    reading_.Spawn(Read());
    co_await ended_;
    co_await answering_.Done();
    co_await writing_.Done();
    const bool drained = state_.draining && !half_closed_;
    end.Give(drained ? absl::UnavailableError("shutting down") : absl::OkStatus());
    co_await finished_;
    co_await reading_.Done();
  }

 private:
  // The stream's one status: that of its end, or of a drain which waits no longer.
  class End final : public OpenCalls::Entry {
   public:
    explicit End(Stream& stream) : Entry(stream.loop_.open_calls()), stream_(stream) {}

    void Give(const absl::Status& status) {
      if (std::exchange(stream_.finishing_, true)) return;
      stream_.stream_.Finish(ToGrpc(status), stream_.finished_.tag());
    }

    void CutOff(const absl::Status& status) override {
      // A caller who does not even take an answer gets no status; gRPC ends the call.
      if (stream_.writing_.running() == 0) Give(status);
    }

   private:
    Stream& stream_;
  };

  Task<void> Read() {
    Completion read;
    while (!ended_.is_set()) {
      auto request = std::make_unique<RequestMessage>();
      stream_.Read(request.get(), read.tag());
      if (!co_await read) {
        half_closed_ = !call_.cancelled();
        break;
      }
      // Serve may have finished the call: nothing can be answered any more.
      if (ended_.is_set()) break;
      answering_.Spawn(Answer(std::move(request)));
      while (answering_.running() >= kStreamInFlight || unwritten_.size() >= kStreamUnwritten) {
        room_.Reset();
        co_await room_;
      }
    }
    ended_.Set();
  }

  Task<void> Answer(std::unique_ptr<RequestMessage> request) {
    ResponseMessage response;
    co_await handler_(call_, *request, response);
    if (!call_.cancelled() && !finishing_) {
      unwritten_.push_back(std::move(response));
      if (writing_.running() == 0) writing_.Spawn(Write());
    }
    room_.Set();
  }

  Task<void> Write() {
    Completion written;
    // Answers of the same turn that are still to come share this write's system call.
    while (!unwritten_.empty()) {
      const ResponseMessage response = std::move(unwritten_.front());
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

  EventLoop& loop_;
  DrainList& streams_;
  const ServiceState& state_;
  const Handler& handler_;
  Call call_;
  ReaderWriter stream_;
  std::deque<ResponseMessage> unwritten_;
  // The caller has sent its last request, has gone, or the server drains.
  Signal ended_;
  Signal room_;
  bool half_closed_ = false;
  bool finishing_ = false;
  Completion finished_;
  Scope reading_;
  Scope answering_;
  Scope writing_;
};

// Waits for one stream after the other and serves each beside the others. Loop's thread only;
// outlives its scope's tasks.
template <typename Service, typename RequestMessage, typename ResponseMessage>
class StreamMethod {
 public:
  using Handler = typename Stream<RequestMessage, ResponseMessage>::Handler;
  using ReaderWriter = typename Stream<RequestMessage, ResponseMessage>::ReaderWriter;
  // The generated Service::RequestX.
  using Accept = void (Service::*)(grpc::ServerContext*, ReaderWriter*, grpc::CompletionQueue*,
                                   grpc::ServerCompletionQueue*, void*);

  StreamMethod(EventLoop& loop, Scope& scope, Service& service, Accept accept, DrainList& streams,
               const ServiceState& state, Handler handler)
      : loop_(loop),
        scope_(scope),
        service_(service),
        accept_(accept),
        streams_(streams),
        state_(state),
        handler_(std::move(handler)) {}

  // Once, on the loop.
  void Start() { scope_.Spawn(Serve()); }

 private:
  Task<void> Serve() {
    auto stream = std::make_unique<Stream<RequestMessage, ResponseMessage>>(loop_, streams_, state_,
                                                                            handler_);
    Completion accepted;
    (service_.*accept_)(&stream->call().context(), &stream->reader_writer(), &loop_.queue(),
                        &loop_.queue(), accepted.tag());
    if (!co_await accepted) co_return;  // the server is shutting down
    scope_.Spawn(Serve());
    co_await stream->Serve();
  }

  EventLoop& loop_;
  Scope& scope_;
  Service& service_;
  const Accept accept_;
  DrainList& streams_;
  const ServiceState& state_;
  const Handler handler_;
};

}  // namespace predictd::rpc

#endif  // PREDICTD_SERVER_RPC_STREAM_H_

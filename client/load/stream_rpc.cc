#include "client/load/stream_rpc.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace predictd::client {

PredictCall::PredictCall(const RpcOptions& options, std::shared_ptr<grpc::Channel> channel,
                         uint64_t seed, grpc::CompletionQueue& queue, AnswerHandler& handler)
    : requests_(*options.requests),
      stub_(std::move(channel)),
      queue_(queue),
      handler_(handler),
      random_(seed),
      waiting_(options.slots) {
  for (size_t slot = 0; slot < options.slots; ++slot) {
    request_ids_.push_back(RequestSource::RequestId(absl::StrCat(slot)));
  }
}

void PredictCall::Send(size_t slot) {
  MutexLock lock(mutex_);
  waiting_[slot] = 1;
  to_write_.push_back(slot);
  if (state_ == State::kIdle) {
    Start();
  } else {
    WriteNext();
  }
}

void PredictCall::Start() {
  state_ = State::kStarting;
  half_closed_ = finish_done_ = cancelled_ = false;
  // The stream lies in the call that the context holds.
  stream_.reset();
  context_.emplace();
  stream_ = stub_.PrepareCall(&*context_, "/predictd.v1.Predictor/PredictStream", &queue_);
  stream_->StartCall(&started_);
}

void PredictCall::Started(bool ok) {
  MutexLock lock(mutex_);
  if (!ok) return End();
  state_ = State::kOpen;
  stream_->Read(&reply_bytes_, &read_);
  WriteNext();
}

// A stream takes one write at a time.
void PredictCall::WriteNext() {
  if (state_ != State::kOpen || writing_ || to_write_.empty()) return;
  const size_t slot = to_write_.front();
  to_write_.pop_front();
  writing_ = true;
  stream_->Write(requests_.OneUser(random_, request_ids_[slot]), &wrote_);
}

void PredictCall::Wrote(bool ok) {
  {
    MutexLock lock(mutex_);
    writing_ = false;
    if (ok) WriteNext();
  }
  // A write that failed: the read fails too, and ends the call.
  FailAllIfOver();
}

void PredictCall::Read(bool ok) {
  if (!ok) {
    MutexLock lock(mutex_);
    return End();
  }
  grpc::ProtoBufferReader reader(&reply_bytes_);
  size_t slot = 0;
  bool answered = false;
  if (reply_.ParseFromZeroCopyStream(&reader) && absl::SimpleAtoi(reply_.request_id(), &slot)) {
    MutexLock lock(mutex_);
    answered = slot < waiting_.size() && waiting_[slot] != 0;
    if (answered) waiting_[slot] = 0;
  }
  Answer answer{.code = reply_.error().code()};
  answer.rows = answer.code == grpc::StatusCode::OK ? 1 : 0;
  {
    MutexLock lock(mutex_);
    stream_->Read(&reply_bytes_, &read_);
  }
  if (answered) handler_.OnAnswer(slot, answer);
}

void PredictCall::End() {
  state_ = State::kEnding;
  stream_->Finish(&status_, &finished_);
}

void PredictCall::Finished(bool) {
  {
    MutexLock lock(mutex_);
    finish_done_ = true;
  }
  FailAllIfOver();
}

void PredictCall::FailAllIfOver() {
  std::vector<size_t> failed;
  bool cancelled = false;
  {
    MutexLock lock(mutex_);
    if (!finish_done_ || writing_) return;
    finish_done_ = false;
    state_ = State::kIdle;
    cancelled = cancelled_;
    to_write_.clear();
    for (size_t slot = 0; slot < waiting_.size(); ++slot) {
      if (waiting_[slot] != 0) failed.push_back(slot);
      waiting_[slot] = 0;
    }
  }
  int code = status_.error_code();
  // A server that ends the stream in good order owes these answers.
  if (code == grpc::StatusCode::OK) code = grpc::StatusCode::UNAVAILABLE;
  if (cancelled) code = grpc::StatusCode::DEADLINE_EXCEEDED;
  for (const size_t slot : failed) handler_.OnAnswer(slot, Answer{.code = code});
}

bool PredictCall::Closed() {
  MutexLock lock(mutex_);
  if (state_ == State::kOpen && !writing_ && !half_closed_) {
    half_closed_ = true;
    writing_ = true;
    stream_->WritesDone(&wrote_);
  }
  return state_ == State::kIdle;
}

void PredictCall::Cancel() {
  MutexLock lock(mutex_);
  if (state_ == State::kIdle) return;
  cancelled_ = true;
  context_->TryCancel();
}

StreamRpc::StreamRpc(const RpcOptions& options, grpc::CompletionQueue& queue,
                     AnswerHandler& handler) {
  RandomNumbers seeds(options.seed);
  for (const auto& channel : options.channels) {
    calls_.push_back(std::make_unique<PredictCall>(options, channel, seeds.Next(), queue, handler));
  }
}

void StreamRpc::Send(size_t slot, int64_t) { calls_[slot % calls_.size()]->Send(slot); }

bool StreamRpc::Closed() {
  bool all = true;
  for (const auto& call : calls_) all = call->Closed() && all;
  return all;
}

void StreamRpc::Cancel() {
  for (const auto& call : calls_) call->Cancel();
}

}  // namespace predictd::client

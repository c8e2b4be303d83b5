#include "server/redis/link.h"

#include <utility>

#include "server/base/status.h"

namespace predictd::redis {
namespace {

// Most reads of one turn, of 64 KiB each: the keys in them are handled on the loop.
constexpr int kFillsPerTurn = 2;

}  // namespace

absl::Status Link::Open(const Endpoint& endpoint) {
  Close();
  auto opened = Connection::Open(endpoint, address_);
  if (!opened.ok()) return opened.status();
  connection_ = *std::move(opened);
  return Flush();
}

void Link::Close() {
  connected_ = ready_ = false;
  if (connection_ == nullptr) return;
  watcher_.Forget(connection_->socket());
  connection_.reset();
  armed_.reset();
  fired_ = false;
}

absl::Status Link::Turn(Take take) {
  if (connection_ == nullptr) return absl::OkStatus();
  if (fired_.exchange(false)) armed_.reset();
  if (!connected_) PREDICTD_RETURN_IF_ERROR(FinishConnecting());
  if (connected_) PREDICTD_RETURN_IF_ERROR(Read(take));
  return Flush();
}

absl::Status Link::FinishConnecting() {
  const std::optional<absl::Status> connected = connection_->Connect();
  if (!connected) return absl::OkStatus();
  PREDICTD_RETURN_IF_ERROR(*connected);
  connected_ = true;
  handshake_.Begin(address_, *connection_);
  return absl::OkStatus();
}

absl::Status Link::Read(Take take) {
  for (int i = 0; i < kFillsPerTurn; ++i) {
    const auto count = connection_->Fill();
    if (!count.ok()) return count.status();
    if (*count == 0) break;
    while (auto reply = connection_->Next()) {
      if (ready_) {
        PREDICTD_RETURN_IF_ERROR(take(*reply));
      } else {
        PREDICTD_RETURN_IF_ERROR(handshake_.Take(*reply));
        ready_ = handshake_.done();
      }
    }
    PREDICTD_RETURN_IF_ERROR(connection_->reader_status());
    if (*count < Connection::kReadSize) break;
  }
  return absl::OkStatus();
}

absl::Status Link::Flush() {
  if (connection_ == nullptr) return absl::OkStatus();
  if (connected_) PREDICTD_RETURN_IF_ERROR(connection_->Write());
  // Not only before the loop sleeps: a busy loop never does.
  Arm();
  return absl::OkStatus();
}

// What fired while the loop was about to sleep found nobody to wake: asked again, it fires at once.
void Link::BeforeSleep() {
  if (!fired() || !fired_.exchange(false)) return;
  armed_.reset();
  Arm();
}

void Link::Arm() {
  const auto event =
      connection_->waits_to_write() ? Watcher::Event::kWritable : Watcher::Event::kReadable;
  if (armed_ == event) return;
  armed_ = event;
  watcher_.NudgeOnce(connection_->socket(), event, loop_, &fired_);
}

}  // namespace predictd::redis

// A model's file, read in small pieces.
#ifndef PREDICTD_SERVER_MODEL_PACED_FILE_H_
#define PREDICTD_SERVER_MODEL_PACED_FILE_H_

#include <caffe2/serialize/read_adapter_interface.h>

#include <atomic>
#include <string>

#include "server/base/thread.h"

namespace predictd::model {

// libtorch reads each tensor at once, in one system call that may be hundreds of megabytes long;
// event loops that wait for that CPU wait for as long. Between pieces Linux takes the CPU away, and
// at the gentle pace nothing is done for a while.
// Not copyable; one thread.
class PacedFile final : public caffe2::serialize::ReadAdapterInterface {
 public:
  // Throws c10::Error, as libtorch's own readers do. `stopping` outlives the file.
  PacedFile(const std::string& path, Pace pace, const std::atomic<bool>& stopping);
  ~PacedFile() override;

  size_t size() const override { return size_; }
  // Returns less than `size` only at the file's end. Throws c10::Error, also once `stopping` is
  // set.
  size_t read(uint64_t position, void* buffer, size_t size, const char* what) const override;

 private:
  const std::string path_;
  const int file_;
  const Pace pace_;
  const std::atomic<bool>& stopping_;
  size_t size_ = 0;
};

}  // namespace predictd::model

#endif  // PREDICTD_SERVER_MODEL_PACED_FILE_H_

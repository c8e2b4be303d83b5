#include "server/free_memory.h"

#ifdef PREDICTD_TCMALLOC
#include <gperftools/malloc_extension.h>
#include <sys/mman.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "server/base/thread.h"
#endif

namespace predictd {

#ifdef PREDICTD_TCMALLOC
namespace {

// Small against the time slice of a thread that waits for the CPU.
constexpr size_t kPiece = 128 << 10;
constexpr size_t kPage = 4096;

struct Free {
  void operator()(void* block) const { std::free(block); }
};

size_t Bytes(const char* property) {
  size_t bytes = 0;
  MallocExtension::instance()->GetNumericProperty(property, &bytes);
  return bytes;
}

// Gives back the pages of free memory, which stays free. The allocator itself would give back a
// free range of 200 MB in one call and hold the lock of its heap for 10 ms and more.
void HollowOut(const std::atomic<bool>& stopping) {
  std::vector<std::unique_ptr<void, Free>> pieces;
  const size_t heap = Bytes("generic.heap_size");
  // Until what is free is in pieces, or so scattered that the heap grows.
  while (!stopping && Bytes("tcmalloc.pageheap_free_bytes") >= kPiece &&
         Bytes("generic.heap_size") <= heap) {
    pieces.emplace_back(std::aligned_alloc(kPage, kPiece));
    ::madvise(pieces.back().get(), kPiece, MADV_DONTNEED);
    PauseBetweenSteps();
  }
}

}  // namespace
#endif

void ReleaseFreeMemory([[maybe_unused]] const std::atomic<bool>& stopping) {
#ifdef PREDICTD_TCMALLOC
  HollowOut(stopping);
  if (stopping) return;
  // The rest, and the allocator's books.
  MallocExtension::instance()->ReleaseFreeMemory();
#endif
}

}  // namespace predictd

#include "server/huge_pages.h"

#ifdef PREDICTD_TCMALLOC
#include <gperftools/malloc_extension.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#endif

namespace predictd {

#ifdef PREDICTD_TCMALLOC
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Called under the lock of the allocator's heap.
class HugePages final : public SysAllocator {
 public:
  void* Alloc(size_t size, size_t* actual_size, size_t alignment) override {
    alignment = std::max(alignment, kHugePage);
    if (size > SIZE_MAX - 2 * alignment) return nullptr;
    size = RoundUp(size, kHugePage);
    // More than is wanted, so that an aligned piece lies in it; the rest goes back.
    void* const mapped = ::mmap(nullptr, size + alignment, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    char* const begin = static_cast<char*>(mapped);
    const size_t before =
        RoundUp(reinterpret_cast<uintptr_t>(begin), alignment) - reinterpret_cast<uintptr_t>(begin);
    if (before > 0) ::munmap(begin, before);
    if (before < alignment) ::munmap(begin + before + size, alignment - before);
    ::madvise(begin + before, size, MADV_HUGEPAGE);
    if (actual_size != nullptr) *actual_size = size;
    return begin + before;
  }
};

}  // namespace
#endif

void UseHugePages() {
#ifdef PREDICTD_TCMALLOC
  // Never destroyed: the allocator asks it to the end of the process.
  alignas(HugePages) static char place[sizeof(HugePages)];
  MallocExtension::instance()->SetSystemAllocator(new (place) HugePages);
#endif
}

}  // namespace predictd

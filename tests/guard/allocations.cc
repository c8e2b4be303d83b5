#include "tests/guard/allocations.h"

#include <cstdlib>
#include <new>

namespace predictd {
namespace {

thread_local int64_t allocations = 0;

void* Allocate(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

void* Allocate(size_t size, std::align_val_t alignment) {
  ++allocations;
  void* memory = nullptr;
  if (::posix_memalign(&memory, static_cast<size_t>(alignment), size) == 0) return memory;
  throw std::bad_alloc();
}

}  // namespace

int64_t Allocations() { return allocations; }

}  // namespace predictd

// The library's other forms of new and delete call these.
void* operator new(size_t size) { return predictd::Allocate(size); }
void* operator new(size_t size, std::align_val_t alignment) {
  return predictd::Allocate(size, alignment);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

#include "server/huge_pages.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "server/free_memory.h"
#include "tests/catch.h"

namespace predictd {
namespace {

struct Free {
  void operator()(void* block) const { std::free(block); }
};
using Block = std::unique_ptr<char, Free>;

Block Allocate(size_t size, size_t alignment = 0) {
  // Compilers refuse sizes that no allocator has.
  const volatile size_t hidden = size;
  return Block(static_cast<char*>(alignment == 0 ? std::malloc(hidden)
                                                 : std::aligned_alloc(alignment, hidden)));
}

TEST_CASE("memory of any size is what it was without huge pages, before and after it is released") {
  UseHugePages();
  for (int round = 0; round < 2; ++round) {
    std::vector<Block> blocks;
    for (const size_t size :
         {size_t{1}, size_t{4096}, size_t{1} << 20, (size_t{2} << 20) + 1, size_t{50} << 20}) {
      Block block = Allocate(size);
      REQUIRE(block != nullptr);
      std::memset(block.get(), 7, size);
      blocks.push_back(std::move(block));
    }
    for (const size_t alignment : {size_t{64}, size_t{4096}, size_t{4} << 20}) {
      const Block block = Allocate(size_t{8} << 20, alignment);
      REQUIRE(block != nullptr);
      CHECK(reinterpret_cast<uintptr_t>(block.get()) % alignment == 0);
      std::memset(block.get(), 7, size_t{8} << 20);
    }
    blocks.clear();
    ReleaseFreeMemory(/*stopping=*/false);
  }
}

TEST_CASE("memory that nobody has is refused") {
  UseHugePages();
  for (const size_t size : {SIZE_MAX - 100'000, SIZE_MAX - (size_t{3} << 20), SIZE_MAX / 2}) {
    CHECK(Allocate(size) == nullptr);
  }
}

}  // namespace
}  // namespace predictd

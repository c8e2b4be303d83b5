// What the allocator keeps for later, given back to the system.
#ifndef PREDICTD_SERVER_FREE_MEMORY_H_
#define PREDICTD_SERVER_FREE_MEMORY_H_

#include <atomic>

namespace predictd {

// Gives back what an unloaded model has left, without holding up threads that allocate meanwhile;
// leaves it at that once `stopping` is set. Any thread; takes about 2 ms per MB. A sanitizer's
// allocator keeps it.
void ReleaseFreeMemory(const std::atomic<bool>& stopping);

}  // namespace predictd

#endif  // PREDICTD_SERVER_FREE_MEMORY_H_

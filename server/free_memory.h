// What the allocator keeps for later, given back to the system.
#ifndef PREDICTD_SERVER_FREE_MEMORY_H_
#define PREDICTD_SERVER_FREE_MEMORY_H_

namespace predictd {

// Gives back what an unloaded model has left, without holding up threads that allocate meanwhile.
// Any thread; takes about 2 ms per MB. A sanitizer's allocator keeps it.
void ReleaseFreeMemory();

}  // namespace predictd

#endif  // PREDICTD_SERVER_FREE_MEMORY_H_

// Memory of the allocator in huge pages.
#ifndef PREDICTD_SERVER_HUGE_PAGES_H_
#define PREDICTD_SERVER_HUGE_PAGES_H_

namespace predictd {

// From now on the allocator takes memory from the system in pieces that may lie in huge pages,
// where /sys/kernel/mm/transparent_hugepage/enabled is `madvise` or `always`: what a call touches
// is scattered, and the processor looks up fewer addresses. Measured with 64 and 256 calls in
// flight: 0.95 and 0.94 of the CPU per call, as much resident memory. Once, before other threads
// start. Nothing where the allocator is a sanitizer's.
void UseHugePages();

}  // namespace predictd

#endif  // PREDICTD_SERVER_HUGE_PAGES_H_

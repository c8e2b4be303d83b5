// Counts calls of operator new, which allocations.cc replaces for the whole program.
#ifndef PREDICTD_TESTS_GUARD_ALLOCATIONS_H_
#define PREDICTD_TESTS_GUARD_ALLOCATIONS_H_

#include <cstdint>

namespace predictd {

// By the calling thread, since it was started.
int64_t Allocations();

}  // namespace predictd

#endif  // PREDICTD_TESTS_GUARD_ALLOCATIONS_H_

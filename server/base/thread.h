// What a thread knows of its time on the CPU, and what it asks of Linux' scheduler.
#ifndef PREDICTD_SERVER_BASE_THREAD_H_
#define PREDICTD_SERVER_BASE_THREAD_H_

#include "absl/time/time.h"

namespace predictd {

// All of the calling thread alone; where the system refuses, the thread stays as it was.

// The CPU time it has used.
absl::Duration ThreadCpuTime();

// From now on it has the lowest priority for the CPU (nice 19: still a share of a busy one, unlike
// SCHED_IDLE) and for the disk. Cannot be taken back without privileges.
void TakeLowestPriority();

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_THREAD_H_

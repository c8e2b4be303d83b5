// What a thread knows of its time on the CPU, and what it asks of Linux' scheduler.
#ifndef PREDICTD_SERVER_BASE_THREAD_H_
#define PREDICTD_SERVER_BASE_THREAD_H_

#include "absl/time/time.h"

namespace predictd {

// All of the calling thread alone; where the system refuses, the thread stays as it was.

// Its name in `top -H` and in debuggers: at most 15 characters. Threads that it starts inherit it.
void NameThread(const char* name);

// The CPU time it has used.
absl::Duration ThreadCpuTime();

// From now on it has the lowest priority for the CPU (nice 19: still a share of a busy one, unlike
// SCHED_IDLE) and for the disk. Cannot be taken back without privileges.
void TakeLowestPriority();

// How a long piece of work in the background goes on.
enum class Pace {
  kFast,    // nobody is served meanwhile
  kGentle,  // in small steps with pauses
};

// The pause between two steps of some ten microseconds each: few of the calls that are served
// meanwhile meet one. Measured with 8 calls in flight while 200 MB are loaded (bench/reload): p99
// 1.5 times what it is otherwise, without pauses 2.3 times; with half of the pause 1.7 times.
void PauseBetweenSteps();

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_THREAD_H_

// How many CPUs this process may use.
#ifndef PREDICTD_SERVER_BASE_CPUS_H_
#define PREDICTD_SERVER_BASE_CPUS_H_

namespace predictd {

// What CPU affinity and the cgroup's quota (cgroup v2, cpu.max) allow, rounded up; at least 1.
int UsableCpus();

}  // namespace predictd

#endif  // PREDICTD_SERVER_BASE_CPUS_H_

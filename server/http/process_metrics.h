// The usual process_* series, and what of the log was lost.
#ifndef PREDICTD_SERVER_HTTP_PROCESS_METRICS_H_
#define PREDICTD_SERVER_HTTP_PROCESS_METRICS_H_

#include <prometheus/metric_family.h>

#include <vector>

namespace predictd::http {

// Read from /proc now; names as the Prometheus client guidelines have them
// (https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).
void AppendProcessMetrics(std::vector<prometheus::MetricFamily>& families);

}  // namespace predictd::http

#endif  // PREDICTD_SERVER_HTTP_PROCESS_METRICS_H_

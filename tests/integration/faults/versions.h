// Models whose output tells which version gave it.
#ifndef PREDICTD_TESTS_INTEGRATION_FAULTS_VERSIONS_H_
#define PREDICTD_TESTS_INTEGRATION_FAULTS_VERSIONS_H_

#include "tests/integration/faults/rig.h"

namespace predictd::integration {

// Version `version` of model "s": answers with its number times the sum of the row.
void AddVersion(ModelRepository& models, int version);

// Load on model "s": an answer whose output is not that of the version it names is wrong.
Load::Options VersionLoad();

}  // namespace predictd::integration

#endif  // PREDICTD_TESTS_INTEGRATION_FAULTS_VERSIONS_H_

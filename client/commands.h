// The sub-commands. Each reads its flags, prints its result on stdout and its failure on stderr,
// and returns the program's exit status (exit_status.h). Called once, from main's thread.
#ifndef PREDICTD_CLIENT_COMMANDS_H_
#define PREDICTD_CLIENT_COMMANDS_H_

#include <string>
#include <vector>

namespace predictd::client {

using Arguments = std::vector<std::string>;

int RunUser(const Arguments& arguments);      // USER_ID
int RunBatch(const Arguments& arguments);     // [FILE]
int RunSaved(const Arguments& arguments);     // PREDICTION_ID
int RunFeatures(const Arguments& arguments);  // put [FILE] | get USER_ID
int RunModels(const Arguments& arguments);    // [MODEL[/VERSION]]
int RunLoad(const Arguments& arguments);      // MODEL[/VERSION]
int RunUnload(const Arguments& arguments);    // MODEL[/VERSION]
int RunHealth(const Arguments& arguments);    // [MODEL]
int RunWait(const Arguments& arguments);      // [MODEL]
int RunBench(const Arguments& arguments);     //

}  // namespace predictd::client

#endif  // PREDICTD_CLIENT_COMMANDS_H_

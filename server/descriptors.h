// The process' file descriptors.
#ifndef PREDICTD_SERVER_DESCRIPTORS_H_
#define PREDICTD_SERVER_DESCRIPTORS_H_

namespace predictd {

// At the start, before anything is opened: where standard streams are closed, /dev/null takes their
// place. Else the first descriptors that are opened would get what is printed.
void FillStandardStreams();

// As many descriptors as the system lets us have: each connection is one.
void RaiseDescriptorLimit();

}  // namespace predictd

#endif  // PREDICTD_SERVER_DESCRIPTORS_H_

// Certificates made by openssl, in a folder that goes with them.
#ifndef PREDICTD_TESTS_FAKES_CERTIFICATES_H_
#define PREDICTD_TESTS_FAKES_CERTIFICATES_H_

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/fakes/temp_folder.h"

namespace predictd {

// Two authorities, ours and theirs: NAME-ca.pem, NAME-ca.key. Each has signed a certificate for
// 127.0.0.1 and localhost: NAME.pem, NAME.key; ours has signed one for another host too:
// elsewhere.pem, elsewhere.key. locked.key is ours.key with a password.
class Certificates {
 public:
  Certificates() {
    for (const std::string name : {"ours", "theirs"}) {
      OpenSsl("req -x509 " + NewKey(name + "-ca") + " -days 2 -subj /CN=" + name + "-ca -out " +
              File(name + "-ca.pem"));
      Sign(name, "IP:127.0.0.1,DNS:localhost", name + "-ca");
    }
    Sign("elsewhere", "DNS:elsewhere.example", "ours-ca");
    OpenSsl("ec -aes128 -passout pass:word -in " + File("ours.key") + " -out " +
            File("locked.key"));
  }

  std::string File(const std::string& name) const { return folder_.File(name); }

 private:
  std::string NewKey(const std::string& name) const {
    return "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout " + File(name + ".key");
  }
  void Sign(const std::string& name, const std::string& hosts, const std::string& authority) const {
    OpenSsl("req " + NewKey(name) + " -subj /CN=" + name + " -addext subjectAltName=" + hosts +
            " -out " + File(name + ".csr"));
    OpenSsl("x509 -req -days 2 -copy_extensions copy -CAcreateserial -in " + File(name + ".csr") +
            " -CA " + File(authority + ".pem") + " -CAkey " + File(authority + ".key") + " -out " +
            File(name + ".pem"));
  }
  static void OpenSsl(const std::string& arguments) {
    const std::string command = "openssl " + arguments + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
  }

  const TempFolder folder_;
};

}  // namespace predictd

#endif  // PREDICTD_TESTS_FAKES_CERTIFICATES_H_

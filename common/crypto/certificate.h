#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace rollcall::crypto {

struct CertificateFacts {
  std::string thumbprint;  ///< SHA-256, lower-case hexadecimal
  std::string subject;     ///< its common name, as printable text
  long ends_at = 0;        ///< notAfter, in seconds since 1970
};

/// Of the first certificate in a PEM text; nothing where there is none that can be read.
std::optional<CertificateFacts> read_certificate(std::string_view pem);

}  // namespace rollcall::crypto

#include "common/crypto/certificate.h"

#include "common/crypto/crypto.h"
#include "common/crypto/openssl.h"

#include <array>
#include <ctime>

#include <openssl/pem.h>
#include <openssl/x509.h>

namespace rollcall::crypto {

std::optional<CertificateFacts> read_certificate(std::string_view pem) {
  const std::unique_ptr<BIO, Deleter<BIO_free>> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Deleter<X509_free>> certificate(
      text ? PEM_read_bio_X509(text.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!certificate) return std::nullopt;
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1) return std::nullopt;
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  if (size <= 0) return std::nullopt;
  CertificateFacts facts;
  facts.thumbprint = sha256_hex({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  std::array<char, 256> name{};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                                static_cast<int>(name.size())) > 0)
    facts.subject = name.data();
  facts.ends_at = static_cast<long>(timegm(&end));
  return facts;
}

}  // namespace rollcall::crypto

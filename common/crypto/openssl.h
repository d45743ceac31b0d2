#pragma once
#include <memory>

#include <openssl/evp.h>

/// Owners of OpenSSL's objects; for this folder only.
namespace rollcall::crypto {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

}  // namespace rollcall::crypto

#include "common/core/error.h"

namespace rollcall {

const char* to_string(Fault fault) {
  switch (fault) {
    case Fault::transient:
      return "transient";
    case Fault::throttled:
      return "throttled";
    case Fault::conflict:
      return "conflict";
    case Fault::invalid:
      return "invalid";
    case Fault::denied:
      return "denied";
    case Fault::not_found:
      return "not_found";
    case Fault::config:
      return "config";
  }
  return "unknown";
}

}  // namespace rollcall

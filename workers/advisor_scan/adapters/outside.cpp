#include "workers/advisor_scan/adapters/outside.h"

#include "common/core/error.h"
#include "workers/advisor_scan/adapters/registration.h"

namespace rollcall::advisor_scan {

Reading dead_letter_reading(postgres::Database& database, const kafka::Options& kafka,
                            const std::string& prefix) {
  return {Source::dead_letters, true, [&database, kafka, prefix](Snapshot& snapshot, const std::stop_token&) {
            read_dead_letters(database, kafka, prefix, snapshot);
          }};
}

std::vector<Reading> registration_readings(const graph::MicrosoftSettings& settings,
                                           graph::Connection& microsoft) {
  const auto where_enabled = [enabled = settings.enabled](auto read) {
    return [enabled, read](Snapshot& snapshot, const std::stop_token& stop) {
      if (!enabled) throw Error(Fault::config, "microsoft_disabled", "Microsoft 365 is switched off");
      read(snapshot, stop);
    };
  };
  return {{Source::certificate, true,
           where_enabled(
               [pem = settings.credentials.certificate_pem](Snapshot& snapshot, const std::stop_token&) {
                 read_certificate(pem.reveal(), snapshot);
               })},
          {Source::application, true,
           where_enabled([&microsoft](Snapshot& snapshot, const std::stop_token& stop) {
             read_application(microsoft.client(), stop, snapshot);
           })},
          {Source::permissions, true,
           where_enabled([&microsoft](Snapshot& snapshot, const std::stop_token& stop) {
             read_permissions(microsoft.tokens(), stop, snapshot);
           })}};
}

}  // namespace rollcall::advisor_scan

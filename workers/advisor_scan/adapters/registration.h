#pragma once
#include "common/graph/client.h"
#include "common/graph/token_source.h"
#include "workers/advisor_scan/core/snapshot.h"

#include <string_view>

/// The app that Rollcall signs in as.
namespace rollcall::advisor_scan {

/// When the certificate of the settings ends; nothing where there is none. Throws Error{config,
/// "setting_invalid"} where it cannot be read.
void read_certificate(const std::string& pem, Snapshot& snapshot);

/// Secrets and certificates as Entra ID has them. That it does not let us look is an answer too.
void read_application(graph::Client& client, const std::stop_token& stop, Snapshot& snapshot);

/// The application permissions that were granted, as the token of Microsoft Graph names them. Microsoft calls
/// these tokens opaque: where this one names none, nothing is concluded from it, and Error{not_found,
/// "permissions_not_shown"} is thrown.
void read_permissions(graph::TokenSource& tokens, const std::stop_token& stop, Snapshot& snapshot);
/// The roles a token names; empty where it names none or cannot be read.
std::vector<std::string> roles_of(std::string_view token);

}  // namespace rollcall::advisor_scan

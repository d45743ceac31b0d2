#pragma once
#include "common/graph/connection.h"
#include "workers/advisor_scan/adapters/gather.h"

/// What is not in PostgreSQL.
namespace rollcall::advisor_scan {

/// The dead-letter topics of this prefix.
Reading dead_letter_reading(postgres::Database& database, const kafka::Options& kafka,
                            const std::string& prefix = "rollcall");

/// What Rollcall signs in with, and may do. While Microsoft 365 is switched off, none of it is read.
std::vector<Reading> registration_readings(const graph::MicrosoftSettings& settings,
                                           graph::Connection& microsoft);

}  // namespace rollcall::advisor_scan

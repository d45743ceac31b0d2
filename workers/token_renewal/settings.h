#pragma once
#include "common/config/settings.h"
#include "common/graph/settings.h"
#include "common/vault/keyring.h"
#include "common/worker/run_worker.h"
#include "workers/token_renewal/handler.h"

#include <memory>

namespace rollcall::token_renewal {

struct ProcessSettings {
  worker::CommonSettings common;
  worker::LoopOptions loop;
  graph::MicrosoftSettings microsoft;
  std::unique_ptr<vault::KeyProvider> keys;  ///< null: none are configured
  HandlerOptions handler;
};

/// Declares and reads everything this process takes from its environment; ends with settings.finish().
ProcessSettings load_settings(config::Settings& settings);

}  // namespace rollcall::token_renewal

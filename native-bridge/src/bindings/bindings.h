#pragma once

#include <napi.h>

// The addon's exports besides its pool. bridge.ts and low-rank-trainer.ts document them. Bindings check arguments and
// compute nothing.

namespace flashrow {

Napi::Function defineStream(Napi::Env env);
Napi::Function defineMatrix(Napi::Env env);
Napi::Function defineCache(Napi::Env env);
Napi::Function defineTwoBitNetworks(Napi::Env env);

/** The numbers of memory.ts, as they are compiled in. */
Napi::Object memoryConstants(Napi::Env env);

Napi::Value trainLowRankStep(const Napi::CallbackInfo& info);
Napi::Value countAgreements(const Napi::CallbackInfo& info);
Napi::Value convolveColumns(const Napi::CallbackInfo& info);
Napi::Value recurHeads(const Napi::CallbackInfo& info);
Napi::Value checksumBytes(const Napi::CallbackInfo& info);
Napi::Value lockOpenFile(const Napi::CallbackInfo& info);
Napi::Value probeFile(const Napi::CallbackInfo& info);
Napi::Value recycleMemory(const Napi::CallbackInfo& info);
/** { availableBytes, leftUnderLimit }, or null where the system tells it by files. */
Napi::Value systemMemory(const Napi::CallbackInfo& info);
Napi::Value setEnvironmentVariable(const Napi::CallbackInfo& info);

}  // namespace flashrow

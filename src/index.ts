export { type CalibrateOptions, calibrate } from './api/calibrate.js';
export { type CompareOptions, compare } from './api/compare.js';
export { type ConvertOptions, convert } from './api/convert.js';
export { loadModel } from './api/load-model.js';
export { plan } from './api/plan-model.js';
export { verify } from './api/verify.js';
export type {
  ChatOptions,
  EvaluationResult,
  FinishReason,
  GenerateOptions,
  Generation,
  GenerationResult,
  LoadOptions,
  Model,
  ModelInfo,
  PerPhase,
  Piece,
  Progress,
  Receipt,
  SamplingDefaults,
} from './contract/api.js';
export type { CalibrationProgress, CalibrationResult, ComparisonResult, VerifyResult } from './contract/protocol.js';
export type { ErrorDetails, Remedy } from './error-details.js';
export { type ErrorCode, FlashrowError } from './errors.js';
export type { ModelSpec } from './model/spec.js';
export { InsufficientMemoryError } from './plan/insufficient-memory.js';
export type { CacheChoice, ModelOptions, SelectorChoice } from './plan/model-options.js';
export type { Plan } from './plan/plan.js';
export type { ConvertResult } from './store/write/writer.js';
export type { ChatMessage } from './text/chat-template.js';

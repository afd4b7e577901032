export { type ErrorCode, FlashrowError } from './errors.js';
export type { ModelSpec } from './model/spec.js';
export { InsufficientMemoryError } from './plan/insufficient-memory.js';
export type { Plan } from './plan/plan.js';
export type {
  CacheChoice,
  ChatOptions,
  EvaluationResult,
  FinishReason,
  GenerateOptions,
  Generation,
  GenerationResult,
  LoadOptions,
  Model,
  ModelInfo,
  ModelOptions,
  PerPhase,
  Piece,
  Progress,
  Receipt,
  SamplingDefaults,
  SelectorChoice,
} from './runtime/api.js';
export { type CalibrateOptions, calibrate } from './runtime/calibrate.js';
export { type CompareOptions, compare } from './runtime/compare.js';
export { type ConvertOptions, convert } from './runtime/convert.js';
export { loadModel } from './runtime/load-model.js';
export { plan } from './runtime/plan-model.js';
export type { CalibrationProgress, CalibrationResult, ComparisonResult, VerifyResult } from './runtime/protocol.js';
export { verify } from './runtime/verify.js';
export type { ConvertResult } from './store/writer.js';
export type { ChatMessage } from './text/chat-template.js';

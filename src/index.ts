import { calibrateStore } from './api/calibrate-store.js';
import { compareSelectors } from './api/compare-selectors.js';
import { convertModel } from './api/convert-model.js';
import { loadModel } from './api/load-model.js';
import { planModel } from './api/plan-model.js';
import { verifyStore } from './api/verify-store.js';

export type { CalibrateOptions } from './api/calibrate-store.js';
export type { CompareOptions } from './api/compare-selectors.js';
export type { ConvertOptions } from './api/convert-model.js';
export type {
  ChatOptions,
  EndedBy,
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
  ReasoningPiece,
  Receipt,
  SamplingDefaults,
  TemplateOptions,
  TextPiece,
  TokenizeOptions,
  Usage,
} from './contract/api.js';
export type { Progress, ProgressStage } from './contract/progress.js';
export type { CalibrationResult, ComparisonResult, VerifyResult } from './contract/protocol.js';
export type { ErrorDetails, Remedy } from './error-details.js';
export { type ErrorCode, FlashrowError } from './errors.js';
export type { ModelSpec } from './model/spec.js';
export { InsufficientMemoryError } from './plan/insufficient-memory.js';
export type { CacheChoice, ModelOptions, SelectorChoice } from './plan/model-options.js';
export type { Plan } from './plan/plan.js';
export type { ConvertResult } from './store/write/writer.js';
export type { ChatMessage, ContentPart } from './text/chat-message.js';
// The same by the verbs of the command line, for `import * as flashrow from 'flashrow'`: `flashrow.plan(...)`.
export {
  calibrateStore,
  calibrateStore as calibrate,
  compareSelectors,
  compareSelectors as compare,
  convertModel,
  convertModel as convert,
  loadModel,
  planModel,
  planModel as plan,
  verifyStore,
  verifyStore as verify,
};

import { replayTrace } from './api/activity/replay-trace.js';
import { listModels, removeModel } from './api/cached-models.js';
import { calibrateStore } from './api/calibrate-store.js';
import { compareSelectors } from './api/compare-selectors.js';
import { convertModel } from './api/convert-model.js';
import { examineModel } from './api/examine-model.js';
import { loadModel } from './api/load-model.js';
import { applyDelta } from './api/pictures/apply-delta.js';
import { planModel } from './api/plan-model.js';
import { pullModel } from './api/pull-model.js';
import { verifyStore } from './api/verify-store.js';

export type { ReplayOptions } from './api/activity/replay-trace.js';
export type { CacheOptions } from './api/cached-models.js';
export type { CalibrateOptions } from './api/calibrate-store.js';
export type { CompareOptions } from './api/compare-selectors.js';
export type { ConvertOptions } from './api/convert-model.js';
export type { ExamineOptions } from './api/examine-model.js';
export type { DeltaOptions } from './api/pictures/apply-delta.js';
export type { PlanModelOptions } from './api/plan-model.js';
export type { PullOptions } from './api/pull-model.js';
export type { Source } from './api/source.js';
export type { VerifyOptions } from './api/verify-store.js';
export type { ActivityOptions, ActivitySample, LayerActivity, StreamedLayer, TracedPass } from './contract/activity.js';
export type { ExaminedModel } from './contract/examined-model.js';
export type {
  ChatOptions,
  GenerateOptions,
  SamplingDefaults,
  TemplateOptions,
  TokenizeOptions,
} from './contract/generate-options.js';
export type {
  EndedBy,
  EvaluationResult,
  FinishReason,
  Generation,
  GenerationResult,
  Usage,
} from './contract/generation.js';
export type { LoadOptions, Model, SavedState } from './contract/model.js';
export type { ModelDescription, ModelInfo, VisionInfo } from './contract/model-info.js';
export type { Piece, ReasoningPiece, TextPiece, ToolCall, ToolCallPiece } from './contract/piece.js';
export type { Progress, ProgressStage } from './contract/progress.js';
export type {
  CalibrationResult,
  ComparisonResult,
  VerifyResult,
} from './contract/protocol.js';
export type { PlannedPull, PulledModel } from './contract/pulled-model.js';
export type { PerPhase, Receipt, SpeculationReceipt } from './contract/receipt.js';
export type { SamplingOptions } from './contract/sampling-options.js';
export type { ScoredToken, TokenLogprob } from './contract/token-logprob.js';
export type { DeltaResult } from './delta/apply-delta.js';
export type { ErrorDetails, Remedy } from './error-details.js';
export { type ErrorCode, FlashrowError } from './errors.js';
export type { ResponseFormat } from './grammar/response-format.js';
export type { CachedModel, RemovedModels } from './hub/cached-models.js';
export { InsufficientMemoryError } from './plan/insufficient-memory.js';
export type { CacheChoice, DraftChoice, ModelOptions, SelectorChoice, Tuning } from './plan/model-options.js';
export type { Plan } from './plan/plan.js';
export type { ConvertResult } from './store/write/writer.js';
export type { ChatMessage, ContentPart, ImageInput, MaskInput, MaskSamples, RegionInput } from './text/chat-message.js';
export type { Tool, ToolChoice } from './text/tools.js';
export type { RecordedTrace } from './trace/recorded.js';
export type { PolicyResult, Replay } from './trace/replay.js';
export type { TraceReuse } from './trace/reuse.js';
export type { TraceLayer } from './trace/trace.js';
export { boxesIn, type GroundedBox } from './vision/boxes.js';
// The same in short, for `import * as flashrow from 'flashrow'`: `flashrow.plan(...)`. As names of their own they would
// be shadowed by the very results they give: `const plan = await plan(source)`.
export {
  applyDelta,
  calibrateStore,
  calibrateStore as calibrate,
  compareSelectors,
  compareSelectors as compare,
  convertModel,
  convertModel as convert,
  examineModel,
  examineModel as examine,
  listModels,
  listModels as list,
  loadModel,
  planModel,
  planModel as plan,
  pullModel,
  pullModel as pull,
  removeModel,
  removeModel as remove,
  replayTrace,
  replayTrace as replay,
  verifyStore,
  verifyStore as verify,
};

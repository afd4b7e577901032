import { setEnvironmentVariable } from '../../native-bridge/index.js';

export type OnnxRuntime = typeof import('onnxruntime-node');

/**
 * ONNX Runtime reads this variable when it is loaded. Without it, 1.30 on Linux writes a device id and a database of
 * events to the user's cache folder, and looks up mobile.events.data.microsoft.com (seen with strace).
 */
const TELEMETRY_OFF = 'ORT_DISABLE_TELEMETRY';

/** Turns the telemetry of ONNX Runtime off, then loads it. A static import would load it first. */
export function loadOnnxRuntime(): Promise<OnnxRuntime> {
  setEnvironmentVariable(TELEMETRY_OFF, '1');
  return import('onnxruntime-node');
}

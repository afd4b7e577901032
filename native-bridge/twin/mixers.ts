import type { ConvolutionCall, RecurrenceCall } from '../bridge.js';
import { usage } from './errors.js';

function checkLength(name: string, array: Float32Array, needed: number): void {
  if (array.length < needed) throw usage(`${name} holds ${array.length} elements, not ${needed}`);
}

/** The convolution of `Bridge.convolve`. */
export function convolve(call: ConvolutionCall): void {
  const { from, to, tokens, channels, kernel, inputs, stride, first, weights, bias, silu, out } = call;
  const kept = kernel - 1;
  checkLength('from', from, kept * channels);
  checkLength('to', to, kept * channels);
  checkLength('inputs', inputs, (first + tokens - 1) * stride + channels);
  const value = (column: number, channel: number) =>
    column < kept ? from[column * channels + channel] : inputs[(first + column - kept) * stride + channel];
  for (let token = 0; out && token < tokens; token++) {
    for (let channel = 0; channel < channels; channel++) {
      let sum = bias ? bias[channel] : 0;
      for (let j = 0; j < kernel; j++) sum += weights[j * channels + channel] * value(token + j, channel);
      out[token * channels + channel] = silu ? sum / (1 + Math.exp(-sum)) : sum;
    }
  }
  for (let j = 0; j < kept; j++)
    for (let channel = 0; channel < channels; channel++) to[j * channels + channel] = value(tokens + j, channel);
}

/** The recurrence of `Bridge.recur`. */
export function recur(call: RecurrenceCall): void {
  const { from, to, stateAt, tokens, heads, keyHeads, keyDim, valueDim } = call;
  if (heads % keyHeads !== 0) throw usage('keyHeads must divide heads');
  const size = keyDim * valueDim;
  checkLength('from', from, stateAt + heads * size);
  checkLength('to', to, stateAt + heads * size);
  checkLength('inputs', call.inputs, (call.first + tokens - 1) * call.stride);
  if (from !== to) to.set(from.subarray(stateAt, stateAt + heads * size), stateAt);
  for (let token = 0; token < tokens; token++)
    for (let head = 0; head < heads; head++) recurHead(call, token, head, stateAt + head * size);
}

function recurHead(call: RecurrenceCall, token: number, head: number, at: number): void {
  const { to: state, heads, keyHeads, keyDim, valueDim, inputs, out } = call;
  const keyHead = call.tiled ? head % keyHeads : Math.floor(head / (heads / keyHeads));
  const row = (call.first + token) * call.stride;
  const q = row + call.queriesAt + keyHead * keyDim;
  const k = row + call.keysAt + keyHead * keyDim;
  const v = row + call.valuesAt + head * valueDim;
  const decay = call.decays[token * heads + head];
  const weight = call.weights[token * heads + head];
  for (let column = 0; column < valueDim; column++) {
    let recalled = 0;
    for (let i = 0; call.delta && i < keyDim; i++) recalled += inputs[k + i] * state[at + i * valueDim + column];
    const added = weight * (inputs[v + column] - decay * recalled);
    let sum = 0;
    for (let i = 0; i < keyDim; i++) {
      const place = at + i * valueDim + column;
      state[place] = decay * state[place] + inputs[k + i] * added;
      sum += inputs[q + i] * state[place];
    }
    if (out) out[(token * heads + head) * valueDim + column] = sum;
  }
}

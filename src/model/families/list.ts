/* Every architecture that flashrow knows. A new one needs its own file here and a line below. */
export { falcon } from './falcon.js';
export { gemma, gemma2, gemma3 } from './gemma.js';
export { gptOss } from './gpt-oss.js';
export { lfm2 } from './lfm2.js';
export { llama } from './llama.js';
export { mixtral } from './mixtral.js';
export { olmoe } from './olmoe.js';
export { opt } from './opt.js';
export { phi3 } from './phi3.js';
export { qwen2 } from './qwen2.js';
export { qwen2Moe } from './qwen2-moe.js';
export { qwen3 } from './qwen3.js';
export { qwen35, qwen35Moe } from './qwen3-5.js';
export { qwen3Moe } from './qwen3-moe.js';
export { qwen3Next } from './qwen3-next.js';

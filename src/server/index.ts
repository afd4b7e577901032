export { createServer, type FlashrowServer } from './create-server.js';
export { isLoopback } from './guards.js';
export { type Listening, type ListenOptions, listen } from './listen.js';
export type { ServedModel, ServerOptions } from './options.js';

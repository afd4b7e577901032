let told = false;

/**
 * Warns, once in a process, that the compiled kernels could not be loaded: a bundle or a container image that lost them
 * would be many times slower, and nobody would know why. Who asks for the kernels in TypeScript (`FLASHROW_ISA=ts`) is
 * not warned.
 */
export function warnOfSlowKernels(reason: string): void {
  if (told) return;
  told = true;
  process.emitWarning(
    `flashrow runs without its compiled kernels, many times slower and with plain reads: ${reason}. A bundle or an image has to bring the package's folder native-bridge along (docs/bundlers.md of flashrow tells how); FLASHROW_ISA=ts says that it is meant so`,
    { type: 'FlashrowWarning', code: 'FLASHROW_SLOW_KERNELS' },
  );
}

/**
 * Test files are transformed here, by what is built for this machine, and run by workers that are forked from the
 * emulated Node.js.
 */
export default function guard(): void {
  if (!process.env.FLASHROW_EMULATED_NODE) throw new Error('tests/neon.sh runs these tests, and says on what');
  process.execPath = process.env.FLASHROW_EMULATED_NODE;
}

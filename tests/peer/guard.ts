export default function guard(): void {
  if (!process.env.FLASHROW_PEER)
    throw new Error(
      'set FLASHROW_PEER to a folder in which node-llama-cpp is installed: its answers are compared with',
    );
}

export default function guard(): void {
  if (process.getuid?.() !== 0 || process.platform !== 'linux')
    throw new Error('these tests mount file systems and make memory cgroups: run them as root on Linux');
}

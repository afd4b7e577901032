import { fstatSync } from 'node:fs';
import type { ReadProbe } from '../bridge.js';
import { allocate, isCount, usage } from './errors.js';
import { readRange, withFile } from './reader.js';

const LIMIT_SECONDS = 0.2;

/** Reads one record after another through the page cache: what the twin itself would get. */
export function probeReads(path: string, recordBytes: number, totalBytes: number): ReadProbe {
  if (!isCount(recordBytes) || recordBytes === 0 || !isCount(totalBytes))
    throw usage(`a probe cannot read records of ${recordBytes} bytes, ${totalBytes} bytes in all`);
  const record = allocate(recordBytes, 'a record');
  return withFile(path, (file) => {
    const places = Math.max(1, Math.floor(fstatSync(file).size / recordBytes));
    const wanted = Math.ceil(totalBytes / recordBytes);
    const started = performance.now();
    let bytes = 0;
    let seconds = 0;
    for (let i = 0; i < wanted && seconds < LIMIT_SECONDS; i++) {
      const place = Math.floor((i * places) / wanted) % places;
      bytes += readRange(file, path, record, 0, recordBytes, place * recordBytes);
      seconds = (performance.now() - started) / 1000;
    }
    return { bytes, seconds, direct: false };
  });
}

/** Run before the package is published: refuses where an addon is missing, or older than its sources. */
import { modified, newestSource } from '../native-bridge/compile.mjs';
import { binaryTable } from './binary-table.mjs';
import { TARGETS, targetPath } from './targets.mjs';

const newest = newestSource();
const stale = Object.keys(TARGETS).filter((name) => modified(targetPath(name)) < newest);
if (stale.length > 0) {
  console.error(`missing, or older than the sources: ${stale.join(', ')}. \`npm run prebuilds\` compiles them`);
  process.exitCode = 1;
} else {
  console.log(binaryTable(Object.keys(TARGETS).map(targetPath)));
}

import type { Reporter, TestModule } from 'vitest/node';

/** The reason stands in a name, as "(skipped: needs root; npm run test:root)" or "(skipped without /proc)". */
const REASON = /\(skipped:? ([^)]+)\)/;

/** Lists what a run has skipped, by reason, with the commands that run it. */
export default class ListSkipped implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>();
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const reason = REASON.exec(test.fullName)?.[1] ?? `${module.relativeModuleId}: ${test.fullName}`;
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    }
    if (counts.size > 0) console.log('\n Skipped:');
    for (const [reason, tests] of counts) console.log(`   ${String(tests).padStart(4)}  ${reason}`);
    if (process.env.npm_lifecycle_event === 'test')
      console.log('\n The long tests, packages, fuzzing and sanitizers run with: npm run test:all\n');
  }
}

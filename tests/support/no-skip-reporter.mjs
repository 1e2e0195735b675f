// A skipped test is a failure: a suite that can be green without running proves nothing. Does not apply when tests were
// chosen by name (-t). With OXCACHE_TEST_COUNTS set, writes `{ passed, failed }` to that file for the script that runs the CI.
import { writeFileSync } from 'node:fs';

export default class NoSkipReporter {
  #chosenByName;
  #error;

  constructor(globalConfig) {
    this.#chosenByName = (globalConfig.testNamePattern ?? '') !== '';
  }

  onRunComplete(_contexts, results) {
    const skipped = results.numPendingTests + results.numTodoTests;
    if (skipped > 0 && !this.#chosenByName) {
      this.#error = new Error(`${skipped} test(s) were skipped`);
      console.error(`\nFAILED: ${this.#error.message}; every test has to run:`);
      for (const file of results.testResults) {
        for (const test of file.testResults) {
          if (test.status !== 'passed' && test.status !== 'failed') console.error(`  ${file.testFilePath}: ${test.fullName}`);
        }
      }
    }
    const failedFiles = results.numRuntimeErrorTestSuites;
    const counts = { passed: results.numPassedTests, failed: results.numFailedTests + failedFiles + (this.#error ? skipped : 0) };
    if (process.env.OXCACHE_TEST_COUNTS) writeFileSync(process.env.OXCACHE_TEST_COUNTS, JSON.stringify(counts));
  }

  getLastError() {
    return this.#error;
  }
}

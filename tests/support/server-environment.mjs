// The jest environment of tests that start servers: when a test fails, prints the end of the log of every server it has
// running, before the hooks that stop them.
import { TestEnvironment } from 'jest-environment-node';

const RUNNING = Symbol.for('oxcache.tests.running-servers');

export default class ServerEnvironment extends TestEnvironment {
  handleTestEvent(event) {
    if (event.name !== 'test_fn_failure' && event.name !== 'hook_failure') return;
    for (const describeServer of this.global[RUNNING]?.values() ?? []) console.error(describeServer());
  }
}

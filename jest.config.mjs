// Three projects: `unit` needs nothing, `integration` needs a redis-server, `package` needs the built package as well.
// They are started by tests/support/run-jest.mjs, which provides both.

const shared = {
  testEnvironment: 'node',
  setupFilesAfterEnv: ['<rootDir>/tests/support/long-timeout.mjs'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': ['$1.ts', '$1.js'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { decoratorVersion: '2022-03' },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

const project = (displayName, folders, extra) => ({
  ...shared,
  displayName,
  testMatch: folders.map((folder) => `<rootDir>/tests/${folder}/**/*.test.ts`),
  ...extra,
});

const withServers = { testEnvironment: '<rootDir>/tests/support/server-environment.mjs' };

export default {
  // One more than CI has processors: most tests of the integration project wait for servers and deadlines.
  maxWorkers: 3,
  reporters: ['<rootDir>/tests/support/no-skip-reporter.mjs', 'default'],
  projects: [
    project('unit', ['unit', 'contract', 'model'], {}),
    project('integration', ['integration', 'chaos'], withServers),
    project('package', ['package'], withServers),
  ],
};

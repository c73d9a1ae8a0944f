import { configDefaults, defineConfig } from 'vitest/config';

const all = ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts', 'examples/**/*.test.ts'];
/** They change what modules other modules get, load modules anew, or measure the memory of the process. */
const alone = [
  'test/leaks/interference.test.ts',
  'test/conformance/conformance.test.ts',
  'packages/core/test/capture/hostile.test.ts',
  'packages/core/test/clock.test.ts',
  'packages/core/test/record/key-warning.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 20_000,
    setupFiles: ['test/support/property-seed.ts'],
    // Two cores: one for the tests, one for the servers and threads that they start.
    maxWorkers: 2,
    // What is built is loaded by Node itself, as users have it: quicker than to transform it again.
    server: { deps: { external: [/\/node_modules\//, /\/packages\/[^/]+\/dist\//] } },
    projects: [
      {
        extends: true,
        test: {
          name: 'shared',
          include: all,
          exclude: [...configDefaults.exclude, ...alone],
          // One after the other in a process that has loaded the packages already, which takes longer than most files do.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'alone', include: alone } },
    ],
  },
});

import { defineConfig } from 'vitest/config'

const real = { testTimeout: 120_000, hookTimeout: 600_000, globalSetup: ['test/support/global-setup.ts'] }

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['{proto,hub,agent,deploy}/**/*.test.ts', 'test/*.test.ts'], testTimeout: 10_000 } },
      { test: { ...real, name: 'integration', include: ['test/integration/**/*.test.ts'], maxWorkers: 2 } },
      { test: { ...real, name: 'e2e', include: ['test/e2e/**/*.test.ts'], fileParallelism: false, testTimeout: 300_000 } },
    ],
  },
})

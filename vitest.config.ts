import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { SlowestFirstSequencer } from './test/runner/slowest-first.ts'

// Seeds all that is random in a run. Set it to repeat that run.
process.env.TEST_SEED ??= String(Date.now() % 1_000_000)

const TEST_TIMEOUT_MS = 20 * 60 * 1000

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/runner/process-cleanup.ts', './test/runner/program.ts'],
    setupFiles: './test/runner/random-seed.ts',
    pool: 'forks',
    // Many tests wait for processes of their own: a core for each file leaves half the machine idle.
    maxWorkers: '100%',
    // A new process for each file would load what is tested anew. No test changes what others see.
    isolate: false,
    // What one process of a test compiled, the next one need not: a third of the time of a short command.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), `latchkey-test-compiled-${process.getuid?.()}`) },
    // No test guarantees how soon something happens, and a busy machine is slow. These limits only end
    // tests that would wait for ever.
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: TEST_TIMEOUT_MS,
    expect: { poll: { timeout: TEST_TIMEOUT_MS / 4 } },
    sequence: { sequencer: SlowestFirstSequencer },
    reporters: ['default', './test/runner/summary-reporter.ts'],
  },
})

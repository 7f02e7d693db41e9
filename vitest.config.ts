import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/longest-first.ts'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Many tests wait for processes of their own: a core for each file leaves half the machine idle.
    maxWorkers: '100%',
    // A new process for each file would load what is tested anew. No test changes what others see.
    isolate: false,
    // What one process of a test compiled, the next one need not: a third of the time of a short command.
    env: { NODE_COMPILE_CACHE: join(tmpdir(), `latchkey-test-compiled-${process.getuid?.()}`) },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What a test waits for comes when it comes: how soon is no guarantee of any.
    expect: { poll: { timeout: 30_000 } },
    sequence: { sequencer: LongestFirst },
    reporters: ['default', './test/closing-line.ts'],
  },
})

import type { TestBench } from '../../test-bench.ts'

/** Messages in the words of their vendor. */
export interface MessageScreenDeps {
  readonly testBench: TestBench
}

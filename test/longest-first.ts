import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes longest, the longest first: begun last, each would leave the other cores idle at the end. */
const LONGEST = [
  'test/kill.test.ts',
  'test/console/pages.browser.test.ts',
  'test/storage/d1.test.ts',
  'test/soak/soak.test.ts',
  'test/storage/postgres.test.ts',
  'test/bench.test.ts',
  'test/deliver/server.test.ts',
  'test/faults/sqlite.test.ts',
  'test/workers.test.ts',
  'test/package.test.ts',
  'test/console/key-life.browser.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.indexOf(relative(this.ctx.config.root, moduleId))
      return at === -1 ? LONGEST.length : at
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}

import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The slowest files, slowest first: started last, each would leave the other cores idle at the end. */
const SLOWEST_TEST_FILES = [
  'test/kill/kill.test.ts',
  'test/http/console/pages.browser.test.ts',
  'test/soak/soak.test.ts',
  'test/storage/d1.test.ts',
  'test/http/console/bad-input.browser.test.ts',
  'test/http/console/key-lifecycle.browser.test.ts',
  'test/package.test.ts',
  'test/storage/postgres.test.ts',
  'test/node/postgres/restart.test.ts',
  'test/node/postgres/start.test.ts',
  'test/node/workers.test.ts',
  'test/http/console/flows.browser.test.ts',
  'test/storage/d1-migrations.test.ts',
  'test/bench/bench.test.ts',
  'test/node/cli/copy.test.ts',
  'test/http/proxy/streaming.test.ts',
  'test/service/messages/server.test.ts',
  'test/faults/sqlite.test.ts',
  'test/service/audit/anchor.test.ts',
  'test/node/cli/console.test.ts',
  'test/service/messages/large-messages.test.ts',
  'test/service/audit/sealing.test.ts',
  'test/http/console/components.test.ts',
]

export class SlowestFirstSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = SLOWEST_TEST_FILES.indexOf(relative(this.ctx.config.root, moduleId))
      return at === -1 ? SLOWEST_TEST_FILES.length : at
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openSqlite } from '../../src/node/sqlite/engine.ts'
import type { Engine, Step } from '../../src/storage/engine.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { createTempFolder } from '../support/server.ts'

test.each(['user', 'source', 'site', 'developer'] as const)(
  'the name of a %s in a file of keys is looked up by an index of its account',
  async (kind) => {
    const dir = createTempFolder()
    const sqlite = openSqlite(join(dir, 'latchkey.db'))
    onTestFinished(async () => {
      await sqlite.close()
      rmSync(dir, { recursive: true })
    })
    const steps: Step[] = []
    const read: Engine['read'] = (step) => {
      steps.push(step)
      return sqlite.read(step)
    }
    await createStorage({ ...sqlite, read }).findIdsByName({ kind, name: 'n', accountId: 'a' })
    const [step] = steps
    expect(steps).toHaveLength(1)
    const plan = await sqlite.read<{ detail: string }>({
      sql: `explain query plan ${step?.sql}`,
      values: step?.values ?? [],
    })
    expect(plan.map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/INDEX \w+ \(account_id=\? AND (name|email)=\?\)$/),
    ])
  },
)

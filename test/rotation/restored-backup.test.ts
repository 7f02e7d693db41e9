import { copyFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { runConcurrently } from '../storage/conformance/fixtures.ts'
import { HOUR_MS, SECOND_MS } from '../support/time.ts'
import {
  expectRefused,
  findGrantRow,
  issueTokens,
  refresh,
  refreshForBody,
  restartServer,
  sendMessageWith,
  server,
  useRotationServer,
} from './fixture.ts'

useRotationServer()

describe('after the restore of an older backup', () => {
  const file = () => join(server.dir, 'latchkey.db')
  const getAsidePath = () => join(server.dir, 'aside.db')

  async function backUpDatabase() {
    const db = new Database(file())
    await db.backup(getAsidePath())
    db.close()
  }
  const restoreDatabase = () =>
    restartServer(() => {
      for (const end of ['', '-wal', '-shm']) rmSync(file() + end, { force: true })
      copyFileSync(getAsidePath(), file())
    })

  test('a refresh token of a generation that the backup lacks is accepted', async () => {
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    await backUpDatabase()
    let newest = second
    for (let n = 0; n < 4; n++) {
      newest = await refresh(newest.refreshToken)
      expect(await sendMessageWith(newest)).toBe(200)
      server.clock.advance(HOUR_MS)
    }
    await restoreDatabase()
    expect(await findGrantRow(first)).toMatchObject({ generation: 1 })
    expect(await sendMessageWith(newest)).toBe(200)
    const bodies = await runConcurrently(() => refreshForBody(newest.refreshToken))
    expect(new Set(bodies).size).toBe(1)
    expect(await findGrantRow(first)).toMatchObject({ generation: 6 })
    expect(await sendMessageWith(JSON.parse(bodies[0] ?? ''))).toBe(200)
  })

  test('a grant that the backup lacks continues, and detects reuse', async () => {
    await backUpDatabase()
    const first = await issueTokens()
    const second = await refresh(first.refreshToken)
    const third = await refresh(second.refreshToken)
    await restoreDatabase()
    expect(await findGrantRow(third)).toBeNull()
    const fourth = await refresh(third.refreshToken)
    expect(await sendMessageWith(fourth)).toBe(200)
    server.clock.advance(61 * SECOND_MS)
    await expectRefused(second.refreshToken)
    await expectRefused(fourth.refreshToken)
  })
})

import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createAnchorFile } from '../../src/node/anchor-file.ts'
import { createTempFolder } from '../support/server.ts'

describe('the file of the audit anchor', () => {
  test('only moves forward, by any writer, until an operator moves it back', async () => {
    const path = join(createTempFolder(), 'anchor')
    const at = (sequence: number, acceptedAt = 0) => ({ sequence, seal: 's', at: 1, acceptedAt })
    const [one, other] = [createAnchorFile(path), createAnchorFile(path)]
    expect(await one.write(at(5))).toBe(true)
    expect(await other.write(at(4))).toBe(false)
    expect(await other.write(at(5))).toBe(false)
    expect(await one.read()).toEqual(at(5))
    await other.replace(at(2, 7))
    expect(await one.read()).toEqual(at(2, 7))
    // A process that has not heard of the replacement writes the first of these.
    expect(await one.write(at(9))).toBe(false)
    expect(await one.write(at(3, 7))).toBe(true)
    expect(await other.read()).toEqual(at(3, 7))
  })

  test('that another process has locked is not replaced', async () => {
    const path = join(createTempFolder(), 'anchor')
    const before = { sequence: 5, seal: 's', at: 1, acceptedAt: 0 }
    const file = createAnchorFile(path)
    await file.write(before)
    const lock = new Database(path)
    lock.exec('BEGIN EXCLUSIVE')
    await expect(file.replace({ ...before, acceptedAt: 7 })).rejects.toThrow(/locked/)
    lock.exec('ROLLBACK')
    lock.close()
    expect(await file.read()).toEqual(before)
  })
})

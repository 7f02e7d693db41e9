import { existsSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { createAnchorFile, getAnchorPath } from '../../../src/node/anchor-file.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import { composeNodeApps } from '../../../src/node/server.ts'
import type { AuditEvent } from '../../../src/service/ports/audit.ts'
import { createUuid } from '../../storage/conformance/fixtures.ts'
import { executeSql } from '../../support/database/data-folder.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from '../../support/database/postgres.ts'
import { createAppCaller, createTempFolder, createTestLog, unwrap } from '../../support/server.ts'

const ignoreProgress = () => undefined

let postgres: PostgresServer
const folders: string[] = []
const openedStorages: { storage: { close(): Promise<void> } }[] = []
beforeAll(async () => {
  postgres = await startPostgres()
}, POSTGRES_START_TIMEOUT_MS)
afterEach(async () => {
  await Promise.all(openedStorages.splice(0).map(({ storage }) => storage.close()))
})
afterAll(async () => {
  await postgres.stop()
  for (const dir of folders) rmSync(dir, { recursive: true, force: true })
})

const newEvent = (): AuditEvent => ({
  id: createUuid(),
  at: Date.now(),
  actor: 'operator',
  action: 'test.done',
  subject: 'subject',
  facts: {},
  requestId: null,
})

type Engine = 'SQLite' | 'PostgreSQL'

/** A data folder, its database, and an attacker who writes to the database directly. */
async function createAuditedDatabase(engine: Engine) {
  const dir = createTempFolder()
  folders.push(dir)
  const url = engine === 'PostgreSQL' ? await postgres.createDatabase() : null
  const settings = url === null ? {} : { LATCHKEY_DATABASE: url }

  /** A process on it: a server, or a command. */
  async function openProcess(from = dir) {
    const log = createTestLog()
    const config = readConfig({ LATCHKEY_DATA: from, ...settings })
    const latchkey = await openLatchkey(config, { publicUrl: 'https://latchkey.example', log })
    openedStorages.push(latchkey)
    return {
      ...latchkey,
      log,
      errors: () => log.lines.filter(({ level }) => level === 'error').map((line) => line.message),
      /** Has something happen, and seals it. */
      async go(events = 1) {
        await latchkey.storage.addEvents(Array.from({ length: events }, newEvent))
        await latchkey.sealAudit()
      },
      async end() {
        openedStorages.splice(openedStorages.indexOf(latchkey), 1)
        await latchkey.storage.close()
      },
    }
  }

  async function tamper(...statements: readonly string[]) {
    for (const sql of statements) {
      if (url === null) executeSql(join(dir, 'latchkey.db'), sql)
      else await postgres.query(url, sql)
    }
  }

  async function verify() {
    const process = await openProcess()
    const verdict = unwrap(await process.audit.verify(ignoreProgress))
    await process.end()
    return verdict
  }
  const listBreakMessages = async () => (await verify()).breaks.map(({ message }) => message)
  return {
    dir,
    openProcess,
    tamper,
    verify,
    listBreakMessages,
    anchor: getAnchorPath(join(dir, 'keyring.json')),
  }
}

const TABLES = ['audit_events', 'audit_chain', 'audit_checkpoints']
const COPY = TABLES.map((table) => `CREATE TABLE copy_of_${table} AS SELECT * FROM ${table}`)
const BACK = TABLES.flatMap((table) => [
  `DELETE FROM ${table}`,
  `INSERT INTO ${table} SELECT * FROM copy_of_${table}`,
])
const RESET = [
  "UPDATE audit_chain SET sequence = 0, seal = ''",
  'UPDATE audit_events SET sequence = NULL, seal = NULL',
]
const CHANGE = "UPDATE audit_events SET actor = 'nobody' WHERE sequence = 3"
const DELETE = 'DELETE FROM audit_events WHERE sequence = 4'
const FORGET = 'DELETE FROM audit_checkpoints'
const SIGNED = String.raw`event 20 was signed at \d{4}-\d\d-\d\dT[\d:.]+Z`

/** Name, SQL of the attack, expected output of verify, and whether sealing continues. */
const ATTACKS: readonly (readonly [string, string[], RegExp[], boolean])[] = [
  [
    'one event changed',
    [CHANGE],
    [/^event 3 is not the one that was sealed: it was changed/],
    true,
  ],
  ['one event deleted', [DELETE], [/^event 4 is gone$/], true],
  [
    'all checkpoints deleted',
    [FORGET],
    [new RegExp(`^checkpoints were deleted: ${SIGNED}, and none is left$`)],
    false,
  ],
  [
    'the chain reset to 0, after a change and a deletion',
    [CHANGE, DELETE, ...RESET],
    [new RegExp(`^the chain was set back to event 0: ${SIGNED}$`), /^events 1 to 20 are gone$/],
    false,
  ],
  [
    'the chain reset to 0, and all checkpoints deleted',
    [CHANGE, DELETE, FORGET, ...RESET],
    [
      new RegExp(`^the chain was set back to event 0: ${SIGNED}$`),
      new RegExp(`^checkpoints were deleted: ${SIGNED}, and none is left$`),
    ],
    false,
  ],
  [
    'the chain said to end earlier',
    [
      'UPDATE audit_chain SET (sequence, seal) = (SELECT sequence, seal FROM audit_events WHERE sequence = 7)',
    ],
    [new RegExp(`^the chain was set back to event 7: ${SIGNED}$`)],
    false,
  ],
  [
    'its end cut off, with the checkpoints of it',
    [
      'DELETE FROM audit_events WHERE sequence > 10',
      'DELETE FROM audit_checkpoints WHERE sequence > 10',
      'UPDATE audit_chain SET (sequence, seal) = (SELECT sequence, seal FROM audit_events WHERE sequence = 10)',
    ],
    [/^events 11 to 20 are gone: event 20 was signed at .* `latchkey audit accept-restore`/],
    false,
  ],
  [
    "the database replaced by yesterday's copy",
    BACK,
    [
      /^events 11 to 20 are gone: event 20 was signed at .*this database ends at event 10\. It is an older copy/,
    ],
    false,
  ],
]

describe.each(['SQLite', 'PostgreSQL'] as const)('audit verify on %s', (engine) => {
  describe.each(['running', 'stopped'] as const)('with the server %s, names', (state) => {
    test.each(ATTACKS)('%s', async (_, statements, expected, isSealedOn) => {
      const auditedDatabase = await createAuditedDatabase(engine)
      let server = await auditedDatabase.openProcess()
      await server.go(10)
      await auditedDatabase.tamper(...COPY)
      await server.go(10)
      const whole = { whole: true, last: 20, anchor: 20 }
      expect(unwrap(await server.audit.verify(ignoreProgress))).toMatchObject(whole)

      if (state === 'stopped') await server.end()
      await auditedDatabase.tamper(...statements)
      if (state === 'stopped') server = await auditedDatabase.openProcess()
      await server.go()
      await server.go()

      const breakMessages = await auditedDatabase.listBreakMessages()
      expect(breakMessages).toHaveLength(expected.length)
      for (const [n, message] of breakMessages.entries()) expect(message).toMatch(expected[n] ?? '')
      // Sealing waits for the operator; the service stays available.
      expect(
        (await createAppCaller(composeNodeApps(server))('/ready', { method: 'GET' })).status,
      ).toBe(200)
      expect((await server.storage.listUnsealedEvents(100)).length === 0).toBe(isSealedOn)
      expect(server.errors()).toEqual(
        isSealedOn ? [] : [expect.stringMatching(/^sealing of the audit stopped: /)],
      )
    })
  })
})

describe('a restored database', () => {
  test('is sealed on once an operator accepts it, by every process, and that is an event', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const server = await auditedDatabase.openProcess()
    await server.go(10)
    await auditedDatabase.tamper(...COPY)
    await server.go(10)
    await auditedDatabase.tamper(...BACK)
    await server.go()

    const command = await auditedDatabase.openProcess()
    expect(unwrap(await command.audit.acceptRestore())).toEqual({ from: 20, to: 10 })
    await server.go()
    expect(await auditedDatabase.verify()).toMatchObject({ whole: true, anchor: 13, last: 13 })
    const [event] = await server.audit.list({ limit: 1, action: 'audit.restore_accepted' })
    expect(event).toMatchObject({ actor: 'operator', facts: { from: 20, to: 10 } })
    expect(server.log.lines.map(({ message }) => message)).toContain(
      'sealing of the audit continues',
    )
    expect(await command.audit.acceptRestore()).toMatchObject({
      ok: false,
      failure: { message: 'the audit reaches its anchor: there is nothing to accept' },
    })
    // Not twice: what was accepted once is no leave to go back again.
    await server.go(10)
    await auditedDatabase.tamper(...BACK)
    expect((await auditedDatabase.listBreakMessages())[0]).toMatch(/^events 11 to 23 are gone/)
  })

  test('is not accepted where sealed events stand behind its end: it is no copy', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const server = await auditedDatabase.openProcess()
    await server.go(10)
    await auditedDatabase.tamper("UPDATE audit_chain SET sequence = 0, seal = ''")
    expect(await server.audit.acceptRestore()).toMatchObject({
      ok: false,
      failure: {
        message: expect.stringMatching(
          /says that the chain ends at event 0, but sealed events follow/,
        ),
      },
    })
    expect(await server.audit.list({ limit: 1, action: 'audit.restore_accepted' })).toEqual([])
  })

  test('that was reset is sealed again once an operator accepts it', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const server = await auditedDatabase.openProcess()
    await server.go(10)
    await auditedDatabase.tamper(FORGET, ...RESET)
    expect(unwrap(await server.audit.acceptRestore())).toEqual({ from: 10, to: 0 })
    await server.sealAudit()
    expect(await auditedDatabase.verify()).toMatchObject({ whole: true, last: 11, anchor: 11 })
  })

  test('loses nothing to a purge until an operator accepts it', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const server = await auditedDatabase.openProcess()
    await server.go(10)
    await auditedDatabase.tamper(...COPY)
    await server.go(10)
    await auditedDatabase.tamper(
      ...BACK,
      'UPDATE audit_events SET at = 0',
      'UPDATE audit_checkpoints SET at = 0',
    )
    await server.deleteExpiredData()
    expect((await server.audit.list({ limit: 100 })).length).toBe(10)
  })
})

describe('the anchor', () => {
  test('is a file beside the key ring that only its owner reads, made with the database', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const server = await auditedDatabase.openProcess()
    await server.sealAudit()
    expect(statSync(auditedDatabase.anchor).mode & 0o777).toBe(0o600)
    expect(await createAnchorFile(auditedDatabase.anchor).read()).toMatchObject({ sequence: 0 })
    await server.go(3)
    const end = await server.storage.findChainEnd()
    expect(await createAnchorFile(auditedDatabase.anchor).read()).toMatchObject(end)
    expect(server.log.lines.filter(({ level }) => level !== 'info')).toEqual([])
    expect(await server.audit.list({ limit: 1, action: 'audit.anchored' })).toEqual([])
  })

  test('that lags behind the database is normal: another machine has sealed on', async () => {
    const auditedDatabase = await createAuditedDatabase('PostgreSQL')
    const here = await auditedDatabase.openProcess()
    await here.go(5)
    const away = createTempFolder()
    folders.push(away)
    const ring = join(away, 'keyring.json')
    symlinkSync(join(auditedDatabase.dir, 'keyring.json'), ring)
    const there = await auditedDatabase.openProcess(away)
    await there.go(5)
    expect(await createAnchorFile(auditedDatabase.anchor).read()).toMatchObject({ sequence: 5 })
    await here.go(1)
    await there.sealAudit()
    const { sequence } = await here.storage.findChainEnd()
    for (const path of [auditedDatabase.anchor, getAnchorPath(ring)]) {
      expect(await createAnchorFile(path).read()).toMatchObject({ sequence })
    }
    expect([...here.errors(), ...there.errors()]).toEqual([])
    expect((await auditedDatabase.verify()).whole).toBe(true)
  })

  test('that is lost is kept in memory, and made again by the next sealing', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const server = await auditedDatabase.openProcess()
    await server.go(5)
    rmSync(auditedDatabase.anchor)
    await auditedDatabase.tamper(FORGET, ...RESET)
    await server.go()
    expect(server.errors()).toEqual([expect.stringMatching(/set back to event 0/)])
    expect(existsSync(auditedDatabase.anchor)).toBe(false)
  })

  test('that is lost between two servers is made again, with a warning and an event', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const before = await auditedDatabase.openProcess()
    await before.go(5)
    await before.end()
    rmSync(auditedDatabase.anchor)
    expect(await auditedDatabase.verify()).toMatchObject({ whole: true, anchor: null })
    const server = await auditedDatabase.openProcess()
    await server.sealAudit()
    await server.sealAudit()
    const warnings = server.log.lines.filter(({ level }) => level === 'warn')
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^the audit had no anchor outside the database, so Latchkey created one/,
      ),
    ])
    const events = await server.audit.list({ limit: 10, action: 'audit.anchored' })
    expect(events.map(({ facts }) => facts)).toEqual([{ sequence: 5 }])
    expect(await auditedDatabase.verify()).toMatchObject({ whole: true, anchor: 6 })
  })

  test('is not needed to refuse to seal a chain that ends before its last checkpoint', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const before = await auditedDatabase.openProcess()
    await before.go(5)
    await before.end()
    rmSync(auditedDatabase.anchor)
    await auditedDatabase.tamper(...RESET)
    const server = await auditedDatabase.openProcess()
    await server.go()
    expect(server.errors()).toEqual([expect.stringMatching(/set back to event 0/)])
  })

  test('that cannot be written is logged once, and the sealing continues', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    symlinkSync('/nowhere/anchor', auditedDatabase.anchor)
    const server = await auditedDatabase.openProcess()
    await server.go(3)
    await server.go(3)
    expect(server.errors()).toEqual(['the audit anchor could not be written and is kept in memory'])
    await auditedDatabase.tamper(FORGET, ...RESET)
    await server.go()
    expect(server.errors()[1]).toMatch(/^sealing of the audit stopped: the chain was set back/)
    rmSync(auditedDatabase.anchor)
    await auditedDatabase.tamper()
  })

  test('that cannot be read stops the sealing until an operator accepts what is there', async () => {
    const auditedDatabase = await createAuditedDatabase('SQLite')
    const server = await auditedDatabase.openProcess()
    await server.go(3)
    writeFileSync(auditedDatabase.anchor, 'damaged '.repeat(1000))
    await expect(server.go()).rejects.toThrow(
      /^the audit's anchor .* cannot be read .*`latchkey audit accept-restore`$/,
    )
    expect(unwrap(await server.audit.acceptRestore())).toEqual({ from: null, to: 3 })
    await server.sealAudit()
    expect(await auditedDatabase.verify()).toMatchObject({ whole: true, anchor: 5 })
  })
})

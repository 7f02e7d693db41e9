import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createAnchorFile, getAnchorPath } from '../../src/node/anchor-file.ts'
import { inspectDatabaseFile } from '../../src/node/sqlite/database-file.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { createTestClock, HOUR_MS } from '../support/time.ts'
import { type Acknowledgment, POWER_CUT_SETTINGS } from './recording.ts'

/** Starts a server on what a power cut left. Throws if it does not start, or lacks what was acknowledged. */
export async function checkAfterPowerCut(
  disk: string,
  acknowledged: readonly Acknowledgment[],
): Promise<void> {
  const dir = join(disk, 'data')
  const clock = createTestClock()
  clock.advance(HOUR_MS)
  const server = await createTestServer(POWER_CUT_SETTINGS, { dir, clock })
  try {
    requireEqual('integrity', readIntegrity(dir), 'ok')
    requireEqual('key ring', await server.bindKeyring(server.keyring), true)
    const verdict = unwrap(await server.audit.verify(() => undefined))
    requireEqual('audit', verdict.breaks, [])
    const newest = new Map(acknowledged.map((mark) => [toSubject(mark), mark]))
    const messages = await listMessages(server)
    for (const mark of newest.values()) await check(server, { disk, dir, messages }, mark)
  } finally {
    await server.storage.close()
  }
}

/** Returns the subject of an acknowledgment. The newest one of a subject says what it must be. */
function toSubject(mark: Acknowledgment): string {
  switch (mark.kind) {
    case 'key':
      return mark.id
    case 'refresh':
      return `chain ${mark.chain}`
    case 'message':
      return mark.logIds.join()
    case 'ring':
    case 'anchor':
      return mark.kind
    case 'backup':
    case 'export':
      return mark.path
  }
}

async function check(
  server: TestServer,
  { disk, dir, messages }: { disk: string; dir: string; messages: ReadonlyMap<string, string> },
  mark: Acknowledgment,
): Promise<void> {
  switch (mark.kind) {
    case 'key': {
      const { status } = unwrap(await server.keys.find(mark.id))
      // A revocation may be on disk before it is acknowledged.
      if (mark.status === 'revoked') requireEqual('a revoked key', status, 'revoked')
      return
    }
    case 'refresh': {
      const answer = await server.refresh(mark.apiKey, mark.refreshToken)
      return requireEqual('a refresh', answer.status, 200)
    }
    case 'message': {
      const { payload } = unwrap(
        await server.messages.readPayload(messages.get(mark.logIds.join()) ?? ''),
      )
      return requireEqual('a message', JSON.parse(Buffer.from(payload).toString()).Notes, [
        mark.note,
      ])
    }
    case 'ring': {
      const keyIds = new Set(server.ring.keys.map(({ id }) => id))
      return requireEqual(
        'a rotation',
        mark.keyIds.filter((id) => !keyIds.has(id)),
        [],
      )
    }
    case 'anchor': {
      const anchor = await createAnchorFile(getAnchorPath(join(dir, 'keyring.json'))).read()
      return requireEqual('the anchor', (anchor?.sequence ?? -1) >= mark.sequence, true)
    }
    case 'backup':
      return void inspectDatabaseFile(join(disk, mark.path))
    case 'export':
      return requireEqual('an export', readFileSync(join(disk, mark.path), 'utf8'), 'a line\n')
  }
}

async function listMessages({ storage }: TestServer): Promise<Map<string, string>> {
  const messages = await storage.listMessages({ limit: 100_000 })
  return new Map(messages.map(({ id, deliveries }) => [deliveries.map((one) => one.id).join(), id]))
}

function readIntegrity(dir: string): unknown {
  const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
  try {
    return db.pragma('integrity_check', { simple: true })
  } finally {
    db.close()
  }
}

function requireEqual(name: string, found: unknown, expected: unknown): void {
  const [text, expectedText] = [JSON.stringify(found), JSON.stringify(expected)]
  if (text !== expectedText) throw new Error(`${name}: ${text}, not ${expectedText}`)
}

import { randomBytes } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type RingKeyUse, rotateRing } from '../../src/crypto/ring.ts'
import { createAnchorFile, getAnchorPath } from '../../src/node/anchor-file.ts'
import { backUpDatabase } from '../../src/node/backup.ts'
import { writeLines } from '../../src/node/draft-files.ts'
import { updateRing } from '../../src/node/keyring-file.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createSeededRandom } from '../support/random.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TokenResponse,
  unwrap,
} from '../support/server.ts'
import { createTestClock, SECOND_MS } from '../support/time.ts'
import {
  type Acknowledgment,
  encodeMark,
  LONG_MESSAGE_LENGTH,
  POWER_CUT_SETTINGS,
} from './recording.ts'

/*
 * Runs under the recorder, in a process of its own: a server and an operator who work on one folder. Marks
 * in the recording what was acknowledged. It ends without closing anything. The arguments are the folder,
 * the recording, the seed and the number of rounds.
 */

const [dir = '', recording = '', seed = '', rounds = ''] = process.argv.slice(2)
const chance = createSeededRandom(Number(seed), 'power cut: work')
const clock = createTestClock()
const ringPath = join(dir, 'keyring.json')
const anchorFile = createAnchorFile(getAnchorPath(ringPath))
const ROTATED_USES = ['seal', 'refresh', 'access', 'audit', 'digest'] as const
/** A restart closes the database: its log is moved into the file, and removed. */
const ROUNDS_PER_RESTART = 12
const MAX_MESSAGE_BYTES = 1_200_000

type WorkingServer = Awaited<ReturnType<typeof start>>

const acknowledge = (mark: Acknowledgment) => appendFileSync(recording, encodeMark(mark))

async function start() {
  const server = await createTestServer(POWER_CUT_SETTINGS, { dir, clock })
  await server.bindKeyring(server.keyring)
  return server
}

let server = await start()
const key = await seedKey(server)
/** The key of another account: a source that is alone in its account need not be named. */
const otherKey = await seedKey(server)
acknowledge({ kind: 'key', id: key.keyId, status: 'active' })
const held: (TokenResponse | null)[] = [null, null, null]

for (let round = 1; round <= Number(rounds); round++) {
  clock.advance(SECOND_MS)
  const messages = Array.from({ length: chance.between(0, 3) }, () => sendMessage(server))
  await Promise.all([...held.map((_, n) => refresh(server, n)), ...messages])
  await changeKeys(server)
  if (round % 3 === 0) await rotate(server, chance.pick(ROTATED_USES))
  if (round % 4 === 0) await seal(server)
  // Alone, because a short write beside it would bring it to the disk too.
  if (round % 4 === 2) await sendMessage(server, LONG_MESSAGE_LENGTH)
  if (round % 10 === 0) await writeFiles(round)
  if (round % ROUNDS_PER_RESTART === 0) {
    await server.storage.close()
    server = await start()
  }
}
process.kill(process.pid, 'SIGKILL')

/** Each chain of tokens begins with an exchange. */
async function refresh({ authenticate, refresh }: WorkingServer, chain: number): Promise<void> {
  const tokens = held[chain]
  const answer = await (tokens
    ? refresh(key.apiKey, tokens.refreshToken)
    : authenticate(key.apiKey, key.secret))
  if (answer.status !== 200) throw new Error(await answer.text())
  const next = (await answer.json()) as TokenResponse
  held[chain] = next
  acknowledge({ kind: 'refresh', apiKey: key.apiKey, chain, refreshToken: next.refreshToken })
}

async function sendMessage(
  { endpoint }: WorkingServer,
  length = chance.happens(0.1) ? chance.between(1, MAX_MESSAGE_BYTES) : 100,
): Promise<void> {
  const accessToken = held[0]?.accessToken
  if (accessToken === undefined) return
  const note = randomBytes(length / 2).toString('hex')
  const message = { ...createDeviceNewMessage(key.destinationId), Notes: [note] }
  const answer = await endpoint(accessToken, message)
  if (answer.status !== 200) throw new Error(await answer.text())
  const { Meta } = (await answer.json()) as { Meta: { Logs: { ID: string }[] } }
  acknowledge({ kind: 'message', logIds: Meta.Logs.map(({ ID }) => ID), note })
}

async function changeKeys({ keys, sources }: WorkingServer): Promise<void> {
  const { accountId, ownerId } = otherKey
  const { id: sourceId } = unwrap(await sources.add({ accountId, name: 'Clinic' }))
  const input = { keyType: 'redox' as const, ownerId, sourceId, name: 'soon revoked' }
  const { id } = unwrap(await keys.create(input)).key
  acknowledge({ kind: 'key', id, status: 'active' })
  if (chance.happens(0.5)) return
  unwrap(await keys.revoke(id))
  acknowledge({ kind: 'key', id, status: 'revoked' })
}

/** As `latchkey keyring rotate` does, and then a server that loads the file. */
async function rotate({ keyring }: WorkingServer, use: RingKeyUse): Promise<void> {
  const ring = await updateRing(ringPath, clock(), (found) =>
    rotateRing(nodePrimitives, found, use, clock()),
  )
  acknowledge({ kind: 'ring', keyIds: ring.keys.map(({ id }) => id) })
  keyring.replace(ring)
}

async function seal({ flushAuditEvents, sealAudit }: WorkingServer): Promise<void> {
  await flushAuditEvents()
  await sealAudit()
  acknowledge({ kind: 'anchor', sequence: (await anchorFile.read())?.sequence ?? 0 })
}

/** As `latchkey backup` and `latchkey audit export` do. */
async function writeFiles(round: number): Promise<void> {
  const backup = join(dirname(dir), `backup-${round}.db`)
  const options = { overwrite: false, progress: () => undefined }
  await backUpDatabase(join(dir, 'latchkey.db'), backup, options)
  acknowledge({ kind: 'backup', path: `backup-${round}.db` })
  const lines = (async function* () {
    yield 'a line\n'
  })()
  await writeLines(join(dirname(dir), `export-${round}.jsonl`), lines, { overwrite: false })
  acknowledge({ kind: 'export', path: `export-${round}.jsonl` })
}

import { existsSync, statSync } from 'node:fs'
import { Argument, type Command } from 'commander'
import { readConfig } from '../../config.ts'
import {
  createRing,
  RING_KEY_USES,
  type Ring,
  type RingKey,
  type RingKeyUse,
  rotateRing,
} from '../../crypto/ring.ts'
import { loadRing, saveRing } from '../keyring-file.ts'
import { nodePrimitives } from '../primitives.ts'
import { CommandFailure } from './command-failure.ts'
import {
  type Columns,
  formatExamples,
  formatTime,
  printMany,
  printNote,
  printOutput,
} from './print.ts'
import { printOnce } from './terminal.ts'

/** A key of the ring without its secret. */
type PublicRingKey = Omit<RingKey, 'jwk'>

const RING_KEY_COLUMNS: Columns<PublicRingKey> = [
  ['id', (key) => key.id],
  ['use', (key) => key.use],
  ['state', (key) => key.state],
  ['created', (key) => formatTime(key.createdAt)],
  ['age', (key) => formatAge(key.createdAt)],
  ['retired', (key) => formatTime(key.retiredAt)],
]

export function defineKeyringCommands(group: Command): void {
  group
    .command('list')
    .description('List the keys of the key ring, without their secrets.')
    .addHelpText('after', formatExamples('keyring list'))
    .action(async (_: object, command: Command) => {
      const ring = await loadRing(getExistingKeyringPath())
      printMany(command, ring.keys.map(toPublicRingKey), RING_KEY_COLUMNS, toItem)
    })

  group
    .command('new')
    .description('Print a new key ring for a runtime without files, such as a Worker.')
    .addHelpText('after', formatExamples('keyring new > ring.json'))
    .action(async (_: object, command: Command) => {
      const ring = await createRing(nodePrimitives, Date.now())
      const ifLost = 'The key ring is not in use yet: run `latchkey keyring new` for another one'
      printOnce(command, ring, () => `${JSON.stringify(ring)}\n`, ifLost)
      printNote(
        'This is a secret and is shown only once. Store it where only the server can read it, apart from the database.',
      )
    })

  group
    .command('rotate')
    .addArgument(
      new Argument(
        '<use>',
        'JWT or opaque access tokens, refresh tokens, what is sealed, digests, or the audit',
      ).choices(RING_KEY_USES),
    )
    .description(
      'Activate the next key, and create another next one. Everything that the old key signed or ' +
        'sealed stays valid. A running server loads the change within seconds.',
    )
    .addHelpText('after', formatExamples('keyring rotate sign'))
    .action(async (use: RingKeyUse, _: object, command: Command) => {
      const path = getExistingKeyringPath()
      requireFileOwner(path)
      const ring = await rotateRing(nodePrimitives, await loadRing(path), use, Date.now())
      saveRing(path, ring)
      printMany(command, listKeysWithUse(ring, use), RING_KEY_COLUMNS, toItem)
      printNote('Back up the key ring: what the new key signs or seals is lost without this file.')
    })

  group
    .command('path')
    .description('Print the path of the key ring.')
    .addHelpText('after', formatExamples('keyring path'))
    .action((_: object, command: Command) => {
      const { keyringPath } = readConfig(process.env)
      printOutput(command, { path: keyringPath }, () => `${keyringPath}\n`)
    })
}

const toPublicRingKey = ({ id, use, state, createdAt, retiredAt }: RingKey): PublicRingKey => ({
  id,
  use,
  state,
  createdAt,
  retiredAt,
})

const toItem = ({ createdAt, retiredAt, ...key }: PublicRingKey) => ({
  ...key,
  createdAt: formatTime(createdAt),
  retiredAt: formatTime(retiredAt),
})

const listKeysWithUse = ({ keys }: Ring, use: RingKeyUse): PublicRingKey[] =>
  keys.filter((key) => key.use === use).map(toPublicRingKey)

/** A read must not create a ring. */
function getExistingKeyringPath(): string {
  const { keyringPath } = readConfig(process.env)
  if (existsSync(keyringPath)) return keyringPath
  throw new CommandFailure(
    'not_found',
    `there is no key ring ${keyringPath}: \`latchkey serve\` creates it`,
  )
}

/** Refuses to write a ring as another user (root, say), which the server could not read any more. */
function requireFileOwner(path: string): void {
  const { uid } = statSync(path)
  if (process.getuid === undefined || process.getuid() === uid) return
  throw new CommandFailure(
    'failed',
    `the key ring ${path} belongs to user ${uid}: run the command as that user`,
  )
}

function formatAge(since: number): string {
  const hours = Math.floor((Date.now() - since) / 3_600_000)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}

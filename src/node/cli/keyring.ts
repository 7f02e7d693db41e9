import { existsSync, statSync } from 'node:fs'
import { Argument, type Command } from 'commander'
import { readConfig } from '../../config.ts'
import {
  addRsaKeys,
  createRing,
  findSlot,
  findUnpublishedKey,
  listRingKeys,
  PUBLICATION_MS,
  RING_KEY_USES,
  RING_SLOTS,
  type RingKey,
  type RingKeyUse,
  type RingSlot,
  revokeRingKey,
  rotateRing,
} from '../../crypto/ring.ts'
import { loadRing, updateRing } from '../keyring-file.ts'
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
import { confirmByName, printOnce, requireTerminal } from './terminal.ts'

/** A key of the ring without its secret. */
interface PublicRingKey extends Omit<RingKey, 'jwk'> {
  /** The algorithm of a key that signs; null for others. */
  readonly algorithm: string | null
}

const RING_KEY_COLUMNS: Columns<PublicRingKey> = [
  ['id', (key) => key.id],
  ['use', (key) => key.use],
  ['algorithm', (key) => key.algorithm ?? '-'],
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
      const now = Date.now()
      const ring = await addRsaKeys(nodePrimitives, await createRing(nodePrimitives, now), now)
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
        '[use]',
        'JWT access tokens (or one algorithm that signs them), opaque ones, refresh tokens, what is ' +
          'sealed, digests, or the audit',
      )
        .choices([...new Set([...RING_KEY_USES, ...RING_SLOTS])])
        .default('sign'),
    )
    .option('--now', 'let a key sign that was not published for 24 hours')
    .description(
      'Activate the next key, and create another next one. Everything that the old key signed or ' +
        'sealed stays valid. A key signs only after it was published in the JWK Set for 24 hours. A ' +
        'running server loads the change within seconds.',
    )
    .addHelpText('after', formatExamples('keyring rotate', 'keyring rotate access'))
    .action(async (use: RotationTarget, options: { now?: boolean }, command: Command) => {
      const path = getExistingKeyringPath()
      requireFileOwner(path)
      const now = Date.now()
      const ring = await updateRing(path, now, (found) => {
        const early = options.now === true ? undefined : findUnpublishedKey(found, use, now)
        if (early !== undefined) throw createEarlyRotationError(early)
        return rotateRing(nodePrimitives, found, use, now)
      })
      printMany(command, listRingKeys(ring, use).map(toPublicRingKey), RING_KEY_COLUMNS, toItem)
      printNote('Back up the key ring: what the new key signs or seals is lost without this file.')
    })

  group
    .command('revoke')
    .argument('<id>', 'id of a key that makes tokens')
    .description(
      'Remove a key that leaked, with every token that it made. The next key takes over at once.',
    )
    .option('--yes', 'do not ask for confirmation')
    .addHelpText('after', formatExamples('keyring revoke 3f2a9c1e --yes'))
    .action(async (id: string, { yes }: { yes?: boolean }, command: Command) => {
      if (!yes) {
        const impact = 'every token that it made ends'
        requireTerminal('revoke the key', impact)
        await confirmByName('Revoke the key', impact, id)
      }
      const path = getExistingKeyringPath()
      requireFileOwner(path)
      const now = Date.now()
      const ring = await updateRing(path, now, async (found) => {
        const revoked = await revokeRingKey(nodePrimitives, found, id, now)
        if (revoked !== null) return revoked
        throw found.keys.some((key) => key.id === id)
          ? new CommandFailure('failed', LOSES_DATA_MESSAGE)
          : new CommandFailure('not_found', `the key ring has no key ${id}`)
      })
      printMany(command, ring.keys.map(toPublicRingKey), RING_KEY_COLUMNS, toItem)
      printNote('Back up the key ring, and delete the copies that have the old key.')
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

const toPublicRingKey = ({ jwk, ...key }: RingKey): PublicRingKey => ({
  id: key.id,
  use: key.use,
  algorithm: key.use === 'sign' ? findSlot({ use: key.use, jwk }) : null,
  state: key.state,
  createdAt: key.createdAt,
  retiredAt: key.retiredAt,
})

const toItem = ({ createdAt, retiredAt, ...key }: PublicRingKey) => ({
  ...key,
  createdAt: formatTime(createdAt),
  retiredAt: formatTime(retiredAt),
})

type RotationTarget = RingKeyUse | RingSlot

const LOSES_DATA_MESSAGE =
  'this key does not make tokens: what it sealed or digested would be lost without it. Rotate its use instead'

const createEarlyRotationError = (key: RingKey) =>
  new CommandFailure(
    'failed',
    `the next ${findSlot(key)} key was created ${formatAge(key.createdAt)} ago, and signs only after it ` +
      `was published for 24 h: run the command again after ${formatTime(key.createdAt + PUBLICATION_MS)}, ` +
      'or with --now, which some verifiers may notice',
  )

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

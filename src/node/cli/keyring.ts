import { existsSync, statSync } from 'node:fs'
import { Argument, type Command } from 'commander'
import { readConfig } from '../../config.ts'
import {
  createRing,
  type Ring,
  type RingKey,
  rotateRing,
  USES,
  type Use,
} from '../../crypto/keyring.ts'
import { loadRing, saveRing } from '../keyring-file.ts'
import { nodePrimitives } from '../primitives.ts'
import { examples } from './examples.ts'
import { CommandFailure } from './failure.ts'
import { printOnce } from './output.ts'
import { type Columns, print, printMany, say, time } from './print.ts'

/** A key of the ring as it may be shown: never what it is made of. */
type Shown = Omit<RingKey, 'jwk'>

const COLUMNS: Columns<Shown> = [
  ['id', (key) => key.id],
  ['use', (key) => key.use],
  ['state', (key) => key.state],
  ['created', (key) => time(key.createdAt)],
  ['age', (key) => age(key.createdAt)],
  ['retired', (key) => time(key.retiredAt)],
]

export function define(group: Command): void {
  group
    .command('list')
    .description("List the server's own keys: never what they are made of.")
    .addHelpText('after', examples('keyring list'))
    .action(async (_: object, command: Command) => {
      const ring = await loadRing(existingPath())
      printMany(command, ring.keys.map(shown), COLUMNS)
    })

  group
    .command('new')
    .description('Print a new key ring, for a runtime without files: the secret of a Worker.')
    .addHelpText('after', examples('keyring new > ring.json'))
    .action(async (_: object, command: Command) => {
      const ring = await createRing(nodePrimitives, Date.now())
      const ifLost = 'The key ring is not in use yet: run `latchkey keyring new` for another one'
      printOnce(command, ring, () => `${JSON.stringify(ring)}\n`, ifLost)
      say(
        'This is a secret, and printed once: keep it where only its owner reads it, apart from the database.',
      )
    })

  group
    .command('rotate')
    .addArgument(
      new Argument('<use>', 'access tokens, refresh tokens, what is sealed, or the audit').choices(
        USES,
      ),
    )
    .description(
      'Put the next key to work and make another next. What the old one made stays good; a running ' +
        'server takes the change within seconds.',
    )
    .addHelpText('after', examples('keyring rotate sign'))
    .action(async (use: Use, _: object, command: Command) => {
      const path = existingPath()
      requireOwner(path)
      const ring = await rotateRing(nodePrimitives, await loadRing(path), use, Date.now())
      saveRing(path, ring)
      printMany(command, ofUse(ring, use), COLUMNS)
      say('Back up the key ring: what the new key makes, only this file can prove or open.')
    })

  group
    .command('path')
    .description('Print where the key ring is.')
    .addHelpText('after', examples('keyring path'))
    .action((_: object, command: Command) => {
      const { keyringPath } = readConfig(process.env)
      print(command, { path: keyringPath }, () => `${keyringPath}\n`)
    })
}

const shown = ({ id, use, state, createdAt, retiredAt }: RingKey): Shown => ({
  id,
  use,
  state,
  createdAt,
  retiredAt,
})

const ofUse = ({ keys }: Ring, use: Use): Shown[] =>
  keys.filter((key) => key.use === use).map(shown)

/** A look at the ring must not make one. */
function existingPath(): string {
  const { keyringPath } = readConfig(process.env)
  if (existsSync(keyringPath)) return keyringPath
  throw new CommandFailure(
    'not_found',
    `there is no key ring ${keyringPath}: the first \`latchkey serve\` makes it`,
  )
}

/** A ring written by another user (root, say) is one that the server cannot read any more. */
function requireOwner(path: string): void {
  const { uid } = statSync(path)
  if (process.getuid === undefined || process.getuid() === uid) return
  throw new CommandFailure(
    'failed',
    `the key ring ${path} belongs to user ${uid}: rotate it as that user, who must still read it`,
  )
}

function age(since: number): string {
  const hours = Math.floor((Date.now() - since) / 3_600_000)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`
}

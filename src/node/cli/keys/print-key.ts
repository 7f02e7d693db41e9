import type { Command } from 'commander'
import type { Latchkey } from '../../../compose.ts'
import { getKeyTypeTraits, type KeyType } from '../../../domain/key-type.ts'
import type { KeyWithSecret } from '../../../service/keys/input.ts'
import type { KeySummary } from '../../../service/ports/keys.ts'
import { printOnce } from '../output.ts'
import { type Columns, formatOne, formatTime, printNote, printOne, printOutput } from '../print.ts'

/** Some fields are set only by commands that look them up. */
export type ShownKey = KeySummary & { readonly ownerLeftAt?: number | null }

export const KEY_COLUMNS: Columns<ShownKey> = [
  ['id', (key) => key.id],
  ['public id', (key) => key.publicId],
  ['dialect', (key) => key.dialect],
  ['name', (key) => key.name],
  ['status', formatStatus],
  ['last used', (key) => formatTime(key.lastUsedAt)],
  ['expires', (key) => formatTime(key.expiresAt)],
]

/** Prints a key without its secrets. */
export const createDetailColumns = ({ dialect }: { dialect: KeyType }): Columns<ShownKey> => [
  ...KEY_COLUMNS,
  ['description', (key) => key.description.replace(/\s+/g, ' ') || null],
  ['reference', (key) => key.reference || null],
  ['access', (key) => key.access],
  ['account', (key) => key.accountId],
  ['owner', (key) => key.ownerId],
  ...createParentColumns(dialect),
  ['created', (key) => formatTime(key.createdAt)],
  ['disabled', (key) => formatTime(key.disabledAt)],
  ['revoked', (key) => formatTime(key.revokedAt)],
  ['secret replaced', (key) => formatTime(key.secretReplacedAt)],
  ['old secret ends', (key) => formatTime(key.previousSecretEndsAt)],
]

function createParentColumns(keyType: KeyType): Columns<ShownKey> {
  switch (getKeyTypeTraits(keyType).belongsTo) {
    case 'source':
      return [['source', (key) => key.sourceId]]
    case 'site':
      return [['site', (key) => key.siteId]]
    case 'developer':
      return [
        ['developer', (key) => key.developerId],
        ...(keyType === 'opendental' ? OFFICE_COLUMNS : []),
      ]
    case 'owner':
      return []
  }
}

const OFFICE_COLUMNS: Columns<ShownKey> = [
  ['site', (key) => key.siteId],
  ['assigned', (key) => formatTime(key.assignedAt)],
]

/** Describes the status, who set it, and warnings. */
function formatStatus(key: ShownKey): string {
  const isLiving = key.status !== 'revoked'
  const facts = [
    key.disabledBy === null || !isLiving ? key.status : `disabled by ${key.disabledBy}`,
  ]
  if (isLiving && key.expiresAt !== null && key.expiresAt <= Date.now()) facts.push('expired')
  if (isLiving && key.dialect === 'opendental' && key.assignedAt === null) facts.push('unassigned')
  if (isLiving && typeof key.ownerLeftAt === 'number') facts.push('owner left')
  return facts.join(', ')
}

/** Prints a key, its secret, and the secret in the form that a vendor's program sends. */
export type PresentableKey = KeyWithSecret & { readonly presented: { as: string; value: string } }

/** Formats the secret with its developer's key or its owner's username, as its type requires. */
export async function presentSecret(
  { storage, formatCredential }: Latchkey,
  { key, secret }: KeyWithSecret,
): Promise<PresentableKey> {
  const { dialect, publicId, developerId, ownerId } = key
  const developer = developerId === null ? null : await storage.findDeveloper(developerId)
  const owner = await storage.findUser(ownerId)
  const developerKey = developer?.developerKey ?? ''
  const username = owner?.username ?? ''
  return {
    key,
    secret,
    presented: formatCredential(dialect, { publicId, secret, developerKey, username }),
  }
}

export function printKeyWithSecret(command: Command, presentableKey: PresentableKey): void {
  printOutput(command, presentableKey, () => formatKeyWithSecret(presentableKey))
}

const formatKeyWithSecret = ({ key, secret, presented }: PresentableKey): string =>
  formatOne(key, [
    ...createDetailColumns(key),
    ['secret', () => secret],
    ['presented as', () => `${presented.as}: ${presented.value}`],
  ])

/** Shows a generated secret; an imported one is known to the user. */
export function printNewSecret(
  command: Command,
  presentableKey: PresentableKey,
  isSupplied: boolean,
): void {
  const { key } = presentableKey
  if (isSupplied) {
    printOutput(command, { key }, () => formatOne(key, createDetailColumns(key)))
    return
  }
  const canBeViewed = getKeyTypeTraits(key.dialect).secret === 'viewable'
  const remedy = canBeViewed
    ? `run \`latchkey keys view ${key.id}\` to see it`
    : `run \`latchkey keys rotate-secret ${key.id}\` for another one`
  const ifLost = `The key ${key.id} has a new secret, which was not shown: ${remedy}`
  printOnce(command, presentableKey, () => formatKeyWithSecret(presentableKey), ifLost)
  printNote(
    canBeViewed
      ? 'Whoever reads the secret can use it. `latchkey keys view` shows it again.'
      : 'The secret is shown only now: keep it where its user will read it.',
  )
}

export const printKey = (command: Command, key: KeyWithSecret['key']): void =>
  printOne(command, key, createDetailColumns(key))

import { type Dialect, traitsOf } from '../../../domain/dialect.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { type Columns, time } from '../print.ts'

/** Some things are known only where they were looked up. */
export type Listed = KeySummary & { readonly ownerLeftAt?: number | null }

export const COLUMNS: Columns<Listed> = [
  ['id', (key) => key.id],
  ['public id', (key) => key.publicId],
  ['dialect', (key) => key.dialect],
  ['name', (key) => key.name],
  ['status', statusOf],
  ['last used', (key) => time(key.lastUsedAt)],
  ['expires', (key) => time(key.expiresAt)],
]

/** Everything of a key that is not secret. */
export const detailsOf = ({ dialect }: { dialect: Dialect }): Columns<Listed> => [
  ...COLUMNS,
  ['description', (key) => key.description.replace(/\s+/g, ' ') || null],
  ['reference', (key) => key.reference || null],
  ['access', (key) => key.access],
  ['account', (key) => key.accountId],
  ['owner', (key) => key.ownerId],
  ...placeOf(dialect),
  ['created', (key) => time(key.createdAt)],
  ['disabled', (key) => time(key.disabledAt)],
  ['revoked', (key) => time(key.revokedAt)],
  ['secret replaced', (key) => time(key.secretReplacedAt)],
  ['old secret ends', (key) => time(key.previousSecretEndsAt)],
]

function placeOf(dialect: Dialect): Columns<Listed> {
  switch (traitsOf(dialect).belongsTo) {
    case 'source':
      return [['source', (key) => key.sourceId]]
    case 'site':
      return [['site', (key) => key.siteId]]
    case 'developer':
      return [['developer', (key) => key.developerId], ...(dialect === 'opendental' ? OFFICE : [])]
    case 'owner':
      return []
  }
}

const OFFICE: Columns<Listed> = [
  ['site', (key) => key.siteId],
  ['assigned', (key) => time(key.assignedAt)],
]

/** Its status, who set it, and whatever else a person should look at. */
function statusOf(key: Listed): string {
  const living = key.status !== 'revoked'
  const facts = [key.disabledBy === null || !living ? key.status : `disabled by ${key.disabledBy}`]
  if (living && key.expiresAt !== null && key.expiresAt <= Date.now()) facts.push('expired')
  if (living && key.dialect === 'opendental' && key.assignedAt === null) facts.push('unassigned')
  if (living && typeof key.ownerLeftAt === 'number') facts.push('owner left')
  return facts.join(', ')
}

import { traitsOf } from '../../domain/dialect.ts'
import { ok } from '../../domain/failure.ts'
import type { Party } from '../../domain/key.ts'
import { conflict, type Done, eventOf, notFound, type OperatorDeps } from '../operator.ts'
import type { KeySummary, OperatorStorage } from '../ports.ts'
import { createKeyFinder, revokedAlready } from './find.ts'

export interface LifeDeps extends OperatorDeps {
  readonly storage: OperatorStorage
}

/** What a key may do, from its first day to its end. */
export function createLife(deps: LifeDeps) {
  const { storage } = deps
  const { find } = createKeyFinder(storage)

  return {
    /** Undoes a disable of the same party. */
    async enable(id: string, by: Party = 'operator'): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok || key.value.status === 'enabled') return key
      const event = eventOf(deps, 'key.enabled', key.value.id, { by })
      if (await storage.enableKey(key.value.id, by, event)) return find(key.value.id)
      const now = await find(id)
      return now.ok && now.value.status === 'disabled' ? disabledBy(now.value) : settled(now)
    },

    async disable(id: string, by: Party = 'operator'): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const event = eventOf(deps, 'key.disabled', key.value.id, { by })
      if (await storage.disableKey(key.value.id, by, event)) return find(key.value.id)
      const now = await find(id)
      return now.ok && now.value.disabledBy !== null && now.value.disabledBy !== by
        ? disabledBy(now.value)
        : settled(now)
    },

    /** Final. The key stays listed. */
    async revoke(id: string): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const event = eventOf(deps, 'key.revoked', key.value.id)
      const changed = await storage.revokeKey(key.value.id, event)
      return changed ? find(key.value.id) : settled(await find(id))
    },

    /** Where the dialect has it. The audit keeps what was. */
    async remove(id: string): Promise<Done<void>> {
      const key = await find(id)
      if (!key.ok) return key
      const { dialect, publicId, name } = key.value
      if (!traitsOf(dialect).deletable) {
        return conflict(`keys of this dialect (${dialect}) stay listed: revoke it`)
      }
      const event = eventOf(deps, 'key.deleted', key.value.id, { dialect, publicId, name })
      const removed = await storage.removeKey(key.value.id, event)
      return removed ? ok(undefined) : notFound(`there is no key ${id}`)
    },

    /** An office takes the key into use; no site takes it back. */
    async assign(id: string, siteId: string | null): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      if (key.value.dialect !== 'opendental') {
        return conflict(`keys of this dialect (${key.value.dialect}) are not assigned`)
      }
      if (siteId !== null && (await storage.findSite(siteId)) === null) {
        return notFound(`there is no site ${siteId}`)
      }
      const action = siteId === null ? 'key.unassigned' : 'key.assigned'
      const event = eventOf(deps, action, key.value.id, siteId === null ? {} : { siteId })
      const to = siteId === null ? null : { siteId, at: event.at }
      const changed = await storage.assignKey(key.value.id, to, event)
      return changed ? find(key.value.id) : revokedAlready(key.value)
    },
  }
}

/** The key is as it was wished already, unless it is revoked. */
const settled = (key: Done<KeySummary>): Done<KeySummary> =>
  key.ok && key.value.status === 'revoked' ? revokedAlready(key.value) : key

const WHO: Readonly<Record<Party, string>> = {
  developer: 'its developer',
  customer: 'its customer',
  operator: 'the operator',
}

const disabledBy = (key: KeySummary) =>
  conflict(
    `key ${key.publicId} was disabled by ${WHO[key.disabledBy ?? 'operator']}, who alone can enable it`,
  )

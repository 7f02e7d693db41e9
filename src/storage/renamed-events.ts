import type { AuditEvent, AuditEventFacts, EventFilter } from '../service/ports/audit.ts'

/*
 * The names in events that older versions wrote. Sealed events are never rewritten: they are read, and
 * found, under today's names.
 */

const RENAMED_ACTIONS: ReadonlyMap<string, string> = new Map([
  ['account.addresses_enforced', 'account.ip_allowlist_enforced'],
  ['account.addresses_open', 'account.ip_allowlist_enforcement_stopped'],
  ['account.departed_keys_set', 'account.offboarding_policy_set'],
  ['account.removed', 'account.deleted'],
  ['address.added', 'ip_allowlist_entry.added'],
  ['address.removed', 'ip_allowlist_entry.deleted'],
  ['destination.doubted', 'destination.marked_unverified'],
  ['destination.moved', 'destination.url_changed'],
  ['destination.removed', 'destination.deleted'],
  ['destination.vouched_for', 'destination.marked_verified'],
  ['developer.removed', 'developer.deleted'],
  ['site.removed', 'site.deleted'],
  ['source.removed', 'source.deleted'],
  ['subscription.removed', 'subscription.deleted'],
  ['user.left', 'user.deactivated'],
  ['user.removed', 'user.deleted'],
])

const RENAMED_FACTS: ReadonlyMap<string, string> = new Map([
  ['dialect', 'keyType'],
  ['departedKeys', 'offboardingPolicy'],
])

const RENAMED_REASONS: ReadonlyMap<unknown, string> = new Map([['guessing', 'failures_exceeded']])

/** Returns a stored event under today's names of its action and facts. */
export const renameEvent = ({
  action,
  facts,
}: Pick<AuditEvent, 'action' | 'facts'>): Pick<AuditEvent, 'action' | 'facts'> => ({
  action: RENAMED_ACTIONS.get(action) ?? action,
  facts: renameFacts(facts),
})

const renameFacts = (facts: AuditEventFacts): AuditEventFacts =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      RENAMED_FACTS.get(name) ?? name,
      name === 'reason' ? (RENAMED_REASONS.get(value) ?? value) : value,
    ]),
  )

/** Lists the old names of the actions that a filter selects. */
export const listOldActions = ({ action, actionPrefix }: EventFilter): string[] =>
  [...RENAMED_ACTIONS]
    .filter(
      ([, name]) =>
        name === action || (actionPrefix !== undefined && name.startsWith(actionPrefix)),
    )
    .map(([oldAction]) => oldAction)

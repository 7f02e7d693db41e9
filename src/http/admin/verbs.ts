import type { Permission } from '../../domain/role.ts'
import { PERMITS } from '../../service/permits.ts'

/** A verb of the desk, as people write it: `keys.create`, `explain`. */
export type VerbName = {
  [Service in keyof typeof PERMITS]: (typeof PERMITS)[Service] extends Permission
    ? Service
    : `${Service}.${string & keyof (typeof PERMITS)[Service]}`
}[keyof typeof PERMITS]

const VERBS = new Map<string, Permission>(
  Object.entries(PERMITS).flatMap(([service, permits]): [string, Permission][] =>
    typeof permits === 'string'
      ? [[service, permits]]
      : Object.entries(permits).map(([verb, permission]) => [`${service}.${verb}`, permission]),
  ),
)

/** What whoever uses it must be permitted. */
export function permissionOf(verb: VerbName): Permission {
  const permission = VERBS.get(verb)
  if (permission === undefined) throw new Error(`the desk has no verb ${verb}`)
  return permission
}

export const VERB_NAMES = [...VERBS.keys()] as readonly VerbName[]

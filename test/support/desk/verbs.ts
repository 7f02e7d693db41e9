import type { Permission } from '../../../src/domain/role.ts'
import type { Desk } from '../../../src/service/desk.ts'
import { PERMITS } from '../../../src/service/permits.ts'
import { CALLS } from './calls.ts'
import type { Tenant } from './tenant.ts'

type Verb = (...args: unknown[]) => unknown

export interface DeskVerb {
  /** As people write it: `keys.create`. */
  readonly path: string
  readonly permission: Permission
  readonly verb: Verb
  /** Its arguments, with this id in each place that takes one, and `mine` in the others. */
  readonly calls: (id: string, mine: Tenant) => unknown[][]
}

/** Every verb that a desk has. The list is the desk's own: one that nobody has said how to call is told. */
export function verbsOf(desk: Desk): DeskVerb[] {
  const { may: _, ...services } = desk
  return Object.entries(services).flatMap(([name, service]) =>
    typeof service === 'function'
      ? [deskVerb([name], service)]
      : Object.entries(service).map(([verb, work]) => deskVerb([name, verb], work)),
  )
}

function deskVerb(path: readonly string[], verb: unknown): DeskVerb {
  const [permission, calls] = [PERMITS, CALLS].map((table) => at(table, path))
  if (typeof permission !== 'string' || typeof calls !== 'function') {
    throw new Error(`nobody has said who may call ${path.join('.')}, and how`)
  }
  return {
    path: path.join('.'),
    permission: permission as Permission,
    verb: verb as Verb,
    calls: calls as DeskVerb['calls'],
  }
}

const at = (table: object, path: readonly string[]): unknown =>
  path.reduce<unknown>((found, step) => (found as Record<string, unknown>)[step], table)

/** All that a caller gets, as text. */
export async function answerOf(verb: Verb, args: readonly unknown[]): Promise<string> {
  try {
    return JSON.stringify(await verb(...args)) ?? ''
  } catch (error) {
    return String(error)
  }
}

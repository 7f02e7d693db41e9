import type { Context } from 'hono'
import { DamagedCursor, isUuid, toStoredId } from '../../domain/id.ts'
import type { Permission } from '../../domain/role.ts'
import type { Desk } from '../../service/desk.ts'
import type { SignedIn } from '../../service/ports/people.ts'
import type { Caller } from '../../service/refused.ts'
import type { Again } from './access/again.ts'
import type { Theme } from './look/theme.ts'

/** One request of somebody who is signed in. */
export interface Visit {
  readonly c: Context
  readonly caller: Caller
  readonly path: string
  /** The query of a page; the fields of a form. */
  readonly given: URLSearchParams
  readonly now: number
  readonly person: SignedIn
  /** What he can do, and see, in his account or in the one that he has chosen. */
  readonly desk: SeatedDesk
  /** What gives somebody a way in takes more than a session: this alone has the verbs for it. */
  readonly again: Again
  readonly may: (permission: Permission) => boolean
  /** The account that an operator has chosen to see alone. */
  readonly narrowedTo: { readonly id: string; readonly name: string } | null
  /** To be sent back with every form. */
  readonly formToken: string
  readonly theme: Theme
  /** What was done by the form that led here. */
  readonly said: string | null
}

/** What lets somebody in, or in as more, and lives on when this browser has been closed. */
interface WaysIn {
  readonly accounts: 'setRole'
  readonly people: 'invite' | 'inviteFirst' | 'resetSecondFactor'
}

/** All that a session is enough for. */
export type SeatedDesk = Omit<Desk, keyof WaysIn> & {
  readonly [Service in keyof WaysIn]: Omit<Desk[Service], WaysIn[Service]>
}

/** A field of a form or of a query: empty where it was not given. */
export const text = (visit: Pick<Visit, 'given'>, name: string): string =>
  (visit.given.get(name) ?? '').trim()

/** The same, undefined where it is empty. */
export const optional = (visit: Pick<Visit, 'given'>, name: string): string | undefined =>
  text(visit, name) || undefined

/** A field that holds an id, undefined where it is empty. */
export const optionalId = (visit: Pick<Visit, 'given'>, name: string): string | undefined =>
  toStoredId(text(visit, name)) || undefined

/** After which row of its list a page begins. */
export function cursor(visit: Pick<Visit, 'given'>): string | undefined {
  const after = optionalId(visit, 'after')
  if (after !== undefined && !isUuid(after)) throw new DamagedCursor()
  return after
}

/** An id in the path. */
export const part = (visit: Visit, name: string): string =>
  toStoredId(visit.c.req.param(name) ?? '')

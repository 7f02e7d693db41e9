import type { Context } from 'hono'
import type { Permission } from '../../domain/role.ts'
import type { Desk } from '../../service/desk.ts'
import type { SignedIn } from '../../service/ports/people.ts'
import type { Caller } from '../../service/refused.ts'
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
  readonly desk: Desk
  readonly may: (permission: Permission) => boolean
  /** The account that an operator has chosen to see alone. */
  readonly narrowedTo: { readonly id: string; readonly name: string } | null
  /** To be sent back with every form. */
  readonly formToken: string
  readonly theme: Theme
  /** What was done by the form that led here. */
  readonly said: string | null
}

/** A field of a form or of a query: empty where it was not given. */
export const text = (visit: Pick<Visit, 'given'>, name: string): string =>
  (visit.given.get(name) ?? '').trim()

/** The same, undefined where it is empty. */
export const optional = (visit: Pick<Visit, 'given'>, name: string): string | undefined =>
  text(visit, name) || undefined

/** A part of the path. */
export const part = (visit: Visit, name: string): string => visit.c.req.param(name) ?? ''

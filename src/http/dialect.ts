import type { Credential } from '../domain/credential.ts'
import type { Result, SurfaceFailure, Unbelieved } from '../domain/failure.ts'
import type { Reply } from './reply.ts'

/** A dialect whose credential comes with every request: how it is read, and how a refusal is worded. */
export interface SurfaceDialect {
  /** What refusals are called in the log. */
  readonly name: string
  /** Whether the request carries such a credential at all, good or bad. */
  readonly claims: (headers: Headers) => boolean
  /** Whether it may be half a credential of this kind, where no other kind takes it for one of its own. */
  readonly mayClaim?: (headers: Headers) => boolean
  /** Never throws, whatever the headers. */
  readonly read: (headers: Headers) => Result<Credential, Unbelieved>
  /** `path`: where one dialect's surfaces have words of their own. */
  readonly refuse: (failure: SurfaceFailure, path: string) => Reply
  /** A bug, or a broken machine: 500. */
  readonly broken: (path: string) => Reply
}

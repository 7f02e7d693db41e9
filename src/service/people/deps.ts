import type { Guesses } from '../guesses.ts'
import { eventOf } from '../operator.ts'
import type { PeopleStorage, Totp } from '../ports/people.ts'
import type {
  AuditEvent,
  Clock,
  Facts,
  Log,
  OperatorStorage,
  Random,
  Sealer,
  SecretDigester,
  SecretHasher,
} from '../ports.ts'
import type { Recorder } from '../recorder.ts'
import type { Caller } from '../refused.ts'

/** All that people need in order to sign in and to look after their own access. */
export interface AccessDeps {
  readonly storage: PeopleStorage & Pick<OperatorStorage, 'findAccount' | 'findUser'>
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly hasher: SecretHasher
  readonly digester: SecretDigester
  readonly sealer: Sealer
  readonly totp: Totp
  readonly guesses: Guesses
  readonly recorder: Recorder
  /** The secret of a link to the first operator that whoever runs the server has chosen. */
  readonly firstLink?: string | undefined
  /** Of the account that the first operator makes. */
  readonly region: string
}

/** What a person does to himself, for the audit. */
export function ownEvent(
  deps: Pick<AccessDeps, 'random' | 'clock'>,
  userId: string,
  caller: Caller,
  action: string,
  facts: Facts = {},
): AuditEvent {
  const { address, requestId } = caller
  const event = eventOf({ ...deps, actor: userId }, action, userId, { ...facts, address })
  return { ...event, requestId }
}

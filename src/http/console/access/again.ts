import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Result } from '../../../domain/failure.ts'
import type { Access } from '../../../service/access.ts'
import type { Desk } from '../../../service/desk.ts'
import type { Refusal } from '../../../service/operator.ts'
import type { AgainFailure, Himself } from '../../../service/people/again.ts'
import type { Busy, Unfit } from '../../../service/people/failures.ts'
import { deviceOf } from '../cookie.ts'
import { field } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { statusOf as statusOfRefusal } from '../refusal.ts'
import type { Visit } from '../visit.ts'
import { why } from './why.ts'

const PASSWORD = 'your-password'
const CODE = 'your-code'

/** How a form asks its sender to prove that it is he, and not who sat down at his browser. */
export interface Again {
  /** Whether a code is asked for beside the password. */
  readonly wantsCode: () => Promise<boolean>
  /** Takes what was typed into `againFields`: one try, counted as at the sign-in. */
  readonly prove: () => Promise<Result<Proved, AgainFailure>>
}

export interface Proved {
  readonly himself: Himself
  /** With what gives others a way in. */
  readonly desk: Desk
}

export const againOf = (
  { again, secondFactor }: Pick<Access, 'again' | 'secondFactor'>,
  desk: Desk,
  { c, person, given, caller }: Pick<Visit, 'c' | 'person' | 'given' | 'caller'>,
): Again => ({
  wantsCode: async () => (await secondFactor.left(person.user.id)) !== null,
  async prove() {
    // A password is not trimmed: a blank may be part of it.
    const typed = { password: given.get(PASSWORD) ?? '', code: given.get(CODE) ?? '' }
    const proven = await again(person, { ...typed, device: deviceOf(c) }, caller)
    return proven.ok ? { ok: true, value: { himself: proven.value, desk } } : proven
  },
})

/** Why such a form was sent in vain: for want of proof, or for what it wishes. */
export type NotDone = AgainFailure | Unfit | Busy | Refusal

/** What a form has for `again.prove`. What was typed into it is not sent back. */
export async function againFields(
  { person, again }: Pick<Visit, 'person' | 'again'>,
  failure: NotDone | null,
  label = 'Your password',
): Promise<Html> {
  const errorOf = (reason: 'wrong' | 'code_wrong') =>
    failure !== null && 'reason' in failure && failure.reason === reason
      ? { error: why(failure), autofocus: true }
      : {}
  // Nobody sees the name: it tells a keeper of passwords which one to fill in.
  return html`
    <input type="text" name="your-name" value="${person.user.username ?? ''}" autocomplete="username" readonly hidden>
    ${field({
      name: PASSWORD,
      label,
      type: 'password',
      autocomplete: 'current-password',
      required: true,
      ...errorOf('wrong'),
    })}
    ${
      (await again.wantsCode())
        ? field({
            name: CODE,
            label: 'Code of your app',
            hint: 'Six digits, or one of your recovery codes.',
            autocomplete: 'one-time-code',
            required: true,
            spellcheck: false,
            ...errorOf('code_wrong'),
          })
        : nothing
    }`
}

/** What is said above the form: nothing of what is said at a field of it. */
export function messageOf(failure: NotDone | null): string | null {
  if (failure === null) return null
  if ('problem' in failure) return failure.message
  return failure.reason === 'wrong' || failure.reason === 'code_wrong' ? null : why(failure)
}

export function statusOf(failure: NotDone | null): ContentfulStatusCode {
  if (failure === null || 'problem' in failure) return statusOfRefusal(failure)
  return failure.reason === 'locked' ? 429 : failure.reason === 'busy' ? 503 : 422
}

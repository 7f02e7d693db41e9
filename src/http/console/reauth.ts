import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Result } from '../../domain/failure.ts'
import type { ActorServices } from '../../service/actor-services.ts'
import type { ServiceError } from '../../service/service-result.ts'
import type { HasherBusy, InvalidField } from '../../service/sign-in/context.ts'
import type {
  Reauthentication,
  ReauthenticationFailure,
} from '../../service/sign-in/reauthenticate.ts'
import type { SignInServices } from '../../service/sign-in/sign-in.ts'
import { textField } from './components/form.ts'
import { type Html, nothing } from './components/html.ts'
import { formatDuration } from './components/time.ts'
import type { PageContext } from './context.ts'
import { getDeviceCookie } from './cookies.ts'
import { toErrorStatus as statusOfRefusal } from './errors.ts'

const PASSWORD_FIELD = 'your-password'
const CODE_FIELD = 'your-code'

/** How a form asks its sender to prove that it is he, and not who sat down at his browser. */
export interface ReauthPrompt {
  /** Whether a code is asked for beside the password. */
  readonly needsCode: () => Promise<boolean>
  /** Takes what was typed into `againFields`: one try, counted as at the sign-in. */
  readonly verify: () => Promise<Result<VerifiedReauth, ReauthenticationFailure>>
}

export interface VerifiedReauth {
  readonly reauthentication: Reauthentication
  /** With what gives others a way in. */
  readonly services: ActorServices
}

export const createReauthPrompt = (
  { reauthenticate, secondFactor }: Pick<SignInServices, 'reauthenticate' | 'secondFactor'>,
  services: ActorServices,
  { c, session, input, caller }: Pick<PageContext, 'c' | 'session' | 'input' | 'caller'>,
): ReauthPrompt => ({
  needsCode: async () => (await secondFactor.countUnusedRecoveryCodes(session.user.id)) !== null,
  async verify() {
    // A password is not trimmed: a blank may be part of it.
    const credentials = {
      password: input.get(PASSWORD_FIELD) ?? '',
      code: input.get(CODE_FIELD) ?? '',
    }
    const result = await reauthenticate(
      session,
      { ...credentials, device: getDeviceCookie(c) },
      caller,
    )
    return result.ok ? { ok: true, value: { reauthentication: result.value, services } } : result
  },
})

/** Why such a form was sent in vain: for want of proof, or for what it wishes. */
export type FormError = ReauthenticationFailure | InvalidField | HasherBusy | ServiceError

/** What a form has for `again.prove`. What was typed into it is not sent back. */
export async function reauthFields(
  { session, reauth }: Pick<PageContext, 'session' | 'reauth'>,
  failure: FormError | null,
  label = 'Your password',
): Promise<Html> {
  const fieldError = (reason: 'wrong' | 'code_wrong') =>
    failure !== null && 'reason' in failure && failure.reason === reason
      ? { error: describeReauthFailure(failure), autofocus: true }
      : {}
  // Nobody sees the name: it tells a keeper of passwords which one to fill in.
  return html`
    <input type="text" name="your-name" value="${session.user.username ?? ''}" autocomplete="username" readonly hidden>
    ${textField({
      name: PASSWORD_FIELD,
      label,
      type: 'password',
      autocomplete: 'current-password',
      required: true,
      ...fieldError('wrong'),
    })}
    ${
      (await reauth.needsCode())
        ? textField({
            name: CODE_FIELD,
            label: 'Code of your app',
            hint: 'Six digits, or one of your recovery codes.',
            autocomplete: 'one-time-code',
            required: true,
            spellcheck: false,
            ...fieldError('code_wrong'),
          })
        : nothing
    }`
}

/** What is said above the form: nothing of what is said at a field of it. */
export function toFormErrorMessage(failure: FormError | null): string | null {
  if (failure === null) return null
  if ('problem' in failure) return failure.message
  return failure.reason === 'wrong' || failure.reason === 'code_wrong'
    ? null
    : describeReauthFailure(failure)
}

export function toFormErrorStatus(failure: FormError | null): ContentfulStatusCode {
  if (failure === null || 'problem' in failure) return statusOfRefusal(failure)
  return failure.reason === 'locked' ? 429 : failure.reason === 'busy' ? 503 : 422
}

/** Why nothing was changed, for who is signed in. */
export function describeReauthFailure(
  failure: ReauthenticationFailure | InvalidField | HasherBusy,
): string {
  switch (failure.reason) {
    case 'wrong':
      return 'that is not your password'
    case 'code_wrong':
      return 'that is not the code of this moment, or it was used before: wait for the next one'
    case 'locked':
      return `too many tries were wrong: the next one is taken in ${formatDuration(failure.retryAfterSeconds * 1000)}`
    case 'busy':
      return 'many people sign in at this moment: try again in a few seconds'
    default:
      return failure.message
  }
}

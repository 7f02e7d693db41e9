import type { Context } from 'hono'
import { html } from 'hono/html'
import { fail, type Result } from '../../domain/failure.ts'
import {
  findFieldMember,
  type Operation,
  type OperationContext,
  type OperationError,
} from '../../operations/define.ts'
import type { ActorServices } from '../../service/actor-services.ts'
import type { ServiceError } from '../../service/service-result.ts'
import type {
  Reauthentication,
  ReauthenticationFailure,
} from '../../service/sign-in/reauthenticate.ts'
import type { SignInServices } from '../../service/sign-in/sign-in.ts'
import { textField } from './components/form.ts'
import { type Html, nothing } from './components/html.ts'
import { formatMemberLabel, labelServiceError } from './components/members.ts'
import type { PageContext } from './context.ts'
import { getDeviceCookie } from './cookies.ts'
import { describeReauthFailure, type FormError } from './errors.ts'

const PASSWORD_FIELD = 'your-password'
const CODE_FIELD = 'your-code'

/** Verifies that the sender of a form is the signed-in user, not another person at their open browser. */
export interface ReauthPrompt {
  /** True if the user has a second factor, so that the form needs a code beside the password. */
  readonly needsCode: () => Promise<boolean>
  /** Checks the values of `reauthFields`. Each call is one try, limited like those of the sign-in page. */
  readonly verify: () => Promise<Result<VerifiedReauth, ReauthenticationFailure>>
}

interface VerifiedReauth {
  readonly reauthentication: Reauthentication
  /** The services with the methods that `SessionServices` leaves out. */
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

/** Runs `run` once the form's password and code are verified; otherwise returns why they are not. */
export async function withReauth<Value>(
  { reauth }: Pick<PageContext, 'reauth'>,
  run: (verified: VerifiedReauth) => Promise<Result<Value, FormError>>,
): Promise<Result<Value, FormError>> {
  const verified = await reauth.verify()
  return verified.ok ? run(verified.value) : verified
}

/** The fields that `ReauthPrompt.verify` reads. They never show what was typed before. */
export async function reauthFields(
  { session, reauth }: Pick<PageContext, 'session' | 'reauth'>,
  failure: FormError | null,
  label = 'Your password',
): Promise<Html> {
  const fieldError = (reason: 'wrong' | 'code_wrong') =>
    failure !== null && 'reason' in failure && failure.reason === reason
      ? { error: describeReauthFailure(failure), autofocus: true }
      : {}
  // The hidden username tells password managers which password to fill in.
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
            label: 'Code from your app',
            hint: 'Six digits, or one of your recovery codes.',
            autocomplete: 'one-time-code',
            required: true,
            spellcheck: false,
            ...fieldError('code_wrong'),
          })
        : nothing
    }`
}

/** Methods that give access beyond the browser session. They require the password again. */
const REAUTHENTICATED_USER_METHODS = [
  'setRole',
  'invite',
  'inviteFirstOperator',
  'resetSecondFactor',
] as const
export type ReauthenticatedUserMethod = (typeof REAUTHENTICATED_USER_METHODS)[number]

/** True if the form of the operation asks for the user's password. */
export const requiresReauth = ({ serviceMethods }: Pick<Operation, 'serviceMethods'>): boolean =>
  REAUTHENTICATED_USER_METHODS.some((name) => serviceMethods.includes(`users.${name}`))

export type PerformOperation = (
  operation: Operation,
  input: { readonly id?: string; readonly body?: object },
) => Promise<Result<unknown, FormError>>

/** Creates the function by which pages perform operations. The input is validated as that of the API. */
export const createPerformOperation =
  (
    c: Context,
    context: Omit<OperationContext, 'id' | 'signal'>,
    reauth: ReauthPrompt,
  ): PerformOperation =>
  async (operation, { id = '', body = {} }) => {
    const run = async () => {
      const { signal } = c.req.raw
      const result = await operation.perform({ ...context, signal, id, query: {}, body })
      return result.ok ? result : fail(toFormError(operation, result.failure))
    }
    return requiresReauth(operation) ? withReauth({ reauth }, run) : run()
  }

function toFormError(operation: Operation, error: OperationError): ServiceError {
  if (!('errors' in error)) return labelServiceError(operation, error)
  const details = error.errors.map(({ path: [name = ''], detail }) => {
    const member = findFieldMember(operation, name)
    return `${member === undefined ? name : formatMemberLabel(member)} ${detail}`.trim()
  })
  return { problem: 'invalid', message: details.join('; ') }
}

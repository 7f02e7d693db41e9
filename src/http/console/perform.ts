import type { Context } from 'hono'
import { fail, type Result } from '../../domain/failure.ts'
import type { Operation, OperationContext, OperationError } from '../../operations/define.ts'
import { listMembers } from '../../operations/define.ts'
import type { ServiceError } from '../../service/service-result.ts'
import { formatMemberLabel } from './components/members.ts'
import type { FormError } from './errors.ts'
import { type ReauthPrompt, withReauth } from './reauth.ts'

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
  const members = listMembers(operation)
  const toLabel = (name: string) => {
    const member = members.find((one) => one.name === name)
    return member === undefined ? name : formatMemberLabel(member)
  }
  if ('errors' in error) {
    const details = error.errors.map(({ path: [name = ''], detail }) =>
      `${toLabel(name)} ${detail}`.trim(),
    )
    return { problem: 'invalid', message: details.join('; ') }
  }
  // The message of a service can end with the member that solves the problem, as in `(otherRegion)`.
  const message = error.message.replace(/\((\w+)\)$/, (_, name) => `(${toLabel(name)})`)
  return { ...error, message }
}

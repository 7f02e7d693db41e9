import { fail, ok, type Result } from '../../domain/failure.ts'
import { normalPassword } from '../../domain/password.ts'
import type { SignInRefusal } from '../../domain/sign-in.ts'
import { isUsername } from '../../domain/user.ts'
import { toParty } from '../guesses.ts'
import type { Credentials } from '../ports/people.ts'
import type { Account } from '../ports.ts'
import { NOBODY } from '../recorder.ts'
import type { Caller } from '../refused.ts'
import { type Claimed, createBegin, unprovenOf } from './begin.ts'
import type { AccessDeps } from './deps.ts'
import type { CodeWrong, Unproven } from './failures.ts'
import type { SecondFactor } from './second-factor.ts'
import type { Try } from './tries.ts'

/** Who has proved to know the password, and may come in. */
export interface Proven extends Try {
  readonly credentials: Credentials
  readonly account: Account
}

/**
 * Name and password in, who it is out. A name that is nobody's, a person without a password, one who
 * has left, and a closed account are all one wrong password: the same reads, the same work, one answer.
 */
export function createProof(deps: AccessDeps, { take }: Pick<SecondFactor, 'take'>) {
  const { storage, hasher, guesses } = deps
  const { begin, refused } = createBegin(deps)

  async function prove(
    claimed: Claimed & { readonly password: string },
    caller: Caller,
  ): Promise<Result<Proven, Unproven>> {
    const { username, password } = claimed
    const credentials = isUsername(username) ? await storage.findCredentials(username) : null
    const begun = await begin(claimed, credentials, caller)
    if (!begun.ok) return begun

    const account = await storage.findAccount(credentials?.user.accountId ?? NOBODY)
    const reason = whyNot(credentials, account)
    const normal = normalPassword(password)
    const hash = credentials?.passwordHash ?? null
    const hashes = reason !== null || normal === null || hash === null ? [] : [hash]
    const { device } = begun.value
    const party = toParty(caller.address, device)
    const requester = { lane: 'people', party, claim: username } as const
    // Asked again when the work begins: of many names tried at once, most must wait like any other.
    const mayStill = () => (device === undefined ? guesses.mayTry(caller.address) : ok(undefined))
    const verified = await hasher.verify(normal ?? '', hashes, requester, mayStill)
    if (!verified.ok) {
      const unproven = unprovenOf(verified.failure)
      if (unproven.reason === 'locked') refused(null, 'locked', caller)
      return fail(unproven)
    }

    if (verified.value && credentials !== null && account !== null) {
      return ok({ credentials, account, ...begun.value })
    }
    guesses.failed(caller.address)
    refused(credentials?.user.id ?? null, reason ?? 'password_wrong', caller)
    return fail({ reason: 'wrong' })
  }

  /** After the password, where a second factor is set up. It takes the code: none is good twice. */
  async function proveCode(
    credentials: Credentials,
    code: string,
    caller: Caller,
  ): Promise<Result<void, CodeWrong>> {
    if (await take(credentials, code, caller)) return ok(undefined)
    guesses.failed(caller.address)
    refused(credentials.user.id, 'code_wrong', caller)
    return fail({ reason: 'code_wrong' })
  }

  return { prove, proveCode, begin }
}

/** Why not even the right password would do. */
function whyNot(credentials: Credentials | null, account: Account | null): SignInRefusal | null {
  if (credentials === null) return 'name_unknown'
  if (credentials.user.leftAt !== null) return 'user_left'
  if (account?.status !== 'open') return 'account_closed'
  if (credentials.passwordHash === null) return 'password_missing'
  return null
}

export type Proof = ReturnType<typeof createProof>

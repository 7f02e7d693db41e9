import { fail, ok, type Result } from '../../domain/failure.ts'
import { isWithin } from '../../domain/instant.ts'
import type { Credentials, SignedIn } from '../ports/people.ts'
import type { Caller } from '../refused.ts'
import type { Himself } from './again.ts'
import { type AccessDeps, ownEvent } from './deps.ts'
import type { NotSo, Unfit } from './failures.ts'
import { inPerson } from './in-person.ts'
import { recoveryText } from './kept.ts'
import { drawQr, type Qr } from './qr.ts'

/** What an app is set up with. `pending` comes back with the first code: nothing is kept until then. */
export interface Beginning {
  readonly pending: string
  readonly secret: string
  readonly uri: string
  readonly qr: Qr
}

const RECOVERY_CODES = 10
/** How long setting up an app may take. */
const PENDING_MS = 60 * 60 * 1000

/** The second factor by time (RFC 6238), and the codes that replace a lost device. */
export function createSecondFactor(deps: AccessDeps) {
  const { storage, sealer, digester, totp, random, clock } = deps
  const encoder = new TextEncoder()
  const decoder = new TextDecoder()
  const sealText = async (text: string, context: string) =>
    sealer.seal(encoder.encode(text), context)
  const openText = async (sealed: string, context: string) =>
    decoder.decode(await sealer.open(sealed, context))

  /** The secret that `begin` made for this user, not too long ago. */
  async function openPending(pending: string, userId: string): Promise<string | null> {
    const text = await openText(pending, pendingOf(userId)).catch(() => '')
    const [secret = '', begunAt = ''] = text.split(' ')
    return secret !== '' && isWithin(PENDING_MS, Number(begunAt), clock()) ? secret : null
  }

  return {
    /**
     * A secret for his app. The page that shows it holds it sealed, for him alone. One that was begun
     * before is gone on with: his app has it already.
     */
    async begin(who: SignedIn, begun = ''): Promise<Result<Beginning, NotSo>> {
      const his = await withoutOne(who)
      if (!his.ok) return his
      const { user } = who
      const before = await openPending(begun, user.id)
      const secret = before ?? totp.newSecret()
      const uri = totp.uri(secret, user.username ?? user.email)
      const pending =
        before === null ? await sealText(`${secret} ${clock()}`, pendingOf(user.id)) : begun
      return ok({ pending, secret, uri, qr: drawQr(uri) })
    },

    /** His app shows the right code: from now on it is asked for. The recovery codes are shown once. */
    async confirm(
      { who }: Himself,
      { pending, code }: { pending: string; code: string },
      caller: Caller,
    ): Promise<Result<readonly string[], NotSo | Unfit>> {
      const his = await withoutOne(who)
      if (!his.ok) return his
      const userId = who.user.id
      const secret = await openPending(pending, userId)
      if (secret === null) return fail(notSo('this was begun too long ago: begin again'))
      const step = totp.stepOf(secret, code, clock())
      if (step === null) return fail(wrongCode)

      const codes = Array.from({ length: RECOVERY_CODES }, () => random.code())
      const wish = {
        sealed: await sealText(secret, userId),
        recoveryDigests: codes.map((each) => digester.digest(recoveryText(userId, each))),
      }
      const event = ownEvent(deps, userId, caller, 'user.second_factor_set')
      if (!(await storage.setTotp(userId, wish, event))) return fail(notSo('you have left'))
      // The code that proved the app has been shown: it opens nothing.
      await storage.takeTotpStep(userId, step)
      return ok(codes.map(inGroups))
    },

    /** The recovery codes go with it. */
    async remove({ who }: Himself, caller: Caller): Promise<Result<void, NotSo>> {
      const event = ownEvent(deps, who.user.id, caller, 'user.second_factor_removed')
      const removed = await storage.setTotp(who.user.id, null, event)
      return removed ? ok(undefined) : fail(notSo('there is no second factor'))
    },

    /** How many recovery codes are left; null where there is no second factor. */
    async left(userId: string): Promise<number | null> {
      const credentials = await storage.findCredentialsOf(userId)
      return credentials?.sealedTotp == null ? null : storage.countRecoveryCodes(userId)
    },

    /** Whether the code is right, and takes it: none is good twice. */
    async take({ user, sealedTotp }: Credentials, code: string, caller: Caller): Promise<boolean> {
      if (sealedTotp === null) return false
      const step = totp.stepOf(await openText(sealedTotp, user.id), code, clock())
      if (step !== null) return storage.takeTotpStep(user.id, step)
      const recovery = code.replace(/[\s-]/g, '').toUpperCase()
      if (!RECOVERY_CODE.test(recovery)) return false
      const digests = digester.candidates(recoveryText(user.id, recovery))
      const event = ownEvent(deps, user.id, caller, 'user.recovery_code_used')
      return storage.takeRecoveryCode(user.id, digests, event)
    },
  }

  /** In person, and without a second factor: one that is there is removed first, by password. */
  async function withoutOne(who: SignedIn): Promise<Result<void, NotSo>> {
    const person = inPerson(who)
    if (!person.ok) return person
    const credentials = await storage.findCredentialsOf(who.user.id)
    return credentials?.sealedTotp == null
      ? ok(undefined)
      : fail(notSo('there is a second factor already: remove it first'))
  }
}

const RECOVERY_CODE = /^[A-Z0-9]{16}$/

const pendingOf = (userId: string) => `pending ${userId}`

/** As people copy it from paper. */
const inGroups = (code: string) => code.replace(/(.{4})(?!$)/g, '$1-')

const notSo = (message: string): NotSo => ({ reason: 'conflict', message })

const wrongCode: Unfit = {
  reason: 'unfit',
  field: 'code',
  message: 'this is not the code of this moment: type the one that the app shows now',
}

export type SecondFactor = ReturnType<typeof createSecondFactor>

import { encode } from 'uqr'
import { fail, ok, type Result } from '../../domain/failure.ts'
import { isWithinLast } from '../../domain/instant.ts'
import type { Caller } from '../caller.ts'
import { openText, sealText } from '../ports/crypto.ts'
import type { SignedInUser, UserCredentials } from '../ports/sign-in.ts'
import { createUserEvent, type SignInDeps } from './context.ts'
import { toRecoveryDigestText } from './digest-texts.ts'
import type { InvalidField, SignInConflict } from './failures.ts'
import { type Reauthentication, requireBrowserSession } from './reauthenticate.ts'

/**
 * The data to set up an app with. `pending` is passed back with the first code; nothing is stored
 * until then.
 */
export interface SecondFactorSetup {
  readonly pending: string
  readonly secret: string
  readonly uri: string
  readonly qr: QrCode
}

const RECOVERY_CODE_COUNT = 10
/** The time limit for setting up an app. */
const SETUP_MS = 60 * 60 * 1000

/** Manages the time-based second factor (RFC 6238), and the recovery codes for a lost device. */
export const createSecondFactor = (deps: SignInDeps) => ({
  startSetup: (signedInUser: SignedInUser, previousPending?: string) =>
    startSetup(deps, signedInUser, previousPending),
  confirmSetup: (
    reauthentication: Reauthentication,
    input: { pending: string; code: string },
    caller: Caller,
  ) => confirmSetup(deps, reauthentication, input, caller),
  remove: (reauthentication: Reauthentication, caller: Caller) =>
    removeSecondFactor(deps, reauthentication, caller),
  countUnusedRecoveryCodes: (userId: string) => countUnusedRecoveryCodes(deps, userId),
  takeCode: (credentials: UserCredentials, code: string, caller: Caller) =>
    takeCode(deps, credentials, code, caller),
})

/**
 * Creates a secret for the user's app. The page holds it sealed, for this user only. An earlier
 * setup is continued with its secret, because the app may have it already.
 */
async function startSetup(
  deps: SignInDeps,
  signedInUser: SignedInUser,
  previousPending = '',
): Promise<Result<SecondFactorSetup, SignInConflict>> {
  const { sealer, totp, clock } = deps
  const allowed = await requireNoSecondFactor(deps, signedInUser)
  if (!allowed.ok) return allowed
  const { user } = signedInUser
  const previousSecret = await openPendingSecret(deps, previousPending, user.id)
  const secret = previousSecret ?? totp.newSecret()
  const uri = totp.createUri(secret, user.username ?? user.email)
  const pending =
    previousSecret === null
      ? await sealText(sealer, `${secret} ${clock()}`, toSetupContext(user.id))
      : previousPending
  return ok({ pending, secret, uri, qr: createQrCode(uri) })
}

/** Sets up the second factor, if the app shows the right code. The recovery codes are shown once. */
async function confirmSetup(
  deps: SignInDeps,
  { signedInUser }: Reauthentication,
  { pending, code }: { pending: string; code: string },
  caller: Caller,
): Promise<Result<readonly string[], SignInConflict | InvalidField>> {
  const { storage, sealer, digester, totp, random, clock } = deps
  const allowed = await requireNoSecondFactor(deps, signedInUser)
  if (!allowed.ok) return allowed
  const userId = signedInUser.user.id
  const secret = await openPendingSecret(deps, pending, userId)
  if (secret === null) return fail(toConflict('the setup was started too long ago: start again'))
  const step = totp.findTimeStep(secret, code, clock())
  if (step === null) return fail(WRONG_CODE)

  const codes = Array.from({ length: RECOVERY_CODE_COUNT }, () => random.code())
  const newSecondFactor = {
    sealed: await sealText(sealer, secret, userId),
    recoveryDigests: codes.map((each) => digester.digest(toRecoveryDigestText(userId, each))),
  }
  const event = createUserEvent(deps, userId, caller, 'user.second_factor_set')
  if (!(await storage.setSecondFactor(userId, newSecondFactor, event)))
    return fail(toConflict('your user is deactivated'))
  // The code that confirmed the app is used up, so that it cannot sign in.
  await storage.claimTotpStep(userId, step)
  return ok(codes.map(formatRecoveryCode))
}

/** Removes the second factor and its recovery codes. */
async function removeSecondFactor(
  deps: SignInDeps,
  { signedInUser }: Reauthentication,
  caller: Caller,
): Promise<Result<void, SignInConflict>> {
  const event = createUserEvent(deps, signedInUser.user.id, caller, 'user.second_factor_removed')
  const removed = await deps.storage.setSecondFactor(signedInUser.user.id, null, event)
  return removed ? ok(undefined) : fail(toConflict('no second factor is set up'))
}

/** Counts the remaining recovery codes; null if there is no second factor. */
async function countUnusedRecoveryCodes(
  { storage }: SignInDeps,
  userId: string,
): Promise<number | null> {
  const credentials = await storage.findCredentialsByUserId(userId)
  return credentials?.sealedTotp == null ? null : storage.countRecoveryCodes(userId)
}

/** True if the code is valid. Uses it up: no code is valid twice. */
async function takeCode(
  deps: SignInDeps,
  { user, sealedTotp }: UserCredentials,
  code: string,
  caller: Caller,
): Promise<boolean> {
  const { storage, sealer, digester, totp, clock } = deps
  if (sealedTotp === null) return false
  const step = totp.findTimeStep(await openText(sealer, sealedTotp, user.id), code, clock())
  if (step !== null) return storage.claimTotpStep(user.id, step)
  const recovery = code.replace(/[\s-]/g, '').toUpperCase()
  if (!RECOVERY_CODE_PATTERN.test(recovery)) return false
  const digests = [...digester.candidates(toRecoveryDigestText(user.id, recovery))]
  const event = createUserEvent(deps, user.id, caller, 'user.recovery_code_used')
  return storage.claimRecoveryCode(user.id, digests, event)
}

/** Returns the secret that `startSetup` created for this user, unless it is too old. */
async function openPendingSecret(
  deps: SignInDeps,
  pending: string,
  userId: string,
): Promise<string | null> {
  const { sealer, clock } = deps
  const text = await openText(sealer, pending, toSetupContext(userId)).catch(() => '')
  const [secret = '', begunAt = ''] = text.split(' ')
  return secret !== '' && isWithinLast(SETUP_MS, Number(begunAt), clock()) ? secret : null
}

/**
 * Requires a browser session, and no second factor. An existing one must be removed first, with the
 * password.
 */
async function requireNoSecondFactor(
  { storage }: SignInDeps,
  signedInUser: SignedInUser,
): Promise<Result<void, SignInConflict>> {
  const browserSession = requireBrowserSession(signedInUser)
  if (!browserSession.ok) return browserSession
  const credentials = await storage.findCredentialsByUserId(signedInUser.user.id)
  return credentials?.sealedTotp == null
    ? ok(undefined)
    : fail(toConflict('a second factor is set up already: remove it first'))
}

const RECOVERY_CODE_PATTERN = /^[A-Z0-9]{16}$/

const toSetupContext = (userId: string) => `pending ${userId}`

/** Groups the characters by four, so that users can copy the code from paper. */
const formatRecoveryCode = (code: string) => code.replace(/(.{4})(?!$)/g, '$1-')

const toConflict = (message: string): SignInConflict => ({ reason: 'conflict', message })

const WRONG_CODE: InvalidField = {
  reason: 'unfit',
  field: 'code',
  message: 'the code is wrong: type the code that the app shows now',
}

export type SecondFactor = ReturnType<typeof createSecondFactor>

/** A QR code as the data of one SVG path, in a square of `size` modules. */
export interface QrCode {
  readonly size: number
  readonly path: string
}

/** The quiet zone: four empty modules on each side (ISO/IEC 18004). */
const QUIET_ZONE_MODULES = 4

export function createQrCode(text: string): QrCode {
  const { size, data } = encode(text, { ecc: 'M', border: QUIET_ZONE_MODULES })
  const runs = data.flatMap((row, y) => findRuns(row).map(([x, length]) => formatRun(x, y, length)))
  return { size, path: runs.join('') }
}

const formatRun = (x: number, y: number, length: number) => `M${x} ${y}h${length}v1h-${length}z`

/** Finds the runs of dark modules. */
function findRuns(row: readonly boolean[]): [start: number, length: number][] {
  const runs: [number, number][] = []
  for (const [x, dark] of row.entries()) {
    const last = runs.at(-1)
    if (!dark) continue
    if (last !== undefined && last[0] + last[1] === x) last[1]++
    else runs.push([x, 1])
  }
  return runs
}

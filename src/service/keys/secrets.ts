import { ok } from '../../domain/failure.ts'
import { SECRET_MAX_LENGTH, SECRET_MIN_LENGTH } from '../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import { isDamagedSecret, isLatchkeySecret } from '../../domain/secret.ts'
import {
  openText,
  type Sealer,
  type SecretDigester,
  type SecretHasher,
  sealText,
} from '../ports/crypto.ts'
import type { Random } from '../ports/runtime.ts'
import { failBusy, failInvalid, type ServiceResult } from '../service-result.ts'
import { toHasherBusy } from '../sign-in/context.ts'

export interface KeySecretsDeps {
  readonly random: Random
  readonly hasher: SecretHasher
  readonly digester: SecretDigester
  readonly sealer: Sealer
}

/** The stored form of a secret. */
export interface StoredSecret {
  readonly hash: string
  /**
   * A keyed digest besides an argon2id hash, for secrets that cannot be guessed: see
   * `toExchangedSecretText`.
   */
  readonly digest: string | null
  readonly sealed: string | null
}

/** The text that is digested for an exchanged secret. It differs for each key. */
export const toExchangedSecretText = (keyId: string, secret: string) =>
  `exchanged\0${keyId}\0${secret}`

/** Validates a secret that another system issued; creates one if omitted. */
export function parseKeySecret(
  random: Random,
  supplied: string | undefined,
  keyType: KeyType,
): ServiceResult<string> {
  if (supplied === undefined) {
    return ok(getKeyTypeTraits(keyType).form === 'code' ? random.code() : random.secret())
  }
  if (supplied.length < SECRET_MIN_LENGTH || supplied.length > SECRET_MAX_LENGTH) {
    return failInvalid(
      `a secret must have ${SECRET_MIN_LENGTH} to ${SECRET_MAX_LENGTH} characters, this one has ${supplied.length}`,
    )
  }
  if (getKeyTypeTraits(keyType).secret === 'exchanged') {
    return /\p{Cc}/u.test(supplied) || !supplied.isWellFormed()
      ? failInvalid('a secret must be one line of text')
      : ok(supplied)
  }
  if (!/^[\x21-\x7e]+$/.test(supplied)) {
    return failInvalid('a secret that is sent in a header must be printable ASCII without blanks')
  }
  return isDamagedSecret(supplied)
    ? failInvalid(
        'the secret begins with lk_, as secrets of Latchkey do, but its checksum is wrong',
      )
    : ok(supplied)
}

/** Protects a secret as its key type requires. `keyId`: the row that it is sealed for. */
export async function protectKeySecret(
  { hasher, digester, sealer }: KeySecretsDeps,
  secret: string,
  keyType: KeyType,
  keyId: string,
): Promise<ServiceResult<StoredSecret>> {
  switch (getKeyTypeTraits(keyType).secret) {
    case 'exchanged': {
      const hashed = await hasher.hash(secret)
      const digest = isLatchkeySecret(secret)
        ? digester.digest(toExchangedSecretText(keyId, secret))
        : null
      if (hashed.ok) return ok({ hash: hashed.value, digest, sealed: null })
      const { retryAfterSeconds } = toHasherBusy(hashed.failure)
      return failBusy(
        `too many secrets are checked at this moment, and nothing was changed: try again in ${retryAfterSeconds} seconds`,
        retryAfterSeconds,
      )
    }
    case 'presented':
      return ok({ hash: digester.digest(secret), digest: null, sealed: null })
    case 'viewable':
      return ok({
        hash: digester.digest(secret),
        digest: null,
        sealed: await sealText(sealer, secret, keyId),
      })
  }
}

/** Opens the sealed secret of the key with this row id. */
export const openKeySecret = (sealer: Sealer, sealed: string, keyId: string): Promise<string> =>
  openText(sealer, sealed, keyId)

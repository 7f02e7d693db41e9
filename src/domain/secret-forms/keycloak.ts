import { toArgon2Check } from './argon2.ts'
import { decodePaddedBase64 } from './base64.ts'
import type { ParsedHash } from './hash-text.ts'
import { toPbkdf2Check } from './pbkdf2.ts'
import type { Argon2Check, Pbkdf2Check } from './secret-check.ts'

const PBKDF2_DIGESTS: Readonly<Record<string, Pbkdf2Check['digest']>> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
}

type JsonObject = Readonly<Record<string, unknown>>

/** Reads a credential of an exported realm: an object with the JSON texts `secretData` and `credentialData`. */
export function parseKeycloak(hash: string): ParsedHash {
  const credential = parseJsonObject(hash)
  if (credential === null) return null
  const secret = parseJsonObject(credential.secretData)
  const data = parseJsonObject(credential.credentialData)
  if (secret === null || data === null) return null
  const { algorithm, hashIterations } = data
  if (!isText(secret.value) || !isText(secret.salt))
    return 'secretData has no value or no salt, which are texts'
  if (!isText(algorithm) || !isCount(hashIterations))
    return 'credentialData has no algorithm, which is a text, or no hashIterations, which is a number'
  const salt = decodePaddedBase64(secret.salt)
  const sum = decodePaddedBase64(secret.value)
  if (algorithm === 'argon2') {
    const cost = parseArgon2Cost(parseJsonObject(data.additionalParameters))
    if (cost === null) return 'the parameters of argon2 are missing or unknown'
    return toArgon2Check({ algorithm, ...cost, passes: hashIterations, salt, sum })
  }
  const digest = Object.hasOwn(PBKDF2_DIGESTS, algorithm) ? PBKDF2_DIGESTS[algorithm] : undefined
  if (digest === undefined) return `the algorithm ${JSON.stringify(algorithm)} is unknown`
  // Older versions made 64 bytes, whatever the digest.
  const sumBytes = sum?.length === 64 ? 64 : undefined
  return toPbkdf2Check({ digest, rounds: hashIterations, salt, sum }, sumBytes)
}

/** Each parameter is a list of one text. */
function parseArgon2Cost(
  parameters: JsonObject | null,
): Pick<Argon2Check, 'variant' | 'memoryKib' | 'lanes'> | null {
  const read = (name: string) => {
    const list = parameters?.[name]
    return Array.isArray(list) && isText(list[0]) ? list[0] : ''
  }
  const type = read('type')
  const [memory, lanes] = [read('memory'), read('parallelism')]
  if (type !== 'd' && type !== 'i' && type !== 'id') return null
  if (read('version') !== '1.3' || !/^\d{1,10}$/.test(memory) || !/^\d{1,10}$/.test(lanes))
    return null
  return { variant: `argon2${type}`, memoryKib: Number(memory), lanes: Number(lanes) }
}

/** Reads an object, or the text of one. */
function parseJsonObject(value: unknown): JsonObject | null {
  let parsed = value
  if (isText(value)) {
    try {
      parsed = JSON.parse(value)
    } catch {
      return null
    }
  }
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    ? (parsed as JsonObject)
    : null
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number => Number.isSafeInteger(value)

import { addChecksum } from '../domain/secret.ts'
import type { Sealer, SecretDigester } from '../service/ports/crypto.ts'
import type { Clock, Random } from '../service/ports/runtime.ts'
import type { Keyring } from './keyring.ts'
import { convertResult, type Primitives } from './primitives.ts'

/**
 * Seals with AES-256-GCM, as `<ring id>.<base64url>`. The row's id is associated data, so that sealed
 * values cannot be swapped between rows.
 */
export function createSealer(primitives: Primitives, keyring: Keyring): Sealer {
  return {
    seal(plain, context) {
      const id = keyring.currentId('seal')
      const key = keyring.sealer(id)
      if (key === undefined) throw new Error('the current seal key is missing')
      return convertResult(
        key.seal(plain, context),
        (sealed) => `${id}.${primitives.base64urlEncode(sealed)}`,
      )
    },

    open(sealed, context) {
      const end = sealed.indexOf('.')
      const id = sealed.slice(0, end)
      const key = keyring.sealer(id)
      const bytes = primitives.base64urlDecode(sealed.slice(end + 1))
      if (key === undefined) throw new Error(`seal key ${id} is not in the key ring`)
      if (bytes === null) throw new Error('what was sealed is damaged')
      return key.open(bytes, context)
    },
  }
}

/**
 * Digests secrets with HMAC-SHA-256 under the key ring, as `hmac.<ring id>.<base64url>`. The database
 * alone does not allow guesses. Keys are looked up by digest, so the time of a lookup reveals nothing
 * about the secret.
 */
export function createSecretDigester(primitives: Primitives, keyring: Keyring): SecretDigester {
  const digestWithKey = (id: string, secret: string): string => {
    const mac = keyring.mac('digest', id)
    if (mac === undefined) throw new Error(`digest key ${id} is not in the key ring`)
    return `hmac.${id}.${mac.computeText(secret)}`
  }
  const processKey = primitives.base64urlEncode(primitives.randomBytes(32))

  return {
    digest: (secret) => digestWithKey(keyring.currentId('digest'), secret),
    *candidates(secret) {
      for (const id of keyring.digesterIds) yield digestWithKey(id, secret)
    },
    matches: (secret, digests) =>
      digests.some((digest) => {
        const [scheme, id = '', encoded = '', ...more] = digest.split('.')
        const mac = keyring.mac('digest', id)
        const bytes = primitives.base64urlDecode(encoded)
        if (scheme !== 'hmac' || more.length > 0 || mac === undefined || bytes === null)
          return false
        return primitives.equal(mac.compute(secret), bytes)
      }),
    // An old key, which every server of the ring has and none drops: an unknown id must not change its decoy.
    toDecoySalt: (id) =>
      digestWithKey(keyring.oldestDigesterId, `decoy\0${id}`)
        .slice(-DIGEST_LENGTH)
        .slice(0, SALT_LENGTH),
    toCacheName: (credential) => primitives.sha256(`${processKey}\0${credential}`),
  }
}

/** An HMAC-SHA-256 in base64url. */
const DIGEST_LENGTH = 43
/** The length of a salt: 16 bytes in base64url. */
const SALT_LENGTH = 22

/** The size of the 12-bit counter within a millisecond. */
const UUIDS_PER_MS = 4096

export function createRandom(primitives: Primitives, clock: Clock): Random {
  const uuids = createUuidGenerators(clock)
  return {
    uuid: uuids.v7,
    serial: createSerialGenerator(),
    requestId: uuids.v4,
    secret: () => addChecksum(primitives.base64urlEncode(primitives.randomBytes(32))),
    code: () => generateCode(primitives),
    salt: () => primitives.base64urlEncode(primitives.randomBytes(16)),
  }
}

const SERIAL_BLOCK_WORDS = 256

/** Creates random safe integers. Fetches random bits in blocks, because each call costs 2 µs, even for a few bits. */
function createSerialGenerator(): () => number {
  const words = new Uint32Array(SERIAL_BLOCK_WORDS)
  let next = SERIAL_BLOCK_WORDS
  return () => {
    if (next === SERIAL_BLOCK_WORDS) {
      crypto.getRandomValues(words)
      next = 0
    }
    const [high = 0, low = 0] = [words[next++], words[next++]]
    return (high >>> 11) * 2 ** 32 + low
  }
}

const CODE_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const CODE_LENGTH = 16
/**
 * The largest multiple of 36 in a byte. Bytes at or above it are redrawn, so that all characters are
 * equally likely.
 */
const MAX_UNBIASED_BYTE = 256 - (256 % CODE_ALPHABET.length)

function generateCode({ randomBytes }: Primitives): string {
  let code = ''
  while (code.length < CODE_LENGTH) {
    for (const byte of randomBytes(CODE_LENGTH)) {
      if (byte < MAX_UNBIASED_BYTE && code.length < CODE_LENGTH)
        code += CODE_ALPHABET.charAt(byte % CODE_ALPHABET.length)
    }
  }
  return code
}

const UUID_BYTES = 16
/** The position in the text of each byte's two digits. */
const UUID_POSITIONS = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]
const UUID_CHARS = 36
const HYPHEN = 0x2d
const HEX_DIGITS = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))

/**
 * Creates UUIDs. A UUIDv7 has 48 bits of time, a 12-bit counter within the millisecond (RFC 9562 §6.2, method 1)
 * and 62 random bits. Each takes 0.1 µs, where crypto.randomUUID takes 0.2, and the uuid package 3. It is written
 * digit by digit, because a string that is joined from parts leaves ten times its length as garbage.
 */
function createUuidGenerators(clock: Clock): { v4(): string; v7(): string } {
  const block = new Uint8Array(256 * UUID_BYTES)
  const view = new DataView(block.buffer)
  let next = block.length
  const codes = Array<number>(UUID_CHARS).fill(HYPHEN)
  let time = 0
  let count = 0

  /** Returns the offset in the block of random bytes that were not used before. */
  const takeRandomBytes = (): number => {
    if (next === block.length) {
      crypto.getRandomValues(block)
      next = 0
    }
    next += UUID_BYTES
    return next - UUID_BYTES
  }

  const format = (at: number, version: number): string => {
    view.setUint8(at + 6, (view.getUint8(at + 6) & 0x0f) | (version << 4))
    view.setUint8(at + 8, (view.getUint8(at + 8) & 0x3f) | 0x80)
    for (let n = 0; n < UUID_BYTES; n++) {
      const byte = block[at + n] ?? 0
      const position = UUID_POSITIONS[n] ?? 0
      codes[position] = HEX_DIGITS[byte >> 4] ?? 0
      codes[position + 1] = HEX_DIGITS[byte & 0x0f] ?? 0
    }
    return String.fromCharCode(...codes)
  }

  return {
    v4: () => format(takeRandomBytes(), 4),
    v7() {
      const now = clock()
      // If the clock was set back or the millisecond is full, time continues from its last value.
      if (now > time || ++count === UUIDS_PER_MS) {
        time = Math.max(now, time + 1)
        count = 0
      }
      const at = takeRandomBytes()
      view.setUint16(at, time / 2 ** 32)
      view.setUint32(at + 2, time)
      view.setUint16(at + 6, count)
      return format(at, 7)
    },
  }
}

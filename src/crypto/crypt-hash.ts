import { joinBytes } from '../domain/bytes.ts'
import type { CryptCheck } from '../domain/secret-forms/secret-check.ts'
import type { HashFunctions } from './primitives.ts'

/*
 * The hashes of crypt(3) that repeat a digest. The packages that compute them need Node's Buffer, so none runs on
 * Workers.
 */

type Digest = (...parts: readonly Uint8Array[]) => Uint8Array

const encoder = new TextEncoder()

/** Computes the sum in crypt's base64. */
export function computeCrypt(
  functions: Pick<HashFunctions, 'digest'>,
  secret: Uint8Array,
  { digest: name, rounds, salt }: CryptCheck,
): string {
  const digest: Digest = (...parts) => functions.digest(name, joinBytes(parts))
  const saltBytes = encoder.encode(salt)
  return encodeGroups(
    name === 'md5'
      ? computeApr1(digest, secret, saltBytes, rounds)
      : computeShaCrypt(digest, secret, saltBytes, rounds),
    BYTE_GROUPS[name],
  )
}

const APR1_MAGIC = encoder.encode('$apr1$')

/** Poul-Henning Kamp's MD5 crypt of FreeBSD, with Apache's magic text. */
function computeApr1(digest: Digest, secret: Uint8Array, salt: Uint8Array, rounds: number) {
  const mixed = repeat(digest(secret, salt, secret), secret.length)
  const bits: Uint8Array[] = []
  for (let length = secret.length; length > 0; length >>= 1)
    bits.push(length & 1 ? Uint8Array.of(0) : secret.subarray(0, 1))
  let sum = digest(secret, APR1_MAGIC, salt, mixed, ...bits)
  for (let round = 0; round < rounds; round++) {
    const isOdd = round % 2 === 1
    sum = digest(
      isOdd ? secret : sum,
      ...(round % 3 === 0 ? [] : [salt]),
      ...(round % 7 === 0 ? [] : [secret]),
      isOdd ? sum : secret,
    )
  }
  return sum
}

/** Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", steps 1 to 21. */
function computeShaCrypt(digest: Digest, secret: Uint8Array, salt: Uint8Array, rounds: number) {
  const alternate = digest(secret, salt, secret)
  const bits: Uint8Array[] = []
  for (let length = secret.length; length > 0; length >>= 1)
    bits.push(length & 1 ? alternate : secret)
  let sum = digest(secret, salt, repeat(alternate, secret.length), ...bits)
  const p = repeat(digest(...Array<Uint8Array>(secret.length).fill(secret)), secret.length)
  const saltCount = 16 + (sum[0] ?? 0)
  const s = repeat(digest(...Array<Uint8Array>(saltCount).fill(salt)), salt.length)
  for (let round = 0; round < rounds; round++) {
    const isOdd = round % 2 === 1
    sum = digest(
      isOdd ? p : sum,
      ...(round % 3 === 0 ? [] : [s]),
      ...(round % 7 === 0 ? [] : [p]),
      isOdd ? sum : p,
    )
  }
  return sum
}

/** Repeats bytes up to a length, the last time in part. */
const repeat = (bytes: Uint8Array, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, n) => bytes[n % bytes.length] ?? 0)

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** The bytes of a sum in groups of three, as crypt writes them: the last of each group first. */
const BYTE_GROUPS: Readonly<Record<CryptCheck['digest'], readonly (readonly number[])[]>> = {
  md5: [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]],
  sha256: [...turnColumns([0, 10, 20], 2), [31, 30]],
  sha512: [...turnColumns([0, 21, 42], 1), [63]],
}

/** Lists the rows of three columns of numbers, each row turned further by this many places. */
function turnColumns(firstRow: readonly [number, number, number], places: number): number[][] {
  return Array.from({ length: firstRow[1] }, (_, row) =>
    firstRow.map((_, n) => (firstRow[(n + row * places) % 3] ?? 0) + row),
  )
}

function encodeGroups(sum: Uint8Array, groups: readonly (readonly number[])[]): string {
  let text = ''
  for (const group of groups) {
    let bits = group.reduce((all, index) => (all << 8) | (sum[index] ?? 0), 0)
    for (let digit = 0; digit <= group.length; digit++) {
      text += ALPHABET.charAt(bits & 63)
      bits >>>= 6
    }
  }
  return text
}

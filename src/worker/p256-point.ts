/*
 * The public point of a P-256 private key (SEC 1 §2.2, FIPS 186-5), which WebCrypto computes for no caller
 * synchronously. It completes a key ring of an earlier version, once for each isolate, so that its time
 * tells nobody anything: it is not constant.
 */

const PRIME = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** A point in Jacobian coordinates: x is X/Z², y is Y/Z³. Z is 0 for the point at infinity. */
type Point = readonly [x: bigint, y: bigint, z: bigint]

const GENERATOR: Point = [
  0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
  0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  1n,
]
const INFINITY: Point = [1n, 1n, 0n]

const reduce = (n: bigint) => ((n % PRIME) + PRIME) % PRIME

/** Doubles a point on a curve with a = −3 (formulas "dbl-2001-b" of hyperelliptic.org/EFD). */
function double([x, y, z]: Point): Point {
  const delta = reduce(z * z)
  const gamma = reduce(y * y)
  const beta = reduce(x * gamma)
  const alpha = reduce(3n * (x - delta) * (x + delta))
  const x3 = reduce(alpha * alpha - 8n * beta)
  const z3 = reduce((y + z) ** 2n - gamma - delta)
  return [x3, reduce(alpha * (4n * beta - x3) - 8n * gamma * gamma), z3]
}

/** Adds two different points ("add-2007-bl"). */
function add(p: Point, q: Point): Point {
  const [x1, y1, z1] = p
  const [x2, y2, z2] = q
  if (z1 === 0n) return q
  if (z2 === 0n) return p
  const z1z1 = reduce(z1 * z1)
  const z2z2 = reduce(z2 * z2)
  const u1 = reduce(x1 * z2z2)
  const s1 = reduce(y1 * z2 * z2z2)
  const h = reduce(x2 * z1z1 - u1)
  const i = reduce(4n * h * h)
  const j = reduce(h * i)
  const r = reduce(2n * (y2 * z1 * z1z1 - s1))
  const v = reduce(u1 * i)
  const x3 = reduce(r * r - j - 2n * v)
  return [x3, reduce(r * (v - x3) - 2n * s1 * j), reduce(((z1 + z2) ** 2n - z1z1 - z2z2) * h)]
}

/** Inverts by Fermat’s little theorem. */
function invert(n: bigint): bigint {
  let result = 1n
  let power = n
  for (let exponent = PRIME - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = reduce(result * power)
    power = reduce(power * power)
  }
  return result
}

/** Returns x and y, 32 bytes each; null for a number that is no private key. */
export function computeP256Point(privateKey: Uint8Array): Uint8Array | null {
  const scalar = privateKey.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n)
  if (scalar === 0n || scalar >= ORDER) return null
  let point = INFINITY
  for (const bit of scalar.toString(2)) {
    point = double(point)
    if (bit === '1') point = add(point, GENERATOR)
  }
  const [x, y, z] = point
  const inverse = invert(z)
  const square = reduce(inverse * inverse)
  return toBytes([reduce(x * square), reduce(y * square * inverse)])
}

const toBytes = (numbers: readonly bigint[]): Uint8Array =>
  Uint8Array.from(
    numbers.flatMap((n) => n.toString(16).padStart(64, '0').match(/../g) ?? []),
    (byte) => Number.parseInt(byte, 16),
  )

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Argon2 } from '../../src/crypto/primitives.ts'
import { createSecretHasher, type SecretHasherOptions } from '../../src/crypto/secret-hash.ts'
import { nodeArgon2, nodePrimitives } from '../../src/node/primitives.ts'
import type { WorkRequester } from '../../src/service/ports/crypto.ts'
import { createTestClock } from '../support/time.ts'

/** A hash that a test lets finish, one computation at a time: `hash-of-<secret>` is the secret's. */
function gatedArgon2() {
  const doors: ((verdict?: Error) => void)[] = []
  const work = { now: 0, most: 0, done: 0 }
  const simulateWork = async <T>(answer: T): Promise<T> => {
    work.now++
    work.most = Math.max(work.most, work.now)
    await new Promise<void>((resolve, reject) => {
      doors.push((error) => (error === undefined ? resolve() : reject(error)))
    })
    work.now--
    work.done++
    return answer
  }
  const argon2: Argon2 = {
    // The decoy is hashed before any door is there.
    hash: async (secret) => `hash-of-${secret}`,
    verify: (phc, secret) => simulateWork(phc === `hash-of-${secret}`),
  }
  return {
    argon2,
    work,
    /** Lets one computation finish, or fail. */
    async finish(error?: Error) {
      await turn()
      doors.shift()?.(error)
      await turn()
    },
    async finishAll() {
      for (await turn(); doors.length > 0; await turn()) doors.shift()?.()
    },
  }
}

function createHasherFixture(options: Partial<SecretHasherOptions> = {}) {
  const gate = gatedArgon2()
  const clock = createTestClock()
  const hasher = createSecretHasher(nodePrimitives, gate.argon2, clock, {
    width: 2,
    queue: 3,
    ...options,
  })
  return { ...gate, clock, hasher }
}

/** Creates a requester that claims this id. */
const createRequester = (claim: string, party = 'a place'): WorkRequester => ({
  lane: 'vendors',
  party,
  claim,
})

const yes = { ok: true, value: true }
const no = { ok: true, value: false }
const busy = { ok: false, failure: { reason: 'busy', retryAfterSeconds: 2 } }

describe('computations', () => {
  test('never run more than `width` at once, and all of them run', async () => {
    const { hasher, work, finishAll } = createHasherFixture({ width: 3, queue: 100 })
    const verifications = Array.from({ length: 30 }, (_, n) =>
      hasher.verify(`s${n}`, [`hash-of-s${n}`], createRequester('a')),
    )
    await turn()
    expect(work.now).toBe(3)
    await finishAll()
    expect(await Promise.all(verifications)).toEqual(verifications.map(() => yes))
    expect(work).toEqual({ now: 0, most: 3, done: 30 })
  })

  test('past the queue are refused at once, and what waits is not', async () => {
    const { hasher, work, finishAll } = createHasherFixture()
    const verifications = Array.from({ length: 5 }, (_, n) =>
      hasher.verify(`s${n}`, [], createRequester('a')),
    )
    expect(await hasher.verify('s5', [], createRequester('a'))).toEqual(busy)
    expect(await hasher.verify('s6', ['hash-of-s6'], createRequester('b'))).toEqual(busy)
    // People have a lane of their own.
    const made = hasher.hash('s7')
    await finishAll()
    expect(await made).toEqual({ ok: true, value: 'hash-of-s7' })
    expect(await Promise.all(verifications)).toEqual(verifications.map(() => no))
    expect(work.most).toBe(2)
    const after = hasher.verify('s5', [], createRequester('a'))
    await finishAll()
    expect(await after).toEqual(no)
  })

  test('keep their turn although the caller has given up', async () => {
    const { hasher, work, finish, finishAll } = createHasherFixture({ width: 1, queue: 1 })
    const abandoned = hasher.verify('lost', [], createRequester('a'))
    const gaveUp = await Promise.race([abandoned, turn('gave up')])
    expect(gaveUp).toBe('gave up')
    const waiting = hasher.verify('next', ['hash-of-next'], createRequester('b'))
    expect(await hasher.verify('third', [], createRequester('c'))).toEqual(busy)
    await finish()
    expect([work.now, work.done]).toEqual([1, 1]) // the second half of the abandoned no
    await finishAll()
    expect(await waiting).toEqual(yes)
    expect(work.most).toBe(1)
  })

  test('that would begin too late are refused', async () => {
    const { hasher, work, finishAll } = createHasherFixture({ width: 1, queue: 5 })
    let left = 1
    const refused = {
      ok: false,
      failure: { reason: 'failures_exceeded', retryAfterSeconds: 9 },
    } as const
    const checkStillAllowed = () =>
      left-- > 0 ? ({ ok: true, value: undefined } as const) : refused
    const verifications = [1, 2, 3].map((n) =>
      hasher.verify(`s${n}`, [], createRequester('a'), checkStillAllowed),
    )
    await finishAll()
    expect(await Promise.all(verifications)).toEqual([no, refused, refused])
    expect(work.done).toBe(2)
  })

  test('that fail free their capacity, report the error, and are not remembered', async () => {
    const { hasher, finish, finishAll } = createHasherFixture({ width: 1, queue: 1 })
    const failing = hasher.verify('s', ['hash-of-s'], createRequester('a'))
    const [twin, waiting] = [
      hasher.verify('s', ['hash-of-s'], createRequester('a')),
      hasher.verify('t', [], createRequester('a')),
    ]
    const told = Promise.allSettled([failing, twin])
    await finish(new Error('out of memory'))
    expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await finishAll()
    expect(await waiting).toEqual(no)
    const repeat = hasher.verify('s', ['hash-of-s'], createRequester('a'))
    await finishAll()
    expect(await repeat).toEqual(yes)
  })

  test('of one question asked many times at once are one', async () => {
    const { hasher, work, finishAll } = createHasherFixture({ width: 4, queue: 0 })
    const right = Array.from({ length: 50 }, () =>
      hasher.verify('s', ['hash-of-s'], createRequester('a')),
    )
    const wrong = Array.from({ length: 50 }, () =>
      hasher.verify('t', ['hash-of-s'], createRequester('a')),
    )
    const unknown = Array.from({ length: 50 }, () => hasher.verify('t', [], createRequester('b')))
    await finishAll()
    expect(await Promise.all(right)).toEqual(right.map(() => yes))
    expect(await Promise.all(wrong)).toEqual(wrong.map(() => no))
    expect(await Promise.all(unknown)).toEqual(unknown.map(() => no))
    expect(work.done).toBe(1 + 2 + 2)
  })

  test('of one right secret, asked for by many, are no more than run at once', async () => {
    const { hasher, work, finishAll } = createHasherFixture({ width: 2, queue: 100 })
    const verifications = Array.from({ length: 50 }, (_, n) =>
      hasher.verify('s', ['hash-of-s'], createRequester(`${n}`)),
    )
    await finishAll()
    expect(await Promise.all(verifications)).toEqual(verifications.map(() => yes))
    expect(work.done).toBe(2)
  })

  test('of one secret for several ids are not shared, for existing and unknown keys', async () => {
    const { hasher, work, finishAll } = createHasherFixture({ width: 8, queue: 0 })
    const verifications = [
      hasher.verify('s', [], createRequester('nobody')),
      hasher.verify('s', [], createRequester('somebody')),
      hasher.verify('s', ['hash-of-a'], createRequester('a')),
      hasher.verify('s', ['hash-of-b'], createRequester('b')),
    ]
    await finishAll()
    expect(await Promise.all(verifications)).toEqual([no, no, no, no])
    expect(work.done).toBe(8)
  })

  test('of a no are two, however many hashes there are', async () => {
    for (const hashes of [[], ['hash-of-a'], ['hash-of-a', 'hash-of-b']]) {
      const { hasher, work, finishAll } = createHasherFixture()
      const verifications = hasher.verify('wrong', hashes, createRequester('a'))
      await finishAll()
      expect([hashes, await verifications, work.done]).toEqual([hashes, no, 2])
    }
  })
})

describe('a proof', () => {
  const prove = async (
    { hasher, finishAll }: ReturnType<typeof createHasherFixture>,
    secret: string,
  ) => {
    const verifications = hasher.verify(secret, [`hash-of-${secret}`], createRequester('a'))
    await finishAll()
    return verifications
  }

  test('is remembered for its time from when it was proven, and not a moment longer', async () => {
    const all = createHasherFixture({ rememberedForMs: 60_000 })
    const { hasher, clock, work } = all
    expect(hasher.isProven('s', ['hash-of-s'])).toBe(false)
    await prove(all, 's')
    clock.advance(59_999)
    expect(hasher.isProven('s', ['hash-of-s'])).toBe(true)
    expect(await prove(all, 's')).toEqual(yes)
    expect(work.done).toBe(1)
    clock.advance(2)
    expect(hasher.isProven('s', ['hash-of-s'])).toBe(false)
    await prove(all, 's')
    expect(work.done).toBe(2)
  })

  test('is of one secret and one hash: a replaced secret is not found in it', async () => {
    const all = createHasherFixture()
    const { hasher } = all
    await prove(all, 's')
    expect(hasher.isProven('s', ['hash-of-t'])).toBe(false)
    expect(hasher.isProven('t', ['hash-of-s'])).toBe(false)
    expect(hasher.isProven('s', [])).toBe(false)
    expect(hasher.isProven('s', ['hash-of-t', 'hash-of-s'])).toBe(true)
  })

  test('is never made of a no', async () => {
    const { hasher, work, finishAll } = createHasherFixture()
    for (let n = 1; n <= 3; n++) {
      const verifications = hasher.verify('wrong', ['hash-of-s'], createRequester('a'))
      await finishAll()
      expect(await verifications).toEqual(no)
      expect(work.done).toBe(2 * n)
    }
    expect(hasher.isProven('wrong', ['hash-of-s'])).toBe(false)
  })

  test('is forgotten when more are made than are remembered', async () => {
    const all = createHasherFixture({ remembered: 3 })
    for (const secret of ['a', 'b', 'c', 'd']) await prove(all, secret)
    const known = ['a', 'b', 'c', 'd'].filter((s) => all.hasher.isProven(s, [`hash-of-${s}`]))
    expect(known).toEqual(['b', 'c', 'd'])
  })

  test('is of the hash that matched: with the secret before it, a yes costs two', async () => {
    const { hasher, work, finishAll } = createHasherFixture()
    const verifications = hasher.verify('old', ['hash-of-new', 'hash-of-old'], createRequester('a'))
    await finishAll()
    expect([await verifications, work.done]).toEqual([yes, 2])
    expect(hasher.isProven('old', ['hash-of-old'])).toBe(true)
    expect(hasher.isProven('old', ['hash-of-new'])).toBe(false)
  })
})

describe('a real hash', () => {
  const hasher = createSecretHasher(nodePrimitives, nodeArgon2, Date.now, { width: 2, queue: 100 })
  const hash = async (secret: string) => {
    const hashed = await hasher.hash(secret)
    if (!hashed.ok) throw new Error('busy')
    return hashed.value
  }

  test('is argon2id, 19 MiB, two passes, with a salt of its own', async () => {
    const [one, two] = [await hash('same'), await hash('same')]
    for (const phc of [one, two]) expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(one).not.toBe(two)
  })

  test.each(['', 'short', 'x'.repeat(512), 'pässwörd 🔑', 'with\0nul', ' blanks ', '$argon2id$'])(
    'is matched by its own secret only: %j',
    async (secret) => {
      const phc = await hash(secret)
      expect(await hasher.verify(secret, [phc], createRequester('a'))).toEqual(yes)
      for (const other of [`${secret} `, `${secret}\0`, `x${secret}`, secret.slice(0, -1)]) {
        if (other !== secret)
          expect(await hasher.verify(other, [phc], createRequester('a'))).toEqual(no)
      }
    },
  )

  test('is matched by nothing that no secret can be', async () => {
    const phc = await hash('a good secret of ours')
    for (const secret of ['\ud800', '\udc00\ud800', 'x'.repeat(100_000), '\0']) {
      expect(await hasher.verify(secret, [phc], createRequester('a'))).toEqual(no)
      expect(await hasher.verify(secret, [], createRequester('a'))).toEqual(no)
    }
  })
})

import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Argon2 } from '../../src/crypto/primitives.ts'
import { createSecretHasher, type SecretHasherOptions } from '../../src/crypto/secret-hash.ts'
import { nodeArgon2, nodePrimitives } from '../../src/node/primitives.ts'
import type { Requester } from '../../src/service/ports.ts'
import { testClock } from '../support/server.ts'

/** A hash that a test lets finish, one computation at a time: `hash-of-<secret>` is the secret's. */
function gatedArgon2() {
  const doors: ((verdict?: Error) => void)[] = []
  const work = { now: 0, most: 0, done: 0 }
  const compute = async <T>(answer: T): Promise<T> => {
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
    verify: (phc, secret) => compute(phc === `hash-of-${secret}`),
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

function setup(options: Partial<SecretHasherOptions> = {}) {
  const gate = gatedArgon2()
  const clock = testClock()
  const hasher = createSecretHasher(nodePrimitives, gate.argon2, clock, {
    width: 2,
    queue: 3,
    ...options,
  })
  return { ...gate, clock, hasher }
}

/** Somebody who claims to be this. */
const requester = (claim: string, party = 'a place'): Requester => ({
  lane: 'vendors',
  party,
  claim,
})

const yes = { ok: true, value: true }
const no = { ok: true, value: false }
const busy = { ok: false, failure: { reason: 'busy', retryAfterSeconds: 2 } }

describe('computations', () => {
  test('never run more than `width` at once, and all of them run', async () => {
    const { hasher, work, finishAll } = setup({ width: 3, queue: 100 })
    const asked = Array.from({ length: 30 }, (_, n) =>
      hasher.verify(`s${n}`, [`hash-of-s${n}`], requester('a')),
    )
    await turn()
    expect(work.now).toBe(3)
    await finishAll()
    expect(await Promise.all(asked)).toEqual(asked.map(() => yes))
    expect(work).toEqual({ now: 0, most: 3, done: 30 })
  })

  test('past the queue are refused at once, and what waits is not', async () => {
    const { hasher, work, finishAll } = setup()
    const asked = Array.from({ length: 5 }, (_, n) => hasher.verify(`s${n}`, [], requester('a')))
    expect(await hasher.verify('s5', [], requester('a'))).toEqual(busy)
    expect(await hasher.verify('s6', ['hash-of-s6'], requester('b'))).toEqual(busy)
    // People have a lane of their own.
    const made = hasher.hash('s7')
    await finishAll()
    expect(await made).toEqual({ ok: true, value: 'hash-of-s7' })
    expect(await Promise.all(asked)).toEqual(asked.map(() => no))
    expect(work.most).toBe(2)
    const after = hasher.verify('s5', [], requester('a'))
    await finishAll()
    expect(await after).toEqual(no)
  })

  test('keep their turn although the caller has given up', async () => {
    const { hasher, work, finish, finishAll } = setup({ width: 1, queue: 1 })
    const abandoned = hasher.verify('lost', [], requester('a'))
    const gaveUp = await Promise.race([abandoned, turn('gave up')])
    expect(gaveUp).toBe('gave up')
    const waiting = hasher.verify('next', ['hash-of-next'], requester('b'))
    expect(await hasher.verify('third', [], requester('c'))).toEqual(busy)
    await finish()
    expect([work.now, work.done]).toEqual([1, 1]) // the second half of the abandoned no
    await finishAll()
    expect(await waiting).toEqual(yes)
    expect(work.most).toBe(1)
  })

  test('whose turn comes too late are not done, and the refusal is the answer', async () => {
    const { hasher, work, finishAll } = setup({ width: 1, queue: 5 })
    let left = 1
    const refused = { ok: false, failure: { reason: 'guessing', retryAfterSeconds: 9 } } as const
    const mayStill = () => (left-- > 0 ? ({ ok: true, value: undefined } as const) : refused)
    const asked = [1, 2, 3].map((n) => hasher.verify(`s${n}`, [], requester('a'), mayStill))
    await finishAll()
    expect(await Promise.all(asked)).toEqual([no, refused, refused])
    expect(work.done).toBe(2)
  })

  test('that fail free their turn, tell who asked, and are not remembered', async () => {
    const { hasher, finish, finishAll } = setup({ width: 1, queue: 1 })
    const failing = hasher.verify('s', ['hash-of-s'], requester('a'))
    const [twin, waiting] = [
      hasher.verify('s', ['hash-of-s'], requester('a')),
      hasher.verify('t', [], requester('a')),
    ]
    const told = Promise.allSettled([failing, twin])
    await finish(new Error('out of memory'))
    expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await finishAll()
    expect(await waiting).toEqual(no)
    const again = hasher.verify('s', ['hash-of-s'], requester('a'))
    await finishAll()
    expect(await again).toEqual(yes)
  })

  test('of one question asked many times at once are one', async () => {
    const { hasher, work, finishAll } = setup({ width: 4, queue: 0 })
    const right = Array.from({ length: 50 }, () =>
      hasher.verify('s', ['hash-of-s'], requester('a')),
    )
    const wrong = Array.from({ length: 50 }, () =>
      hasher.verify('t', ['hash-of-s'], requester('a')),
    )
    const unknown = Array.from({ length: 50 }, () => hasher.verify('t', [], requester('b')))
    await finishAll()
    expect(await Promise.all(right)).toEqual(right.map(() => yes))
    expect(await Promise.all(wrong)).toEqual(wrong.map(() => no))
    expect(await Promise.all(unknown)).toEqual(unknown.map(() => no))
    expect(work.done).toBe(1 + 2 + 2)
  })

  test('of one right secret, asked for by many, are no more than run at once', async () => {
    const { hasher, work, finishAll } = setup({ width: 2, queue: 100 })
    const asked = Array.from({ length: 50 }, (_, n) =>
      hasher.verify('s', ['hash-of-s'], requester(`${n}`)),
    )
    await finishAll()
    expect(await Promise.all(asked)).toEqual(asked.map(() => yes))
    expect(work.done).toBe(2)
  })

  test('of one secret for several ids are several, whether the keys exist or not', async () => {
    const { hasher, work, finishAll } = setup({ width: 8, queue: 0 })
    const asked = [
      hasher.verify('s', [], requester('nobody')),
      hasher.verify('s', [], requester('somebody')),
      hasher.verify('s', ['hash-of-a'], requester('a')),
      hasher.verify('s', ['hash-of-b'], requester('b')),
    ]
    await finishAll()
    expect(await Promise.all(asked)).toEqual([no, no, no, no])
    expect(work.done).toBe(8)
  })

  test('of a no are two, however many hashes there are', async () => {
    for (const hashes of [[], ['hash-of-a'], ['hash-of-a', 'hash-of-b']]) {
      const { hasher, work, finishAll } = setup()
      const asked = hasher.verify('wrong', hashes, requester('a'))
      await finishAll()
      expect([hashes, await asked, work.done]).toEqual([hashes, no, 2])
    }
  })
})

describe('a proof', () => {
  const prove = async ({ hasher, finishAll }: ReturnType<typeof setup>, secret: string) => {
    const asked = hasher.verify(secret, [`hash-of-${secret}`], requester('a'))
    await finishAll()
    return asked
  }

  test('is remembered for its time from when it was proven, and not a moment longer', async () => {
    const all = setup({ rememberedForMs: 60_000 })
    const { hasher, clock, work } = all
    expect(hasher.isProven('s', ['hash-of-s'])).toBe(false)
    await prove(all, 's')
    clock.turn(59_999)
    expect(hasher.isProven('s', ['hash-of-s'])).toBe(true)
    expect(await prove(all, 's')).toEqual(yes)
    expect(work.done).toBe(1)
    clock.turn(2)
    expect(hasher.isProven('s', ['hash-of-s'])).toBe(false)
    await prove(all, 's')
    expect(work.done).toBe(2)
  })

  test('is of one secret and one hash: a replaced secret is not found in it', async () => {
    const all = setup()
    const { hasher } = all
    await prove(all, 's')
    expect(hasher.isProven('s', ['hash-of-t'])).toBe(false)
    expect(hasher.isProven('t', ['hash-of-s'])).toBe(false)
    expect(hasher.isProven('s', [])).toBe(false)
    expect(hasher.isProven('s', ['hash-of-t', 'hash-of-s'])).toBe(true)
  })

  test('is never made of a no', async () => {
    const { hasher, work, finishAll } = setup()
    for (let n = 1; n <= 3; n++) {
      const asked = hasher.verify('wrong', ['hash-of-s'], requester('a'))
      await finishAll()
      expect(await asked).toEqual(no)
      expect(work.done).toBe(2 * n)
    }
    expect(hasher.isProven('wrong', ['hash-of-s'])).toBe(false)
  })

  test('is forgotten when more are made than are remembered', async () => {
    const all = setup({ remembered: 3 })
    for (const secret of ['a', 'b', 'c', 'd']) await prove(all, secret)
    const known = ['a', 'b', 'c', 'd'].filter((s) => all.hasher.isProven(s, [`hash-of-${s}`]))
    expect(known).toEqual(['b', 'c', 'd'])
  })

  test('is of the hash that matched: with the secret before it, a yes costs two', async () => {
    const { hasher, work, finishAll } = setup()
    const asked = hasher.verify('old', ['hash-of-new', 'hash-of-old'], requester('a'))
    await finishAll()
    expect([await asked, work.done]).toEqual([yes, 2])
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
      expect(await hasher.verify(secret, [phc], requester('a'))).toEqual(yes)
      for (const other of [`${secret} `, `${secret}\0`, `x${secret}`, secret.slice(0, -1)]) {
        if (other !== secret) expect(await hasher.verify(other, [phc], requester('a'))).toEqual(no)
      }
    },
  )

  test('is matched by nothing that no secret can be', async () => {
    const phc = await hash('a good secret of ours')
    for (const secret of ['\ud800', '\udc00\ud800', 'x'.repeat(100_000), '\0']) {
      expect(await hasher.verify(secret, [phc], requester('a'))).toEqual(no)
      expect(await hasher.verify(secret, [], requester('a'))).toEqual(no)
    }
  })
})

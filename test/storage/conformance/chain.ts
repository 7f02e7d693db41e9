import { describe, expect, test } from 'vitest'
import { createNotary } from '../../../src/crypto/notary.ts'
import { createRandom } from '../../../src/crypto/random.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createAudit } from '../../../src/service/audit.ts'
import { createAuditAnchor } from '../../../src/service/audit-anchor.ts'
import { createChain } from '../../../src/service/chain.ts'
import { createOneAtATime } from '../../../src/service/one-at-a-time.ts'
import type { Storage } from '../../../src/service/ports.ts'
import { testKeyring } from '../../support/ring.ts'
import { done, testLog } from '../../support/server.ts'
import { crowd, eventOf, type Given, howMany, MOST, TEXTS, v7, written } from './given.ts'

/** What requests do, and the chain that all events become. */
export function chainConforms(name: string, given: Given): void {
  const { eventsOf } = given

  describe(`${name}: events that are added together`, () => {
    test('are all there, in every column, and once, however often they are added', async () => {
      const subject = v7()
      const requestId = v7()
      const facts = { text: TEXTS.join(), count: MOST, is: true, none: null }
      const events = [eventOf(subject, { facts, requestId }), eventOf(subject, { at: MOST })]
      await given.storage.addEvents(events)
      await given.storage.addEvents([...events, eventOf(v7())])
      expect((await eventsOf(subject)).toReversed()).toEqual(events)
      const ofRequest = await given.storage.listEventsOfRequest(requestId)
      expect(ofRequest.map(written)).toEqual(events.slice(0, 1))
      expect(await given.storage.listEventsOfRequest(v7())).toEqual([])
      await given.storage.addEvents([])
    })

    test('are found by any of what is asked for, and by all of it', async () => {
      const [subject, actor] = [v7(), v7()]
      const events = [
        eventOf(subject, { actor, at: 10, action: 'a' }),
        eventOf(subject, { actor, at: 20, action: 'b' }),
        eventOf(subject, { at: 30, action: 'a' }),
        eventOf(v7(), { actor, at: 40, action: 'a' }),
      ]
      await given.storage.addEvents(events)
      const found = async (filter: Parameters<Storage['listEvents']>[0]) =>
        (await given.storage.listEvents(filter)).map(({ id }) =>
          events.findIndex((e) => e.id === id),
        )
      const limit = 100
      expect(await found({ limit, subject })).toEqual([2, 1, 0])
      expect(await found({ limit, actor })).toEqual([3, 1, 0])
      expect(await found({ limit, actor, action: 'a' })).toEqual([3, 0])
      expect(await found({ limit, actor, since: 20 })).toEqual([3, 1])
      expect(await found({ limit, actor, until: 20 })).toEqual([0])
      expect(await found({ limit, subject, actor, action: 'b', since: 20, until: 21 })).toEqual([1])
      expect(await found({ limit: 1, actor, action: 'a' })).toEqual([3])
      expect(await found({ limit, actor, after: events[1]?.id })).toEqual([0])
    })
  })

  describe(`${name}: the chain`, () => {
    const chainOf = async (now: () => number = () => 1) => {
      const notary = createNotary(nodePrimitives, await testKeyring())
      const random = createRandom(nodePrimitives, Date.now)
      const log = testLog()
      const anchor = createAuditAnchor({ store: undefined, log })
      const deps = { storage: given.storage, notary, anchor, random, clock: now, log }
      return {
        notary,
        chain: createChain(deps),
        audit: createAudit({
          ...deps,
          events: deps.storage,
          actor: 'operator',
          alone: createOneAtATime('later', now),
        }),
      }
    }
    const sealAll = async ({ chain }: Awaited<ReturnType<typeof chainOf>>) => {
      await chain.seal()
      expect(await given.storage.listUnsealed(1)).toEqual([])
    }

    test('gives each event one place, however many seal at once, and is whole', async () => {
      const { audit, ...it } = await chainOf()
      // Each of them as another process would be: with its own look at where the chain ends.
      const others = await Promise.all(
        Array.from({ length: 8 }, () =>
          createChain({
            storage: given.storage,
            notary: it.notary,
            random: createRandom(nodePrimitives, Date.now),
            anchor: createAuditAnchor({ store: undefined, log: testLog() }),
            clock: () => 1,
            log: testLog(),
          }),
        ),
      )
      for (let round = 0; round < 5; round++) {
        const added = crowd(() => given.storage.addEvents([eventOf(v7()), eventOf(v7())]))
        await Promise.all([added, ...others.map(({ seal }) => seal())])
      }
      await sealAll({ audit, ...it })
      const verdict = done(await audit.verify(() => undefined))
      expect(verdict).toMatchObject({ whole: true, breaks: [], first: 1 })
      expect(verdict.events).toBe(verdict.last)
      expect(verdict.last).toBe((await given.storage.chainEnd()).sequence)
      expect(verdict.events).toBeGreaterThanOrEqual(200)
    })

    test('moves for one of 20 who seal the same events, and never from where it has left', async () => {
      const [a, b] = [eventOf(v7()), eventOf(v7())]
      await given.storage.addEvents([a, b])
      const end = await given.storage.chainEnd()
      const sequence = end.sequence + 1
      const places = (n: number) => [
        { id: a.id, sequence, seal: `a-${n}` },
        { id: b.id, sequence: sequence + 1, seal: `b-${n}` },
      ]
      const answers = await crowd((n) => given.storage.sealEvents(end, places(n)))
      expect(howMany(answers)).toBe(1)
      const winner = answers.indexOf(true)
      expect(await given.storage.chainEnd()).toEqual({
        sequence: sequence + 1,
        seal: `b-${winner}`,
      })
      const sealed = await given.storage.listSealed(end.sequence, 10)
      expect(sealed.map(({ id, sequence, seal }) => ({ id, sequence, seal }))).toEqual(
        places(winner),
      )
      expect(sealed[0]).toMatchObject({ at: 1_000, requestId: null, facts: '{}' })

      const late = eventOf(v7())
      await given.storage.addEvents([late])
      const here = await given.storage.chainEnd()
      for (const stale of [end, { ...here, seal: 'other' }, { ...here, sequence: 0 }]) {
        const place = { id: late.id, sequence: here.sequence + 1, seal: 'late' }
        expect(await given.storage.sealEvents(stale, [place])).toBe(false)
      }
      expect(await given.storage.chainEnd()).toEqual(here)
      expect((await given.storage.listUnsealed(10)).map(({ id }) => id)).toEqual([late.id])
      expect(await given.storage.listSealed(here.sequence, 10)).toEqual([])
    })

    test('never gives an event a second place', async () => {
      const event = eventOf(v7())
      await given.storage.addEvents([event])
      const before = await given.storage.chainEnd()
      const first = { id: event.id, sequence: before.sequence + 1, seal: 'first' }
      expect(await given.storage.sealEvents(before, [first])).toBe(true)
      const end = await given.storage.chainEnd()
      const place = { id: event.id, sequence: end.sequence + 1, seal: 'again' }
      expect(await given.storage.sealEvents(end, [place])).toBe(true)
      expect(await given.storage.listSealed(end.sequence, 10)).toEqual([])
    })

    test('keeps of its checkpoints the newest, and one for each time before', async () => {
      const at = 1_000_000
      const checkpoint = (sequence: number, more: object = {}) => ({
        sequence: at + sequence,
        first: at,
        seal: `seal-${sequence}`,
        at: sequence,
        signature: `signature-${sequence}`,
        ...more,
      })
      const listed = async () =>
        (await given.storage.listCheckpoints({ sequence: at - 2, first: 0 }, 100)).map(
          ({ signature }) => signature,
        )
      await given.storage.addCheckpoint(checkpoint(1), 0)
      await given.storage.addCheckpoint(checkpoint(2), 2)
      await given.storage.addCheckpoint(checkpoint(2, { signature: 'another' }), 2)
      expect(await listed()).toEqual(['signature-1', 'signature-2'])
      await given.storage.addCheckpoint(checkpoint(3), 2)
      expect(await listed()).toEqual(['signature-1', 'signature-3'])
      expect(await given.storage.lastCheckpoint()).toEqual(checkpoint(3))
      expect(await given.storage.beginningCheckpoint()).toEqual(checkpoint(3))
      const page = await given.storage.listCheckpoints(checkpoint(1), 1)
      expect(page).toEqual([checkpoint(3)])

      // A purge, and the checkpoint that stands for what went.
      await given.storage.addCheckpoint(checkpoint(4, { first: at + 2 }), 9)
      await given.storage.addCheckpoint(checkpoint(5, { first: at + 2, signature: 'beginning' }), 9)
      await given.storage.addCheckpoint(checkpoint(-1, { signature: 'old' }), 9)
      const before = (await given.storage.listEvents({ limit: 1000 })).length
      expect(await given.storage.purgeEvents(checkpoint(5, { first: at + 4 }))).toBeGreaterThan(10)
      expect(await listed()).toEqual(['signature-3', 'signature-4', 'signature-5'])
      expect(await given.storage.beginningCheckpoint()).toEqual(checkpoint(5, { first: at + 4 }))
      expect(await given.storage.listSealed(0, 10)).toEqual([])
      expect((await given.storage.listEvents({ limit: 1000 })).length).toBeLessThan(before)
      // Without its checkpoint nothing goes: another one stands there.
      const event = eventOf(v7())
      await given.storage.addEvents([event])
      const end = await given.storage.chainEnd()
      await given.storage.sealEvents(end, [
        { id: event.id, sequence: end.sequence + 1, seal: 'kept' },
      ])
      const taken = checkpoint(5, { first: at + 4, signature: 'late' })
      expect(await given.storage.purgeEvents(taken)).toBe(0)
      expect((await given.storage.listSealed(0, 10)).map(({ id }) => id)).toEqual([event.id])
    })
  })
}

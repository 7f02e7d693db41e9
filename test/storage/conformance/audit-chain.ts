import { describe, expect, test } from 'vitest'
import { createAuditSigner } from '../../../src/crypto/audit-signer.ts'
import { createRandom } from '../../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createAudit } from '../../../src/service/audit/audit.ts'
import { AuditChain, createAuditAnchor } from '../../../src/service/audit/chain.ts'
import { createRunExclusively } from '../../../src/service/long-work.ts'
import type { Storage } from '../../../src/service/ports/storage.ts'
import { createTestKeyring } from '../../support/keyring.ts'
import { createTestLog, unwrap } from '../../support/server.ts'
import {
  countTrue,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
  toAuditEvent,
} from './fixtures.ts'

/** Events of requests, and the hash chain over all events. */
export function testAuditChainStorage(name: string, fixture: StorageFixture): void {
  const { listEvents } = fixture

  describe(`${name}: audit events that are added together`, () => {
    test('are stored in every column, and once if they are added again', async () => {
      const subject = createUuid()
      const requestId = createUuid()
      const facts = { text: TRICKY_TEXTS.join(), count: MAX_INTEGER, is: true, none: null }
      const events = [
        createTestEvent(subject, { facts, requestId }),
        createTestEvent(subject, { at: MAX_INTEGER }),
      ]
      await fixture.storage.addEvents(events)
      await fixture.storage.addEvents([...events, createTestEvent(createUuid())])
      expect((await listEvents(subject)).toReversed()).toEqual(events)
      const ofRequest = await fixture.storage.listRequestEvents({ requestId })
      expect(ofRequest.map(toAuditEvent)).toEqual(events.slice(0, 1))
      expect(await fixture.storage.listRequestEvents({ requestId: createUuid() })).toEqual([])
      await fixture.storage.addEvents([])
    })

    test('are found by each filter, and by all filters together', async () => {
      const [subject, actor] = [createUuid(), createUuid()]
      const events = [
        createTestEvent(subject, { actor, at: 10, action: 'a' }),
        createTestEvent(subject, { actor, at: 20, action: 'b' }),
        createTestEvent(subject, { at: 30, action: 'a' }),
        createTestEvent(createUuid(), { actor, at: 40, action: 'a' }),
      ]
      await fixture.storage.addEvents(events)
      const findEventIds = async (filter: Parameters<Storage['listEvents']>[0]) =>
        (await fixture.storage.listEvents(filter)).map(({ id }) =>
          events.findIndex((e) => e.id === id),
        )
      const limit = 100
      expect(await findEventIds({ limit, subject })).toEqual([2, 1, 0])
      expect(await findEventIds({ limit, actor })).toEqual([3, 1, 0])
      expect(await findEventIds({ limit, actor, action: 'a' })).toEqual([3, 0])
      expect(await findEventIds({ limit, actor, since: 20 })).toEqual([3, 1])
      expect(await findEventIds({ limit, actor, until: 20 })).toEqual([0])
      expect(
        await findEventIds({ limit, subject, actor, action: 'b', since: 20, until: 21 }),
      ).toEqual([1])
      expect(await findEventIds({ limit: 1, actor, action: 'a' })).toEqual([3])
      expect(await findEventIds({ limit, actor, after: events[1]?.id })).toEqual([0])
    })
  })

  describe(`${name}: the audit chain`, () => {
    const createTestChain = async (now: () => number = () => 1) => {
      const auditSigner = createAuditSigner(nodePrimitives, await createTestKeyring())
      const random = createRandom(nodePrimitives, Date.now)
      const log = createTestLog()
      const anchor = createAuditAnchor({ store: undefined, log })
      const deps = { storage: fixture.storage, auditSigner, anchor, random, clock: now, log }
      return {
        auditSigner,
        chain: new AuditChain(deps),
        audit: createAudit({
          ...deps,
          events: deps.storage,
          actor: 'operator',
          runExclusively: createRunExclusively('later', now),
        }),
      }
    }
    const sealAllEvents = async ({ chain }: Awaited<ReturnType<typeof createTestChain>>) => {
      await chain.seal()
      expect(await fixture.storage.listUnsealedEvents(1)).toEqual([])
    }

    test('has each event once if many processes seal at once, and is complete', async () => {
      const { audit, ...it } = await createTestChain()
      // Each of them as another process would be: with its own look at where the chain ends.
      const others = await Promise.all(
        Array.from(
          { length: 8 },
          () =>
            new AuditChain({
              storage: fixture.storage,
              auditSigner: it.auditSigner,
              random: createRandom(nodePrimitives, Date.now),
              anchor: createAuditAnchor({ store: undefined, log: createTestLog() }),
              clock: () => 1,
              log: createTestLog(),
            }),
        ),
      )
      for (let round = 0; round < 5; round++) {
        const added = runConcurrently(() =>
          fixture.storage.addEvents([createTestEvent(createUuid()), createTestEvent(createUuid())]),
        )
        await Promise.all([added, ...others.map((other) => other.seal())])
      }
      await sealAllEvents({ audit, ...it })
      const verdict = unwrap(await audit.verify(() => undefined))
      expect(verdict).toMatchObject({ whole: true, breaks: [], first: 1 })
      expect(verdict.events).toBe(verdict.last)
      expect(verdict.last).toBe((await fixture.storage.findChainEnd()).sequence)
      expect(verdict.events).toBeGreaterThanOrEqual(200)
    })

    test('is extended by one of 20 processes that seal the same events, and only from its end', async () => {
      const [a, b] = [createTestEvent(createUuid()), createTestEvent(createUuid())]
      await fixture.storage.addEvents([a, b])
      const end = await fixture.storage.findChainEnd()
      const sequence = end.sequence + 1
      const createChainPositions = (n: number) => [
        { id: a.id, sequence, seal: `a-${n}` },
        { id: b.id, sequence: sequence + 1, seal: `b-${n}` },
      ]
      const answers = await runConcurrently((n) =>
        fixture.storage.sealEvents(end, createChainPositions(n)),
      )
      expect(countTrue(answers)).toBe(1)
      const winner = answers.indexOf(true)
      expect(await fixture.storage.findChainEnd()).toEqual({
        sequence: sequence + 1,
        seal: `b-${winner}`,
      })
      const sealed = await fixture.storage.listSealedEvents(end.sequence, 10)
      expect(sealed.map(({ id, sequence, seal }) => ({ id, sequence, seal }))).toEqual(
        createChainPositions(winner),
      )
      expect(sealed[0]).toMatchObject({ at: 1_000, requestId: null, facts: '{}' })

      const late = createTestEvent(createUuid())
      await fixture.storage.addEvents([late])
      const here = await fixture.storage.findChainEnd()
      for (const stale of [end, { ...here, seal: 'other' }, { ...here, sequence: 0 }]) {
        const chainPosition = { id: late.id, sequence: here.sequence + 1, seal: 'late' }
        expect(await fixture.storage.sealEvents(stale, [chainPosition])).toBe(false)
      }
      expect(await fixture.storage.findChainEnd()).toEqual(here)
      expect((await fixture.storage.listUnsealedEvents(10)).map(({ id }) => id)).toEqual([late.id])
      expect(await fixture.storage.listSealedEvents(here.sequence, 10)).toEqual([])
    })

    test('never contains an event twice', async () => {
      const event = createTestEvent(createUuid())
      await fixture.storage.addEvents([event])
      const before = await fixture.storage.findChainEnd()
      const first = { id: event.id, sequence: before.sequence + 1, seal: 'first' }
      expect(await fixture.storage.sealEvents(before, [first])).toBe(true)
      const end = await fixture.storage.findChainEnd()
      const chainPosition = { id: event.id, sequence: end.sequence + 1, seal: 'again' }
      expect(await fixture.storage.sealEvents(end, [chainPosition])).toBe(true)
      expect(await fixture.storage.listSealedEvents(end.sequence, 10)).toEqual([])
    })

    test('keeps its newest checkpoint, and one for each earlier period', async () => {
      const at = 1_000_000
      const createCheckpoint = (sequence: number, more: object = {}) => ({
        sequence: at + sequence,
        first: at,
        seal: `seal-${sequence}`,
        at: sequence,
        signature: `signature-${sequence}`,
        ...more,
      })
      const listCheckpoints = async () =>
        (await fixture.storage.listCheckpoints({ sequence: at - 2, first: 0 }, 100)).map(
          ({ signature }) => signature,
        )
      await fixture.storage.addCheckpoint(createCheckpoint(1), 0)
      await fixture.storage.addCheckpoint(createCheckpoint(2), 2)
      await fixture.storage.addCheckpoint(createCheckpoint(2, { signature: 'another' }), 2)
      expect(await listCheckpoints()).toEqual(['signature-1', 'signature-2'])
      await fixture.storage.addCheckpoint(createCheckpoint(3), 2)
      expect(await listCheckpoints()).toEqual(['signature-1', 'signature-3'])
      expect(await fixture.storage.findLastCheckpoint()).toEqual(createCheckpoint(3))
      expect(await fixture.storage.findStartCheckpoint()).toEqual(createCheckpoint(3))
      const page = await fixture.storage.listCheckpoints(createCheckpoint(1), 1)
      expect(page).toEqual([createCheckpoint(3)])

      // A purge, and the checkpoint that stands for what went.
      await fixture.storage.addCheckpoint(createCheckpoint(4, { first: at + 2 }), 9)
      await fixture.storage.addCheckpoint(
        createCheckpoint(5, { first: at + 2, signature: 'beginning' }),
        9,
      )
      await fixture.storage.addCheckpoint(createCheckpoint(-1, { signature: 'old' }), 9)
      const before = (await fixture.storage.listEvents({ limit: 1000 })).length
      expect(
        await fixture.storage.purgeEvents(createCheckpoint(5, { first: at + 4 })),
      ).toBeGreaterThan(10)
      expect(await listCheckpoints()).toEqual(['signature-3', 'signature-4', 'signature-5'])
      expect(await fixture.storage.findStartCheckpoint()).toEqual(
        createCheckpoint(5, { first: at + 4 }),
      )
      expect(await fixture.storage.listSealedEvents(0, 10)).toEqual([])
      expect((await fixture.storage.listEvents({ limit: 1000 })).length).toBeLessThan(before)
      // Without its checkpoint nothing goes: another one stands there.
      const event = createTestEvent(createUuid())
      await fixture.storage.addEvents([event])
      const end = await fixture.storage.findChainEnd()
      await fixture.storage.sealEvents(end, [
        { id: event.id, sequence: end.sequence + 1, seal: 'kept' },
      ])
      const existingCheckpoint = createCheckpoint(5, { first: at + 4, signature: 'late' })
      expect(await fixture.storage.purgeEvents(existingCheckpoint)).toBe(0)
      expect((await fixture.storage.listSealedEvents(0, 10)).map(({ id }) => id)).toEqual([
        event.id,
      ])
    })
  })
}

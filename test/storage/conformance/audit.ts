import { describe, expect, test } from 'vitest'
import { createAuditSigner } from '../../../src/crypto/audit-signer.ts'
import { createRandom } from '../../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createAudit } from '../../../src/service/audit/audit.ts'
import { AuditChain, createAuditAnchor } from '../../../src/service/audit/chain.ts'
import { createRunExclusively } from '../../../src/service/long-work.ts'
import type { AuditEvent, EventFilter } from '../../../src/service/ports/audit.ts'
import type { Storage } from '../../../src/service/ports/storage.ts'
import { createTestKeyring } from '../../support/keyring.ts'
import { createTestLog, unwrap } from '../../support/server.ts'
import {
  countTrue,
  createGrantRevocation,
  createStaticKey,
  createTestEvent,
  createUuid,
  MAX_INTEGER,
  runConcurrently,
  type StorageFixture,
  TRICKY_TEXTS,
  toAuditEvent,
} from './fixtures.ts'

/** The account of an event, and the searches for events. */
export function testEventStorage(name: string, fixture: StorageFixture): void {
  const {
    addAccount,
    addUser,
    addSource,
    addSite,
    addDeveloper,
    addDestination,
    addSubscription,
    addAllowlistEntry,
    addMessage,
  } = fixture
  const listEventAccounts = async (subject: string) =>
    (await fixture.storage.listEvents({ subject, limit: 100 })).map(({ accountId }) => accountId)
  const listEventIds = async (filter: Parameters<StorageFixture['storage']['listEvents']>[0]) =>
    (await fixture.storage.listEvents(filter)).map(({ id }) => id)

  /** A row of everything that events are about. */
  async function seedEverything() {
    const owned = await fixture.addTenant()
    const { accountId, owner, sourceId } = owned
    const to = await addDestination(accountId)
    const subscriptionRow = await addSubscription(sourceId, to.id)
    const grantId = createUuid()
    const family = { grantId, keyId: owned.addKey.id, to: 1, rotatedAt: 1, expiresAt: MAX_INTEGER }
    await fixture.storage.rotateGrant(family)
    const subjects = [
      accountId,
      owner.id,
      sourceId,
      owned.addKey.id,
      to.id,
      subscriptionRow.id,
      grantId,
      (await addSite(accountId)).id,
      (await addDeveloper(accountId)).id,
      (await addAllowlistEntry(accountId, '192.0.2.0/24')).id,
      (await addMessage(owned, [subscriptionRow])).id,
    ]
    return { ...owned, grantId, subscriptionRow, subjects }
  }

  test(`${name}: an event of an older version is read with the fact names of today`, async () => {
    const subject = createUuid()
    const facts = { dialect: 'xdent', departedKeys: 'keep', reason: 'guessing', name: 'Desk' }
    await fixture.storage.addEvents([{ ...createTestEvent(subject), facts }])
    const [event] = await fixture.storage.listEvents({ subject, limit: 1 })
    expect(event?.facts).toEqual({
      keyType: 'xdent',
      offboardingPolicy: 'keep',
      reason: 'failures_exceeded',
      name: 'Desk',
    })
  })

  test(`${name}: an event of an older version is found and read by the action of today`, async () => {
    const subject = createUuid()
    const events = ['address.added', 'ip_allowlist_entry.added', 'address.seen'].map((action) =>
      createTestEvent(subject, { action }),
    )
    await fixture.storage.addEvents(events)
    const listActions = async (filter: EventFilter) =>
      (await fixture.storage.listEvents({ subject, ...filter, limit: 9 })).map(
        ({ action }) => action,
      )
    const added = 'ip_allowlist_entry.added'
    expect(await listActions({})).toEqual(['address.seen', added, added])
    expect(await listActions({ action: added })).toEqual([added, added])
    expect(await listActions({ actionPrefix: 'ip_allowlist_entry.' })).toEqual([added, added])
    expect(await listActions({ action: 'address.seen' })).toEqual(['address.seen'])
  })

  describe(`${name}: the events of an account`, () => {
    test('are those of whatever is its own, told with a change or recorded later', async () => {
      const { storage } = fixture
      const { accountId, subjects } = await seedEverything()
      for (const subject of subjects) {
        const [describedEvent, recorded] = [createTestEvent(subject), createTestEvent(subject)]
        await storage.addEvent(describedEvent)
        await storage.addEvents([recorded])
        const accounts = await listEventAccounts(subject)
        expect(accounts.length).toBeGreaterThanOrEqual(2)
        expect(new Set(accounts)).toEqual(new Set([accountId]))
        const listed = await listEventIds({ accountId, subject, limit: 2 })
        expect(listed).toEqual([recorded.id, describedEvent.id])
      }
    })

    test('are those of its changes', async () => {
      const { storage } = fixture
      const {
        accountId,
        owner,
        addKey: key,
        grantId,
        subscriptionRow,
        subjects,
      } = await seedEverything()
      const changes: [string, (event: AuditEvent) => Promise<unknown>][] = [
        [grantId, (e) => storage.revokeGrant(createGrantRevocation(grantId, 1), e)],
        [subscriptionRow.id, (e) => storage.purgeQueue(subscriptionRow.id, e)],
        [subjects.at(-1) ?? '', (e) => storage.replayMessage(subjects.at(-1) ?? '', null, e)],
        [owner.id, (e) => storage.setUserRole(owner.id, 'administrator', e)],
        [key.id, (e) => storage.revokeKey(key.id, e)],
        [accountId, (e) => storage.setAccountStatus(accountId, 'closed', e)],
      ]
      for (const [subject, change] of changes) {
        const event = createTestEvent(subject)
        await change(event)
        expect(await listEventIds({ accountId, subject, limit: 1 })).toEqual([event.id])
      }
    })

    test('are no other account’s, and nobody’s event is no account’s', async () => {
      const { storage } = fixture
      const [a, b] = [await seedEverything(), await seedEverything()]
      const nobodys = createTestEvent('nobody')
      await storage.addEvents([nobodys])
      for (const [own, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const listed = await storage.listEvents({ accountId: own.accountId, limit: 1000 })
        expect(listed.length).toBeGreaterThanOrEqual(own.subjects.length - 2)
        for (const { subject, accountId } of listed) {
          expect(accountId).toBe(own.accountId)
          expect(own.subjects).toContain(subject)
          expect(other.subjects).not.toContain(subject)
        }
        for (const subject of other.subjects) {
          expect(await listEventIds({ accountId: own.accountId, subject, limit: 9 })).toEqual([])
        }
      }
      expect(await listEventAccounts('nobody')).toContain(null)
      expect(await listEventIds({ accountId: '', limit: 9 })).toEqual([])
      expect(await listEventIds({ accountId: createUuid(), limit: 9 })).toEqual([])
    })

    test('stay its own after what they are about is gone', async () => {
      const { storage } = fixture
      const { id: accountId } = await addAccount()
      const key = await fixture.addKey(createStaticKey(await addUser(accountId)))
      const network = await addAllowlistEntry(accountId, '198.51.100.0/24')
      await storage.deleteKey(key.id, createTestEvent(key.id))
      await storage.deleteAllowlistEntry(network.id, createTestEvent(network.id))
      expect(await listEventAccounts(key.id)).toEqual([accountId, accountId])
      expect(await listEventAccounts(network.id)).toEqual([accountId, accountId])
      // An event of a deleted key has no account: hidden from all rather than shown to the wrong one.
      await storage.addEvents([createTestEvent(key.id)])
      expect(await listEventAccounts(key.id)).toEqual([null, accountId, accountId])
    })

    test('are its own in what is known of a request', async () => {
      const { storage } = fixture
      const [a, b] = [await fixture.addTenant(), await fixture.addTenant()]
      const requestId = createUuid()
      const events = [a.addKey.id, b.addKey.id, 'nobody'].map((subject) =>
        createTestEvent(subject, { requestId }),
      )
      await storage.addEvents(events)
      const known = await storage.listRequestEvents({ requestId })
      expect(known.map(({ accountId }) => accountId)).toEqual([a.accountId, b.accountId, null])
      const own = await storage.listRequestEvents({ requestId, accountId: b.accountId })
      expect(own.map(({ subject }) => subject)).toEqual([b.addKey.id])
    })
  })

  describe(`${name}: a list of events`, () => {
    test('is the newest first by their time, and goes on after any of them', async () => {
      const { storage } = fixture
      const subject = (await addSource((await addAccount()).id)).id
      const [late, early, middle, twin] = [3_000, 2_000, 2_500, 2_500].map((at) =>
        createTestEvent(subject, { at }),
      ) as [AuditEvent, AuditEvent, AuditEvent, AuditEvent]
      await storage.addEvents([late, early, middle, twin])
      const order = [late.id, twin.id, middle.id, early.id]
      expect((await listEventIds({ subject, limit: 9 })).slice(0, 4)).toEqual(order)
      for (const [n, after] of order.entries()) {
        const rest = await listEventIds({ subject, since: 2_000, after, limit: 9 })
        expect(rest).toEqual(order.slice(n + 1))
      }
      expect(await listEventIds({ subject, after: createUuid(), limit: 9 })).toEqual([])
    })

    test('is of all actions that begin alike, to the letter', async () => {
      const { storage } = fixture
      const subject = (await addSource((await addAccount()).id)).id
      const wanted = ['key.made', 'key.', 'key.ü'].map((action) =>
        createTestEvent(subject, { action }),
      )
      const others = ['Key.made', 'keymade', 'a key.', '%', 'ke'].map((action) =>
        createTestEvent(subject, { action }),
      )
      await storage.addEvents([...wanted, ...others])
      const found = await listEventIds({ subject, actionPrefix: 'key.', limit: 20 })
      expect(found.toReversed()).toEqual(wanted.map(({ id }) => id))
      expect(await listEventIds({ subject, actionPrefix: '%', limit: 20 })).toHaveLength(1)
      expect(await listEventIds({ subject, actionPrefix: 'k_y', limit: 20 })).toEqual([])
    })
  })
}

/** Events of requests, and the hash chain over all events. */
export function testAuditChainStorage(name: string, fixture: StorageFixture): void {
  const { listEvents } = fixture

  describe(`${name}: events that are added together`, () => {
    test('are all there, in every column, and once, however often they are added', async () => {
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

    test('are found by any of what is asked for, and by all of it', async () => {
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

  describe(`${name}: the chain`, () => {
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

    test('gives each event one place, however many seal at once, and is whole', async () => {
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

    test('moves for one of 20 who seal the same events, and never from where it has left', async () => {
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

    test('never gives an event a second place', async () => {
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

    test('keeps of its checkpoints the newest, and one for each time before', async () => {
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

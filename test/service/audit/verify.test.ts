import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { createAuditSigner } from '../../../src/crypto/audit-signer.ts'
import { CHAIN_START, type Checkpoint, type SealedEvent } from '../../../src/domain/audit-chain.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createChainVerifier } from '../../../src/service/audit/verify.ts'
import type { AuditSigner } from '../../../src/service/ports/audit.ts'
import { createTestKeyring } from '../../support/keyring.ts'

let auditSigner: AuditSigner
let stranger: AuditSigner
beforeAll(async () => {
  auditSigner = createAuditSigner(nodePrimitives, await createTestKeyring())
  stranger = createAuditSigner(nodePrimitives, await createTestKeyring())
})

interface Chain {
  readonly events: SealedEvent[]
  readonly checkpoints: Checkpoint[]
}

const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const someEvents = fc.array(
  fc.record({
    id: fc.uuid({ version: 7 }),
    at: fc.nat(),
    actor: text,
    action: text,
    subject: text,
    requestId: fc.option(fc.uuid(), { nil: null }),
    facts: fc.json({ maxDepth: 1 }),
  }),
  { minLength: 1, maxLength: 30 },
)

/** The chain of these events, with a checkpoint after every fifth and after the last. */
async function buildChain(
  events: Parameters<AuditSigner['seal']>[1][],
  by = auditSigner,
): Promise<Chain> {
  const chain: Chain = { events: [], checkpoints: [] }
  let { seal } = CHAIN_START
  for (const [n, event] of events.entries()) {
    const sequence = n + 1
    seal = by.seal(seal, event, sequence)
    chain.events.push({ ...event, sequence, seal })
    if (sequence % 5 === 0 || sequence === events.length) {
      chain.checkpoints.push(await by.signCheckpoint({ sequence, seal, at: sequence, first: 1 }))
    }
  }
  return chain
}

async function verifyChain({ events, checkpoints }: Chain) {
  const verifier = createChainVerifier(auditSigner)
  for (const checkpoint of checkpoints) await verifier.addCheckpoint(checkpoint)
  const byNumber = [...events].sort((a, b) => a.sequence - b.sequence)
  for (const event of byNumber) verifier.addEvent(event)
  return verifier.finish()
}

/** A random chain and a random place in it. */
const expectFound = (
  attack: (chain: Chain, at: number, value: string) => Chain | Promise<Chain> | null,
) =>
  fc.assert(
    fc.asyncProperty(someEvents, fc.nat(), text, async (events, place, value) => {
      const chain = await buildChain(events)
      expect((await verifyChain(chain)).whole).toBe(true)
      const attacked = await attack(chain, place % events.length, value)
      fc.pre(attacked !== null)
      expect((await verifyChain(attacked as Chain)).whole).toBe(false)
    }),
    { numRuns: 150 },
  )

const replaceEvent = ({ events, checkpoints }: Chain, at: number, event: SealedEvent): Chain => ({
  events: events.with(at, event),
  checkpoints,
})
function getEvent({ events }: Chain, at: number): SealedEvent {
  const event = events[at]
  if (event === undefined) throw new Error('there is no such event')
  return event
}

describe('in a chain of any events, verify finds', () => {
  test.each(['id', 'actor', 'action', 'subject', 'requestId', 'facts', 'seal'] as const)(
    'any edit of %s',
    (column) =>
      expectFound((chain, at, value) => {
        const event = getEvent(chain, at)
        return event[column] === value
          ? null
          : replaceEvent(chain, at, { ...event, [column]: value })
      }),
  )

  test('any edit of a time', () =>
    expectFound((chain, at) => {
      const event = getEvent(chain, at)
      return replaceEvent(chain, at, { ...event, at: event.at + 1 })
    }))

  test('any deletion, of the last event too', () =>
    expectFound(({ events, checkpoints }, at) => ({
      events: events.toSpliced(at, 1),
      checkpoints,
    })))

  test('any cut behind a checkpoint', () =>
    expectFound(({ events, checkpoints }, at) => ({ events: events.slice(0, at), checkpoints })))

  test('any cut of the beginning', () =>
    expectFound(({ events, checkpoints }, at) => ({ events: events.slice(at + 1), checkpoints })))

  test('any two events that changed places', () =>
    expectFound((chain, at) => {
      const other = (at + 1) % chain.events.length
      if (other === at) return null
      const [a, b] = [getEvent(chain, at), getEvent(chain, other)]
      const place = ({ sequence, seal }: SealedEvent) => ({ sequence, seal })
      const { id: _a, ...restOfA } = a
      const { id: _b, ...restOfB } = b
      if (
        JSON.stringify({ ...restOfA, ...place(b) }) === JSON.stringify(restOfB) &&
        a.id === b.id
      ) {
        return null
      }
      const swapped = replaceEvent(chain, at, { ...b, ...place(a) })
      return replaceEvent(swapped, other, { ...a, ...place(b) })
    }))

  test('any event put in, and those after it moved on', () =>
    expectFound(({ events, checkpoints }, at, value) => {
      const forged: SealedEvent = { ...getEvent({ events, checkpoints }, at), id: value }
      const moved = events.slice(at).map((event) => ({ ...event, sequence: event.sequence + 1 }))
      return { events: [...events.slice(0, at), forged, ...moved], checkpoints }
    }))

  test('any event put in at the end with a seal of another key ring', () =>
    expectFound(({ events, checkpoints }) => {
      const last = getEvent({ events, checkpoints }, events.length - 1)
      const sequence = last.sequence + 1
      const seal = stranger.seal(last.seal, last, sequence)
      return { events: [...events, { ...last, sequence, seal }], checkpoints }
    }))

  test('a whole chain that another key ring has sealed', () =>
    expectFound(({ events }) => buildChain(events, stranger)))

  test('any checkpoint that was changed', () =>
    expectFound(({ events, checkpoints }, at) => ({
      events,
      checkpoints: checkpoints.map((checkpoint, n) =>
        n === at % checkpoints.length ? { ...checkpoint, first: checkpoint.first + 1 } : checkpoint,
      ),
    })))
})

describe('verify reports', () => {
  const events = Array.from({ length: 12 }, (_, n) => ({
    id: `event-${n + 1}`,
    at: n,
    actor: 'operator',
    action: 'test.done',
    subject: 'subject',
    requestId: null,
    facts: '{}',
  }))

  test('which event was changed, and of no other', async () => {
    const chain = await buildChain(events)
    const { breaks } = await verifyChain(
      replaceEvent(chain, 6, { ...getEvent(chain, 6), actor: 'nobody' }),
    )
    expect(breaks).toEqual([
      {
        sequence: 7,
        eventId: 'event-7',
        message: 'event 7 is not the one that was sealed: it was changed, or put in',
      },
    ])
  })

  test('that an event was changed and all after it sealed anew with the same key ring', async () => {
    const { checkpoints } = await buildChain(events)
    const changed = await buildChain(
      events.map((event, n) => (n === 2 ? { ...event, actor: 'nobody' } : event)),
    )
    const { breaks } = await verifyChain({ events: changed.events, checkpoints })
    expect(breaks.map(({ message }) => message)).toEqual(
      [5, 10, 12].map((n) => `event ${n} is not the one that a checkpoint was signed for`),
    )
  })

  test('which events are missing', async () => {
    const { events: all, checkpoints } = await buildChain(events)
    const message = async (stored: SealedEvent[]) =>
      (await verifyChain({ events: stored, checkpoints })).breaks.map(({ message }) => message)
    expect(await message(all.toSpliced(6, 1))).toEqual(['event 7 is gone'])
    expect(await message(all.toSpliced(6, 3))).toEqual(['events 7 to 9 are gone'])
    expect(await message(all.slice(0, 8))).toEqual(['events 9 to 12 are gone'])
    expect(await message([])).toEqual(['events 1 to 12 are gone'])
  })

  test('that a purged beginning is whole, and one that only looks purged is not', async () => {
    const { events: all, checkpoints } = await buildChain(events)
    const last = getEvent({ events: all, checkpoints }, 11)
    const purged = { sequence: 12, seal: last.seal, at: 99, first: 6 }
    const stored = checkpoints.filter(({ sequence }) => sequence >= 5)
    const after = {
      events: all.slice(5),
      checkpoints: [...stored, await auditSigner.signCheckpoint(purged)],
    }
    expect(await verifyChain(after)).toMatchObject({ whole: true, events: 7, first: 6, last: 12 })
    const forged = [...stored, await stranger.signCheckpoint(purged)]
    expect((await verifyChain({ ...after, checkpoints: forged })).whole).toBe(false)
    const signed = after.checkpoints.filter(({ sequence }) => sequence > 5)
    expect((await verifyChain({ ...after, checkpoints: signed })).breaks).toMatchObject([
      { message: 'the checkpoint that stands for the events before 6 is gone' },
    ])
    const back = { ...after, events: [getEvent({ events: all, checkpoints }, 2), ...after.events] }
    expect((await verifyChain(back)).breaks).toMatchObject([{ sequence: 3, eventId: 'event-3' }])
  })

  test('that there is nothing where nothing was sealed', async () => {
    expect(await verifyChain({ events: [], checkpoints: [] })).toEqual({
      whole: true,
      events: 0,
      first: 0,
      last: 0,
      checkpoints: 0,
      signedAt: null,
      anchor: null,
      breaks: [],
      breaksFound: 0,
    })
  })
})

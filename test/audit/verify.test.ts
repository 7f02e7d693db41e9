import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { createNotary } from '../../src/crypto/notary.ts'
import { BEGINNING, type Checkpoint, type SealedEvent } from '../../src/domain/chain.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import type { Notary } from '../../src/service/ports.ts'
import { createVerifier } from '../../src/service/verify-chain.ts'
import { testKeyring } from '../support/ring.ts'

let notary: Notary
let stranger: Notary
beforeAll(async () => {
  notary = createNotary(nodePrimitives, await testKeyring())
  stranger = createNotary(nodePrimitives, await testKeyring())
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
async function chainOf(events: Parameters<Notary['seal']>[1][], by = notary): Promise<Chain> {
  const chain: Chain = { events: [], checkpoints: [] }
  let { seal } = BEGINNING
  for (const [n, event] of events.entries()) {
    const sequence = n + 1
    seal = by.seal(seal, event, sequence)
    chain.events.push({ ...event, sequence, seal })
    if (sequence % 5 === 0 || sequence === events.length) {
      chain.checkpoints.push(await by.sign({ sequence, seal, at: sequence, first: 1 }))
    }
  }
  return chain
}

async function verdictOf({ events, checkpoints }: Chain) {
  const verifier = createVerifier(notary)
  for (const checkpoint of checkpoints) await verifier.takeCheckpoint(checkpoint)
  const byNumber = [...events].sort((a, b) => a.sequence - b.sequence)
  for (const event of byNumber) verifier.takeEvent(event)
  return verifier.finish()
}

/** A random chain and a random place in it. */
const holds = (
  attack: (chain: Chain, at: number, value: string) => Chain | Promise<Chain> | null,
) =>
  fc.assert(
    fc.asyncProperty(someEvents, fc.nat(), text, async (events, place, value) => {
      const chain = await chainOf(events)
      expect((await verdictOf(chain)).whole).toBe(true)
      const attacked = await attack(chain, place % events.length, value)
      fc.pre(attacked !== null)
      expect((await verdictOf(attacked as Chain)).whole).toBe(false)
    }),
    { numRuns: 150 },
  )

const withEvent = ({ events, checkpoints }: Chain, at: number, event: SealedEvent): Chain => ({
  events: events.with(at, event),
  checkpoints,
})
function eventAt({ events }: Chain, at: number): SealedEvent {
  const event = events[at]
  if (event === undefined) throw new Error('there is no such event')
  return event
}

describe('in a chain of any events, verify finds', () => {
  test.each(['id', 'actor', 'action', 'subject', 'requestId', 'facts', 'seal'] as const)(
    'any edit of %s',
    (column) =>
      holds((chain, at, value) => {
        const event = eventAt(chain, at)
        return event[column] === value ? null : withEvent(chain, at, { ...event, [column]: value })
      }),
  )

  test('any edit of a time', () =>
    holds((chain, at) => {
      const event = eventAt(chain, at)
      return withEvent(chain, at, { ...event, at: event.at + 1 })
    }))

  test('any deletion, of the last event too', () =>
    holds(({ events, checkpoints }, at) => ({ events: events.toSpliced(at, 1), checkpoints })))

  test('any cut behind a checkpoint', () =>
    holds(({ events, checkpoints }, at) => ({ events: events.slice(0, at), checkpoints })))

  test('any cut of the beginning', () =>
    holds(({ events, checkpoints }, at) => ({ events: events.slice(at + 1), checkpoints })))

  test('any two events that changed places', () =>
    holds((chain, at) => {
      const other = (at + 1) % chain.events.length
      if (other === at) return null
      const [a, b] = [eventAt(chain, at), eventAt(chain, other)]
      const place = ({ sequence, seal }: SealedEvent) => ({ sequence, seal })
      const { id: _a, ...restOfA } = a
      const { id: _b, ...restOfB } = b
      if (
        JSON.stringify({ ...restOfA, ...place(b) }) === JSON.stringify(restOfB) &&
        a.id === b.id
      ) {
        return null
      }
      const swapped = withEvent(chain, at, { ...b, ...place(a) })
      return withEvent(swapped, other, { ...a, ...place(b) })
    }))

  test('any event put in, and those after it moved on', () =>
    holds(({ events, checkpoints }, at, value) => {
      const forged: SealedEvent = { ...eventAt({ events, checkpoints }, at), id: value }
      const moved = events.slice(at).map((event) => ({ ...event, sequence: event.sequence + 1 }))
      return { events: [...events.slice(0, at), forged, ...moved], checkpoints }
    }))

  test('any event put in at the end with a seal of another key ring', () =>
    holds(({ events, checkpoints }) => {
      const last = eventAt({ events, checkpoints }, events.length - 1)
      const sequence = last.sequence + 1
      const seal = stranger.seal(last.seal, last, sequence)
      return { events: [...events, { ...last, sequence, seal }], checkpoints }
    }))

  test('a whole chain that another key ring has sealed', () =>
    holds(({ events }) => chainOf(events, stranger)))

  test('any checkpoint that was changed', () =>
    holds(({ events, checkpoints }, at) => ({
      events,
      checkpoints: checkpoints.map((checkpoint, n) =>
        n === at % checkpoints.length ? { ...checkpoint, first: checkpoint.first + 1 } : checkpoint,
      ),
    })))
})

describe('verify tells', () => {
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
    const chain = await chainOf(events)
    const { breaks } = await verdictOf(
      withEvent(chain, 6, { ...eventAt(chain, 6), actor: 'nobody' }),
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
    const { checkpoints } = await chainOf(events)
    const changed = await chainOf(
      events.map((event, n) => (n === 2 ? { ...event, actor: 'nobody' } : event)),
    )
    const { breaks } = await verdictOf({ events: changed.events, checkpoints })
    expect(breaks.map(({ message }) => message)).toEqual(
      [5, 10, 12].map((n) => `event ${n} is not the one that a checkpoint was signed for`),
    )
  })

  test('which events are gone', async () => {
    const { events: all, checkpoints } = await chainOf(events)
    const message = async (kept: SealedEvent[]) =>
      (await verdictOf({ events: kept, checkpoints })).breaks.map(({ message }) => message)
    expect(await message(all.toSpliced(6, 1))).toEqual(['event 7 is gone'])
    expect(await message(all.toSpliced(6, 3))).toEqual(['events 7 to 9 are gone'])
    expect(await message(all.slice(0, 8))).toEqual(['events 9 to 12 are gone'])
    expect(await message([])).toEqual(['events 1 to 12 are gone'])
  })

  test('that a purged beginning is whole, and one that only looks purged is not', async () => {
    const { events: all, checkpoints } = await chainOf(events)
    const last = eventAt({ events: all, checkpoints }, 11)
    const purged = { sequence: 12, seal: last.seal, at: 99, first: 6 }
    const kept = checkpoints.filter(({ sequence }) => sequence >= 5)
    const after = { events: all.slice(5), checkpoints: [...kept, await notary.sign(purged)] }
    expect(await verdictOf(after)).toMatchObject({ whole: true, events: 7, first: 6, last: 12 })
    const forged = [...kept, await stranger.sign(purged)]
    expect((await verdictOf({ ...after, checkpoints: forged })).whole).toBe(false)
    const signed = after.checkpoints.filter(({ sequence }) => sequence > 5)
    expect((await verdictOf({ ...after, checkpoints: signed })).breaks).toMatchObject([
      { message: 'the checkpoint that stands for the events before 6 is gone' },
    ])
    const back = { ...after, events: [eventAt({ events: all, checkpoints }, 2), ...after.events] }
    expect((await verdictOf(back)).breaks).toMatchObject([{ sequence: 3, eventId: 'event-3' }])
  })

  test('that there is nothing where nothing was sealed', async () => {
    expect(await verdictOf({ events: [], checkpoints: [] })).toEqual({
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

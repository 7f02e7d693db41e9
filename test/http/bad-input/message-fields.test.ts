import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  buildPost,
  type ExpectedRows,
  getContentType,
  type HostileFixture,
  openHostileFixture,
  readMetaError,
} from '../../support/hostile-client.ts'

let fixture: HostileFixture
let expectUnchanged: (added?: ExpectedRows) => Promise<void>
let added: ExpectedRows
beforeAll(async () => {
  fixture = await openHostileFixture()
})
beforeEach(() => {
  added = {}
  expectUnchanged = fixture.snapshotDatabase()
})
afterEach(() => expectUnchanged(added))
afterAll(() => fixture.close())

const MEGABYTE = JSON.stringify('x'.repeat(1_000_000))
const LONG_TEXT = JSON.stringify('x'.repeat(1000))
const WRONG: Record<string, string | null> = {
  missing: null,
  null: 'null',
  'an empty string': '""',
  'a string': '"x"',
  'a number': '12',
  'a boolean': 'true',
  'an array': '[1]',
  'an empty array': '[]',
  'an object': '{"a":1}',
  'a long text': LONG_TEXT,
  'a megabyte': MEGABYTE,
  'with NUL': '"Device\\u0000"',
  'a lone surrogate': '"\\ud800"',
}

/** The expected error for a message, or `accepted`. */
type Verdict = 'accepted' | [status: number, text: string]
interface Field {
  readonly path: readonly (string | number)[]
  readonly name: string
  readonly verdicts: Readonly<Record<keyof typeof WRONG, Verdict>>
}

const expectedMissing = (name: string, event = ''): Verdict => [
  400,
  `Required field missing - ${name}${event}`,
]
const expectedInvalid = (name: string, detail: string, event = ''): Verdict => [
  400,
  `Invalid field - ${name} ${detail}${event}`,
]
const forAllWrongValues = (verdict: Verdict): Record<string, Verdict> =>
  Object.fromEntries(Object.keys(WRONG).map((what) => [what, verdict]))

const META_TOO_LONG: Verdict = [400, 'The message cannot be read: Meta is longer than 65536 bytes.']
const TOO_LONG = 'must not be longer than 256'
const IN = ' in Device:New'
const NO_SUBSCRIPTION: Verdict = [
  403,
  'No subscriptions. Meta.Destinations needs to contain a destination from existing subscriptions https://latchkey.example',
]

/** A required text; `unknown` is the answer to a text that Latchkey does not know. */
const textVerdicts = (name: string, event: string, unknown: (value: string) => Verdict) => ({
  ...forAllWrongValues(expectedInvalid(name, 'must be a string', event)),
  missing: expectedMissing(name, event),
  null: expectedMissing(name, event),
  'an empty string': expectedMissing(name, event),
  'a string': unknown('x'),
  'with NUL': unknown('Device\0'),
  'a lone surrogate': unknown('\ud800'),
  'a long text': expectedInvalid(name, TOO_LONG, event),
})

const FIELDS: Field[] = [
  {
    path: ['Meta'],
    name: 'Meta',
    verdicts: {
      ...forAllWrongValues(expectedInvalid('Meta', 'must be an object')),
      missing: expectedMissing('Meta'),
      null: expectedMissing('Meta'),
      'an object': expectedMissing('Meta.DataModel'),
    },
  },
  {
    path: ['Meta', 'DataModel'],
    name: 'Meta.DataModel',
    verdicts: textVerdicts('Meta.DataModel', '', (value) => [
      404,
      `There is no event ${value}:New.`,
    ]),
  },
  {
    path: ['Meta', 'EventType'],
    name: 'Meta.EventType',
    verdicts: textVerdicts('Meta.EventType', '', (value) => [
      404,
      `There is no event Device:${value}.`,
    ]),
  },
  {
    path: ['Meta', 'Destinations'],
    name: 'Meta.Destinations',
    verdicts: {
      ...forAllWrongValues(expectedInvalid('Meta.Destinations', 'must be an array', IN)),
      missing: expectedMissing('Meta.Destinations', IN),
      null: expectedMissing('Meta.Destinations', IN),
      'an array': expectedInvalid('Meta.Destinations[0]', 'must be an object', IN),
      'an empty array': expectedMissing('Meta.Destinations', IN),
    },
  },
  {
    path: ['Meta', 'Destinations', 0, 'ID'],
    name: 'Meta.Destinations[0].ID',
    verdicts: textVerdicts('Meta.Destinations[0].ID', IN, () => NO_SUBSCRIPTION),
  },
  {
    path: ['Meta', 'Source'],
    name: 'Meta.Source',
    verdicts: {
      ...forAllWrongValues(expectedInvalid('Meta.Source', 'must be an object', IN)),
      missing: 'accepted',
      null: 'accepted',
      // An object without an ID names no source.
      'an object': 'accepted',
    },
  },
  {
    path: ['Meta', 'Source', 'ID'],
    name: 'Meta.Source.ID',
    verdicts: {
      ...textVerdicts('Meta.Source.ID', IN, (value) => [
        403,
        `The access token is not for the source ${value}.`,
      ]),
      missing: 'accepted',
      null: 'accepted',
    },
  },
  {
    path: ['Meta', 'Test'],
    name: 'Meta.Test',
    verdicts: {
      ...forAllWrongValues(expectedInvalid('Meta.Test', 'must be a boolean', IN)),
      missing: 'accepted',
      null: 'accepted',
      'a boolean': 'accepted',
    },
  },
]

const PLACE = '"@@"'

/** A message that is right, with a mark where this field's value stands. */
function createMarkedMessage(path: Field['path']): string {
  const message = structuredClone({
    ...fixture.message,
    Meta: { ...fixture.message.Meta, Source: { ID: fixture.key.sourceId }, Test: true },
  })
  let at: object = message
  for (const name of path.slice(0, -1)) at = Reflect.get(at, name)
  const last = path.at(-1) ?? ''
  right = JSON.stringify(Reflect.get(at, last))
  Reflect.set(at, last, '@@')
  return JSON.stringify(message)
}
let right: string

/** The member that bears the mark, its name included. */
const MEMBER = /"(\w+)":"@@",?/

describe.each(FIELDS)('$name', ({ path, verdicts }) => {
  const send = (body: string) => fixture.send(buildPost('/endpoint', body, fixture.bearer))

  test.each(Object.entries(WRONG))('%s', async (what, json) => {
    const whole = createMarkedMessage(path)
    const body =
      json === null
        ? whole.replace(MEMBER, '').replaceAll(',}', '}')
        : whole.replace(PLACE, () => json)
    const answer = await send(body)
    expect(getContentType(answer)).toBe('application/json; charset=utf-8')
    const verdict = what === 'a megabyte' ? META_TOO_LONG : verdicts[what]
    if (verdict === 'accepted') {
      expect(answer.status).toBe(200)
      added.messages = 1
    } else expect([answer.status, readMetaError(answer)]).toEqual(verdict)
  })

  test('there twice: 400', async () => {
    const body = createMarkedMessage(path).replace(
      MEMBER,
      (_, name) => `"${name}":${right},"${name}":${right},`,
    )
    const answer = await send(body.replaceAll(',}', '}'))
    const name = path.findLast((part) => typeof part === 'string')
    expect([answer.status, readMetaError(answer)]).toEqual([
      400,
      `The message cannot be read: "${name}" is there twice.`,
    ])
  })

  test('beside unknown members: accepted', async () => {
    const body = createMarkedMessage(path).replace(
      PLACE,
      () => `${right},"Unknown":{"__proto__":[1]}`,
    )
    expect((await send(body)).status).toBe(200)
    added.messages = 1
  })
})

test('one destination twice: 400', async () => {
  const { destinationId } = fixture.key
  const message = {
    ...fixture.message,
    Meta: { ...fixture.message.Meta, Destinations: [{ ID: destinationId }, { ID: destinationId }] },
  }
  const answer = await fixture.send(buildPost('/endpoint', JSON.stringify(message), fixture.bearer))
  expect([answer.status, readMetaError(answer)]).toEqual([
    400,
    'Invalid field - Meta.Destinations[1].ID is there twice in Device:New',
  ])
})

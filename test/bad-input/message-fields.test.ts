import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Added,
  errorOf,
  type Hostile,
  post,
  startHostile,
  typeOf,
} from '../support/hostile.ts'

let hostile: Hostile
let unharmed: (added?: Added) => Promise<void>
let added: Added
beforeAll(async () => {
  hostile = await startHostile()
})
beforeEach(() => {
  added = {}
  unharmed = hostile.watch()
})
afterEach(() => unharmed(added))
afterAll(() => hostile.close())

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

/** What is in the way of a message, or `accepted`. */
type Verdict = 'accepted' | [status: number, text: string]
interface Field {
  /** Where it is. */
  readonly path: readonly (string | number)[]
  readonly name: string
  readonly verdicts: Readonly<Record<keyof typeof WRONG, Verdict>>
}

const missing = (name: string, event = ''): Verdict => [
  400,
  `Required field missing - ${name}${event}`,
]
const invalid = (name: string, detail: string, event = ''): Verdict => [
  400,
  `Invalid field - ${name} ${detail}${event}`,
]
const all = (verdict: Verdict): Record<string, Verdict> =>
  Object.fromEntries(Object.keys(WRONG).map((what) => [what, verdict]))

const META_TOO_LONG: Verdict = [400, 'The message cannot be read: Meta is longer than 65536 bytes.']
const TOO_LONG = 'must not be longer than 256'
const IN = ' in Device:New'
const NO_SUBSCRIPTION: Verdict = [
  403,
  'No subscriptions. Meta.Destinations needs to contain a destination from existing subscriptions https://latchkey.example',
]

/** A text that has to be there; `unknown` is what is said of a text that is none of ours. */
const text = (name: string, event: string, unknown: (value: string) => Verdict) => ({
  ...all(invalid(name, 'must be a string', event)),
  missing: missing(name, event),
  null: missing(name, event),
  'an empty string': missing(name, event),
  'a string': unknown('x'),
  'with NUL': unknown('Device\0'),
  'a lone surrogate': unknown('\ud800'),
  'a long text': invalid(name, TOO_LONG, event),
})

const FIELDS: Field[] = [
  {
    path: ['Meta'],
    name: 'Meta',
    verdicts: {
      ...all(invalid('Meta', 'must be an object')),
      missing: missing('Meta'),
      null: missing('Meta'),
      'an object': missing('Meta.DataModel'),
    },
  },
  {
    path: ['Meta', 'DataModel'],
    name: 'Meta.DataModel',
    verdicts: text('Meta.DataModel', '', (value) => [404, `There is no event ${value}:New.`]),
  },
  {
    path: ['Meta', 'EventType'],
    name: 'Meta.EventType',
    verdicts: text('Meta.EventType', '', (value) => [404, `There is no event Device:${value}.`]),
  },
  {
    path: ['Meta', 'Destinations'],
    name: 'Meta.Destinations',
    verdicts: {
      ...all(invalid('Meta.Destinations', 'must be an array', IN)),
      missing: missing('Meta.Destinations', IN),
      null: missing('Meta.Destinations', IN),
      'an array': invalid('Meta.Destinations[0]', 'must be an object', IN),
      'an empty array': missing('Meta.Destinations', IN),
    },
  },
  {
    path: ['Meta', 'Destinations', 0, 'ID'],
    name: 'Meta.Destinations[0].ID',
    verdicts: text('Meta.Destinations[0].ID', IN, () => NO_SUBSCRIPTION),
  },
  {
    path: ['Meta', 'Source'],
    name: 'Meta.Source',
    verdicts: {
      ...all(invalid('Meta.Source', 'must be an object', IN)),
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
      ...text('Meta.Source.ID', IN, (value) => [
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
      ...all(invalid('Meta.Test', 'must be a boolean', IN)),
      missing: 'accepted',
      null: 'accepted',
      'a boolean': 'accepted',
    },
  },
]

const PLACE = '"@@"'

/** A message that is right, with a mark where this field's value stands. */
function marked(path: Field['path']): string {
  const message = structuredClone({
    ...hostile.message,
    Meta: { ...hostile.message.Meta, Source: { ID: hostile.key.sourceId }, Test: true },
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
  const send = (body: string) => hostile.send(post('/endpoint', body, hostile.bearer))

  test.each(Object.entries(WRONG))('%s', async (what, json) => {
    const whole = marked(path)
    const body =
      json === null
        ? whole.replace(MEMBER, '').replaceAll(',}', '}')
        : whole.replace(PLACE, () => json)
    const answer = await send(body)
    expect(typeOf(answer)).toBe('application/json; charset=utf-8')
    const verdict = what === 'a megabyte' ? META_TOO_LONG : verdicts[what]
    if (verdict === 'accepted') {
      expect(answer.status).toBe(200)
      added.messages = 1
    } else expect([answer.status, errorOf(answer)]).toEqual(verdict)
  })

  test('there twice: 400', async () => {
    const body = marked(path).replace(MEMBER, (_, name) => `"${name}":${right},"${name}":${right},`)
    const answer = await send(body.replaceAll(',}', '}'))
    const name = path.findLast((part) => typeof part === 'string')
    expect([answer.status, errorOf(answer)]).toEqual([
      400,
      `The message cannot be read: "${name}" is there twice.`,
    ])
  })

  test('beside siblings that nobody knows: accepted', async () => {
    const body = marked(path).replace(PLACE, () => `${right},"Unknown":{"__proto__":[1]}`)
    expect((await send(body)).status).toBe(200)
    added.messages = 1
  })
})

test('one destination twice: 400', async () => {
  const { destinationId } = hostile.key
  const message = {
    ...hostile.message,
    Meta: { ...hostile.message.Meta, Destinations: [{ ID: destinationId }, { ID: destinationId }] },
  }
  const answer = await hostile.send(post('/endpoint', JSON.stringify(message), hostile.bearer))
  expect([answer.status, errorOf(answer)]).toEqual([
    400,
    'Invalid field - Meta.Destinations[1].ID is there twice in Device:New',
  ])
})

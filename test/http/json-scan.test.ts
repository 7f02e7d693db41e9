import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseJson } from '../../src/http/json/parse.ts'
import { NO_BOUNDS, scanJson, scanLongJson } from '../../src/http/json/scan.ts'
import {
  findMember,
  listParts,
  selectElements,
  selectMember,
} from '../../src/http/json/selector.ts'
import { SLICE_BYTES } from '../../src/service/long-work.ts'

const toBytes = (text: string) => new TextEncoder().encode(text)
const strict = new TextDecoder('utf-8', { fatal: true })

/** The platform's own judgement: UTF-8, and JSON. */
function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(strict.decode(bytes))
    return true
  } catch {
    return false
  }
}

const isAccepted = (bytes: Uint8Array) => scanJson(bytes, undefined, NO_BOUNDS).ok

/** JSON with the usual spelling, and with names and texts that contain its punctuation. */
const trickyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', ' ', 'x', 'é', '😀'),
  }),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(fc.constantFrom(null, true, false, -0, 1.5e300), fc.double(), trickyText),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(trickyText, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))
const written = fc
  .tuple(value, fc.constantFrom(undefined, 1, '\t\r\n'))
  .map(([it, indent]) => JSON.stringify(it, null, indent))

/** A byte here and there that is another one, is gone, or is there in addition. */
const damage = fc.array(
  fc.record({
    at: fc.nat(),
    what: fc.constantFrom('replace', 'delete', 'insert'),
    byte: fc.oneof(
      fc.integer({ min: 0, max: 255 }),
      fc.constantFrom(...toBytes('{}[]",:\\/u0123456789+-.eEtrufalsn \n\t\r')),
      fc.constantFrom(0xc0, 0xc2, 0xe0, 0xed, 0xa0, 0xef, 0xbb, 0xbf, 0xf0, 0xf4, 0x90, 0x80),
    ),
  }),
  { maxLength: 3 },
)
function expectInvalid(
  bytes: Uint8Array,
  faults: typeof damage extends fc.Arbitrary<infer T> ? T : never,
) {
  const all = [...bytes]
  for (const { at, what, byte } of faults) {
    const place = all.length === 0 ? 0 : at % all.length
    if (what === 'delete') all.splice(place, 1)
    else all.splice(place, what === 'replace' ? 1 : 0, byte)
  }
  return Uint8Array.from(all)
}

describe('the scanner', () => {
  test('accepts exactly the bytes that are valid JSON', () => {
    fc.assert(
      fc.property(written, damage, (text, faults) => {
        const bytes = expectInvalid(toBytes(text), faults)
        expect(isAccepted(bytes)).toBe(isJson(bytes))
      }),
      { numRuns: 2000 },
    )
  })

  test('accepts exactly those short texts of JSON punctuation that are valid JSON', () => {
    const unit = fc.constantFrom(
      ...'{}[]",:\\u0aeE+-.1 tn'.split(''),
      'true',
      'null',
      '"a"',
      '"a":',
    )
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 9 }), (text) => {
        expect(isAccepted(toBytes(text))).toBe(isJson(toBytes(text)))
      }),
      { numRuns: 2000 },
    )
  })

  test('accepts exactly the strings that are valid UTF-8, for every first byte of a character', () => {
    const seconds = [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]
    const tails = [[], [0x80], [0xbf], [0x80, 0xbf], [0xc0, 0x80], [0x80, 0x7f]]
    const wrong: number[][] = []
    for (let first = 0x80; first <= 0xff; first++) {
      for (const second of seconds) {
        for (const tail of tails) {
          const bytes = [0x22, first, second, ...tail, 0x22]
          if (isAccepted(Uint8Array.from(bytes)) !== isJson(Uint8Array.from(bytes)))
            wrong.push(bytes)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  test.each([
    ...['', ' ', '01', '-', '-0', '1.', '.5', '1e', '1e+', '1E-07', '+1', '0x1', 'nul', 'truee'],
    ...['"\\u12g4"', '"\\u123', '"\\x"', '"\t"', '"\u007f"', '"a', '[1,]', '[,1]', '{"a"}', '{,}'],
    ...[
      '{"a":1,}',
      '{"a" 1}',
      '[1 2]',
      '[1}',
      '{]',
      '1 1',
      '"\\ud800"',
      '\ufeff1',
      '1\u00a0',
      '[]]',
    ],
  ])('judges %j as JSON.parse does', (text) => {
    expect(isAccepted(toBytes(text))).toBe(isJson(toBytes(text)))
  })

  test('finds exactly the selected values, whatever surrounds them', () => {
    const selector = selectMember('', [
      selectMember('Meta', [selectMember('ID')]),
      selectElements('List', [selectMember('ID')]),
    ])
    const message = fc.record(
      {
        Other: value,
        Meta: fc.oneof(value, fc.record({ x: value, ID: value }, { requiredKeys: [] })),
        List: fc.oneof(
          value,
          fc.array(fc.oneof(value, fc.record({ ID: value, y: value }, { requiredKeys: [] }))),
        ),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(message, fc.constantFrom(undefined, 2), fc.boolean(), (it, indent, escapes) => {
        const plain = JSON.stringify(it, null, indent)
        const text = escapes ? plain.replaceAll('"ID":', '"\\u0049\\u0044":') : plain
        const bytes = toBytes(text)
        const scanned = scanJson(bytes, selector, NO_BOUNDS)
        if (!scanned.ok) throw new Error('it is JSON')
        const root = scanned.value
        const parseSpan = (span: { start: number; end: number }) =>
          JSON.parse(strict.decode(bytes.subarray(span.start, span.end)))
        const parsed = JSON.parse(text)
        expect(listParts(root).map(({ name }) => name)).toEqual(
          Object.keys(parsed).filter((name) => name === 'Meta' || name === 'List'),
        )
        for (const found of listParts(root)) {
          expect(parseSpan(found)).toEqual(parsed[found.name])
          const one = (inner: typeof found, of: unknown) => {
            const has = typeof of === 'object' && of !== null && Object.hasOwn(of, 'ID')
            const isList = Array.isArray(of)
            const parts = listParts(inner)
            expect(parts.map(({ name }) => name)).toEqual(has && !isList ? ['ID'] : [])
            for (const id of parts) expect(parseSpan(id)).toEqual((of as { ID: unknown }).ID)
          }
          if (found.name === 'Meta') one(found, parsed.Meta)
          else if (Array.isArray(parsed.List)) {
            const elements = listParts(found)
            expect(elements).toHaveLength(parsed.List.length)
            for (const [n, element] of elements.entries()) one(element, parsed.List[n])
          } else expect(listParts(found)).toEqual([])
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('the bounds of JSON', () => {
  const nestArrays = (depth: number) =>
    toBytes(`${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`)
  const readErrorDetail = (bytes: Uint8Array) => {
    const scanned = scanJson(bytes)
    return scanned.ok ? 'accepted' : 'detail' in scanned.failure && scanned.failure.detail
  }

  test('64 levels are accepted, 65 are refused', () => {
    expect(readErrorDetail(nestArrays(64))).toBe('accepted')
    expect(readErrorDetail(toBytes(`[${strict.decode(nestArrays(64))}]`))).toBe(
      'the body is nested deeper than 64 levels',
    )
  })

  test('200,000 values of each kind are accepted, 200,001 are refused', () => {
    for (const one of ['1', '""', '{}']) {
      const list = (count: number) => toBytes(`[${Array(count).fill(one).join(',')}]`)
      expect(readErrorDetail(list(199_999))).toBe('accepted')
      expect(readErrorDetail(list(200_000))).toBe('the body has more than 200,000 values')
    }
  })

  test('the bytes after the first value over the limit are not read', () => {
    expect(readErrorDetail(toBytes(`[${'{},'.repeat(200_000)}, this is no JSON`))).toBe(
      'the body has more than 200,000 values',
    )
  })

  describe('a selected value with a limit of bytes', () => {
    const selector = selectMember('', [
      { ...selectMember('Meta'), maxBytes: 40 },
      selectMember('Other'),
    ])
    const judge = (text: string) => {
      const scanned = scanJson(toBytes(text), selector)
      return scanned.ok ? 'accepted' : scanned.failure
    }
    const tooLong = { reason: 'body_unreadable', detail: 'Meta is longer than 40 bytes' }
    const values: [what: string, write: (length: number) => string][] = [
      ['a list', (length) => `[${'1'.repeat(length - 2)}]`],
      ['an object', (length) => `{"a":${'1'.repeat(length - 6)}}`],
      ['an object that ends in a string', (length) => `{"a":"${'x'.repeat(length - 8)}"}`],
      ['an object that ends in a list', (length) => `{"a":[${'1'.repeat(length - 11)},[]]}`],
      ['an object that ends in a literal', (length) => `{"a":${' '.repeat(length - 10)}true}`],
      ['blanks in braces', (length) => `{${' '.repeat(length - 2)}}`],
      ['a string', (length) => `"${'x'.repeat(length - 2)}"`],
    ]

    test.each(values)('is accepted at the limit and refused one byte above it: %s', (_, write) => {
      expect(judge(`{"Meta":${write(40)},"a":[${write(41)}]}`)).toBe('accepted')
      expect(judge(`{"a":1,"Meta":${write(41)}}`)).toEqual(tooLong)
    })

    test('is not charged for bytes outside it', () => {
      const long = `"${'x'.repeat(100)}"`
      expect(judge(`{"a":${long},"Meta":{"b":[]},"Other":{"c":${long}}}`)).toBe('accepted')
      expect(judge(`{"Other":[{"Meta":{"c":${long}}}]}`)).toBe('accepted')
    })

    test.each(values.slice(0, -1))('is not read beyond the limit: %s', (_, write) => {
      expect(judge(`{"Meta":${write(60).slice(0, 45)}\u0000 no JSON`)).toEqual(tooLong)
    })
  })
})

describe('a long walk', () => {
  /** Counts the turns of other work until the promise settles. */
  async function countTurns(work: Promise<unknown>): Promise<number> {
    let turns = 0
    let isDone = false
    const done = work.finally(() => {
      isDone = true
    })
    while (!isDone) {
      await new Promise((resolve) => setTimeout(resolve, 0))
      turns++
    }
    await done
    return turns
  }

  const MB = 1024 * 1024
  const BLANKS = ' \t\r\n'.repeat(0.75 * MB)
  test.each([
    ['of one string', `{"a":"${'x'.repeat(3 * MB)}"}`],
    ['of one name', `{"${'x'.repeat(3 * MB)}":1}`],
    ['of escapes', `{"a":"${'\\"'.repeat(1.5 * MB)}"}`],
    ['of characters of three bytes', `["${'€'.repeat(MB)}"]`],
    [
      'of strings',
      `[${Array(40_000)
        .fill(`"${'x'.repeat(80)}"`)
        .join(',')}]`,
    ],
    ['of the digits of an integer', `[-${'1'.repeat(3 * MB)}]`],
    ['of the digits of a fraction', `[0.${'1'.repeat(3 * MB)}]`],
    ['of the digits of an exponent', `[1.5E-${'1'.repeat(3 * MB)}]`],
    ['of blanks', `${BLANKS}{"a":1}`],
    ['of blanks before a name', `{${BLANKS}"a":1}`],
    ['of blanks before a colon', `{"a"${BLANKS}:1}`],
    ['of blanks before a value', `{"a":${BLANKS}{"b":[]}}`],
    ['of blanks before a comma', `{"a":1${BLANKS},"b":2}`],
    ['of blanks after a comma', `[1,${BLANKS}{}]`],
    ['of blanks in an empty object', `[{${BLANKS}}]`],
    ['of blanks in an empty list', `{"a":[${BLANKS}]}`],
    ['of blanks before a brace', `{"a":{"b":null}${BLANKS}}`],
  ])(
    '%s yields to other work after each slice and gives the result of scanJson',
    async (_, text) => {
      const bytes = toBytes(text)
      const slices = Math.floor(bytes.length / SLICE_BYTES)
      const walk = Promise.resolve(scanLongJson(bytes))
      expect(await countTurns(walk)).toBeGreaterThanOrEqual(slices - 1)
      expect(await walk).toEqual(scanJson(bytes))
      // The last byte is read too.
      expect((await scanLongJson(bytes.subarray(0, -1))).ok).toBe(false)
    },
  )

  test('of blanks after the value gives the result of scanJson', async () => {
    for (const text of ['{"a":1}', '"a"', `1${'0'.repeat(2 * MB)}`]) {
      for (const [end, isTaken] of [
        ['', true],
        ['1', false],
      ] as const) {
        const walk = Promise.resolve(scanLongJson(toBytes(`${text}${BLANKS}${end}`)))
        expect(await countTurns(walk)).toBeGreaterThanOrEqual(2)
        expect((await walk).ok).toBe(isTaken)
      }
    }
  })

  test('finds the same values as scanJson, wherever the slices end', async () => {
    const selector = selectMember('', [selectMember('Meta', [selectMember('ID')])])
    for (let shift = 0; shift < 40; shift += 3) {
      const pad = ' '.repeat(SLICE_BYTES - shift)
      const bytes = toBytes(`${pad}{"Meta":{"a":[1,"é\\n"],"ID":12}, "x":{"y":null}}`)
      const scanned = await scanLongJson(bytes, selector)
      expect(scanned).toEqual(scanJson(bytes, selector))
      expect(scanned.ok && findMember(scanned.value, 'Meta')).toMatchObject({ names: 2 })
    }
  })
})

describe('parseJson', () => {
  const parse = (text: string) => parseJson(toBytes(text))
  const expectedRepeatedMember = (member: string) => ({
    ok: false,
    failure: { reason: 'member_repeated', member },
  })

  test('returns what JSON.parse returns', () => {
    fc.assert(
      fc.property(written, (text) => {
        expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) })
      }),
    )
  })

  test('refuses a repeated name in one object at any depth, also if it is escaped differently', () => {
    expect(parse('{"a":1,"a":1}')).toEqual(expectedRepeatedMember('"a"'))
    expect(parse('{"a":1,"\\u0061":2}')).toEqual(expectedRepeatedMember('"\\u0061"'))
    expect(parse('[{"b":[{"c":{},"d":":\\":","c":[]}]}]')).toEqual(expectedRepeatedMember('"c"'))
    expect(parse('{"__proto__":1,"__proto__":2}')).toEqual(expectedRepeatedMember('"__proto__"'))
    expect(parse('{"":1,"":2}')).toEqual(expectedRepeatedMember('""'))
    const long = 'n'.repeat(1000)
    expect(parse(`{"${long}":1,"${long}":2}`)).toEqual(expectedRepeatedMember('a long name'))
  })

  test('accepts one name in several objects, and strings that look like names', () => {
    const text = '{"a":{"a":[{"a":"\\"a\\":1,\\"a\\":"}]},"b":"a","__proto__":{"a":null}}'
    expect(parse(text)).toEqual({ ok: true, value: JSON.parse(text) })
  })

  test('accepts a long string with a quote and a colon in it', () => {
    const text = JSON.stringify({ a: '":'.repeat(500_000) })
    expect(parse(text).ok).toBe(true)
  })
})

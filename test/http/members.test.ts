import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { membersOf, objectOf, writeMember } from '../../src/http/members.ts'

/** Names and texts that could be taken for JSON's own marks. */
const tricky = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', ' ', 'x') }),
)
const { object } = fc.letrec((tie) => ({
  object: fc.dictionary(tricky, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, -1.5e300),
    tricky,
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
}))

describe('the members of an object', () => {
  test('are all of them, in their order, and make the same object again', () => {
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, '\t\r\n'), (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const members = membersOf(text)
        expect(members.map(({ name }) => name)).toEqual(Object.keys(value as object))
        for (const { name, text: member } of members) {
          expect(JSON.parse(`{${member}}`)).toEqual({ [name]: (value as never)[name] })
        }
        expect(JSON.parse(objectOf(members.map((member) => member.text)))).toEqual(value)
      }),
      { numRuns: 1000 },
    )
  })

  test('keep every digit, escape and space within', () => {
    const text = ' { "a" : 12345678901234567890.10 , "\\u0062\\\\" : [ "\\u00e9\\"," , { } ] } '
    expect(membersOf(text)).toEqual([
      { name: 'a', text: '"a" : 12345678901234567890.10' },
      { name: 'b\\', text: '"\\u0062\\\\" : [ "\\u00e9\\"," , { } ]' },
    ])
  })

  test('are none where there is none', () => {
    for (const text of ['{}', ' { } ', '{\n}']) expect(membersOf(text)).toEqual([])
    expect(objectOf([])).toBe('{}')
  })

  test('of a long text are found in a moment', () => {
    const long = JSON.stringify({ a: '\\"'.repeat(2_000_000), b: Array(500_000).fill(1) })
    const began = performance.now()
    expect(membersOf(long).map(({ name }) => name)).toEqual(['a', 'b'])
    expect(performance.now() - began).toBeLessThan(2000)
  })
})

test('a member is written with its name quoted', () => {
  expect(objectOf([writeMember('a"b', { c: [1] }), '"d" : 1'])).toBe('{"a\\"b":{"c":[1]},"d" : 1}')
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { indented } from '../../src/http/console/messages/indented.ts'

describe('JSON that is shown', () => {
  test('is indented as JSON.stringify indents it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(indented(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2))
      }),
    )
  })

  test('keeps each digit of a long number, and both members of one name', () => {
    expect(indented('{"id":123456789012345678901,"id":1.50}')).toBe(
      '{\n  "id": 123456789012345678901,\n  "id": 1.50\n}',
    )
  })

  test('is left alone where it is no JSON, or would become a page of blanks', () => {
    expect(indented('{"id":')).toBe('{"id":')
    const deep = `${'['.repeat(1000)}${']'.repeat(1000)}`
    expect(indented(deep)).toBe(deep)
  })
})

test('a long text with quotes in it is shown as it is', () => {
  const text = JSON.stringify({ a: '":'.repeat(3_000_000) })
  expect(indented(text)).toBe(text)
})

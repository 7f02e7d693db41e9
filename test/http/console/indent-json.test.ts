import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { indentJson } from '../../../src/http/console/pages/messages/message-components.ts'

describe('JSON on a page', () => {
  test('is indented as JSON.stringify indents it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(indentJson(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2))
      }),
    )
  })

  test('keeps each digit of a long number and duplicate members', () => {
    expect(indentJson('{"id":123456789012345678901,"id":1.50}')).toBe(
      '{\n  "id": 123456789012345678901,\n  "id": 1.50\n}',
    )
  })

  test('is unchanged where it is invalid or its indentation would be too long', () => {
    expect(indentJson('{"id":')).toBe('{"id":')
    const deep = `${'['.repeat(1000)}${']'.repeat(1000)}`
    expect(indentJson(deep)).toBe(deep)
  })
})

test('a long text with quotation marks is shown unchanged', () => {
  const text = JSON.stringify({ a: '":'.repeat(3_000_000) })
  expect(indentJson(text)).toBe(text)
})

import { expect, test } from 'vitest'
import { LineIndex, MAX_INDEXED_ROWS } from '../../../src/service/imports/line-index.ts'

test('the line index finds each of a million ids again, and takes no other for one of them', () => {
  const index = new LineIndex()
  for (let line = 1; line <= MAX_INDEXED_ROWS; line++) {
    if (index.add(`old-${line}`, line) !== null)
      throw new Error(`line ${line} was taken for another`)
  }
  for (let line = 1; line <= MAX_INDEXED_ROWS; line += 997) {
    expect(index.add(`old-${line}`, MAX_INDEXED_ROWS + 1)).toBe(line)
  }
  expect(index.add('beyond', MAX_INDEXED_ROWS + 1)).toBeNull()
  expect(index.add('beyond', MAX_INDEXED_ROWS + 2)).toBeNull()
})

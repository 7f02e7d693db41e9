import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redactEcho } from '../../../src/service/messages/attempt.ts'

const toBytes = (text: string) => new TextEncoder().encode(text)

const message = JSON.stringify({
  Patient: { Name: 'Timothy Bixby', DOB: '2008-01-06', Notes: 'seen in North ward; “Ünïcode”' },
  Count: 4711,
})

describe('a remark about a message', () => {
  test.each([
    ['no patient Timothy Bixby', 'no patient … …'],
    ['TIMOTHY, bixby (4711) of 2008-01-06', '…, … (…) of …-…-…'],
    ['Ünïcode is not ASCII', '… is not ASCII'],
    ['Patient.Name is too long', 'Patient.Name is too long'],
    ['<h1>503 Service Unavailable</h1>', '<h1>503 Service Unavailable</h1>'],
    ['Northern', 'Northern'],
    ['', ''],
    ['…', '…'],
  ])('%j is kept as %j', async (remark, redacted) => {
    expect(await redactEcho(remark, toBytes(message))).toBe(redacted)
  })

  test('repeats no word of any value, whatever surrounds it', async () => {
    const word = fc.stringMatching(/^[a-z0-9]{2,12}$/)
    const around = fc.stringMatching(/^[ .,;:"'()<>{}\\/-]{1,5}$/)
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1 }), around, async (words, gap) => {
        const remark = `${gap}${words.join(gap)}${gap}`
        const list = words.map((one) => `x ${one} y`)
        const redacted = await redactEcho(remark, toBytes(JSON.stringify({ list })))
        expect(redacted).toBe(`${gap}${words.map(() => '…').join(gap)}${gap}`)
      }),
    )
  })

  test('keeps everything that the message does not say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (remark) => {
        expect(await redactEcho(remark, toBytes('{"a":""}'))).toBe(remark)
      }),
    )
  })

  test('repeats no word of a message of several slices, wherever it occurs', async () => {
    const offsets = fc.integer({ min: 0, max: 300_000 })
    await fc.assert(
      fc.asyncProperty(offsets, async (offset) => {
        const message = toBytes(
          `{"note":"${'é '.repeat(offset / 2)}Bixby","more":"${'y '.repeat(9)}"}`,
        )
        expect(await redactEcho('no patient Bixby in note', message)).toBe('no patient … in note')
      }),
      { numRuns: 20, examples: [[65_536 - 12], [65_536 - 14], [131_072 - 14]] },
    )
  })
})

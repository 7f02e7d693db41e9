import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redactEcho } from '../../../src/service/messages/attempt.ts'

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
  ])('%j is kept as %j', (remark, redacted) => {
    expect(redactEcho(remark, message)).toBe(redacted)
  })

  test('repeats no word of any value, whatever stands around it', () => {
    const word = fc.stringMatching(/^[a-z0-9]{2,12}$/)
    const around = fc.stringMatching(/^[ .,;:"'()<>{}\\/-]{1,5}$/)
    fc.assert(
      fc.property(fc.array(word, { minLength: 1 }), around, (words, gap) => {
        const remark = `${gap}${words.join(gap)}${gap}`
        const redacted = redactEcho(
          remark,
          JSON.stringify({ list: words.map((one) => `x ${one} y`) }),
        )
        expect(redacted).toBe(`${gap}${words.map(() => '…').join(gap)}${gap}`)
      }),
    )
  })

  test('keeps everything that the message does not say', () => {
    fc.assert(
      fc.property(fc.string(), (remark) => {
        expect(redactEcho(remark, '{"a":""}')).toBe(remark)
      }),
    )
  })
})

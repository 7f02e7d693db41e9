import { describe, expect, test } from 'vitest'
import { createHl7Upstream } from '../../src/demo/upstreams/ingest.ts'

const hl7 = createHl7Upstream()

async function send(path: string, body: string, type?: string) {
  // A body of text has a type by itself; bytes have none.
  const answer = await hl7.request(path, {
    method: 'POST',
    body: new TextEncoder().encode(body),
    ...(type !== undefined && { headers: { 'Content-Type': type } }),
  })
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    text: await answer.text(),
  }
}

const createMessage = (type: string, eol = '\r') =>
  [
    `MSH|^~\\&|LAB|HOSPITAL|EMR|CLINIC|20260102030405||${type}|MSG00001|T|2.5.1`,
    'PID|1||0000000001^^^MR||Bixby^Timothy',
    '',
  ].join(eol)

/** The fields of each segment of an answer. */
const splitSegments = (text: string) => {
  expect(text).toMatch(/^MSH.*\rMSA[^\r]*\r(ERR[^\r]*\r)?$/)
  expect(text).not.toContain('\n')
  return text
    .slice(0, -1)
    .split('\r')
    .map((line) => line.split('|'))
}

describe('v2', () => {
  test.each(['\r', '\n', '\r\n'])('a message whose segments end in %j is taken', async (eol) => {
    const { status, text } = await send('/v2/ingest', createMessage('ADT^A08^ADT_A01', eol))
    expect(status).toBe(200)
    const [msh, msa, ...more] = splitSegments(text)
    const at = expect.stringMatching(/^\d{14}\+0000$/)
    const own = expect.stringMatching(/^\w{1,20}$/)
    const head = ['MSH', '^~\\&', 'EMR', 'CLINIC', 'LAB', 'HOSPITAL', at, '']
    expect(msh).toEqual([...head, 'ACK^A08^ACK', own, 'T', '2.5.1'])
    expect(msa).toEqual(['MSA', 'AA', 'MSG00001'])
    expect(more).toEqual([])
  })

  test.each(['ADT^A01', 'ADT^A04', 'ADT^A08', 'ADT^A40', 'ORU^R01'])(
    '%s is taken',
    async (type) => {
      const [msh, msa] = splitSegments((await send('/v2/ingest', createMessage(type))).text)
      expect(msh?.[8]).toBe(`ACK^${type.slice(4)}^ACK`)
      expect(msa?.[1]).toBe('AA')
    },
  )

  test.each([
    ['ADT^A02', '201^Unsupported event code^HL70357'],
    ['ADT', '201^Unsupported event code^HL70357'],
    ['ORM^O01', '200^Unsupported message type^HL70357'],
    ['', '200^Unsupported message type^HL70357'],
  ])('%j is rejected in HL7, with a 200', async (type, condition) => {
    const { status, text } = await send('/v2/ingest', createMessage(type))
    expect(status).toBe(200)
    const [, msa, err] = splitSegments(text)
    expect(msa).toEqual(['MSA', 'AR', 'MSG00001'])
    expect(err).toEqual(['ERR', '', 'MSH^1^9', condition, 'E'])
  })

  test.each(['', 'PID|1', '{"json":true}', 'MSH', 'MSHx'])(
    'without a header it is rejected: %j',
    async (text) => {
      const answer = await send('/v2/ingest', text)
      expect(answer.status).toBe(200)
      expect(splitSegments(answer.text)[1]).toEqual(['MSA', 'AR', ''])
    },
  )

  test('without an id, or without a patient, it is an error', async () => {
    const anonymous = createMessage('ADT^A01').replace('MSG00001', '')
    expect(splitSegments((await send('/v2/ingest', anonymous)).text)[1]).toEqual(['MSA', 'AE', ''])
    const [header = ''] = createMessage('ADT^A01').split('\r')
    expect(splitSegments((await send('/v2/ingest', header)).text)[1]).toEqual([
      'MSA',
      'AE',
      'MSG00001',
    ])
  })

  test('separators of the sender’s own are the answer’s, too', async () => {
    const { text } = await send('/v2/ingest', 'MSH#*~\\&#A#B#C#D###ADT*A01#7#P#2.3\rPID#1')
    expect(text).toMatch(/^MSH#\*~\\&#C#D#A#B#\d{14}\+0000##ACK\*A01\*ACK#\w+#P#2\.3\rMSA#AA#7\r$/)
  })

  test.each([
    ['text/plain', 200],
    ['text/plain; charset=utf-8', 200],
    ['application/hl7-v2+er7', 200],
    ['x-application/hl7-v2+er7', 200],
    [undefined, 200],
    ['application/json', 415],
  ])('sent as %s it is answered %i', async (type, status) => {
    const answer = await send('/v2/ingest', createMessage('ADT^A01'), type)
    expect(answer.status).toBe(status)
    if (status === 200) expect(answer.type).toBe(type ?? 'text/plain')
  })
})

describe('v3', () => {
  test('an interaction is acknowledged by its id', async () => {
    const { status, text } = await send(
      '/v3/ingest',
      '<?xml version="1.0"?><PRPA_IN201301UV02 xmlns="urn:hl7-org:v3"><id root="1.2.3" extension="9"/></PRPA_IN201301UV02>',
    )
    expect(status).toBe(200)
    expect(text).toContain(
      '<acknowledgement><typeCode code="AA"/><targetMessage><id root="1.2.3" extension="9"/></targetMessage></acknowledgement>',
    )
  })

  test.each(['', '<a/>', 'MSH|'])('anything else is rejected in HL7: %j', async (body) => {
    const { status, text } = await send('/v3/ingest', body, 'application/xml')
    expect(status).toBe(200)
    expect(text).toContain('<typeCode code="AR"/></acknowledgement>')
  })
})

test('both take POST only', async () => {
  for (const path of ['/v2/ingest', '/v3/ingest']) {
    const answer = await hl7.request(path)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
  }
})

/** What is taken: message code and trigger event of MSH-9. */
const TAKEN = ['ADT^A01', 'ADT^A04', 'ADT^A08', 'ADT^A40', 'ORU^R01']

/** Why a message is not taken: a condition of HL7 table 0357, and where it lies. */
interface Problem {
  /** AR: its header is not for us. AE: its content is not (HL7 v2.5.1 §2.9.2.2). */
  readonly code: 'AE' | 'AR'
  readonly condition: readonly [number: number, text: string]
  readonly at: readonly string[]
}

/** The answer to a message in the original mode (HL7 v2.5.1 §2.9.2). Its segments end in CR. */
export function acknowledge(message: string, now: Date): string {
  const segments = message.split(/\r\n|\r|\n/).filter((line) => line !== '')
  const given = readHeader(segments[0] ?? '')
  const problem = judge(given, segments)
  const { bar, hat, msh } = given ?? NOBODY

  const [, event = ''] = msh(9).split(hat)
  const type = event === '' ? 'ACK' : ['ACK', event, 'ACK'].join(hat)
  const receiver = [msh(5), msh(6)]
  const sender = [msh(3), msh(4)]
  const id = crypto.randomUUID().replaceAll('-', '').slice(0, 20)
  const lines = [
    ['MSH', msh(2), ...receiver, ...sender, stamp(now), '', type, id, msh(11), msh(12)],
    ['MSA', problem?.code ?? 'AA', msh(10)],
  ]
  if (problem !== null) {
    const condition = [...problem.condition, 'HL70357'].join(hat)
    lines.push(['ERR', '', problem.at.join(hat), condition, 'E'])
  }
  return lines.map((fields) => `${fields.join(bar)}\r`).join('')
}

interface Header {
  /** The separators of fields and of components, which each message chooses for itself. */
  readonly bar: string
  readonly hat: string
  /** MSH-n; empty where it is not there. */
  readonly msh: (n: number) => string
}

function readHeader(line: string): Header | null {
  const bar = line[3]
  if (!line.startsWith('MSH') || bar === undefined || /[\w\s]/.test(bar)) return null
  // MSH-1 is the separator itself, so MSH-2 is what stands after the first one.
  const fields = line.split(bar)
  const msh = (n: number) => fields[n - 1] ?? ''
  return { bar, hat: msh(2)[0] ?? '^', msh }
}

/** In whose name a message is answered that does not say who has sent it. */
const NOBODY: Header = {
  bar: '|',
  hat: '^',
  msh: (n) => ({ 2: '^~\\&', 11: 'P', 12: '2.5.1' })[n] ?? '',
}

function judge(header: Header | null, segments: readonly string[]): Problem | null {
  if (header === null) {
    return { code: 'AR', condition: [100, 'Segment sequence error'], at: ['MSH', '1'] }
  }
  const { msh, bar, hat } = header
  const [code = '', event = ''] = msh(9).split(hat)
  if (!TAKEN.some((type) => type.startsWith(`${code}^`))) {
    return { code: 'AR', condition: [200, 'Unsupported message type'], at: ['MSH', '1', '9'] }
  }
  if (!TAKEN.includes(`${code}^${event}`)) {
    return { code: 'AR', condition: [201, 'Unsupported event code'], at: ['MSH', '1', '9'] }
  }
  if (msh(10) === '') {
    return { code: 'AE', condition: [101, 'Required field missing'], at: ['MSH', '1', '10'] }
  }
  if (!segments.some((line) => line.startsWith(`PID${bar}`))) {
    return { code: 'AE', condition: [100, 'Segment sequence error'], at: ['PID', '1'] }
  }
  return null
}

/** yyyyMMddHHmmss and the zone (HL7 v2.5.1 §2.A.22, DTM). */
const stamp = (now: Date) => `${now.toISOString().replace(/[-:T]|\.\d+Z$/g, '')}+0000`

/*
 * The output of recorder.c: the files below a folder as a process changed them, and between that the marks of
 * what was acknowledged.
 */

/** A message of this length is one row, which SQLite commits before it is synced. */
export const LONG_MESSAGE_LENGTH = 400_000

/** An answer that a client or an operator got. Nothing of it may be lost from then on. */
export type Acknowledgment =
  | { readonly kind: 'key'; readonly id: string; readonly status: 'active' | 'revoked' }
  | {
      readonly kind: 'refresh'
      readonly apiKey: string
      readonly chain: number
      readonly refreshToken: string
    }
  | { readonly kind: 'message'; readonly logIds: readonly string[]; readonly note: string }
  | { readonly kind: 'ring'; readonly keyIds: readonly string[] }
  | { readonly kind: 'anchor'; readonly sequence: number }
  | { readonly kind: 'backup' | 'export'; readonly path: string }

/** In the order of recorder.c. */
const EVENT_KINDS = [
  'mark',
  'write',
  'truncate',
  'sync begins',
  'sync ended',
  'create',
  'link',
  'rename',
  'unlink',
  'mkdir',
] as const

export interface DiskEvent {
  readonly kind: (typeof EVENT_KINDS)[number]
  /** The path; of a rename or link, both paths, with a line break between them. */
  readonly text: string
  /** The number of the inode. */
  readonly file: bigint
  /** The offset of a write, the length of a truncation, or the thread of a sync. */
  readonly offset: number
  readonly data: Buffer
}

const HEAD_BYTES = 32

export function encodeMark(mark: Acknowledgment): Buffer {
  const data = Buffer.from(JSON.stringify(mark))
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32LE(EVENT_KINDS.indexOf('mark'), 0)
  head.writeBigUInt64LE(BigInt(data.length), 24)
  return Buffer.concat([head, data])
}

export const parseMark = ({ data }: DiskEvent): Acknowledgment => JSON.parse(String(data))

export function* readEvents(recording: Buffer): Generator<DiskEvent> {
  for (let at = 0; at < recording.length; ) {
    const kind = EVENT_KINDS[recording.readUInt32LE(at)]
    if (kind === undefined) throw new Error(`the recording is unreadable at ${at}`)
    const dataAt = at + HEAD_BYTES + recording.readUInt32LE(at + 4)
    const end = dataAt + Number(recording.readBigUInt64LE(at + 24))
    yield {
      kind,
      text: recording.toString('utf8', at + HEAD_BYTES, dataAt),
      file: recording.readBigUInt64LE(at + 8),
      offset: Number(recording.readBigInt64LE(at + 16)),
      data: recording.subarray(dataAt, end),
    }
    at = end
  }
}

/** The settings of the recorded server, and of those that start on what a power cut leaves. */
export const POWER_CUT_SETTINGS = { LATCHKEY_QUOTA_REQUESTS: '1000000000' }

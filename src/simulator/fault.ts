import { parseDurationMs } from '../domain/instant.ts'

/** The requests that a rule hits unless it says otherwise. */
type Target = 'every request' | 'token requests' | 'legacy token requests'

interface FaultKind {
  readonly about: string
  /** The duration if none is given; null for a fault that has none. */
  readonly duration: string | null
  readonly target: Target
  /** True for what happens to a key, which a rule does to each key once. */
  readonly changesKey?: true
}

export const FAULT_KINDS = {
  'lose-answer-before-commit': {
    about: 'The connection is cut before the server has read the request.',
    duration: null,
    target: 'every request',
  },
  'lose-answer-after-commit': {
    about: 'The server does its work, and the connection is cut instead of an answer.',
    duration: null,
    target: 'every request',
  },
  'answer-429': {
    about: 'The server says that there are too many requests. The duration is its Retry-After.',
    duration: '30s',
    target: 'every request',
  },
  'answer-503': {
    about: 'The server says that it is busy. The duration is its Retry-After.',
    duration: '30s',
    target: 'every request',
  },
  delay: {
    about: 'The request waits before the server reads it.',
    duration: '2s',
    target: 'every request',
  },
  'slow-body': {
    about: 'The body of the answer takes this long.',
    duration: '5s',
    target: 'every request',
  },
  'skew-clock': {
    about: 'The server’s clock is ahead for this request, or behind: skew-clock=-1h.',
    duration: '1h',
    target: 'every request',
  },
  'expire-token-early': {
    about: 'The issued token ends after this time, whatever its answer says.',
    duration: '60s',
    target: 'token requests',
  },
  'rotate-secret': {
    about: 'The key gets a new secret. The old one works as long as the duration says.',
    duration: '0s',
    target: 'token requests',
    changesKey: true,
  },
  brownout: {
    about:
      'An announced window, in which the server refuses exchange and refresh of the legacy key.',
    duration: '1h',
    target: 'legacy token requests',
    changesKey: true,
  },
  'revoke-key': {
    about: 'The key is revoked, with all its tokens.',
    duration: null,
    target: 'every request',
    changesKey: true,
  },
} as const satisfies Readonly<Record<string, FaultKind>>

/** The part of the requests that a fault hits. */
export const PERCENT_PATTERN = /^(\d{1,2}(\.\d+)?|100)%$/

export type FaultName = keyof typeof FAULT_KINDS

export interface Fault {
  readonly name: FaultName
  readonly ms: number
}

/** Parses `answer-503`, or `answer-503=30s`. Returns null if there is no such fault. */
export function parseFault(text: string): Fault | null {
  const [, name = '', , sign = '', value] = /^([a-z0-9-]+)(=(-?)(\w+))?$/.exec(text.trim()) ?? []
  if (!Object.hasOwn(FAULT_KINDS, name)) return null
  const kind: FaultKind = FAULT_KINDS[name as FaultName]
  if (value !== undefined && kind.duration === null) return null
  if (sign !== '' && name !== 'skew-clock') return null
  const ms = parseDurationMs(value ?? kind.duration ?? '0s')
  return ms === null ? null : { name: name as FaultName, ms: sign === '' ? ms : -ms }
}

export const formatFaultNames = (): string => Object.keys(FAULT_KINDS).join(', ')

/** What of a request matters to a destination. */
export type Received =
  | { readonly kind: 'handshake'; readonly token: string; readonly challenge: string }
  | {
      readonly kind: 'message'
      readonly dataModel: string
      readonly eventType: string
      /** Its name and its id. */
      readonly source: string
    }

/** Reads the body of a request; null where it is neither a handshake nor a message. */
export function readReceived(body: string): Received | null {
  const whole = fieldsOf(parse(body))
  const { challenge, 'verification-token': token } = whole
  if (token !== undefined) {
    return { kind: 'handshake', token: String(token), challenge: String(challenge) }
  }
  const { DataModel, EventType, Source } = fieldsOf(whole.Meta)
  if (typeof DataModel !== 'string' || typeof EventType !== 'string') return null
  const { Name = 'nobody', ID = 'no id' } = fieldsOf(Source)
  return { kind: 'message', dataModel: DataModel, eventType: EventType, source: `${Name} (${ID})` }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

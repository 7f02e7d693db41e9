import { randomBytes } from 'node:crypto'
import { type Listening, listen } from '../listen.ts'
import { hospitalApp } from './app.ts'

/** The demo's own destination. Its `url` is the page on which a person sees what arrives. */
export interface Hospital extends Listening {
  /** Where messages and the handshake go. */
  readonly messagesUrl: string
  /** What Latchkey and the hospital have agreed on: another one at each start. */
  readonly token: string
}

export async function openHospital(): Promise<Hospital> {
  const token = randomBytes(32).toString('base64url')
  const listening = await listen(hospitalApp(token))
  return { ...listening, messagesUrl: `${listening.url}/messages`, token }
}

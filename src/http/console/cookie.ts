import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { DEVICE_MS } from '../../service/people/devices.ts'

/** `__Host-`: no other host and no plain http can have set it (RFC 6265bis §4.1.3). */
const SESSION = '__Host-latchkey'
const ACCOUNT = '__Host-latchkey-account'
/** What a browser is known by that somebody has signed in with. */
const DEVICE = '__Host-latchkey-device'
const STRICT = { path: '/', httpOnly: true, secure: true, sameSite: 'Strict' } as const

export const sessionSecretOf = (c: Context): string | undefined => getCookie(c, SESSION)

/** Until the browser is closed, at most: the server ends it earlier. */
export const giveSession = (c: Context, secret: string) => setCookie(c, SESSION, secret, STRICT)

export function takeSession(c: Context): void {
  deleteCookie(c, SESSION, STRICT)
  deleteCookie(c, ACCOUNT, STRICT)
}

export const deviceOf = (c: Context): string | undefined => getCookie(c, DEVICE)

/** It outlives signing out: that is what it is for. */
export const giveDevice = (c: Context, mark: string) =>
  setCookie(c, DEVICE, mark, { ...STRICT, maxAge: DEVICE_MS / 1000 })

/** The account that an operator has chosen to see alone. It only narrows what he may see. */
export const chosenAccountOf = (c: Context): string | undefined => getCookie(c, ACCOUNT)

export function chooseAccount(c: Context, id: string | null): void {
  if (id === null) deleteCookie(c, ACCOUNT, STRICT)
  else setCookie(c, ACCOUNT, id, STRICT)
}

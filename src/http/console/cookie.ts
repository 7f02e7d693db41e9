import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { DEVICE_MS } from '../../service/people/devices.ts'
import { getBasePath } from './base-path.ts'

const SESSION = 'latchkey'
const ACCOUNT = 'latchkey-account'
/** What a browser is known by that somebody has signed in with. */
const DEVICE = 'latchkey-device'

/**
 * `__Host-`: no other host and no plain http can have set it (RFC 6265bis §4.1.3). That has no path:
 * beside others on one host, the path keeps it from them, and `__Secure-` is what is left.
 */
const nameFor = (c: Context, name: string) =>
  getBasePath(c) === '' ? `__Host-${name}` : `__Secure-${name}`

const optionsFor = (c: Context) =>
  ({ path: getBasePath(c) || '/', httpOnly: true, secure: true, sameSite: 'Strict' }) as const

export const sessionSecretOf = (c: Context): string | undefined => getCookie(c, nameFor(c, SESSION))

/** Until the browser is closed, at most: the server ends it earlier. */
export const giveSession = (c: Context, secret: string) =>
  setCookie(c, nameFor(c, SESSION), secret, optionsFor(c))

export function takeSession(c: Context): void {
  deleteCookie(c, nameFor(c, SESSION), optionsFor(c))
  deleteCookie(c, nameFor(c, ACCOUNT), optionsFor(c))
}

export const deviceOf = (c: Context): string | undefined => getCookie(c, nameFor(c, DEVICE))

/** It outlives signing out: that is what it is for. */
export const giveDevice = (c: Context, mark: string) =>
  setCookie(c, nameFor(c, DEVICE), mark, { ...optionsFor(c), maxAge: DEVICE_MS / 1000 })

/** The account that an operator has chosen to see alone. It only narrows what they may see. */
export const chosenAccountOf = (c: Context): string | undefined => getCookie(c, nameFor(c, ACCOUNT))

export function chooseAccount(c: Context, id: string | null): void {
  if (id === null) deleteCookie(c, nameFor(c, ACCOUNT), optionsFor(c))
  else setCookie(c, nameFor(c, ACCOUNT), id, optionsFor(c))
}

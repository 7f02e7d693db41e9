import type { Context } from 'hono'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { DEVICE_MARK_MS } from '../../service/sign-in/throttle.ts'
import { getConsolePaths } from './console-paths.ts'

const SESSION_COOKIE = 'latchkey'
const ACCOUNT_COOKIE = 'latchkey-account'
/** Marks a browser that a user has signed in with. */
const DEVICE_COOKIE = 'latchkey-device'

/**
 * A cookie with the `__Host-` prefix cannot come from another host or over plain http, and cannot have
 * a path (RFC 6265bis §4.1.3). Below a base path the cookie needs one, to keep it from other
 * applications on the host, so `__Secure-` is the strongest prefix left.
 */
const toCookieName = (c: Context, name: string) =>
  getConsolePaths(c).basePath === '' ? `__Host-${name}` : `__Secure-${name}`

const createCookieOptions = (c: Context) =>
  ({
    path: getConsolePaths(c).basePath || '/',
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
  }) as const

export const getSessionCookie = (c: Context): string | undefined =>
  getCookie(c, toCookieName(c, SESSION_COOKIE))

/** Lasts until the browser closes, at most. The server may end the session earlier. */
export const setSessionCookie = (c: Context, secret: string) =>
  setCookie(c, toCookieName(c, SESSION_COOKIE), secret, createCookieOptions(c))

export function deleteSessionCookies(c: Context): void {
  deleteCookie(c, toCookieName(c, SESSION_COOKIE), createCookieOptions(c))
  deleteCookie(c, toCookieName(c, ACCOUNT_COOKIE), createCookieOptions(c))
}

export const getDeviceCookie = (c: Context): string | undefined =>
  getCookie(c, toCookieName(c, DEVICE_COOKIE))

/** Outlives the session, so that the browser is known at the next sign-in. */
export const setDeviceCookie = (c: Context, deviceMark: string) =>
  setCookie(c, toCookieName(c, DEVICE_COOKIE), deviceMark, {
    ...createCookieOptions(c),
    maxAge: DEVICE_MARK_MS / 1000,
  })

/** The account that an operator has selected. It only narrows what they may see. */
export const getAccountCookie = (c: Context): string | undefined =>
  getCookie(c, toCookieName(c, ACCOUNT_COOKIE))

export function setAccountCookie(c: Context, id: string | null): void {
  if (id === null) deleteCookie(c, toCookieName(c, ACCOUNT_COOKIE), createCookieOptions(c))
  else setCookie(c, toCookieName(c, ACCOUNT_COOKIE), id, createCookieOptions(c))
}

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const THEME_COOKIE = 'latchkey-theme'
const THEME_COOKIE_SECONDS = 31_536_000

export function getThemeCookie(c: Context): Theme {
  return parseTheme(getCookie(c, THEME_COOKIE))
}

/** Returns the theme of this name, or the system's. */
export const parseTheme = (name: string | undefined): Theme =>
  THEMES.find((theme) => theme === name) ?? 'system'

export function setThemeCookie(c: Context, theme: Theme): void {
  setCookie(c, THEME_COOKIE, theme, {
    path: `${getConsolePaths(c).basePath}/console`,
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
    maxAge: THEME_COOKIE_SECONDS,
  })
}

import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

export type Theme = 'light' | 'dark' | 'system'

const COOKIE = 'latchkey-theme'
const YEAR_SECONDS = 31_536_000

export function themeOf(c: Context): Theme {
  const chosen = getCookie(c, COOKIE)
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system'
}

/** From the system's to dark, to light, and back. */
export const NEXT_THEME: Record<Theme, Theme> = { system: 'dark', dark: 'light', light: 'system' }

export function setTheme(c: Context, theme: Theme): void {
  setCookie(c, COOKIE, theme, {
    path: '/console',
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
    maxAge: YEAR_SECONDS,
  })
}

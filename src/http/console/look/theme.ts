import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { getBasePath } from '../base-path.ts'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const COOKIE = 'latchkey-theme'
const YEAR_SECONDS = 31_536_000

export function themeOf(c: Context): Theme {
  return themeNamed(getCookie(c, COOKIE))
}

/** The system's, where nobody has chosen another. */
export const themeNamed = (name: string | undefined): Theme =>
  THEMES.find((theme) => theme === name) ?? 'system'

export function setTheme(c: Context, theme: Theme): void {
  setCookie(c, COOKIE, theme, {
    path: `${getBasePath(c)}/console`,
    httpOnly: true,
    secure: true,
    sameSite: 'Strict',
    maxAge: YEAR_SECONDS,
  })
}

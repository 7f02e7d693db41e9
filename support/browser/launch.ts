import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core'
import { binaries } from './binaries.ts'

/** A Chromium that asks nothing of the network but what a page asks. */
const QUIET = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
]

/** How long the first launch on a busy machine may take: it unpacks 200 MB. */
export const LAUNCH_MS = 1_200_000

export function launch(): Promise<Browser> {
  const { chromium: executablePath, env } = binaries()
  return chromium.launch({
    executablePath,
    timeout: LAUNCH_MS,
    args: QUIET,
    // Back is as fast here as in the browsers of people: out of what was kept of the page.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    // Root may not run Chromium's sandbox; the pages are our own.
    chromiumSandbox: false,
    env: { ...(process.env as Record<string, string>), ...env },
  })
}

export const PHONE = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
} as const satisfies BrowserContextOptions

export const WIDE = { viewport: { width: 1440, height: 900 } } as const

export const SIZES = { phone: PHONE, wide: WIDE } as const
export const THEMES = ['light', 'dark'] as const

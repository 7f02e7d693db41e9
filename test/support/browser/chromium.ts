import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

/** A Chromium that asks nothing of the network but what a page asks. */
const CHROMIUM_FLAGS = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
]

/** How long the first launch on a busy machine may take: it unpacks 200 MB. */
export const LAUNCH_TIMEOUT_MS = 1_200_000

export function launchChromium(): Promise<Browser> {
  const { chromium: executablePath, env } = installChromium()
  return chromium.launch({
    executablePath,
    timeout: LAUNCH_TIMEOUT_MS,
    args: CHROMIUM_FLAGS,
    // Back is as fast here as in the browsers of people: out of what was kept of the page.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    // Root may not run Chromium's sandbox; the pages are our own.
    chromiumSandbox: false,
    env: { ...(process.env as Record<string, string>), ...env },
  })
}

export const PHONE_VIEWPORT = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
} as const satisfies BrowserContextOptions

export const DESKTOP_VIEWPORT = { viewport: { width: 1440, height: 900 } } as const

export const VIEWPORTS = { phone: PHONE_VIEWPORT, wide: DESKTOP_VIEWPORT } as const
export const COLOR_SCHEMES = ['light', 'dark'] as const

export interface MonitoredPage {
  readonly page: Page
  /** Everything that went wrong in the browser and was not announced. */
  unexpectedErrors(): string[]
  /** Declares an error that the test is about to provoke. */
  expectError(fault: RegExp): void
  /** Fails where something is left that was not announced. */
  close(): Promise<void>
}

/** A page in a context of its own that hears what its browser complains of. */
export async function openMonitoredPage(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<MonitoredPage> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  // A page of a busy machine comes late.
  context.setDefaultTimeout(LAUNCH_TIMEOUT_MS)
  const errors: string[] = []
  const expectedErrors: RegExp[] = []
  // Violations of the content security policy are errors of the console.
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text())
  })
  context.on('weberror', (error) => errors.push(error.error().message))
  context.on('requestfailed', (request) => {
    errors.push(`${request.url()}: ${request.failure()?.errorText ?? 'failed'}`)
  })
  const unexpectedErrors = () =>
    errors.filter((fault) => !expectedErrors.some((pattern) => pattern.test(fault)))
  return {
    page: await context.newPage(),
    unexpectedErrors,
    expectError: (fault) => {
      expectedErrors.push(fault)
    },
    close: async () => {
      await context.close()
      if (unexpectedErrors().length > 0)
        throw new Error(`The browser complained: ${unexpectedErrors().join('; ')}`)
    },
  }
}

const PACKAGE_FOLDER = join(
  dirname(createRequire(import.meta.url).resolve('@sparticuz/chromium')),
  '..',
)
const { version } = JSON.parse(readFileSync(join(PACKAGE_FOLDER, 'package.json'), 'utf8')) as {
  version: string
}
const CACHE_FOLDER = join(import.meta.dirname, '../../../node_modules/.cache')
const CHROMIUM_FOLDER = join(CACHE_FOLDER, `chromium-${version}`)

export interface ChromiumInstallation {
  readonly chromium: string
  /** The paths of the libraries and fonts that came with the browser. */
  readonly env: Readonly<Record<string, string>>
}

/** Unpacks the browser once for each machine. The second process to finish deletes its own copy. */
export function installChromium(): ChromiumInstallation {
  if (!existsSync(CHROMIUM_FOLDER)) unpackChromium()
  return {
    chromium: join(CHROMIUM_FOLDER, 'chromium'),
    env: {
      LD_LIBRARY_PATH: join(CHROMIUM_FOLDER, 'al2023/lib'),
      FONTCONFIG_FILE: join(CHROMIUM_FOLDER, 'fonts.conf'),
    },
  }
}

function unpackChromium(): void {
  mkdirSync(CACHE_FOLDER, { recursive: true })
  const draftFolder = mkdtempSync(join(CACHE_FOLDER, 'chromium-unpacking-'))
  const program = join(import.meta.dirname, './unpack-chromium.ts')
  execFileSync(process.execPath, [program], { env: { ...process.env, TMPDIR: draftFolder } })
  writeFileSync(join(draftFolder, 'fonts.conf'), formatFontConfig(CHROMIUM_FOLDER))
  try {
    renameSync(draftFolder, CHROMIUM_FOLDER)
  } catch (error) {
    rmSync(draftFolder, { recursive: true })
    if (!existsSync(CHROMIUM_FOLDER)) throw error
  }
}

/** The package's own fonts first, so that a machine without any shows text too. They move with this file. */
const formatFontConfig = (home: string) => `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">fonts/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${dirname(home)}/fontconfig</cachedir>
</fontconfig>
`

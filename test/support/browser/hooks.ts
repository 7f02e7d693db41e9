import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import type { Role } from '../../../src/domain/role.ts'
import {
  LAUNCH_TIMEOUT_MS,
  launchChromium,
  type MonitoredPage,
  openMonitoredPage,
} from './chromium.ts'
import { signInAs } from './user-actions.ts'

/** A browser, and what is looked at with it: opened before the first test of a file, closed after its last. */
export function useBrowser<Seen extends { close(): Promise<void> }>(
  open: () => Promise<Seen>,
  onOpen: (browser: Browser, fixture: Seen) => Promise<void> | void,
): void {
  let browser: Browser | undefined
  let fixture: Seen | undefined
  beforeAll(async () => {
    ;[browser, fixture] = await Promise.all([launchChromium(), open()])
    await onOpen(browser, fixture)
  }, LAUNCH_TIMEOUT_MS)
  afterAll(async () => {
    await browser?.close()
    await fixture?.close()
  })
}

/** Opens the console as a user of this role, in a browser context of its own. */
export async function openSignedInPage(
  browser: Browser,
  url: string,
  role: Role,
  options: Parameters<typeof openMonitoredPage>[1] = {},
): Promise<MonitoredPage> {
  const monitoredPage = await openMonitoredPage(browser, options)
  await signInAs(monitoredPage.page, url, role)
  return monitoredPage
}

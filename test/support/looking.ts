import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import type { Role } from '../../src/domain/key.ts'
import { type Attentive, attentive } from '../../support/browser/attentive.ts'
import { LAUNCH_MS, launch } from '../../support/browser/launch.ts'
import { comeIn } from '../../support/console/sign-in.ts'

/** A browser, and what is looked at with it: opened before the first test of a file, closed after its last. */
export function lookAt<Seen extends { close(): Promise<void> }>(
  open: () => Promise<Seen>,
  opened: (browser: Browser, seen: Seen) => Promise<void> | void,
): void {
  let browser: Browser | undefined
  let seen: Seen | undefined
  beforeAll(async () => {
    ;[browser, seen] = await Promise.all([launch(), open()])
    await opened(browser, seen)
  }, LAUNCH_MS)
  afterAll(async () => {
    await browser?.close()
    await seen?.close()
  })
}

/** Somebody of this role, at the console of a world, with a browser context of his own. */
export async function signedInto(
  browser: Browser,
  url: string,
  role: Role,
  options: Parameters<typeof attentive>[1] = {},
): Promise<Attentive> {
  const somebody = await attentive(browser, options)
  await comeIn(somebody.page, url, role)
  return somebody
}

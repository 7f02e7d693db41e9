import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { LAUNCH_MS } from './launch.ts'

export interface Attentive {
  readonly page: Page
  /** Everything that went wrong in the browser and was not announced. */
  faults(): string[]
  /** What this test is about to provoke on purpose. */
  announce(fault: RegExp): void
  /** Fails where something is left that was not announced. */
  close(): Promise<void>
}

/** A page in a context of its own that hears what its browser complains of. */
export async function attentive(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Attentive> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  // A page of a busy machine comes late.
  context.setDefaultTimeout(LAUNCH_MS)
  const heard: string[] = []
  const announced: RegExp[] = []
  // Violations of the content security policy are errors of the console.
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') heard.push(message.text())
  })
  context.on('weberror', (error) => heard.push(error.error().message))
  context.on('requestfailed', (request) => {
    heard.push(`${request.url()}: ${request.failure()?.errorText ?? 'failed'}`)
  })
  const faults = () => heard.filter((fault) => !announced.some((known) => known.test(fault)))
  return {
    page: await context.newPage(),
    faults,
    announce: (fault) => {
      announced.push(fault)
    },
    close: async () => {
      await context.close()
      if (faults().length > 0) throw new Error(`The browser complained: ${faults().join('; ')}`)
    },
  }
}

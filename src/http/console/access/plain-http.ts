import type { Context } from 'hono'
import { isLoopback } from '../../../domain/address.ts'
import { type Html, nothing } from '../parts/html.ts'
import { notice } from '../parts/words.ts'

/**
 * Warns, before a password is typed, that signing in will lead back to this form: browsers keep Secure
 * cookies only over https or from their own machine.
 */
export function plainHttpNotice(c: Context, consoleUrl: string): Html {
  if (keepsCookies(c, consoleUrl)) return nothing
  const { protocol } = new URL(consoleUrl)
  const where =
    protocol === 'https:'
      ? `Open ${consoleUrl}/console instead.`
      : 'Open the console at its https address, or at localhost on the server itself. If it has no https address, ask the operator to set LATCHKEY_CONSOLE_URL to one.'
  return notice(
    'warn',
    'You cannot stay signed in here',
    `This page came over plain http. Your password could be read on its way, and your browser would not keep the session, so signing in would lead back to this form. ${where}`,
  )
}

function keepsCookies(c: Context, consoleUrl: string): boolean {
  const seen = new URL(c.req.url)
  const isEncrypted =
    seen.protocol === 'https:' ||
    c.req.header('x-forwarded-proto') === 'https' ||
    (consoleUrl.startsWith('https:') && new URL(consoleUrl).host === seen.host)
  // Browsers send Fetch Metadata only to origins where they also keep Secure cookies.
  return isEncrypted || isLoopback(seen.hostname) || c.req.header('sec-fetch-site') !== undefined
}

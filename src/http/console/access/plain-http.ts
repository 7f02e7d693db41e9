import type { Context } from 'hono'
import { isLoopback } from '../../../domain/address.ts'
import { type Html, nothing } from '../parts/html.ts'
import { notice } from '../parts/words.ts'

/**
 * Says why signing in leads back to the form, before a password is typed: browsers keep Secure cookies
 * that came over https, or from their own machine, alone.
 */
export function plainHttpNotice(c: Context, consoleUrl: string): Html {
  if (keepsCookies(c, consoleUrl)) return nothing
  const { protocol } = new URL(consoleUrl)
  const where =
    protocol === 'https:'
      ? `Open ${consoleUrl}/console instead.`
      : 'Open the console by an https address, or on the server itself at localhost: whoever runs the server sets LATCHKEY_CONSOLE_URL.'
  return notice(
    'warn',
    'You cannot stay signed in here',
    `This page came over plain http: your password could be read on its way, and your browser keeps no session, so that signing in leads back to this form. ${where}`,
  )
}

function keepsCookies(c: Context, consoleUrl: string): boolean {
  const seen = new URL(c.req.url)
  const isEncrypted =
    seen.protocol === 'https:' ||
    c.req.header('x-forwarded-proto') === 'https' ||
    (consoleUrl.startsWith('https:') && new URL(consoleUrl).host === seen.host)
  // Browsers send Fetch Metadata where they keep Secure cookies, and nowhere else.
  return isEncrypted || isLoopback(seen.hostname) || c.req.header('sec-fetch-site') !== undefined
}

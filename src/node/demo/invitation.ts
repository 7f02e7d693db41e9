import type { Running } from '../server.ts'
import type { Hospital } from './hospital/open.ts'
import { paint } from './paint.ts'
import type { Seeded } from './seed.ts'
import { deviceNew } from './walk/redox.ts'

/** What a newcomer can paste, once the walk is over. */
export function invitationOf(
  { url, console }: Pick<Running, 'url' | 'console'>,
  { redox, console: operator }: Seeded,
  hospital: Hospital,
  dataDir: string,
): string {
  const { apiKey, secret, destinationId } = redox
  const message = JSON.stringify(deviceNew(destinationId))
  const send = `curl -s ${url}/endpoint -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '${message}'`
  return `
${paint('bold', `Latchkey is up at ${url}`)}. Its destination, a hospital, shows what arrives at ${paint('bold', `${hospital.url}/`)}
${console === null ? '' : `The console is at ${paint('bold', `${console.url}/console`)}: sign in as ${operator.username} with the password ${operator.password}\n`}
Open that page, and paste these into another terminal:

${paint('bold', '1. Send a message.')} It arrives at once.

TOKEN=$(curl -s ${url}/auth/authenticate -H 'Content-Type: application/json' \\
  -d '{"apiKey":"${apiKey}","secret":"${secret}"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')

${send}

${paint('bold', '2. Make the hospital fail, and send again.')} It is tried at once, then after 10, 10, 20 and 30 s; and the queue is kept.

curl -s -d failing=on ${hospital.url}/switch

${send}

LATCHKEY_DATA=${dataDir} npm run -s latchkey -- messages list --limit 3

${paint('bold', '3. Let it recover.')} What waited arrives in its order, at its next try.

curl -s -d failing=off ${hospital.url}/switch

${paint('dim', 'Ctrl-C stops it. The data stays; the next start shows the same key.')}
`
}

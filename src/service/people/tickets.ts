import { isPending } from '../../domain/instant.ts'
import type { Credentials } from '../ports/people.ts'
import type { AccessDeps } from './deps.ts'
import { ticketText } from './kept.ts'

/** Time to find the device. */
const TICKET_MS = 5 * 60 * 1000
const CONTEXT = 'ticket'

/**
 * A password that was right is not typed again, nor written into a page: what the page carries is
 * sealed, says whose it was, and is worth nothing without a code, later, or after a new password.
 */
export function createTickets({
  storage,
  sealer,
  digester,
  clock,
}: Pick<AccessDeps, 'storage' | 'sealer' | 'digester' | 'clock'>) {
  return {
    async write({ user, passwordHash }: Credentials): Promise<string> {
      const of = digester.digest(ticketText(passwordHash ?? ''))
      const text = [user.id, clock() + TICKET_MS, of].join(' ')
      return sealer.seal(new TextEncoder().encode(text), CONTEXT)
    },

    async read(ticket: string): Promise<Credentials | null> {
      const text = await open(ticket).catch(() => '')
      const [userId = '', endsAt = '0', of = ''] = text.split(' ')
      if (!isPending(Number(endsAt), TICKET_MS, clock())) return null
      const credentials = await storage.findCredentialsOf(userId)
      if (credentials === null || credentials.user.leftAt !== null) return null
      return digester.matches(ticketText(credentials.passwordHash ?? ''), [of]) ? credentials : null
    },
  }

  async function open(ticket: string): Promise<string> {
    return new TextDecoder().decode(await sealer.open(ticket, CONTEXT))
  }
}

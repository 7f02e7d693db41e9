import type { Latchkey } from '../../compose.ts'
import type { Seeded } from './seed.ts'
import { done } from './seed-account.ts'

/** Who looks at the demo in a browser: an operator, as his link makes him. His password is made here, as the demo's keys are. */
export async function seedOperator({ access, people }: Latchkey): Promise<Seeded['console']> {
  const { secret } = done(await people.inviteFirst())
  const username = 'operator'
  const password = crypto.randomUUID()
  const first = {
    accountName: 'Latchkey Demo',
    email: 'operator@latchkey.example',
    username,
    password,
  }
  const caller = { address: '127.0.0.1', requestId: crypto.randomUUID(), path: '/console/welcome' }
  const accepted = await access.accept(secret, first, caller)
  if (!accepted.ok) throw new Error(`the demo has no operator: ${accepted.failure.reason}`)
  return { username, password }
}

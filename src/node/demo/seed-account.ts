import type { Latchkey } from '../../compose.ts'
import type { Role } from '../../domain/key.ts'
import type { Done } from '../../service/operator.ts'

/** An account with one person, who may hold keys. */
export async function seedAccount(
  { accounts }: Latchkey,
  name: string,
  role: Role,
  username?: string,
): Promise<{ accountId: string; ownerId: string }> {
  const accountId = done(await accounts.create({ name })).id
  const email = `${username ?? role}@${name.toLowerCase().replaceAll(' ', '-')}.example`
  const owner = done(await accounts.addUser({ accountId, email, role, username }))
  return { accountId, ownerId: owner.id }
}

export function done<T>(result: Done<T>): T {
  if (!result.ok) throw new Error(`the demo cannot be seeded: ${result.failure.message}`)
  return result.value
}

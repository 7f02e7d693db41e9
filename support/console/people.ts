import type { Role } from '../../src/domain/key.ts'
import { from, got, PASSWORD } from '../../test/support/people.ts'
import { done, type TestServer } from '../../test/support/server.ts'

/** Who signs in to the world's console: one of each role, by username. */
export const SIGNS_IN = {
  operator: 'mara.olsen',
  administrator: 'tom.adeyemi',
  engineer: 'ines.roth',
  member: 'lena.park',
} as const satisfies Record<Role, string>

/** The first operator, with an account of its own, as the printed link makes it. */
export async function seedOperator({ access, people }: TestServer) {
  const { secret } = done(await people.inviteFirst())
  const first = {
    accountName: 'Meridian Health IT',
    email: 'mara.olsen@meridian.example',
    username: SIGNS_IN.operator,
    password: PASSWORD,
  }
  return got(await access.accept(secret, first, from()))
}

/** Somebody of an account who has chosen a password. */
export async function seedSignedUp(
  { accounts, people, access }: TestServer,
  { accountId, role, username }: { accountId: string; role: Role; username: string },
) {
  const email = `${username}@harbour-lane.example`
  const user = done(await accounts.addUser({ accountId, email, role, username }))
  const { secret } = done(await people.invite(user.id))
  got(await access.accept(secret, { password: PASSWORD }, from()))
  return user
}

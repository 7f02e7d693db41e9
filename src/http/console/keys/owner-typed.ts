import { ok } from '../../../domain/failure.ts'
import { type Done, invalid } from '../../../service/operator.ts'
import type { User } from '../../../service/ports.ts'
import { text, type Visit } from '../visit.ts'
import { findPerson } from './owners.ts'

/** Whom the form names as the owner: chosen from its list, or typed. */
export async function readOwner(visit: Visit, accountId: string): Promise<Done<User>> {
  const called = text(visit, 'owner-chosen') || text(visit, 'owner')
  if (called === '') return invalid('a key needs an owner: type a part of their e-mail address')
  const person = await findPerson(visit, called, accountId)
  return person === null
    ? invalid(`nobody of this account is called “${called}”: choose somebody of the list`)
    : ok(person)
}

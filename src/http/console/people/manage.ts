import type { NotDone } from '../access/again.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { changeSeen } from '../refusal.ts'
import { part, text } from '../visit.ts'
import type { Refused } from './changes.ts'
import { PEOPLE } from './paths.ts'
import { showPerson } from './person.ts'
import { NO_ROLE, roleOf } from './role-choices.ts'

const HERE = `${PEOPLE}/:id`

/** What others may change of a person. Each is felt at his next click. */
export function mountManaging(area: Area): void {
  area.act(`${HERE}/role`, 'users.write', async (visit) => {
    const [id, role] = [part(visit, 'id'), roleOf(text(visit, 'role'))]
    if (role === undefined) return showPerson(visit, not('role', NO_ROLE))
    const proved = await visit.again.prove()
    if (!proved.ok) return showPerson(visit, not('role', proved.failure))
    const { accounts } = proved.value.desk
    const changed = await changeSeen(visit, await accounts.findUser(id), {
      textOf: (row) => row.role,
      wished: role,
      change: () => accounts.setRole(id, role),
    })
    return changed.ok
      ? seeOther(visit.c, `${PEOPLE}/${id}`, 'user-role-changed')
      : showPerson(visit, not('role', changed.failure))
  })

  area.act(`${HERE}/username`, 'users.write', async (visit) => {
    const { accounts, people } = visit.desk
    const [id, username] = [part(visit, 'id'), text(visit, 'username')]
    const isSet = await changeSeen(visit, await accounts.findUser(id), {
      textOf: (row) => row.username ?? '',
      wished: username,
      change: () => people.setUsername(id, username),
    })
    return isSet.ok
      ? seeOther(visit.c, `${PEOPLE}/${id}`, 'user-username-set')
      : showPerson(visit, not('username', isSet.failure))
  })

  area.act(`${HERE}/email`, 'users.write', async (visit) => {
    const { accounts } = visit.desk
    const [id, email] = [part(visit, 'id'), text(visit, 'email')]
    const isSet = await changeSeen(visit, await accounts.findUser(id), {
      textOf: (row) => row.email,
      wished: email,
      change: () => accounts.setEmail(id, email),
    })
    return isSet.ok
      ? seeOther(visit.c, `${PEOPLE}/${id}`, 'user-email-set')
      : showPerson(visit, not('email', isSet.failure))
  })

  area.act(`${HERE}/sign-out`, 'users.write', async (visit) => {
    const id = part(visit, 'id')
    const done = await visit.desk.people.signOut(id)
    return done.ok
      ? seeOther(visit.c, `${PEOPLE}/${id}`, 'user-signed-out')
      : showPerson(visit, not('sign-out', done.failure))
  })
}

const not = (form: Refused['form'], failure: NotDone): Refused => ({ form, failure })

import type { Refusal } from '../../../service/operator.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { changeSeen } from '../refusal.ts'
import { part, text } from '../visit.ts'
import type { Refused } from './changes.ts'
import { lastInvited } from './let-in.ts'
import { linkPage } from './link-page.ts'
import { PEOPLE } from './paths.ts'
import { showPerson } from './person.ts'
import { NO_ROLE, roleOf } from './role-choices.ts'

const HERE = `${PEOPLE}/:id`

/** What others may change of a person. Each is felt at his next click. */
export function mountManaging(area: Area): void {
  area.act(`${HERE}/role`, 'users.write', async (visit) => {
    const { accounts } = visit.desk
    const [id, role] = [part(visit, 'id'), roleOf(text(visit, 'role'))]
    if (role === undefined) return showPerson(visit, not('role', NO_ROLE))
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

  area.act(`${HERE}/invite`, 'users.write', async (visit) => {
    const id = part(visit, 'id')
    if ((await lastInvited(visit, id)) !== text(visit, 'seen')) {
      return showPerson(visit, not('invite', ANOTHER_LINK))
    }
    const [user, invited] = [
      await visit.desk.accounts.findUser(id),
      await visit.desk.people.invite(id),
    ]
    if (!invited.ok) return showPerson(visit, not('invite', invited.failure))
    return user.ok
      ? linkPage(visit, user.value, invited.value)
      : showPerson(visit, not('invite', user.failure))
  })

  area.act(`${HERE}/sign-out`, 'users.write', async (visit) => {
    const id = part(visit, 'id')
    const done = await visit.desk.people.signOut(id)
    return done.ok
      ? seeOther(visit.c, `${PEOPLE}/${id}`, 'user-signed-out')
      : showPerson(visit, not('sign-out', done.failure))
  })
}

const not = (form: Refused['form'], failure: Refusal): Refused => ({ form, failure })

const ANOTHER_LINK: Refusal = {
  problem: 'conflict',
  message:
    'a link was made since this page was loaded, and it is not shown again. Press the button once more for another: the one before it is then good no longer',
}

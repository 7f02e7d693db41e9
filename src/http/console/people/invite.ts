import { html } from 'hono/html'
import type { NotDone } from '../access/again.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { problem } from '../problem.ts'
import { part, text, type Visit } from '../visit.ts'
import { linkPage } from './link-page.ts'
import { ABOVE_PEOPLE, PEOPLE } from './paths.ts'

const HERE = `${PEOPLE}/:id/invite`

/** A link by which somebody comes to a password: whoever has it is that person, so it takes proof. */
export function mountInviting(area: Area): void {
  area.show(HERE, 'users.write', (visit) => ask(visit, null))

  area.act(HERE, 'users.write', async (visit) => {
    const id = part(visit, 'id')
    if ((await lastInvited(visit, id)) !== text(visit, 'seen')) return ask(visit, ANOTHER_LINK)
    const proved = await visit.again.prove()
    if (!proved.ok) return ask(visit, proved.failure)
    const { accounts, people } = proved.value.desk
    const [user, invited] = [await accounts.findUser(id), await people.invite(id)]
    if (!invited.ok) return ask(visit, invited.failure)
    return user.ok ? linkPage(visit, user.value, invited.value) : ask(visit, user.failure)
  })
}

async function ask(visit: Visit, refusal: NotDone | null): Promise<Response> {
  const found = await visit.desk.accounts.findUser(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const { id, email } = found.value
  const back = `${PEOPLE}/${id}`
  return confirm(visit, {
    title: `Make a one-time link for ${email}?`,
    crumbs: [...ABOVE_PEOPLE, { href: back, text: email }],
    text: html`<p>It leads to a new password, for whoever completes its form first, within three days. The link before it is then good no longer.</p>`,
    button: 'Make the link',
    back,
    fields: { seen: await lastInvited(visit, id) },
    again: true,
    refusal,
  })
}

/** The last link that was made: who sends a form that has seen another makes none. */
async function lastInvited(visit: Visit, userId: string): Promise<string> {
  const [event] = await visit.desk.audit.list({
    subject: userId,
    action: 'user.invited',
    limit: 1,
  })
  return event?.id ?? ''
}

const ANOTHER_LINK: NotDone = {
  problem: 'conflict',
  message:
    'a link was made since this page was loaded, and it is not shown again. Send the form once more for another: the one before it is then good no longer',
}

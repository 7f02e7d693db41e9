import type { Refusal } from '../../../service/operator.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { problem } from '../problem.ts'
import { part, type Visit } from '../visit.ts'
import { ABOVE_ACCOUNTS, ACCOUNTS } from './paths.ts'

const STEPS = {
  close: {
    to: 'closed',
    title: (name: string) => `Close ${name}?`,
    text: 'Every key of it is refused from the next request on, and all its people are signed out and cannot sign in. Nothing is deleted: it can be opened again.',
    button: 'Close the account',
    look: 'danger primary',
    said: 'account-closed',
  },
  reopen: {
    to: 'open',
    title: (name: string) => `Open ${name} again?`,
    text: 'Every key that was not disabled or revoked by itself works again at the next request, and its people can sign in.',
    button: 'Open the account',
    look: 'primary',
    said: 'account-opened',
  },
} as const

type Step = (typeof STEPS)[keyof typeof STEPS]

/** An account is closed and opened by who has been told what that means. */
export function mountStatus(area: Area): void {
  for (const [name, step] of Object.entries(STEPS)) {
    const path = `${ACCOUNTS}/:id/${name}`
    area.show(path, 'accounts.write', (visit) => ask(visit, step, null))
    area.act(path, 'accounts.write', async (visit) => {
      const id = part(visit, 'id')
      const done = await visit.desk.accounts.setStatus(id, step.to)
      return done.ok
        ? seeOther(visit.c, `${ACCOUNTS}/${id}`, step.said)
        : ask(visit, step, done.failure)
    })
  }
}

async function ask(visit: Visit, step: Step, refusal: Refusal | null): Promise<Response> {
  const found = await visit.desk.accounts.find(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const { id, name } = found.value
  const back = `${ACCOUNTS}/${id}`
  return confirm(visit, {
    title: step.title(name),
    crumbs: [...ABOVE_ACCOUNTS, { href: back, text: name }],
    text: step.text,
    button: step.button,
    look: step.look,
    back,
    refusal,
  })
}

import { html } from 'hono/html'
import type { Result } from '../../../domain/failure.ts'
import type { User } from '../../../service/ports.ts'
import type { NotDone } from '../access/again.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import type { Said } from '../look/said.ts'
import type { Html } from '../parts/html.ts'
import { plural } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { part, type Visit } from '../visit.ts'
import { ABOVE_PEOPLE, PEOPLE } from './paths.ts'

interface Step {
  readonly path: string
  readonly title: (user: User) => string
  readonly text: (visit: Visit, user: User) => Promise<Html> | Html
  readonly button: string
  readonly work: (visit: Visit, id: string) => Promise<Result<User, NotDone>>
  /** Whether `work` takes the proof that it is he who asks. */
  readonly again: boolean
  readonly said: Said
}

const STEPS: readonly Step[] = [
  {
    path: 'leave',
    title: ({ email }) => `Let ${email} leave?`,
    text: whatBecomes,
    button: 'Let them leave',
    work: ({ desk }, id) => desk.accounts.leave(id),
    again: false,
    said: 'user-left',
  },
  {
    path: 'reset-second-factor',
    title: ({ email }) => `Reset the second factor of ${email}?`,
    text: () => html`<p>From then on the password alone is asked for, until another is set up.</p>
      <p>Be sure who asks: call back on a number that you know.</p>`,
    button: 'Reset it',
    async work({ again }, id) {
      const proved = await again.prove()
      return proved.ok ? proved.value.desk.people.resetSecondFactor(id) : proved
    },
    again: true,
    said: 'user-second-factor-reset',
  },
]

/** What is asked once more before it is done to somebody. */
export function mountLeaving(area: Area): void {
  for (const step of STEPS) {
    const path = `${PEOPLE}/:id/${step.path}`
    area.show(path, 'users.write', (visit) => ask(visit, step, null))
    area.act(path, 'users.write', async (visit) => {
      const id = part(visit, 'id')
      const done = await step.work(visit, id)
      return done.ok
        ? seeOther(visit.c, `${PEOPLE}/${id}`, step.said)
        : ask(visit, step, done.failure)
    })
  }
}

async function ask(visit: Visit, step: Step, refusal: NotDone | null): Promise<Response> {
  const found = await visit.desk.accounts.findUser(part(visit, 'id'))
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const user = found.value
  const back = `${PEOPLE}/${user.id}`
  return confirm(visit, {
    title: step.title(user),
    crumbs: [...ABOVE_PEOPLE, { href: back, text: user.email }],
    text: await step.text(visit, user),
    button: step.button,
    look: 'danger primary',
    back,
    again: step.again,
    refusal,
  })
}

async function whatBecomes(visit: Visit, user: User): Promise<Html> {
  const { accounts, places } = visit.desk
  const [account, [counted]] = await Promise.all([
    accounts.find(user.accountId),
    places.countKeys('owner', [user.id]),
  ])
  const keys = counted?.keys ?? 0
  const disables = account.ok && account.value.departedKeys === 'disable'
  return html`<p>They are signed out at once and cannot sign in again. This cannot be undone: who comes back is added anew.</p>
    ${
      keys === 0
        ? html`<p>They own no keys.</p>`
        : html`<p>They own <a href="/console/keys?owner=${user.id}">${plural(keys, 'key')}</a>. ${
            disables
              ? html`<strong>Those that are enabled are disabled with them</strong>: the next request with one is refused. Give them to somebody else first, if programs depend on them.`
              : html`Those go on working, and are flagged until somebody else owns them.`
          } What becomes of them is a choice of the account, under <a href="/console/settings">Settings</a>.</p>`
    }`
}

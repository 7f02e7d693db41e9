import type { Refusal } from '../../../service/operator.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { problem } from '../problem.ts'
import { part, type Visit } from '../visit.ts'
import { ABOVE_DESTINATION, DESTINATIONS } from './paths.ts'

const WORDS = {
  vouch: {
    title: (name: string) => `Vouch for ${name}?`,
    text: (name: string, url: string) =>
      `From now on health data is sent to ${name} at ${url}, on your word that the URL is theirs. If it can repeat a challenge, verify it instead. The audit says who vouched.`,
    button: 'Vouch for it',
    look: 'primary',
    said: 'destination-vouched',
  },
  doubt: {
    title: (name: string) => `Doubt ${name}?`,
    text: (name: string, url: string) =>
      `What sources send to ${name} at ${url} is refused from now on, until it is verified again. What is queued already still goes out: pause its feeds to hold that back.`,
    button: 'Doubt it',
    look: 'danger primary',
    said: 'destination-doubted',
  },
} as const

/** To take somebody for who he says without proof, or no longer. */
export function mountVouch(area: Area): void {
  for (const verb of ['vouch', 'doubt'] as const) {
    const path = `${DESTINATIONS}/:id/${verb}`
    area.show(path, 'destinations.vouch', (visit) => ask(visit, verb, null))
    area.act(path, 'destinations.vouch', async (visit) => {
      const id = part(visit, 'id')
      const done = await visit.desk.routes.setVerified(id, verb === 'vouch')
      return done.ok
        ? seeOther(visit.c, `${DESTINATIONS}/${id}`, WORDS[verb].said)
        : ask(visit, verb, done.failure)
    })
  }
}

async function ask(
  visit: Visit,
  verb: keyof typeof WORDS,
  refusal: Refusal | null,
): Promise<Response> {
  const id = part(visit, 'id')
  const found = await visit.desk.routes.findDestination(id)
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const { name, url } = found.value
  const { title, text, button, look } = WORDS[verb]
  return confirm(visit, {
    title: title(name),
    button,
    look,
    refusal,
    text: text(name, url ?? 'no URL yet'),
    crumbs: [...ABOVE_DESTINATION, { href: `${DESTINATIONS}/${id}`, text: name }],
    back: `${DESTINATIONS}/${id}`,
  })
}

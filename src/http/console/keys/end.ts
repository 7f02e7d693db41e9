import { html } from 'hono/html'
import { traitsOf } from '../../../domain/dialect.ts'
import type { Keys } from '../../../service/keys.ts'
import type { Done, Refusal } from '../../../service/operator.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import type { Said } from '../look/said.ts'
import { field, form, link, submit } from '../parts/form.ts'
import { moment } from '../parts/time.ts'
import { facts, refused } from '../parts/words.ts'
import { statusOf } from '../refusal.ts'
import { text, type Visit } from '../visit.ts'
import { crumbsOf, KEYS, pathOf } from './paths.ts'
import { withKey } from './with-key.ts'
import { DIALECT_WORDS } from './words.ts'

/** What ends a key for ever, once its name is typed. */
interface Ending {
  readonly verb: 'revoke' | 'delete'
  readonly title: string
  readonly outcome: string
  readonly said: Said
  readonly end: (keys: Keys, id: string) => Promise<Done<unknown>>
  readonly next: (key: KeySummary) => string
}

const REVOKE: Ending = {
  verb: 'revoke',
  title: 'Revoke the key',
  outcome:
    'From the next request on it is refused, and so are its tokens. That is final: no secret and no enabling brings it back. It stays listed.',
  said: 'key-revoked',
  end: (keys, id) => keys.revoke(id),
  next: pathOf,
}

const DELETE: Ending = {
  verb: 'delete',
  title: 'Delete the key',
  outcome:
    'From the next request on it is refused, for ever, and it is gone from every list. The audit keeps what it was.',
  said: 'key-removed',
  end: (keys, id) => keys.remove(id),
  next: () => KEYS,
}

export function mountEnd(area: Area): void {
  for (const ending of [REVOKE, DELETE]) {
    const path = `${KEYS}/:id/${ending.verb}`
    area.show(
      path,
      'keys.write',
      withKey((visit, key) => ask(visit, key, ending, null)),
    )
    area.act(
      path,
      'keys.write',
      withKey(async (visit, key) => {
        if (text(visit, 'name') !== key.name) {
          const message = `type the name of the key, as it stands here, to ${ending.verb} it`
          return ask(visit, key, ending, { problem: 'invalid', message })
        }
        const ended = await ending.end(visit.desk.keys, key.id)
        return ended.ok
          ? seeOther(visit.c, ending.next(key), ending.said)
          : ask(visit, key, ending, ended.failure)
      }),
    )
  }
}

function ask(
  visit: Visit,
  key: KeySummary,
  { verb, title, outcome }: Ending,
  refusal: Refusal | null,
): Promise<Response> {
  const { lastUsedAt, dialect } = key
  const body = html`${refused(refusal?.message ?? null)}
    <section class="card">
      <p>${outcome}${key.status === 'enabled' ? ' Not sure? Disable it instead: that can be undone.' : ''}</p>
      ${facts([
        ['Name', html`<strong>${key.name}</strong>`],
        ['Dialect', DIALECT_WORDS[dialect].name],
        ['Last used', lastUsedAt === null ? 'never' : moment(lastUsedAt, visit.now)],
      ])}
      ${form(
        visit.formToken,
        `${pathOf(key)}/${verb}`,
        html`
        ${field({ name: 'name', label: 'Type its name to confirm', value: text(visit, 'name'), required: true, spellcheck: false, autofocus: true, autocomplete: 'off' })}
        <div class="row">${submit(title, 'danger primary')}${link(pathOf(key), 'Cancel', 'quiet')}</div>`,
      )}
    </section>`
  return page(visit, { title, crumbs: crumbsOf(key) }, body, statusOf(refusal))
}

export const isDeletable = ({ dialect }: KeySummary): boolean => traitsOf(dialect).deletable

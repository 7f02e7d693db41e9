import { html } from 'hono/html'
import { traitsOf } from '../../../domain/dialect.ts'
import { hasOverlap } from '../../../domain/key.ts'
import type { Refusal } from '../../../service/operator.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { choices, field, form, hidden, link, submit } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { exact } from '../parts/time.ts'
import { notice, refused } from '../parts/words.ts'
import { statusOf } from '../refusal.ts'
import { optional, text, type Visit } from '../visit.ts'
import { history } from './history.ts'
import { drawnOverlap } from './overlap.ts'
import { crumbsOf, KEYS, pathOf } from './paths.ts'
import { revealed } from './revealed.ts'
import { withKey } from './with-key.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** How long the old secret works beside the new one. */
const OVERLAPS = [
  { value: '1h', text: '1 hour', ms: HOUR_MS, hint: 'You change its program by hand, now.' },
  {
    value: '24h',
    text: '24 hours',
    ms: DAY_MS,
    hint: 'You change it today; jobs of tonight still run.',
  },
  { value: '7d', text: '7 days', ms: 7 * DAY_MS, hint: 'Somebody else has to change it.' },
  { value: '30d', text: '30 days', ms: 30 * DAY_MS, hint: 'Many programs or offices have it.' },
  {
    value: 'none',
    text: 'None',
    ms: undefined,
    hint: 'Somebody has seen the old secret: it ends at once.',
  },
] as const

/** A new secret: at once, or with a time in which the old one works too. */
export function mountRotate(area: Area): void {
  area.show(
    `${KEYS}/:id/rotate`,
    'keys.write',
    withKey((visit, key) => ask(visit, key, null)),
  )

  area.act(
    `${KEYS}/:id/rotate`,
    'keys.write',
    withKey(async (visit, key) => {
      const chosen = OVERLAPS.find(({ value }) => value === text(visit, 'overlap'))
      if (chosen === undefined) {
        const message = 'say how long the old secret is to work'
        return ask(visit, key, { problem: 'invalid', message })
      }
      const secret = optional(visit, 'secret')
      const seen = text(visit, 'seen')
      const wish = { overlapMs: chosen.ms, secret, seen }
      const rotated = await visit.desk.keys.rotateSecret(key.id, wish)
      if (rotated.ok) {
        return secret === undefined
          ? revealed(visit, rotated.value, 'rotated')
          : seeOther(visit.c, pathOf(key), 'key-rotated')
      }
      const isStale = key.status !== 'revoked' && key.eventId !== seen
      return isStale ? changedMeanwhile(visit, key) : ask(visit, key, rotated.failure)
    }),
  )
}

async function ask(visit: Visit, key: KeySummary, refusal: Refusal | null): Promise<Response> {
  const body = html`${refused(refusal?.message ?? null)}${runs(visit, key)}
    <div class="columns"><section class="card">${form(
      visit.formToken,
      `${pathOf(key)}/rotate`,
      html`
      ${hidden('seen', key.eventId)}
      ${choices({
        name: 'overlap',
        legend: 'How long does the old secret work beside the new one?',
        value: text(visit, 'overlap') || '24h',
        options: OVERLAPS,
      })}
      <details class="more"><summary>Take over a secret that another system issued</summary>
        <div class="stack">${field({ name: 'secret', label: 'Secret', type: 'password', hint: '16 to 512 characters. Empty: one is made and shown to you.', autocomplete: 'new-password', maxlength: 512 })}</div></details>
      <div class="row">${submit('Rotate the secret')}${link(pathOf(key), 'Cancel', 'quiet')}</div>`,
    )}</section>
    <section class="card"><h2>What works until when</h2>${pictures(key)}</section></div>`
  const head = {
    title: 'Rotate the secret',
    crumbs: crumbsOf(key),
    about: 'A new secret is made and shown once. Everything else of the key stays.',
  }
  return page(visit, head, body, statusOf(refusal))
}

/** A third secret puts an end to the first. */
const runs = ({ now }: Visit, key: KeySummary): Html =>
  !hasOverlap(key, now)
    ? html``
    : notice(
        'warn',
        'Two secrets work already',
        `The previous secret works until ${exact(key.previousSecretEndsAt ?? now)}. If you rotate now, it ends at once: only the current secret and the new one work.`,
      )

function pictures({ dialect }: KeySummary): Html {
  const tokens = traitsOf(dialect).secret === 'exchanged'
  return html`
    <figure class="stack tight"><figcaption><strong>With an overlap</strong> <span class="small soft">Nothing stands still: change the program in between.</span></figcaption>
      ${drawnOverlap({ rotated: 'rotated', ends: 'overlap ends', tokens })}</figure>
    <figure class="stack tight"><figcaption><strong>Without one</strong> <span class="small soft">The program is refused until it has the new secret.</span></figcaption>
      ${drawnOverlap({ rotated: 'rotated', ends: null, tokens })}</figure>`
}

/** The form was sent before, or somebody else was faster. */
const changedMeanwhile = async (visit: Visit, key: KeySummary): Promise<Response> =>
  page(
    visit,
    { title: 'Rotate the secret', crumbs: crumbsOf(key) },
    html`${notice(
      'warn',
      'The key was changed since you looked at it',
      'The form was sent before, or somebody else was faster. Nothing was done now, and no secret is shown again.',
    )}
    <section class="card"><h2>What happened last</h2>${await history(visit, key.id)}</section>
    <p class="row">${link(pathOf(key), 'To the key', 'primary')}${link(`${pathOf(key)}/rotate`, 'Rotate the secret')}</p>`,
    409,
  )

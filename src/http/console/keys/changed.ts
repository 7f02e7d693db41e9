import { html } from 'hono/html'
import type { KeySummary } from '../../../service/ports.ts'
import { table } from '../parts/list.ts'
import { moment } from '../parts/time.ts'
import { notice } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import type { ChangedMeanwhile, Edited } from './edit.ts'
import { inWords, namesOf } from './history.ts'

const FIELDS: Readonly<Record<keyof Edited, string>> = {
  name: 'Name',
  description: 'Description',
  reference: 'Reference',
  owner: 'Owner',
  access: 'Access',
  expires: 'It ends on',
}

/** Tells the second editor who was faster, and shows what is saved beside what he typed. */
export async function changedByOther(
  visit: Visit,
  key: KeySummary,
  current: Edited,
  typed: Edited,
): Promise<ChangedMeanwhile> {
  const { desk, now } = visit
  // Whoever looked at the secret since has changed nothing.
  const recent = await desk.audit.list({ subject: key.id, actionPrefix: 'key.', limit: 20 })
  const last = recent.find(({ id }) => id === key.eventId)
  const who = last === undefined ? null : (await namesOf(desk, [last])).get(last.actor)
  const differ = (Object.keys(FIELDS) as (keyof Edited)[]).filter(
    (field) => current[field] !== typed[field],
  )
  const text =
    last === undefined
      ? html`Your changes are not saved.`
      : html`${inWords(last).title} by ${who ?? last.actor}, ${moment(last.at, now)}. Your changes are not saved.`
  return {
    shown: html`${notice('bad', 'Somebody else changed this key while you did', text)}
      ${
        differ.length === 0
          ? html`<p>What is saved is what you typed.</p>`
          : html`<section class="card flush">${table({
              caption: 'Where they differ',
              columns: [{ name: 'Field' }, { name: 'Saved' }, { name: 'Yours' }],
              rows: differ.map((field) => [
                FIELDS[field],
                current[field] || html`<span class="soft">nothing</span>`,
                typed[field] || html`<span class="soft">nothing</span>`,
              ]),
            })}</section>`
      }`,
  }
}

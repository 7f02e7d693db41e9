import { html } from 'hono/html'
import type { KeySummary } from '../../../service/ports.ts'
import { nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { notice } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import type { ChangedMeanwhile, Edited } from './edit.ts'
import { lastChange } from './history.ts'

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
  const last = await lastChange(visit, key)
  const differ = (Object.keys(FIELDS) as (keyof Edited)[]).filter(
    (field) => current[field] !== typed[field],
  )
  const text = html`${last ?? nothing} Your changes are not saved.`
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

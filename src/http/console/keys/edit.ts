import { html } from 'hono/html'
import { ok } from '../../../domain/failure.ts'
import type { Access } from '../../../domain/key.ts'
import type { KeyChange } from '../../../service/keys/edit.ts'
import type { Done, Refusal } from '../../../service/operator.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { form, hidden, link, submit } from '../parts/form.ts'
import { day } from '../parts/time.ts'
import { refused } from '../parts/words.ts'
import { statusOf } from '../refusal.ts'
import { text, type Visit } from '../visit.ts'
import { changedByOther } from './changed.ts'
import { expiryField, readExpiry } from './expiry.ts'
import { accessField, ownerField, textFields } from './fields.ts'
import { inField, isInField } from './in-field.ts'
import { readOwner } from './owner-typed.ts'
import { offeredOwners } from './owners.ts'
import { crumbsOf, KEYS, pathOf } from './paths.ts'
import { withKey } from './with-key.ts'

/** What the form has, as text: of the key as it is, or as somebody typed it. */
export interface Edited {
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly owner: string
  readonly access: string
  readonly expires: string
}

/** What people write about a key, whose it is, and what it may. */
export function mountEdit(area: Area): void {
  area.show(
    `${KEYS}/:id/edit`,
    'keys.write',
    withKey(async (visit, key) => editForm(visit, key, await editedOf(visit, key), null)),
  )

  area.act(
    `${KEYS}/:id/edit`,
    'keys.write',
    withKey(async (visit, key) => {
      const typed = typedBy(visit)
      const change = await readChange(visit, key, typed)
      const seen = text(visit, 'seen')
      if (key.status !== 'revoked' && seen !== key.eventId) return told(visit, key, typed)
      if (!change.ok) return editForm(visit, key, typed, change.failure)
      const edited = await visit.desk.keys.edit(key.id, { ...change.value, seen })
      if (edited.ok) return seeOther(visit.c, pathOf(key), 'key-edited')
      const now = await visit.desk.keys.find(key.id)
      return now.ok && now.value.status !== 'revoked' && now.value.eventId !== seen
        ? told(visit, now.value, typed)
        : editForm(visit, key, typed, edited.failure)
    }),
  )
}

/** Somebody else was faster: both are shown, and what was typed is kept. */
async function told(visit: Visit, key: KeySummary, typed: Edited): Promise<Response> {
  const current = await editedOf(visit, key)
  const failure = await changedByOther(visit, key, current, typed)
  return editForm(visit, key, typed, failure)
}

const typedBy = (visit: Visit): Edited => ({
  name: text(visit, 'name'),
  description: text(visit, 'description'),
  reference: text(visit, 'reference'),
  owner: text(visit, 'owner-chosen') || text(visit, 'owner'),
  access: text(visit, 'access'),
  expires: text(visit, 'expires'),
})

async function editedOf({ desk }: Visit, key: KeySummary): Promise<Edited> {
  const owner = await desk.accounts.findUser(key.ownerId)
  const { name, description, reference, access, expiresAt } = key
  return {
    name,
    description,
    reference,
    access,
    owner: owner.ok ? owner.value.email : key.ownerId,
    expires: expiresAt === null ? '' : day(expiresAt),
  }
}

/** An owner who has left stays, as long as nobody names another. */
async function readChange(
  visit: Visit,
  key: KeySummary,
  { owner: called, access, expires, ...texts }: Edited,
): Promise<Done<KeyChange>> {
  const before = await editedOf(visit, key)
  const owner =
    called === before.owner ? ok({ id: key.ownerId }) : await readOwner(visit, key.accountId)
  if (!owner.ok) return inField('owner', owner.failure)
  const expiresAt = readExpiry(expires, key.expiresAt)
  if (!expiresAt.ok) return inField('expires', expiresAt.failure)
  return ok({
    ...texts,
    ownerId: owner.value.id,
    access: (access || key.access) as Access,
    expiresAt: expiresAt.value,
  })
}

async function editForm(
  visit: Visit,
  key: KeySummary,
  typed: Edited,
  trouble: Refusal | ChangedMeanwhile | null,
): Promise<Response> {
  const ownership = { accountId: key.accountId, named: key.dialect === 'practice' }
  const isChanged = trouble !== null && 'shown' in trouble
  const refusal = isChanged ? null : trouble
  const body = html`${isChanged ? trouble.shown : refused(trouble?.message ?? null, { focus: !isInField(refusal) })}
    <section class="card">${form(
      visit.formToken,
      `${pathOf(key)}/edit`,
      html`
      ${hidden('seen', key.eventId)}
      ${textFields(typed, refusal)}
      ${ownerField(typed.owner, ownership, await offeredOwners(visit, ownership), refusal)}
      ${accessField(key.dialect, typed.access)}
      ${expiryField(typed.expires, refusal)}
      <div class="row">${submit(isChanged ? 'Save mine over it' : 'Save')}${link(pathOf(key), 'Cancel', 'quiet')}</div>`,
    )}</section>`
  const head = { title: 'Edit the key', crumbs: crumbsOf(key) }
  return page(visit, head, body, isChanged ? 409 : statusOf(trouble))
}

/** What stands above the form of the second editor. */
export interface ChangedMeanwhile {
  readonly shown: ReturnType<typeof html>
}

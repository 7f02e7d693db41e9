import { html } from 'hono/html'
import { DIALECT_NAMES, type Dialect } from '../../../domain/dialect.ts'
import type { Access } from '../../../domain/key.ts'
import type { Revealed } from '../../../service/keys/find.ts'
import type { Done } from '../../../service/operator.ts'
import { page, seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { accountIdOf } from '../one-account.ts'
import { link } from '../parts/form.ts'
import { notice } from '../parts/words.ts'
import { optional, text, type Visit } from '../visit.ts'
import { choose, NEW, NEW_TITLE } from './choose.ts'
import { createForm } from './create-form.ts'
import type { KeyScreenDeps } from './deps.ts'
import { readExpiry } from './expiry.ts'
import { inField } from './in-field.ts'
import { readOwner } from './owner-typed.ts'
import { pathOf } from './paths.ts'
import { placeKindOf } from './places.ts'
import { revealed } from './revealed.ts'

/** What a form or an address names: the rest is asked for first. */
interface Begun {
  readonly dialect: Dialect
  readonly accountId: string
}

/** First the dialect, then what its keys have, then the secret, once. */
export function mountCreate(area: Area, { uuid }: KeyScreenDeps): void {
  area.show(NEW, 'keys.write', async (visit) => {
    const begun = begunBy(visit)
    if (begun === null) return choose(visit)
    return createForm(visit, { ...begun, id: uuid() }, null)
  })

  area.act(NEW, 'keys.write', async (visit) => {
    const begun = begunBy(visit)
    if (begun === null) return choose(visit)
    const id = optional(visit, 'id') ?? uuid()
    const made = await make(visit, { ...begun, id })
    if (made.ok) {
      return optional(visit, 'secret') === undefined
        ? revealed(visit, made.value, 'created')
        : seeOther(visit.c, pathOf(made.value.key), 'key-created')
    }
    const before = await visit.desk.keys.find(id)
    return before.ok
      ? madeAlready(visit, pathOf(before.value))
      : createForm(visit, { ...begun, id }, made.failure)
  })
}

function begunBy(visit: Visit): Begun | null {
  const dialect = DIALECT_NAMES.find((name) => name === text(visit, 'dialect'))
  const accountId = accountIdOf(visit) ?? optional(visit, 'account')
  return dialect === undefined || accountId === undefined ? null : { dialect, accountId }
}

async function make(
  visit: Visit,
  { dialect, accountId, id }: Begun & { readonly id: string },
): Promise<Done<Revealed>> {
  const owner = await readOwner(visit, accountId)
  if (!owner.ok) return inField('owner', owner.failure)
  const expiresAt = readExpiry(text(visit, 'expires'))
  if (!expiresAt.ok) return inField('expires', expiresAt.failure)
  const kind = placeKindOf(dialect)
  return visit.desk.keys.create({
    id,
    dialect,
    ownerId: owner.value.id,
    name: text(visit, 'name'),
    description: text(visit, 'description'),
    reference: text(visit, 'reference'),
    ...(kind !== null && { [`${kind.name}Id`]: optional(visit, kind.name) }),
    access: optional(visit, 'access') as Access | undefined,
    expiresAt: expiresAt.value ?? undefined,
    publicId: optional(visit, 'public-id'),
    secret: optional(visit, 'secret'),
  })
}

/** The form was sent twice: by the back button, by a reload, by two presses. */
const madeAlready = (visit: Visit, path: string): Promise<Response> =>
  page(
    visit,
    NEW_TITLE,
    html`${notice(
      'warn',
      'This key was made already',
      'The form was sent before. No second key was made, and the secret is not shown again. If it was not kept, rotate it.',
    )}<p class="row">${link(path, 'To the key', 'primary')}${link(`${path}/rotate`, 'Rotate the secret')}</p>`,
    409,
  )

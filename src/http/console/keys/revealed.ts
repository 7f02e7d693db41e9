import { html } from 'hono/html'
import { traitsOf } from '../../../domain/dialect.ts'
import type { Revealed } from '../../../service/keys/find.ts'
import { type Presented, presented } from '../../presented.ts'
import { page } from '../answer.ts'
import { type Html, nothing } from '../parts/html.ts'
import { type Revealing, reveal } from '../parts/reveal.ts'
import { exact } from '../parts/time.ts'
import type { Visit } from '../visit.ts'
import { crumbsOf, pathOf } from './paths.ts'

type Occasion = 'created' | 'rotated' | 'viewed'

const ACKNOWLEDGE = 'I have put the secret where its program reads it'

/** The answer to a form that ends in a secret: in front of everything, and kept by nobody on the way. */
export async function revealed(
  visit: Visit,
  { key, secret }: Revealed,
  occasion: Occasion,
): Promise<Response> {
  const { username, way } = await waysOf(visit, { key, secret })
  const secrets: Revealing['secrets'] = [
    ...(key.dialect === 'redox' || key.dialect === 'xdent'
      ? [{ name: 'key id', value: key.publicId }]
      : []),
    ...(key.dialect === 'practice' ? [{ name: 'username', value: username }] : []),
    { name: 'secret', value: secret },
    ...(way.value === secret ? [] : [{ name: way.as, value: way.value }]),
  ]
  return page(
    visit,
    { title: 'The secret', crumbs: crumbsOf(key) },
    reveal({
      title: `The ${occasion === 'rotated' ? 'new ' : ''}secret of ${key.name}`,
      text: textOf(key, occasion),
      secrets,
      file: 'latchkey-key.txt',
      next: pathOf(key),
      // What can be viewed again at any time need not be kept.
      ...(occasion === 'viewed' ? {} : { acknowledge: ACKNOWLEDGE }),
    }),
  )
}

/** The secret as a vendor's program sends it: under its developer's key, or after its owner's username. */
async function waysOf(
  { desk }: Visit,
  { key, secret }: Revealed,
): Promise<{ username: string; way: Presented }> {
  const { developerId, ownerId, dialect, publicId } = key
  const developer = developerId === null ? null : await desk.places.findDeveloper(developerId)
  const owner = dialect === 'practice' ? await desk.accounts.findUser(ownerId) : null
  const developerKey = developer?.ok ? developer.value.developerKey : ''
  const username = owner?.ok ? (owner.value.username ?? '') : ''
  return { username, way: presented(dialect, { publicId, secret, developerKey, username }) }
}

function textOf(key: Revealed['key'], occasion: Occasion): Html {
  if (occasion === 'viewed') {
    return html`Whoever reads it can use it. That you have viewed it is in the audit.`
  }
  const again = traitsOf(key.dialect).secret === 'viewable'
  const { previousSecretEndsAt: endsAt, dialect, assignedAt } = key
  return html`${
    again
      ? 'Whoever reads it can use it. It can be viewed again on the key’s page.'
      : 'It is shown only now, and nobody can show it again. Whoever reads it can use it.'
  }${
    occasion === 'created' && dialect === 'opendental' && assignedAt === null
      ? ' The key opens no data until it is assigned to an office.'
      : nothing
  }${
    occasion !== 'rotated'
      ? nothing
      : endsAt === null
        ? ' The old secret has ended.'
        : ` The old secret works until ${exact(endsAt)}.`
  }`
}

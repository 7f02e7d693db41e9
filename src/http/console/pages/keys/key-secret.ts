import { html } from 'hono/html'
import { formatCredential } from '../../../../domain/credential-format.ts'
import { DAY_MS, HOUR_MS } from '../../../../domain/instant.ts'
import { isPreviousSecretValid } from '../../../../domain/key.ts'
import { getKeyTypeTraits } from '../../../../domain/key-type.ts'
import { getOperation } from '../../../../operations/registry.ts'
import type { KeyWithSecret } from '../../../../service/keys/input.ts'
import { findCredentialParts } from '../../../../service/keys/keys.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  radioGroup,
  submitButton,
  textField,
} from '../../components/form.ts'
import { formatInstant, type Html, nothing, notice } from '../../components/html.ts'
import { type SecretDialog, secretDialog } from '../../components/secret-dialog.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { toErrorStatus } from '../../errors.ts'
import { formatKeyPath, KEYS_PATH, toKeyCrumbs } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { renderKeyPage } from './key.ts'
import { overlapDiagram } from './key-charts.ts'
import { isChangedSince, type KeyPageDeps, withKey } from './key-components.ts'
import { keyHistory } from './key-details.ts'
import { keyErrorNotice } from './key-fields.ts'

/** The time that the old secret stays valid beside the new one. */
const OVERLAP_CHOICES = [
  { value: '1h', text: '1 hour', ms: HOUR_MS, hint: 'You change the program right now.' },
  {
    value: '24h',
    text: '24 hours',
    ms: DAY_MS,
    hint: 'You change the program today. Tonight’s jobs still run.',
  },
  { value: '7d', text: '7 days', ms: 7 * DAY_MS, hint: 'Someone else changes the program.' },
  {
    value: '30d',
    text: '30 days',
    ms: 30 * DAY_MS,
    hint: 'Many programs or offices use the secret.',
  },
  {
    value: 'none',
    text: 'None',
    ms: undefined,
    hint: 'The old secret is compromised: it ends at once.',
  },
] as const

/** Mounts the pages for a new secret, with or without a time in which the old one stays valid. */
export function mountRotateSecretPages(router: ConsoleRouter): void {
  const path = `${KEYS_PATH}/:id/rotate-secret`
  router.page(path, 'keys.rotateSecret', withKey(renderRotateSecretPage))
  router.form(path, 'keys.rotateSecret', withKey(rotateSecret))
}

/** Answers with the new secret itself; with a redirect where the user brought the secret. */
async function rotateSecret(context: PageContext, key: KeySummary): Promise<Response> {
  const overlap = OVERLAP_CHOICES.find(({ value }) => value === getField(context, 'overlap'))
  if (overlap === undefined) {
    const message = 'choose how long the old secret stays valid'
    return renderRotateSecretPage(context, key, { problem: 'invalid', message })
  }
  const secret = getOptionalField(context, 'secret')
  const seen = getField(context, 'seen')
  const rotation = { overlapMs: overlap.ms, secret, seen }
  const result = await context.services.keys.rotateSecret(key.id, rotation)
  if (result.ok) {
    return secret === undefined
      ? renderSecretPage(context, result.value, 'rotated')
      : redirectToPage(context.c, formatKeyPath(key), 'keys.rotateSecret')
  }
  return isChangedSince(key, seen)
    ? renderRotationConflict(context, key)
    : renderRotateSecretPage(context, key, result.failure)
}

async function renderRotateSecretPage(
  context: PageContext,
  key: KeySummary,
  error: ServiceError | null = null,
): Promise<Response> {
  const body = html`${keyErrorNotice(getOperation('keys.rotateSecret'), error)}${overlapNotice(context, key)}
    <div class="columns"><section class="card">${postForm(
      context.formToken,
      `${formatKeyPath(key)}/rotate-secret`,
      html`
      ${hiddenField('seen', key.eventId)}
      ${radioGroup({
        name: 'overlap',
        legend: 'How long does the old secret stay valid?',
        value: getField(context, 'overlap') || '24h',
        options: OVERLAP_CHOICES,
      })}
      <details class="more"><summary>Import a secret that another system issued</summary>
        <div class="stack">${textField({ name: 'secret', label: 'Secret', type: 'password', hint: '16 to 512 characters. Leave it empty to generate one.', autocomplete: 'new-password', maxlength: 512 })}</div></details>
      <div class="row">${submitButton('Rotate secret')}${buttonLink(formatKeyPath(key), 'Cancel', 'quiet')}</div>`,
    )}</section>
    <section class="card"><h2>Validity of the secrets</h2>${overlapDiagrams(key)}</section></div>`
  const heading = {
    heading: 'Rotate secret',
    crumbs: toKeyCrumbs(key),
    about: `Creates a new secret${isViewable(key) ? ', which you can view again later' : ' and shows it once'}. Nothing else changes.`,
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}

/** Warns that a second rotation ends the first secret: a key has at most two. */
const overlapNotice = ({ now }: PageContext, key: KeySummary): Html =>
  !isPreviousSecretValid(key, now)
    ? nothing
    : notice(
        'warn',
        'Two secrets are valid already',
        `The previous secret works until ${formatInstant(key.previousSecretEndsAt ?? now)}. If you rotate now, it ends at once: only the current secret and the new one stay valid.`,
      )

function overlapDiagrams({ keyType }: KeySummary): Html {
  const hasTokens = getKeyTypeTraits(keyType).secret === 'exchanged'
  return html`
    <figure class="stack tight"><figcaption><strong>With an overlap</strong> <span class="small soft">No interruption: change the program during the overlap.</span></figcaption>
      ${overlapDiagram({ rotatedText: 'rotated', endsText: 'overlap ends', hasTokens })}</figure>
    <figure class="stack tight"><figcaption><strong>Without an overlap</strong> <span class="small soft">The program is refused until it has the new secret.</span></figcaption>
      ${overlapDiagram({ rotatedText: 'rotated', endsText: null, hasTokens })}</figure>`
}

const renderRotationConflict = async (context: PageContext, key: KeySummary): Promise<Response> =>
  renderPage(
    context,
    { heading: 'Rotate secret', crumbs: toKeyCrumbs(key) },
    html`${notice(
      'warn',
      'The key has changed since you opened the form',
      'The form was sent twice, or someone else changed the key. Nothing was changed now, and the secret is not shown again.',
    )}
    <section class="card"><h2>Recent activity</h2>${await keyHistory(context, key.id)}</section>
    <p class="row">${buttonLink(formatKeyPath(key), 'View key', 'primary')}${buttonLink(`${formatKeyPath(key)}/rotate-secret`, 'Rotate secret')}</p>`,
    409,
  )

/** Mounts a form, not a page: each view of a secret is an audit event. */
export function mountViewSecretForms(router: ConsoleRouter, deps: KeyPageDeps): void {
  router.form(
    `${KEYS_PATH}/:id/view-secret`,
    'keys.viewSecret',
    withKey((context, key) => viewSecret(context, key, deps)),
  )
}

async function viewSecret(
  context: PageContext,
  key: KeySummary,
  deps: KeyPageDeps,
): Promise<Response> {
  const result = await context.services.keys.viewSecret(key.id)
  return result.ok
    ? renderSecretPage(context, result.value, 'viewed')
    : renderKeyPage(deps, context, key, result.failure)
}

const isViewable = ({ keyType }: Pick<KeySummary, 'keyType'>): boolean =>
  getKeyTypeTraits(keyType).secret === 'viewable'

type RevealReason = 'created' | 'rotated' | 'viewed'

const SECRET_STORED_LABEL = 'I have stored the secret where its program reads it'

/** Renders the secret as the response of the form that asked for it: no other page or URL has it. */
export async function renderSecretPage(
  context: PageContext,
  { key, secret }: KeyWithSecret,
  reason: RevealReason,
): Promise<Response> {
  const parts = await findCredentialParts(context.services, key)
  const credential = formatCredential(key.keyType, { ...parts, secret })
  const secrets: SecretDialog['secrets'] = [
    ...(key.keyType === 'redox' || key.keyType === 'xdent'
      ? [{ name: 'public id', value: key.publicId }]
      : []),
    ...(key.keyType === 'oauth' ? [{ name: 'client id', value: key.publicId }] : []),
    ...(key.keyType === 'practice' ? [{ name: 'username', value: parts.username }] : []),
    { name: 'secret', value: secret },
    ...(credential.value === secret ? [] : [{ name: credential.as, value: credential.value }]),
  ]
  return renderPage(
    context,
    { heading: 'The secret', crumbs: toKeyCrumbs(key) },
    secretDialog({
      title: `The ${reason === 'rotated' ? 'new ' : ''}secret of ${key.name}`,
      text: secretInstructions(key, reason),
      secrets,
      fileName: 'latchkey-key.txt',
      next: formatKeyPath(key),
      // A secret that can be viewed again need not be stored by the user.
      ...(reason === 'viewed' ? {} : { acknowledge: SECRET_STORED_LABEL }),
    }),
  )
}

function secretInstructions(key: KeyWithSecret['key'], reason: RevealReason): Html {
  if (reason === 'viewed') {
    return html`Anyone who has it can use it. The audit records that you viewed it.`
  }
  const { previousSecretEndsAt: endsAt, keyType, assignedAt } = key
  return html`${
    isViewable(key)
      ? 'Anyone who has it can use it. You can view it again on the page of the key.'
      : 'It is shown only now and cannot be shown again. Anyone who has it can use it.'
  }${
    reason === 'created' && keyType === 'opendental' && assignedAt === null
      ? ' The key has no access to data until it is assigned to a site.'
      : nothing
  }${
    reason !== 'rotated'
      ? nothing
      : endsAt === null
        ? ' The old secret has ended.'
        : ` The old secret stays valid until ${formatInstant(endsAt)}.`
  }`
}

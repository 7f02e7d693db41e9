import { ok } from '../../domain/failure.ts'
import type { OAuthClientSettings } from '../../domain/oauth-client.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import type { KeyEdit, KeySummary } from '../ports/keys.ts'
import { failConflict, failInvalid, type ServiceResult } from '../service-result.ts'
import {
  failKeyRevoked,
  findKey,
  findKeyOwner,
  OWNER_WITHOUT_USERNAME,
  omitEmpty,
  parseAccessLevel,
  parseKeyTexts,
} from './input.ts'
import {
  failWithoutClient,
  type OAuthClientInput,
  parseOAuthClientInput,
  requireGrantable,
  toClientFacts,
} from './oauth-client.ts'
import type { KeysDeps } from './secrets.ts'

/** Omitted fields stay unchanged. */
export type EditKeyInput = {
  readonly [Field in Exclude<keyof KeyEdit, 'oauthClient'>]?: KeyEdit[Field] | undefined
} & {
  readonly oauthClient?: OAuthClientInput | undefined
  /** The key's last change that the caller saw. The edit fails if the key was changed since. */
  readonly seen?: string | undefined
}

/** Edits a key's texts, owner, access and expiry. */
export async function editKey(
  deps: KeysDeps,
  id: string,
  { seen, ...change }: EditKeyInput,
): Promise<ServiceResult<KeySummary>> {
  const { storage, clock } = deps
  const key = await findKey(storage, id)
  if (!key.ok) return key
  const current = key.value
  const texts = parseKeyTexts({ ...current, ...omitEmpty(change) })
  if (!texts.ok) return texts
  const access = parseAccessLevel(change.access ?? current.access, current.keyType)
  if (!access.ok) return access
  const client = await parseClientEdit(deps, current, change.oauthClient)
  if (!client.ok) return client
  const edit: KeyEdit = {
    ...texts.value,
    ownerId: change.ownerId ?? current.ownerId,
    access: access.value,
    expiresAt: change.expiresAt === undefined ? current.expiresAt : change.expiresAt,
    oauthClient: client.value,
  }
  // Under another owner, or for longer, a client can have permissions that it did not have.
  if (edit.ownerId !== current.ownerId || edit.expiresAt !== current.expiresAt) {
    const isGranted = requireGrantable(deps, current.oauthClient?.scopes ?? [])
    if (!isGranted.ok) return isGranted
  }
  if (edit.expiresAt !== current.expiresAt && (edit.expiresAt ?? Infinity) <= clock()) {
    return failInvalid('the expiry must be in the future: to end a key now, revoke it', 'expiresAt')
  }
  if (edit.ownerId !== current.ownerId) {
    const owner = await findKeyOwner(storage, edit.ownerId)
    if (!owner.ok) return owner
    if (owner.value.accountId !== current.accountId) {
      return failInvalid(`user ${owner.value.id} belongs to another account`, 'ownerId')
    }
    if (current.keyType === 'practice' && owner.value.username === null)
      return OWNER_WITHOUT_USERNAME
  }
  const action = edit.ownerId === current.ownerId ? 'key.edited' : 'key.transferred'
  const event = createAuditEvent(deps, action, current.id, listChangedFields(current, edit))
  const changed = await storage.editKey(current.id, edit, seen ?? current.eventId, event)
  if (changed) return findKey(storage, current.id)
  return current.status === 'revoked'
    ? failKeyRevoked(current)
    : failConflict(`key ${current.publicId} was changed by another user: check it and try again`)
}

/** Validates a change of a client's settings; null if there is none. */
async function parseClientEdit(
  deps: KeysDeps,
  { accountId, keyType, oauthClient }: KeySummary,
  change: OAuthClientInput | undefined,
): Promise<ServiceResult<OAuthClientSettings | null>> {
  if (change === undefined) return ok(null)
  return oauthClient === null
    ? failWithoutClient(keyType, change)
    : parseOAuthClientInput(deps, change, accountId, oauthClient)
}

/** Lists the fields that an edit changes, with their new values. */
function listChangedFields(current: KeySummary, { oauthClient, ...edit }: KeyEdit) {
  const changed = Object.entries(edit).filter(
    ([field, value]) => current[field as keyof typeof edit] !== value,
  )
  const clientFacts =
    oauthClient === null || current.oauthClient === null
      ? {}
      : toClientFacts(oauthClient, current.oauthClient)
  return { ...Object.fromEntries(changed), ...clientFacts }
}

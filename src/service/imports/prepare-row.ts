import { ok, type Result } from '../../domain/failure.ts'
import {
  findFormRefusal,
  type ImportedSecret,
  parseImportedSecret,
} from '../../domain/imported-secret.ts'
import { getKeyTypeTraits } from '../../domain/key-type.ts'
import { hasSecret, type OAuthClientSettings } from '../../domain/oauth-client.ts'
import { type NewKeyWithoutSecret, parseNewKey } from '../keys/create-key.ts'
import type { OAuthClientInput } from '../keys/oauth-client.ts'
import { type KeysDeps, parseKeySecret } from '../keys/secrets.ts'
import type { ImportedSecretVerifier } from '../ports/crypto.ts'
import { failInvalid, type ServiceResult } from '../service-result.ts'
import type { ImportRow } from './import-row.ts'
import type { FindPepper } from './peppers.ts'
import type { FindReference } from './references.ts'

export interface ImportDeps extends KeysDeps {
  readonly importedSecretVerifier: ImportedSecretVerifier
}

export interface RowOptions {
  readonly findReference: FindReference
  readonly findPepper: FindPepper
  /** True if the operator says that each secret has at least 128 random bits. */
  readonly weakFormsAllowed: boolean
  /** Validates the settings of an OAuth client, which are any JSON. */
  readonly parseOAuthClient: (value: unknown) => Result<OAuthClientInput, string>
}

/** A row that can become a key. */
export interface PreparedRow {
  readonly row: ImportRow
  readonly key: NewKeyWithoutSecret
  /** True if the row has no public id, and is recognized by its secret. */
  readonly lacksPublicId: boolean
  readonly secret: string | null
  readonly imported: ImportedSecret | null
  readonly pepper: Uint8Array | null
  /** The office of a customer key. */
  readonly assignedSiteId: string | null
}

/** Validates a row by the rules for new keys, and finds the rows that it names. */
export async function prepareRow(
  deps: ImportDeps,
  row: ImportRow,
  options: RowOptions,
): Promise<ServiceResult<PreparedRow>> {
  const { keyType } = row
  const traits = getKeyTypeTraits(keyType)
  const lacksPublicId = row.publicId === null
  if (lacksPublicId && (traits.secret === 'exchanged' || keyType === 'xdent')) {
    return failInvalid(`public_id is missing: a key of the type ${keyType} is found by it`)
  }
  const ids = await findRowReferences(row, options)
  if (!ids.ok) return ids
  const { accountId, ownerId, ownership, assignedSiteId } = ids.value
  const client = parseClient(row, options)
  if (!client.ok) return client
  const key = await parseNewKey(deps, {
    keyType,
    ownerId,
    ...ownership,
    name: row.name,
    description: row.description,
    reference: row.reference,
    access: row.access,
    publicId: row.publicId ?? undefined,
    expiresAt: row.expiresAt ?? undefined,
    oauthClient: client.value,
  })
  if (!key.ok) return key
  const secret = parseRowSecret(deps, row, key.value.oauthClient)
  if (!secret.ok) return secret
  const hash = await parseRowHash(deps, row, accountId, options)
  if (!hash.ok) return hash
  return ok({
    row,
    key: { ...key.value, createdAt: row.createdAt ?? key.value.createdAt },
    lacksPublicId,
    secret: secret.value,
    ...hash.value,
    assignedSiteId,
  })
}

async function findRowReferences(row: ImportRow, { findReference }: RowOptions) {
  const account = await findReference('account', row.account, null)
  if (!account.ok) return account
  const accountId = account.value
  const owner = await findReference('user', row.owner, accountId)
  if (!owner.ok) return owner
  const source = await findReference('source', row.source, accountId)
  if (!source.ok) return source
  const site = await findReference('site', row.site, accountId)
  if (!site.ok) return site
  const developer = await findReference('developer', row.developer, accountId)
  if (!developer.ok) return developer
  const isOffice = row.keyType === 'opendental'
  return ok({
    accountId: accountId ?? '',
    ownerId: owner.value ?? '',
    ownership: {
      sourceId: source.value ?? undefined,
      siteId: isOffice ? undefined : (site.value ?? undefined),
      developerId: developer.value ?? undefined,
    },
    assignedSiteId: isOffice ? site.value : null,
  })
}

function parseClient(
  { keyType, oauthClient }: ImportRow,
  { parseOAuthClient }: RowOptions,
): ServiceResult<OAuthClientInput | undefined> {
  if (keyType !== 'oauth') {
    return oauthClient === undefined
      ? ok(undefined)
      : failInvalid(`oauth_client is for keys of the type oauth: leave it empty for ${keyType}`)
  }
  const client = parseOAuthClient(oauthClient ?? {})
  return client.ok
    ? ok({ authenticationMethod: 'client_secret_basic', ...client.value })
    : failInvalid(`oauth_client: ${client.failure}`)
}

/** A client that signs assertions has neither a secret nor a hash. */
function parseRowSecret(
  { random }: ImportDeps,
  { secret, hash, keyType }: ImportRow,
  oauthClient: OAuthClientSettings | null,
): ServiceResult<string | null> {
  if (!hasSecret({ oauthClient })) {
    return secret === null && hash === null
      ? ok(null)
      : failInvalid('a client that authenticates by private_key_jwt has no secret')
  }
  if (secret !== null) return parseKeySecret(random, secret, keyType)
  return hash === null ? failInvalid('secret or hash is missing') : ok(null)
}

async function parseRowHash(
  { importedSecretVerifier }: ImportDeps,
  { hash, keyType }: ImportRow,
  accountId: string,
  { findPepper, weakFormsAllowed }: RowOptions,
): Promise<ServiceResult<Pick<PreparedRow, 'imported' | 'pepper'>>> {
  if (hash === null) return ok({ imported: null, pepper: null })
  const pepper = hash.pepper === null ? ok(null) : await findPepper(accountId, hash.pepper)
  if (!pepper.ok) return pepper
  const imported = parseImportedSecret(
    { form: hash.form, hash: hash.hash, salt: hash.salt, pepperId: pepper.value?.id ?? null },
    { bounds: importedSecretVerifier.bounds, weakFormsAllowed },
  )
  if (!imported.ok) return failInvalid(imported.failure)
  const refusal = findFormRefusal(keyType, imported.value.form)
  return refusal === null
    ? ok({ imported: imported.value, pepper: pepper.value?.bytes ?? null })
    : failInvalid(refusal)
}

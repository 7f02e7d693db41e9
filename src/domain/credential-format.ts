import type { KeyType } from './key-type.ts'
import type { AuthenticationMethod } from './oauth-client.ts'

/** A credential as it is configured in a vendor's program. */
export interface FormattedCredential {
  /** The place: a header, or a body. */
  readonly as: string
  /** The text to paste there. */
  readonly value: string
}

/** A key's parts. The developer's key and the username are empty if its type has none. */
export interface CredentialParts {
  /** The method of an OAuth client; null for other key types. */
  readonly authenticationMethod: AuthenticationMethod | null
  readonly publicId: string
  readonly secret: string
  readonly developerKey: string
  readonly username: string
}

/*
 * One table for all vendors, because it is text for users, not for the wire, and the command line and the
 * console show it in the same words.
 */
const CREDENTIAL_FORMATS: Readonly<
  Record<KeyType, (parts: CredentialParts) => FormattedCredential>
> = {
  redox: ({ publicId, secret }) => ({
    as: 'JSON body',
    value: JSON.stringify({ apiKey: publicId, secret }),
  }),
  xenrad: ({ secret }) => ({ as: 'X-API-Key', value: secret }),
  opendental: ({ developerKey, secret }) => ({
    as: 'Authorization',
    value: `ODFHIR ${developerKey}/${secret}`,
  }),
  'opendental-portal': ({ developerKey, secret }) => ({
    as: 'Authorization',
    value: `ODFHIR ${developerKey}/${secret}`,
  }),
  xdent: ({ publicId, secret }) => ({ as: 'X-Api-Key', value: `${publicId}.${secret}` }),
  practice: ({ username, secret }) => ({ as: 'HTTP Basic', value: `${username}:${secret}` }),
  oauth: ({ authenticationMethod, publicId, secret }) =>
    authenticationMethod === 'client_secret_basic'
      ? { as: 'HTTP Basic', value: `${publicId}:${secret}` }
      : {
          as: 'Form body',
          value: `${new URLSearchParams({ client_id: publicId, client_secret: secret })}`,
        },
}

export const formatCredential = (keyType: KeyType, parts: CredentialParts): FormattedCredential =>
  CREDENTIAL_FORMATS[keyType](parts)

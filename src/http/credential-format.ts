import type { KeyType } from '../domain/key-type.ts'

/** How a credential goes over the wire, for who puts it into a vendor's program. */
export interface FormattedCredential {
  /** Where: a header, a body. */
  readonly as: string
  /** What is pasted there. */
  readonly value: string
}

/** A key's parts. The developer's key and the username are empty where its dialect has none. */
export interface CredentialParts {
  readonly publicId: string
  readonly secret: string
  readonly developerKey: string
  readonly username: string
}

/*
 * Every vendor in one table, and not each in its own room: what is handed to a person is no answer to
 * a request, and the command line and the console are to say it in the same words.
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
}

export const formatCredential = (keyType: KeyType, parts: CredentialParts): FormattedCredential =>
  CREDENTIAL_FORMATS[keyType](parts)

type StoredFacts = Readonly<Record<string, string | number | boolean | null>>

const askClient = (what: string) => () => `Ask the client’s developer to ${what}.`

const ASSERTION_TYPE_URN = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

const describeAssertion = ({ why, detail }: StoredFacts) =>
  `The client assertion was refused (${why}): ${detail}.`

/** The descriptions of refused requests to the endpoints of OAuth, for `refusal-text.ts`. */
export const TOKEN_REQUEST_TEXTS = {
  form_required: {
    keeps: [],
    says: () => 'The body of the request is no form.',
    helps: askClient('send Content-Type: application/x-www-form-urlencoded'),
  },
  parameter_repeated: {
    keeps: [],
    says: () => 'The request has a parameter twice.',
    helps: askClient('send each parameter once'),
  },
  grant_type_missing: {
    keeps: [],
    says: () => 'The request has no grant_type.',
    helps: askClient('send grant_type=client_credentials'),
  },
  grant_type_unsupported: {
    keeps: [],
    says: () => 'The grant type of the request is not client_credentials.',
    helps: askClient('send grant_type=client_credentials'),
  },
  assertion_type_missing: {
    keeps: [],
    says: () => 'The request has no client_assertion_type, and no secret that this path takes.',
    helps: askClient(
      `sign an assertion and send client_assertion_type=${ASSERTION_TYPE_URN}, or send client id and secret to /oauth2/token`,
    ),
  },
  assertion_type_unsupported: {
    keeps: [],
    says: () => 'The client_assertion_type of the request is another one.',
    helps: askClient(`send client_assertion_type=${ASSERTION_TYPE_URN}`),
  },
  assertion_missing: {
    keeps: [],
    says: () => 'The request has no client_assertion.',
    helps: askClient('send a signed assertion'),
  },
  client_authentication_repeated: {
    keeps: [],
    says: () => 'The request proves its client in two ways.',
    helps: askClient('use one authentication method'),
  },
  client_id_other: {
    keeps: [],
    says: () => 'The client_id of the request names another client than its credential.',
    helps: askClient('leave out client_id, or send its own'),
  },
  client_method_other: {
    keeps: ['keyId', 'detail'],
    says: ({ detail }) => `The client must authenticate by another method: ${detail}.`,
    helps: ({ keyId }) =>
      `\`latchkey keys show ${keyId}\` shows its method. For another one, create another client.`,
  },
  assertion_kid_missing: {
    keeps: ['keyId', 'why', 'detail'],
    says: describeAssertion,
    helps: askClient('name its key by `kid` in the header of the assertion'),
  },
  assertion_key_unknown: {
    keeps: ['keyId', 'why', 'detail'],
    says: describeAssertion,
    helps: ({ keyId }) =>
      keyId === undefined
        ? 'A client id is the public id of a key: `latchkey keys list --text CLIENT_ID` finds the key.'
        : `\`latchkey keys test-jwks ${keyId}\` reads the JWK Set of the client, and shows which of its keys can be used.`,
  },
  assertion_invalid: {
    keeps: ['keyId', 'why', 'detail'],
    says: describeAssertion,
    helps: askClient('correct the assertion, and sign a new one for each request'),
  },
  scope_refused: {
    keeps: ['keyId'],
    says: () => 'The client asked only for scopes that it does not have.',
    helps: ({ keyId, keyType }) =>
      keyType === 'redox'
        ? 'The token of a Redox-style key has no scope. Ask the client’s developer to leave out scope, or create an OAuth client.'
        : `\`latchkey keys show ${keyId}\` shows its scopes, and \`latchkey keys edit ${keyId} --scopes LIST\` sets them.`,
  },
} as const satisfies Readonly<
  Record<
    string,
    {
      readonly keeps: readonly string[]
      readonly says: (facts: StoredFacts) => string
      readonly helps: (facts: StoredFacts) => string
    }
  >
>

import { html } from 'hono/html'
import type { CredentialParts } from '../../../../domain/credential-format.ts'
import type { KeyType } from '../../../../domain/key-type.ts'
import { hasSecret } from '../../../../domain/oauth-client.ts'
import { findCredentialParts } from '../../../../service/keys/keys.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { copyButton, type Html, nothing } from '../../components/html.ts'
import type { PageContext } from '../../context.ts'
import type { KeyPageDeps } from './key-components.ts'

const SAMPLE_LANGUAGES = [
  { name: 'curl', write: formatCurl },
  { name: 'TypeScript', write: formatTypeScript },
  { name: 'Python', write: formatPython },
] as const

/** Renders example requests to paste. None contains the secret: each reads it from its environment. */
export async function codeSamples(
  { publicUrl }: KeyPageDeps,
  { services }: PageContext,
  key: KeySummary,
): Promise<Html> {
  // The samples of a client that signs assertions are in the documentation: they need its private key.
  if (!hasSecret(key)) return nothing
  const parts = await findCredentialParts(services, key)
  const request = createSampleRequest(key.keyType, { ...parts, url: publicUrl })
  return html`<section class="card" id="samples"><h2>Code samples</h2>
    <p>${request.description} The samples read the secret from the environment variable <code>LATCHKEY_SECRET</code>.</p>
    ${SAMPLE_LANGUAGES.map(({ name, write }, n) => {
      const code = write(request)
      return html`<details name="sample"${n === 0 ? html` open` : ''}><summary>${name}</summary>
        <div class="stack tight sample"><pre tabindex="0" role="region" aria-label="The request in ${name}"><code>${code}</code></pre>
        <p>${copyButton(code, `the request in ${name}`)}</p></div></details>`
    })}
  </section>`
}

interface SampleCredential extends Omit<CredentialParts, 'secret'> {
  readonly url: string
}

const createGetRequest = (
  description: string,
  url: string,
  overrides: Partial<SampleRequest>,
): SampleRequest => ({
  description,
  url,
  method: 'GET',
  headers: [],
  username: null,
  fields: [],
  ...overrides,
})

/* One table for all vendors, as in domain/credential-format.ts: a sample is no reply to a vendor's request. */
const SAMPLE_REQUESTS: Readonly<Record<KeyType, (credential: SampleCredential) => SampleRequest>> =
  {
    redox: ({ url, publicId }) => ({
      ...createGetRequest(
        'Exchanges the key for an access token and a refresh token.',
        `${url}/auth/authenticate`,
        {},
      ),
      method: 'POST',
      fields: [
        { name: 'apiKey', value: [publicId] },
        { name: 'secret', value: [SECRET_PLACEHOLDER] },
      ],
    }),
    xenrad: ({ url }) =>
      createGetRequest('Requests a patient of the site.', `${url}/fhir/Patient?_count=1`, {
        headers: [{ name: 'X-API-Key', value: [SECRET_PLACEHOLDER] }],
      }),
    opendental: ({ url, developerKey }) =>
      createGetRequest('Lists the patients of the office.', `${url}/api/v1/patients`, {
        headers: [
          { name: 'Authorization', value: [`ODFHIR ${developerKey}/`, SECRET_PLACEHOLDER] },
        ],
      }),
    'opendental-portal': ({ url, developerKey }) =>
      createGetRequest('Lists the developer’s customer keys.', `${url}/apikeys`, {
        headers: [
          { name: 'Authorization', value: [`ODFHIR ${developerKey}/`, SECRET_PLACEHOLDER] },
        ],
      }),
    xdent: ({ url, publicId }) =>
      createGetRequest('Gets the identity of the key.', `${url}/api/v1/Identity`, {
        headers: [{ name: 'X-Api-Key', value: [`${publicId}.`, SECRET_PLACEHOLDER] }],
      }),
    practice: ({ url, username }) =>
      createGetRequest('Gets the identity of the key.', `${url}/practice/v1/me`, { username }),
    oauth: ({ url, publicId, authenticationMethod }) => {
      const isInBody = authenticationMethod === 'client_secret_post'
      const credential: SampleRequest['fields'] = [
        { name: 'client_id', value: [publicId] },
        { name: 'client_secret', value: [SECRET_PLACEHOLDER] },
      ]
      return {
        ...createGetRequest('Requests an access token.', `${url}/oauth2/token`, {}),
        method: 'POST',
        username: isInBody ? null : publicId,
        fields: [
          { name: 'grant_type', value: ['client_credentials'] },
          ...(isInBody ? credential : []),
        ],
      }
    },
  }

const createSampleRequest = (keyType: KeyType, credential: SampleCredential): SampleRequest =>
  SAMPLE_REQUESTS[keyType](credential)

/** A part of a header or a field: literal text, or the place of the secret. */
type SamplePart = string | typeof SECRET_PLACEHOLDER

const SECRET_PLACEHOLDER = Symbol('the secret')

/** A request, before it is written in a language. */
interface SampleRequest {
  /** A sentence that says what the request does. */
  readonly description: string
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: readonly { readonly name: string; readonly value: readonly SamplePart[] }[]
  /** The user of HTTP Basic; the secret is the password. */
  readonly username: string | null
  /** The fields of a form body. */
  readonly fields: readonly { readonly name: string; readonly value: readonly SamplePart[] }[]
}

/** The environment variable that each sample reads the secret from. */
const SECRET_VARIABLE = 'LATCHKEY_SECRET'

/** Formats for a POSIX shell. An imported public id may contain any printable character. */
function formatCurl({ url, headers, username, fields }: SampleRequest): string {
  const options = [
    ...headers.map(({ name, value }) => `-H ${quoteForShell([`${name}: `, ...value])}`),
    ...(username === null ? [] : [`-u ${quoteForShell([`${username}:`, SECRET_PLACEHOLDER])}`]),
    ...fields.map(({ name, value }) => `--data-urlencode ${quoteForShell([`${name}=`, ...value])}`),
  ]
  return `${[`curl -sS ${quoteForShell([url])}`, ...options].join(' \\\n  ')}\n`
}

/** Formats one shell word: literal text in single quotes, the secret's variable between them. */
const quoteForShell = (pieces: readonly SamplePart[]): string =>
  mergeTexts(pieces)
    .map((piece) =>
      piece === SECRET_PLACEHOLDER
        ? `"$${SECRET_VARIABLE}"`
        : `'${piece.replaceAll("'", `'\\''`)}'`,
    )
    .join('')

/** Joins adjacent texts. */
function mergeTexts(pieces: readonly SamplePart[]): SamplePart[] {
  const merged: SamplePart[] = []
  for (const piece of pieces) {
    const previous = merged.at(-1)
    if (typeof piece === 'string' && typeof previous === 'string')
      merged[merged.length - 1] = previous + piece
    else merged.push(piece)
  }
  return merged
}

/** Formats for Node 22 and later. */
function formatTypeScript({ url, method, headers, username, fields }: SampleRequest): string {
  const entries = headers.map(
    ({ name, value }) => `    ${JSON.stringify(name)}: ${toTypeScriptExpression(value)},`,
  )
  if (username !== null) {
    const pair = `${toTypeScriptExpression([`${username}:`, SECRET_PLACEHOLDER])}`
    entries.push(`    Authorization: \`Basic \${Buffer.from(${pair}).toString('base64')}\`,`)
  }
  const options = [
    ...(method === 'GET' ? [] : [`  method: '${method}',`]),
    ...(entries.length === 0 ? [] : ['  headers: {', ...entries, '  },']),
    ...(fields.length === 0
      ? []
      : [
          '  body: new URLSearchParams({',
          ...fields.map(({ name, value }) => `    ${name}: ${toTypeScriptExpression(value)},`),
          '  }),',
        ]),
  ]
  return [
    `const secret = process.env.${SECRET_VARIABLE}`,
    `if (!secret) throw new Error('${SECRET_VARIABLE} is not set')`,
    '',
    `const response = await fetch(${JSON.stringify(url)}, {`,
    ...options,
    '})',
    'console.log(response.status, await response.text())',
    '',
  ].join('\n')
}

const toTypeScriptExpression = (pieces: readonly SamplePart[]): string =>
  pieces
    .map((piece) => (piece === SECRET_PLACEHOLDER ? 'secret' : JSON.stringify(piece)))
    .join(' + ')

/** Formats for Python 3.8 and later, without packages to install. */
function formatPython({ url, method, headers, username, fields }: SampleRequest): string {
  const entries = headers.map(
    ({ name, value }) => `        ${toPythonString(name)}: ${toPythonExpression(value)},`,
  )
  if (username !== null) {
    entries.push(`        "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),`)
  }
  const options = [
    ...(method === 'GET' ? [] : [`    method=${toPythonString(method)},`]),
    ...(entries.length === 0 ? [] : ['    headers={', ...entries, '    },']),
    ...(fields.length === 0
      ? []
      : [
          '    data=urllib.parse.urlencode({',
          ...fields.map(
            ({ name, value }) => `        ${toPythonString(name)}: ${toPythonExpression(value)},`,
          ),
          '    }).encode(),',
        ]),
  ]
  return [
    ...(username === null ? [] : ['import base64']),
    'import os',
    'import urllib.error',
    ...(fields.length === 0 ? [] : ['import urllib.parse']),
    'import urllib.request',
    '',
    `secret = os.environ["${SECRET_VARIABLE}"]`,
    ...(username === null
      ? []
      : [`pair = ${toPythonExpression([`${username}:`, SECRET_PLACEHOLDER])}`]),
    'request = urllib.request.Request(',
    `    ${toPythonString(url)},`,
    ...options,
    ')',
    'try:',
    '    response = urllib.request.urlopen(request)',
    'except urllib.error.HTTPError as refusal:',
    '    response = refusal',
    'print(response.status, response.read().decode())',
    '',
  ].join('\n')
}

/** Relies on every JSON string of printable ASCII being a Python string too. */
const toPythonString = (value: string): string => JSON.stringify(value)

const toPythonExpression = (pieces: readonly SamplePart[]): string =>
  pieces
    .map((piece) => (piece === SECRET_PLACEHOLDER ? 'secret' : toPythonString(piece)))
    .join(' + ')

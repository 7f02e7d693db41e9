import { html } from 'hono/html'
import type { KeyType } from '../../../../domain/key-type.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { copyButton, type Html } from '../../components/html.ts'
import type { PageContext } from '../../context.ts'
import type { KeyPageDeps } from './with-key.ts'

const SAMPLE_LANGUAGES = [
  { name: 'curl', write: formatCurl },
  { name: 'TypeScript', write: formatTypeScript },
  { name: 'Python', write: formatPython },
] as const

/** Requests to paste. The secret is never in them: each reads it from its environment. */
export async function codeSamples(
  { publicUrl }: KeyPageDeps,
  { services }: PageContext,
  key: KeySummary,
): Promise<Html> {
  const { developerId, ownerId, dialect, publicId } = key
  const developer =
    developerId === null ? null : await services.directory.findDeveloper(developerId)
  const owner = dialect === 'practice' ? await services.accounts.findUser(ownerId) : null
  const request = createSampleRequest(dialect, {
    url: publicUrl,
    publicId,
    developerKey: developer?.ok ? developer.value.developerKey : '',
    username: owner?.ok ? (owner.value.username ?? '') : '',
  })
  return html`<section class="card" id="samples"><h2>Use it</h2>
    <p>${request.description} Put the secret into the environment as <code>LATCHKEY_SECRET</code>; these read it from there.</p>
    ${SAMPLE_LANGUAGES.map(({ name, write }, n) => {
      const code = write(request)
      return html`<details name="sample"${n === 0 ? html` open` : ''}><summary>${name}</summary>
        <div class="stack tight sample"><pre tabindex="0" role="region" aria-label="The request in ${name}"><code>${code}</code></pre>
        <p>${copyButton(code, `the request in ${name}`)}</p></div></details>`
    })}
  </section>`
}

/** What of a key goes into its request. The developer's key and the username are empty where it has none. */
export interface SampleCredential {
  readonly url: string
  readonly publicId: string
  readonly developerKey: string
  readonly username: string
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

/*
 * Every vendor in one table, as in http/presented.ts: what a person is told to paste is no answer to a
 * request.
 */
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
      createGetRequest('Asks for a patient of its site.', `${url}/fhir/Patient?_count=1`, {
        headers: [{ name: 'X-API-Key', value: [SECRET_PLACEHOLDER] }],
      }),
    opendental: ({ url, developerKey }) =>
      createGetRequest('Asks for the patients of its office.', `${url}/api/v1/patients`, {
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
      createGetRequest('Asks who the key is.', `${url}/api/v1/Identity`, {
        headers: [{ name: 'X-Api-Key', value: [`${publicId}.`, SECRET_PLACEHOLDER] }],
      }),
    practice: ({ url, username }) =>
      createGetRequest('Asks who the key is.', `${url}/practice/v1/me`, { username }),
  }

export const createSampleRequest = (
  keyType: KeyType,
  credential: SampleCredential,
): SampleRequest => SAMPLE_REQUESTS[keyType](credential)

/** One part of a header or a field: text as it stands, or the secret, wherever it comes from. */
export type SamplePart = string | typeof SECRET_PLACEHOLDER

export const SECRET_PLACEHOLDER = Symbol('the secret')

/** One request, before it is written in a language. */
export interface SampleRequest {
  /** What it does, as a sentence. */
  readonly description: string
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers: readonly { readonly name: string; readonly value: readonly SamplePart[] }[]
  /** HTTP Basic: who, before the secret. */
  readonly username: string | null
  /** A form, field by field. */
  readonly fields: readonly { readonly name: string; readonly value: readonly SamplePart[] }[]
}

/** Where each sample reads the secret. */
export const SECRET_VARIABLE = 'LATCHKEY_SECRET'

/** For a POSIX shell. An id that another system issued may hold any printable character. */
export function formatCurl({ url, headers, username, fields }: SampleRequest): string {
  const options = [
    ...headers.map(({ name, value }) => `-H ${quoteForShell([`${name}: `, ...value])}`),
    ...(username === null ? [] : [`-u ${quoteForShell([`${username}:`, SECRET_PLACEHOLDER])}`]),
    ...fields.map(({ name, value }) => `--data-urlencode ${quoteForShell([`${name}=`, ...value])}`),
  ]
  return `${[`curl -sS ${quoteForShell([url])}`, ...options].join(' \\\n  ')}\n`
}

/** One word: in single quotes nothing means anything, and the secret stands between them. */
const quoteForShell = (pieces: readonly SamplePart[]): string =>
  mergeTexts(pieces)
    .map((piece) =>
      piece === SECRET_PLACEHOLDER
        ? `"$${SECRET_VARIABLE}"`
        : `'${piece.replaceAll("'", `'\\''`)}'`,
    )
    .join('')

/** Texts beside each other are one. */
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

/** For Node 22 and later, as it stands. */
export function formatTypeScript({
  url,
  method,
  headers,
  username,
  fields,
}: SampleRequest): string {
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

/** For Python 3.8 and later, with nothing to install. */
export function formatPython({ url, method, headers, username, fields }: SampleRequest): string {
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

/** A string of JSON in printable ASCII is one of Python's. */
const toPythonString = (value: string): string => JSON.stringify(value)

const toPythonExpression = (pieces: readonly SamplePart[]): string =>
  pieces
    .map((piece) => (piece === SECRET_PLACEHOLDER ? 'secret' : toPythonString(piece)))
    .join(' + ')

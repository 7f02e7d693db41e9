import { z } from 'zod'
import { type IpNetwork, parseIpNetwork } from './domain/ip-network.ts'

/** Every setting, which is text from the environment, with its default and its meaning. */
export const SETTINGS = {
  LATCHKEY_DATA: {
    default: './data',
    help: 'Folder of the database and the key ring. It is created with mode 0700 if it does not exist.',
  },
  LATCHKEY_DATABASE: {
    default: '',
    help: 'The database: sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME. Empty: latchkey.db in LATCHKEY_DATA.',
  },
  LATCHKEY_DATABASE_CONNECTIONS: {
    default: '7',
    help: 'Maximum number of PostgreSQL connections of a server, or of each of its workers. More than 7 are not used.',
  },
  LATCHKEY_KEYRING: {
    default: '',
    help: 'The key ring file, with mode 0600. Empty: keyring.json in LATCHKEY_DATA.',
  },
  LATCHKEY_SIGNING_KEY_DAYS: {
    default: '',
    help: 'Days that a key signs JWT access tokens before the server rotates it in the key ring file; 0 to 3650, 0 for never. Set it only if all servers share one key ring file. Empty: 90 with SQLite, 0 with PostgreSQL.',
  },
  LATCHKEY_HOST: { default: '127.0.0.1', help: 'Address to listen on.' },
  LATCHKEY_PORT: { default: '8080', help: 'Port to listen on. 0 selects a free port.' },
  LATCHKEY_URL: {
    default: '',
    help: 'Public URL, and the issuer and audience of access tokens: servers with the same database need the same one, and a change ends issued access tokens. Include the path if a proxy serves the server below a path. Empty: http, LATCHKEY_HOST and the port.',
  },
  LATCHKEY_REGION: {
    default: 'us',
    help: 'Region of this server. Keys of accounts in other regions are refused.',
  },
  LATCHKEY_TRUSTED_PROXIES: {
    default: '',
    help: 'Comma-separated addresses and networks of proxies whose X-Forwarded-For is trusted. Empty: none.',
  },
  LATCHKEY_ACCESS_TOKENS: {
    default: 'opaque',
    help: 'Access tokens of the Redox-style exchange: opaque (93 characters, checked by this server), or jwt (about 600 characters, which services can also verify with the published JWK Set). Both kinds are accepted until they expire, whichever is issued.',
  },
  LATCHKEY_REFRESH_LEEWAY_SECONDS: {
    default: '60',
    help: 'Seconds around a rotation (before it too, because clocks differ) in which an earlier refresh token revokes nothing, and the previous one gets the same response again; 0 to 3600.',
  },
  LATCHKEY_FAILURES_PER_ADDRESS: {
    default: '300',
    help: 'Failures from one address (an IPv6 /64 counts as one) in a window before further failures are refused with 429.',
  },
  LATCHKEY_FAILURES_SECONDS: {
    default: '300',
    help: 'Length of the window that failures are counted in.',
  },
  LATCHKEY_DIGEST_IMPORTED_KEYS: {
    default: 'off',
    help: 'Stores a keyed digest of an imported secret after its first successful exchange: on or off. With the digest, its owner is recognized from every network; without it, only from networks where the secret was proven. Switch it on only if such secrets are long and random: a thief of the database and the key ring can guess digests fast.',
  },
  LATCHKEY_CUSTOMER_KEYS_PER_DEVELOPER: {
    default: '10000',
    help: 'Maximum number of customer keys of one developer, including revoked keys; 1 to 1000000. At the maximum, POST /apikeys responds with 429.',
  },
  LATCHKEY_QUOTA_REQUESTS: {
    default: '10000',
    help: 'Requests in a quota window: of one address to /endpoint and /query, and of each key that is presented with every request.',
  },
  LATCHKEY_QUOTA_SECONDS: { default: '300', help: 'Length of the quota window.' },
  LATCHKEY_AUDIT_YEARS: {
    default: '6',
    help: 'Years that audit events are kept; 1 to 100.',
  },
  LATCHKEY_AUDIT_REFUSALS_MB_PER_DAY: {
    default: '20',
    help: 'Megabytes a day that a server adds to the audit for refusals of unauthenticated callers; 1 to 100000. Past an hour’s share, their refusals are counted by reason and network.',
  },
  LATCHKEY_RETENTION_DAYS: {
    default: '0',
    help: 'Days that a message is kept after its last delivery, so that it can be replayed; 0 to 3650.',
  },
  LATCHKEY_MESSAGE_LIMIT_BYTES: {
    default: '41943040',
    help: 'Maximum length of a message. The default is the documented 40 MB.',
  },
  LATCHKEY_UPSTREAM_FHIR: {
    default: '',
    help: 'Upstream of the FHIR surface: an http or https URL, which may have a base path. Empty: no upstream.',
  },
  LATCHKEY_UPSTREAM_HL7: { default: '', help: 'Upstream of HL7 v2 and v3 over HTTP.' },
  LATCHKEY_UPSTREAM_MPPS: { default: '', help: 'Upstream of MPPS messages.' },
  LATCHKEY_UPSTREAM_OPENDENTAL: {
    default: '',
    help: 'Upstream for the data of Open Dental offices.',
  },
  LATCHKEY_UPSTREAM_XDENT: { default: '', help: 'Upstream for the data of XDENT companies.' },
  LATCHKEY_UPSTREAM_PRACTICE: { default: '', help: 'Upstream for practice management data.' },
  LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: {
    default: '60',
    help: 'Seconds in which an upstream must begin its response, and that it may pause in the middle; 1 to 3600.',
  },
  LATCHKEY_DESTINATIONS_ALLOWED: {
    default: '',
    help: 'Comma-separated addresses and networks outside the public Internet that destinations, and the URLs of JWK Sets, may use. Empty: none.',
  },
  LATCHKEY_APPLICATION_NAME: {
    default: 'Latchkey',
    help: 'Name of this server in the verification of a destination, and in the errors of /v2/auth/token: 1 to 64 letters, digits, dots, dashes and underscores.',
  },
  LATCHKEY_CONSOLE: {
    default: 'on',
    help: 'Enables the console (/console) and the management API (/admin/v1): on or off. If off, only the command line can change anything.',
  },
  LATCHKEY_CONSOLE_HOST: {
    default: '127.0.0.1',
    help: 'Address that the console and the management API listen on.',
  },
  LATCHKEY_CONSOLE_PORT: {
    default: '',
    help: 'Port of the console and the management API. 0 selects a free port. Empty: LATCHKEY_PORT + 1, or a free port if LATCHKEY_PORT is 0 or 65535.',
  },
  LATCHKEY_CONSOLE_URL: {
    default: '',
    help: 'Public URL of the console and the management API. Include the path if a proxy serves them below a path. If it is set, LATCHKEY_URL redirects to the console. Empty: http, LATCHKEY_CONSOLE_HOST and the port.',
  },
  LATCHKEY_STOP_SECONDS: {
    default: '30',
    help: 'Seconds that a stopping server waits for requests in progress; 1 to 3600. Keep it below the time after which your service manager kills the server.',
  },
  LATCHKEY_LOG_LEVEL: {
    default: 'info',
    help: 'debug, info, warn, error or silent. Refusals are logged at info, successes at debug.',
  },
} as const satisfies Record<string, { default: string; help: string }>

export type SettingName = keyof typeof SETTINGS

const wholeNumberSchema = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be from ${min} to ${max}`)

const publicUrlSchema = z
  .string()
  .refine(
    (text) => text === '' || isPublicUrl(text),
    'must be an http or https URL without blanks, credentials, query or fragment; a path in it may ' +
      'have letters, digits, dots, dashes, underscores and tildes',
  )
  .transform((text) => (text === '' ? null : text.replace(/\/+$/, '')))

/** Accepts only the exact spelling that links, cookies and the token issuer then repeat. */
function isPublicUrl(text: string): boolean {
  const [, path] = /^https?:\/\/[^\s/?#@]+((?:\/[\w.~-]+)*)\/*$/i.exec(text) ?? []
  return (
    path !== undefined && URL.canParse(text) && removeTrailingSlash(new URL(text).pathname) === path
  )
}

const removeTrailingSlash = (path: string) => path.replace(/\/+$/, '')

const upstreamSchema = z
  .string()
  .refine(
    (text) => text === '' || isUpstreamUrl(text),
    'must be an http or https URL without blanks, credentials, query or fragment',
  )
  .transform((text) => (text === '' ? null : new URL(text)))

// Checks the text, because a URL drops an empty query and an empty user.
const isUpstreamUrl = (text: string) =>
  /^https?:\/\/[^\s/?#@][^\s?#@]*$/i.test(text) && URL.canParse(text)

const networksSchema = z.string().transform((text, context) => {
  const found: IpNetwork[] = []
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue
    const network = parseIpNetwork(entry)
    if (network === null) context.addIssue(`${JSON.stringify(entry)} is not an address or network`)
    else found.push(network)
  }
  return found
})

// The message does not repeat the value, which may contain a password.
const databaseSchema = z
  .string()
  .refine(
    (text) => text === '' || /^sqlite:./.test(text) || isPostgresUrl(text),
    'must be empty, sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME (in a password, write ' +
      'characters that mean something in a URL as %XX)',
  )

/** An address, which may be of IPv6 and name an interface, or a host name. */
export const HOST_PATTERN = /^[\w.:%-]+$/
const hostSchema = z.string().regex(HOST_PATTERN, 'must be an address or a host name')

export const settingsSchema = z.object({
  LATCHKEY_DATA: z.string().min(1, 'must name a folder'),
  LATCHKEY_DATABASE: databaseSchema,
  LATCHKEY_DATABASE_CONNECTIONS: wholeNumberSchema(1, 1000),
  LATCHKEY_KEYRING: z.string(),
  LATCHKEY_SIGNING_KEY_DAYS: wholeNumberSchema(0, 3650),
  LATCHKEY_HOST: hostSchema,
  LATCHKEY_PORT: wholeNumberSchema(0, 65_535),
  LATCHKEY_URL: publicUrlSchema,
  LATCHKEY_REGION: z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be 1 to 32 of a-z, 0-9 and -'),
  LATCHKEY_TRUSTED_PROXIES: networksSchema,
  LATCHKEY_ACCESS_TOKENS: z.enum(['opaque', 'jwt'], 'must be opaque or jwt'),
  LATCHKEY_REFRESH_LEEWAY_SECONDS: wholeNumberSchema(0, 3600),
  LATCHKEY_CUSTOMER_KEYS_PER_DEVELOPER: wholeNumberSchema(1, 1_000_000),
  LATCHKEY_FAILURES_PER_ADDRESS: wholeNumberSchema(1, 1_000_000_000),
  LATCHKEY_FAILURES_SECONDS: wholeNumberSchema(1, 86_400),
  LATCHKEY_DIGEST_IMPORTED_KEYS: z.enum(['on', 'off'], 'must be on or off'),
  LATCHKEY_QUOTA_REQUESTS: wholeNumberSchema(1, 1_000_000_000),
  LATCHKEY_QUOTA_SECONDS: wholeNumberSchema(1, 86_400),
  LATCHKEY_AUDIT_YEARS: wholeNumberSchema(1, 100),
  LATCHKEY_AUDIT_REFUSALS_MB_PER_DAY: wholeNumberSchema(1, 100_000),
  LATCHKEY_RETENTION_DAYS: wholeNumberSchema(0, 3650),
  LATCHKEY_MESSAGE_LIMIT_BYTES: wholeNumberSchema(1024, 1_073_741_824),
  LATCHKEY_UPSTREAM_FHIR: upstreamSchema,
  LATCHKEY_UPSTREAM_HL7: upstreamSchema,
  LATCHKEY_UPSTREAM_MPPS: upstreamSchema,
  LATCHKEY_UPSTREAM_OPENDENTAL: upstreamSchema,
  LATCHKEY_UPSTREAM_XDENT: upstreamSchema,
  LATCHKEY_UPSTREAM_PRACTICE: upstreamSchema,
  LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: wholeNumberSchema(1, 3600),
  LATCHKEY_DESTINATIONS_ALLOWED: networksSchema,
  LATCHKEY_APPLICATION_NAME: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be 1 to 64 letters, digits, dots, dashes and underscores'),
  LATCHKEY_CONSOLE: z.enum(['on', 'off'], 'must be on or off'),
  LATCHKEY_CONSOLE_HOST: hostSchema,
  LATCHKEY_CONSOLE_PORT: wholeNumberSchema(0, 65_535),
  LATCHKEY_CONSOLE_URL: publicUrlSchema,
  LATCHKEY_STOP_SECONDS: wholeNumberSchema(1, 3600),
  LATCHKEY_LOG_LEVEL: z.enum(
    ['debug', 'info', 'warn', 'error', 'silent'],
    'must be debug, info, warn, error or silent',
  ),
} satisfies Record<SettingName, z.ZodType>)

/** Accepts a PostgreSQL URL of which every part can be decoded. */
export function isPostgresUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

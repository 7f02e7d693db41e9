import { z } from 'zod'
import {
  type IpNetwork,
  isLoopbackHost,
  isPrivateAddress,
  parseIpAddress,
  parseIpNetwork,
} from './domain/ip-network.ts'
import { getUpstreamSettingName, SURFACES, type Surface } from './domain/key-type.ts'

/** Settings are text from the environment; all of them, what they mean, and what they are left alone. */
export const SETTINGS = {
  LATCHKEY_DATA: {
    default: './data',
    help: 'Folder of the database and the key ring. Made (mode 0700) where it does not exist.',
  },
  LATCHKEY_DATABASE: {
    default: '',
    help: 'The database: sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME. Empty: latchkey.db in LATCHKEY_DATA.',
  },
  LATCHKEY_DATABASE_CONNECTIONS: {
    default: '10',
    help: 'Connections to PostgreSQL that one server holds at most.',
  },
  LATCHKEY_KEYRING: {
    default: '',
    help: 'The key ring file, mode 0600. Empty: keyring.json in LATCHKEY_DATA.',
  },
  LATCHKEY_HOST: { default: '127.0.0.1', help: 'Address to listen on.' },
  LATCHKEY_PORT: { default: '8080', help: 'Port to listen on; 0 takes any free one.' },
  LATCHKEY_URL: {
    default: '',
    help: 'Public URL, and the issuer and audience of access tokens. Include the path if a proxy serves the server below one. Empty: http, LATCHKEY_HOST and the port.',
  },
  LATCHKEY_REGION: {
    default: 'us',
    help: 'Region of this server; keys of accounts in other regions are refused.',
  },
  LATCHKEY_TRUSTED_PROXIES: {
    default: '',
    help: 'Addresses and networks, with commas between, whose X-Forwarded-For is believed. Empty: nobody.',
  },
  LATCHKEY_REFRESH_LEEWAY_SECONDS: {
    default: '60',
    help: 'Leeway around a rotation (after it, or before it where clocks differ) in which an earlier refresh token revokes nothing, and the previous one gets the same answer again; 0 to 3600.',
  },
  LATCHKEY_FAILURES_PER_ADDRESS: {
    default: '300',
    help: 'Failures from one address (an IPv6 /64 counts as one) within the window, after which further failures must wait.',
  },
  LATCHKEY_FAILURES_SECONDS: { default: '300', help: 'The window that failures are counted in.' },
  LATCHKEY_DIGEST_IMPORTED_KEYS: {
    default: 'off',
    help: 'Whether an imported secret gets a keyed digest after its first successful exchange: on or off. With the digest, its owner is recognised from every network; without it, only from networks where the secret was proven. Switch it on only if such secrets are long and random: with the database and the key ring, digests can be guessed fast.',
  },
  LATCHKEY_CUSTOMER_KEYS_PER_DEVELOPER: {
    default: '10000',
    help: 'Most customer keys of one developer, revoked ones included; with that many, POST /apikeys answers 429; 1 to 1000000.',
  },
  LATCHKEY_QUOTA_REQUESTS: {
    default: '10000',
    help: 'Requests within the quota window: of one address to /endpoint and /query, and of each key that comes with every request.',
  },
  LATCHKEY_QUOTA_SECONDS: { default: '300', help: 'The quota window.' },
  LATCHKEY_AUDIT_YEARS: {
    default: '6',
    help: 'How long the events of the audit are kept; 1 to 100 years.',
  },
  LATCHKEY_RETENTION_DAYS: {
    default: '0',
    help: 'How long a message is kept after its last delivery, so that it can be replayed; 0 to 3650 days.',
  },
  LATCHKEY_MESSAGE_LIMIT_BYTES: {
    default: '41943040',
    help: 'Longest message that is taken; 40 MB as documented.',
  },
  LATCHKEY_UPSTREAM_FHIR: {
    default: '',
    help: 'Upstream of the FHIR surface: an http or https URL, a base path in it if need be. Empty: there is none.',
  },
  LATCHKEY_UPSTREAM_HL7: { default: '', help: 'Upstream of HL7 v2 and v3 over HTTP.' },
  LATCHKEY_UPSTREAM_MPPS: { default: '', help: 'Upstream of MPPS messages.' },
  LATCHKEY_UPSTREAM_OPENDENTAL: {
    default: '',
    help: 'Upstream of the data of Open Dental offices.',
  },
  LATCHKEY_UPSTREAM_XDENT: { default: '', help: 'Upstream of the data of XDENT companies.' },
  LATCHKEY_UPSTREAM_PRACTICE: { default: '', help: 'Upstream of practice management data.' },
  LATCHKEY_UPSTREAM_TIMEOUT_SECONDS: {
    default: '60',
    help: 'How long an upstream may take to begin its answer, and be silent in the midst of it; 1 to 3600.',
  },
  LATCHKEY_DESTINATIONS_ALLOWED: {
    default: '',
    help: 'Addresses and networks, with commas between, where a destination may be although they are not the Internet. Empty: none.',
  },
  LATCHKEY_APPLICATION_NAME: {
    default: 'Latchkey',
    help: 'Who this server says it is when it verifies a destination: 1 to 64 letters, digits, dots, dashes and underscores.',
  },
  LATCHKEY_CONSOLE: {
    default: 'on',
    help: 'Whether the console (/console) and the management API (/admin/v1) are there: on or off. Without them the command line alone changes anything.',
  },
  LATCHKEY_CONSOLE_HOST: {
    default: '127.0.0.1',
    help: 'Address that the console and the management API listen on.',
  },
  LATCHKEY_CONSOLE_PORT: {
    default: '',
    help: 'Port of the console and the management API; 0 takes any free one. Empty: LATCHKEY_PORT + 1, or any free port if LATCHKEY_PORT is 0 or 65535.',
  },
  LATCHKEY_CONSOLE_URL: {
    default: '',
    help: 'Public URL of the console and the management API. Include the path if a proxy serves them below one. Only if it is set does LATCHKEY_URL redirect to the console. Empty: http, LATCHKEY_CONSOLE_HOST and the port.',
  },
  LATCHKEY_STOP_SECONDS: {
    default: '30',
    help: 'How long a server that is told to stop waits for requests in progress; 1 to 3600. Keep it below the time after which your service manager kills the server.',
  },
  LATCHKEY_LOG_LEVEL: {
    default: 'info',
    help: 'debug, info, warn, error or silent. Refusals are info, successes debug.',
  },
} as const satisfies Record<string, { default: string; help: string }>

type SettingName = keyof typeof SETTINGS

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

// The text says more than its URL: an empty query or an empty user is none there.
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

// What is wrong with it is told without it: there is a password inside.
const databaseSchema = z
  .string()
  .refine(
    (text) => text === '' || /^sqlite:./.test(text) || isPostgresUrl(text),
    'must be empty, sqlite:PATH or postgres://USER:PASSWORD@HOST:PORT/NAME (in a password, write ' +
      'characters that mean something in a URL as %XX)',
  )

const settingsSchema = z.object({
  LATCHKEY_DATA: z.string().min(1, 'must name a folder'),
  LATCHKEY_DATABASE: databaseSchema,
  LATCHKEY_DATABASE_CONNECTIONS: wholeNumberSchema(1, 1000),
  LATCHKEY_KEYRING: z.string(),
  LATCHKEY_HOST: z.string().min(1, 'must name an address'),
  LATCHKEY_PORT: wholeNumberSchema(0, 65_535),
  LATCHKEY_URL: publicUrlSchema,
  LATCHKEY_REGION: z.string().regex(/^[a-z0-9-]{1,32}$/, 'must be 1 to 32 of a-z, 0-9 and -'),
  LATCHKEY_TRUSTED_PROXIES: networksSchema,
  LATCHKEY_REFRESH_LEEWAY_SECONDS: wholeNumberSchema(0, 3600),
  LATCHKEY_CUSTOMER_KEYS_PER_DEVELOPER: wholeNumberSchema(1, 1_000_000),
  LATCHKEY_FAILURES_PER_ADDRESS: wholeNumberSchema(1, 1_000_000_000),
  LATCHKEY_FAILURES_SECONDS: wholeNumberSchema(1, 86_400),
  LATCHKEY_DIGEST_IMPORTED_KEYS: z.enum(['on', 'off'], 'must be on or off'),
  LATCHKEY_QUOTA_REQUESTS: wholeNumberSchema(1, 1_000_000_000),
  LATCHKEY_QUOTA_SECONDS: wholeNumberSchema(1, 86_400),
  LATCHKEY_AUDIT_YEARS: wholeNumberSchema(1, 100),
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
  LATCHKEY_CONSOLE_HOST: z.string().min(1, 'must name an address'),
  LATCHKEY_CONSOLE_PORT: wholeNumberSchema(0, 65_535),
  LATCHKEY_CONSOLE_URL: publicUrlSchema,
  LATCHKEY_STOP_SECONDS: wholeNumberSchema(1, 3600),
  LATCHKEY_LOG_LEVEL: z.enum(
    ['debug', 'info', 'warn', 'error', 'silent'],
    'must be debug, info, warn, error or silent',
  ),
} satisfies Record<SettingName, z.ZodType>)

export interface Config {
  readonly dataDir: string
  readonly database:
    | { readonly engine: 'sqlite'; readonly path: string }
    | { readonly engine: 'postgres'; readonly url: string; readonly connections: number }
  readonly keyringPath: string
  readonly host: string
  readonly port: number
  /** Null when it follows from the host and the port that is listened on. */
  readonly publicUrl: string | null
  readonly region: string
  readonly trustedProxies: readonly IpNetwork[]
  readonly refreshLeewayMs: number
  readonly failureLimits: { perAddress: number; windowMs: number }
  /** Whether an imported secret gets a digest after its first successful exchange. */
  readonly digestImportedKeys: boolean
  readonly quota: { requests: number; windowMs: number }
  readonly customerKeysPerDeveloper: number
  readonly auditYears: number
  /** How long a payload is kept after its last delivery; 0 erases it with that. */
  readonly payloadRetentionMs: number
  readonly messageLimitBytes: number
  /** What stands behind each surface; a surface that is not there has nothing behind it. */
  readonly upstreams: Readonly<Partial<Record<Surface, URL>>>
  readonly upstreamTimeoutMs: number
  /** Where a destination may be although it is not the Internet. */
  readonly destinationsAllowed: readonly IpNetwork[]
  readonly applicationName: string
  /** Address of the console and the management API; null when they are off. */
  readonly console: ConsoleConfig | null
  /** How long a server that was told to stop waits for requests in progress. */
  readonly stopTimeoutMs: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Variables with the `LATCHKEY_` prefix that Kubernetes set for a Service. */
  readonly ignoredVariables: readonly string[]
}

export interface ConsoleConfig {
  readonly host: string
  readonly port: number
  /** Null: known once the port is. */
  readonly publicUrl: string | null
}

export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`The configuration has problems:\n  ${problems.join('\n  ')}`)
    this.problems = problems
  }
}

/** Reads every setting, or throws one ConfigError that names every problem. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = []
  const settings: Record<string, string> = {}
  const ignoredVariables: string[] = []
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined || !name.startsWith('LATCHKEY_')) continue
    if (isKubernetesVariable(name, value)) ignoredVariables.push(name)
    else if (name in SETTINGS) settings[name] = value
    else problems.push(`${name} is not a setting${suggestSetting(name)}`)
  }
  for (const [name, setting] of Object.entries(SETTINGS)) settings[name] ??= setting.default
  settings.LATCHKEY_CONSOLE_PORT ||= findNextPort(settings.LATCHKEY_PORT ?? '')
  const parseResult = settingsSchema.safeParse(settings)
  for (const issue of parseResult.error?.issues ?? []) {
    problems.push(`${String(issue.path[0])} ${issue.message}`)
  }
  if (!parseResult.success || problems.length > 0) {
    throw new ConfigError(problems)
  }

  const values = parseResult.data
  const console = values.LATCHKEY_CONSOLE === 'on' ? readConsoleConfig(values) : null
  return {
    dataDir: values.LATCHKEY_DATA,
    database: isPostgresUrl(values.LATCHKEY_DATABASE)
      ? {
          engine: 'postgres',
          url: values.LATCHKEY_DATABASE,
          connections: values.LATCHKEY_DATABASE_CONNECTIONS,
        }
      : {
          engine: 'sqlite',
          path:
            values.LATCHKEY_DATABASE.slice('sqlite:'.length) ||
            `${values.LATCHKEY_DATA}/latchkey.db`,
        },
    keyringPath: values.LATCHKEY_KEYRING || `${values.LATCHKEY_DATA}/keyring.json`,
    host: values.LATCHKEY_HOST,
    port: values.LATCHKEY_PORT,
    publicUrl: values.LATCHKEY_URL,
    region: values.LATCHKEY_REGION,
    trustedProxies: values.LATCHKEY_TRUSTED_PROXIES,
    refreshLeewayMs: values.LATCHKEY_REFRESH_LEEWAY_SECONDS * 1000,
    failureLimits: {
      perAddress: values.LATCHKEY_FAILURES_PER_ADDRESS,
      windowMs: values.LATCHKEY_FAILURES_SECONDS * 1000,
    },
    digestImportedKeys: values.LATCHKEY_DIGEST_IMPORTED_KEYS === 'on',
    customerKeysPerDeveloper: values.LATCHKEY_CUSTOMER_KEYS_PER_DEVELOPER,
    quota: {
      requests: values.LATCHKEY_QUOTA_REQUESTS,
      windowMs: values.LATCHKEY_QUOTA_SECONDS * 1000,
    },
    auditYears: values.LATCHKEY_AUDIT_YEARS,
    payloadRetentionMs: values.LATCHKEY_RETENTION_DAYS * 24 * 60 * 60 * 1000,
    messageLimitBytes: values.LATCHKEY_MESSAGE_LIMIT_BYTES,
    upstreams: collectUpstreams((surface) => values[getUpstreamSettingName(surface)]),
    upstreamTimeoutMs: values.LATCHKEY_UPSTREAM_TIMEOUT_SECONDS * 1000,
    destinationsAllowed: values.LATCHKEY_DESTINATIONS_ALLOWED,
    applicationName: values.LATCHKEY_APPLICATION_NAME,
    console,
    stopTimeoutMs: values.LATCHKEY_STOP_SECONDS * 1000,
    logLevel: values.LATCHKEY_LOG_LEVEL,
    ignoredVariables,
  }
}

const findNextPort = (port: string) =>
  /^[1-9]\d{0,4}$/.test(port) && Number(port) < 65_535 ? String(Number(port) + 1) : '0'

/** Refuses an origin that upstreams answer in: a page of theirs could act as the operator. */
function readConsoleConfig(values: z.output<typeof settingsSchema>): ConsoleConfig {
  const host = values.LATCHKEY_CONSOLE_HOST
  const port = values.LATCHKEY_CONSOLE_PORT
  const url = values.LATCHKEY_CONSOLE_URL
  const problems: string[] = []
  if (port !== 0 && port === values.LATCHKEY_PORT && host === values.LATCHKEY_HOST) {
    problems.push('LATCHKEY_CONSOLE_PORT must not be LATCHKEY_PORT: choose another one')
  }
  if (url !== null && values.LATCHKEY_URL !== null && isSameOrigin(url, values.LATCHKEY_URL)) {
    problems.push(
      'LATCHKEY_CONSOLE_URL must have a host name or port of its own: pages that an upstream serves ' +
        'below LATCHKEY_URL would run as pages of the console',
    )
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { host, port, publicUrl: url }
}

const isSameOrigin = (a: string, b: string) => new URL(a).origin === new URL(b).origin
const isPort = (text: string) => /^\d{1,5}$/.test(text)
const isAddress = (text: string) => parseIpAddress(text) !== null
const isProtocol = (text: string) => /^(tcp|udp|sctp)$/.test(text)

/** `tcp://10.0.0.1:8080`, `tcp://[fd00::1]:8080` */
function isServiceUrl(text: string): boolean {
  const [, protocol = '', bracketed, plain, port = ''] =
    /^([a-z]+):\/\/(?:\[(.*)\]|([^[\]:]*)):(\d+)$/.exec(text) ?? []
  return isProtocol(protocol) && isAddress(bracketed ?? plain ?? '') && isPort(port)
}

/**
 * The variables that Kubernetes sets in every container for a Service whose name begins with
 * `latchkey` (kubernetes.io: Service, "Environment variables").
 */
const KUBERNETES_VARIABLE_FORMS: readonly (readonly [
  name: RegExp,
  has: (value: string) => boolean,
])[] = [
  [/_SERVICE_HOST$/, isAddress],
  [/_SERVICE_PORT(_[A-Z0-9_]+)?$/, isPort],
  [/_PORT(_\d+_(TCP|UDP|SCTP))?$/, isServiceUrl],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PROTO$/, isProtocol],
  [/_PORT_\d+_(TCP|UDP|SCTP)_PORT$/, isPort],
  [/_PORT_\d+_(TCP|UDP|SCTP)_ADDR$/, isAddress],
]

/** Requires the form of both the name and the value, so that a misspelled setting stays a problem. */
function isKubernetesVariable(name: string, value: string): boolean {
  return KUBERNETES_VARIABLE_FORMS.some(([form, has]) => form.test(name) && has(value))
}

function collectUpstreams(getUrl: (surface: Surface) => URL | null) {
  const upstreams: Partial<Record<Surface, URL>> = {}
  for (const surface of SURFACES) {
    const url = getUrl(surface)
    if (url !== null) upstreams[surface] = url
  }
  return upstreams
}

/** Whether it is a URL of PostgreSQL that every part of can be decoded. */
export function isPostgresUrl(text: string): boolean {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) return false
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** What is allowed but dangerous: the server says so when it starts. */
export function findConfigWarnings(config: Config): string[] {
  const warnings: string[] = []
  const isEverywhere = config.host === '0.0.0.0' || config.host === '::'
  if (isEverywhere && !/^https:/i.test(config.publicUrl ?? '')) {
    warnings.push(
      `LATCHKEY_HOST=${config.host} is open to the network and LATCHKEY_URL is not https: ` +
        'secrets and tokens travel in the clear unless a TLS proxy stands before this server',
    )
  }
  if (config.console !== null && isSignInUnencrypted(config.console)) {
    warnings.push(
      'the console is reached over plain http from other machines: passwords travel in the clear, and ' +
        'browsers keep no session there, so that signing in leads back to an empty form; put a TLS ' +
        'proxy before it and set LATCHKEY_CONSOLE_URL to its https URL, or open the console on this machine',
    )
  }
  if (config.trustedProxies.some((network) => network.prefix === 0)) {
    warnings.push('LATCHKEY_TRUSTED_PROXIES believes everybody: any client can claim any address')
  }
  if (config.destinationsAllowed.some((network) => network.prefix === 0)) {
    warnings.push(
      'LATCHKEY_DESTINATIONS_ALLOWED allows everything: who names a destination can have requests ' +
        'sent into this network',
    )
  }
  if (config.refreshLeewayMs > 300_000) {
    warnings.push(
      'LATCHKEY_REFRESH_LEEWAY_SECONDS is above 300: a stolen refresh token works as long',
    )
  }
  if (
    config.database.engine === 'postgres' &&
    isDatabaseUnencrypted(new URL(config.database.url))
  ) {
    warnings.push(
      'LATCHKEY_DATABASE names another machine without TLS: everything that is read and written ' +
        'travels in the clear; add ?sslmode=verify-full',
    )
  }
  for (const surface of SURFACES) {
    const url = config.upstreams[surface]
    if (url?.protocol === 'http:' && !isPrivateHost(url.hostname)) {
      warnings.push(
        `${getUpstreamSettingName(surface)} is neither https nor a private address: health data and ` +
          'whose request it is travel in the clear, for anybody on the way to read and to change',
      )
    }
  }
  return warnings
}

/** Browsers accept Secure cookies over http only from this machine. */
function isSignInUnencrypted({ host, publicUrl }: ConsoleConfig): boolean {
  if (publicUrl === null) return !isLoopbackHost(host)
  const url = new URL(publicUrl)
  return url.protocol === 'http:' && !isLoopbackHost(url.hostname)
}

/** Whether a host is on this machine or a private network. A name without a dot is no public one. */
function isPrivateHost(hostname: string): boolean {
  const address = parseIpAddress(hostname.replace(/^\[|\]$/g, ''))
  return address === null ? !hostname.includes('.') : isPrivateAddress(address)
}

/** Whether nothing but a network that is trusted protects what goes to the database. */
function isDatabaseUnencrypted({ hostname, searchParams }: URL): boolean {
  const mode = searchParams.get('sslmode') ?? searchParams.get('ssl') ?? 'disable'
  const host = searchParams.get('host') ?? hostname
  const isHere = /^(localhost|127\..*|\[?::1\]?|(\/|%2f).*|)$/i.test(host)
  return !isHere && ['disable', 'allow', 'false', '0'].includes(mode)
}

function suggestSetting(name: string): string {
  const [nearestSetting] = Object.keys(SETTINGS)
    .map((setting) => ({ setting, editDistance: measureEditDistance(setting, name) }))
    .filter(({ editDistance }) => editDistance <= 3)
    .sort((a, b) => a.editDistance - b.editDistance)
  return nearestSetting === undefined
    ? '; `latchkey serve --help` lists them all'
    : `; did you mean ${nearestSetting.setting}?`
}

/** Levenshtein's distance. */
function measureEditDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n)
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const swap = (row[j] ?? 0) + (letter === b[j] ? 0 : 1)
      next.push(Math.min(swap, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}

import type { z } from 'zod'
import { DAY_MS } from './domain/instant.ts'
import {
  type IpNetwork,
  isLoopbackHost,
  isPrivateAddress,
  parseIpAddress,
} from './domain/ip-network.ts'
import { getUpstreamSettingName, SURFACES, type Surface } from './domain/key-type.ts'
import type { AccessTokenStrategy } from './domain/token.ts'
import { isPostgresUrl, SETTINGS, settingsSchema } from './settings.ts'

export interface Config {
  readonly dataDir: string
  readonly database:
    | { readonly engine: 'sqlite'; readonly path: string }
    | { readonly engine: 'postgres'; readonly url: string; readonly connections: number }
  readonly keyringPath: string
  /** The time after which a signing key is rotated; null for no schedule. */
  readonly signingKeyMs: number | null
  readonly host: string
  readonly port: number
  /** Null if it follows from the host and the port that the server listens on. */
  readonly publicUrl: string | null
  readonly region: string
  readonly trustedProxies: readonly IpNetwork[]
  readonly refreshLeewayMs: number
  readonly accessTokenStrategy: AccessTokenStrategy
  readonly failureLimits: { perAddress: number; windowMs: number }
  /** True if an imported secret gets a digest after its first successful exchange. */
  readonly digestImportedKeys: boolean
  readonly quota: { requests: number; windowMs: number }
  readonly customerKeysPerDeveloper: number
  readonly auditYears: number
  /** The bytes that refusals of unauthenticated callers may add to the audit. */
  readonly auditRefusalBytesPerDay: number
  /** The time that a payload is kept after its last delivery; 0 erases it at the delivery. */
  readonly payloadRetentionMs: number
  readonly messageLimitBytes: number
  /** The upstream of each surface; a surface without one is absent. */
  readonly upstreams: Readonly<Partial<Record<Surface, URL>>>
  readonly upstreamTimeoutMs: number
  /** Networks outside the Internet that destinations may be in. */
  readonly destinationsAllowed: readonly IpNetwork[]
  readonly applicationName: string
  /** Address of the console and the management API; null when they are off. */
  readonly console: ConsoleConfig | null
  /** The time that a stopping server waits for requests in progress. */
  readonly stopTimeoutMs: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Variables with the `LATCHKEY_` prefix that Kubernetes set for a Service. */
  readonly ignoredVariables: readonly string[]
}

export interface ConsoleConfig {
  readonly host: string
  readonly port: number
  /** Null if it follows from the port that the server listens on. */
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
  settings.LATCHKEY_SIGNING_KEY_DAYS ||= findSigningKeyDays(settings.LATCHKEY_DATABASE ?? '')
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
    signingKeyMs: values.LATCHKEY_SIGNING_KEY_DAYS * DAY_MS || null,
    host: values.LATCHKEY_HOST,
    port: values.LATCHKEY_PORT,
    publicUrl: values.LATCHKEY_URL,
    region: values.LATCHKEY_REGION,
    trustedProxies: values.LATCHKEY_TRUSTED_PROXIES,
    refreshLeewayMs: values.LATCHKEY_REFRESH_LEEWAY_SECONDS * 1000,
    accessTokenStrategy: values.LATCHKEY_ACCESS_TOKENS,
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
    auditRefusalBytesPerDay: values.LATCHKEY_AUDIT_REFUSALS_MB_PER_DAY * 1_000_000,
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

const DEFAULT_SIGNING_KEY_DAYS = '90'

/** With PostgreSQL, servers on several machines may have copies of the key ring, which must not differ. */
const findSigningKeyDays = (database: string) =>
  isPostgresUrl(database) ? '0' : DEFAULT_SIGNING_KEY_DAYS

const findNextPort = (port: string) =>
  /^[1-9]\d{0,4}$/.test(port) && Number(port) < 65_535 ? String(Number(port) + 1) : '0'

/** Refuses a console in the origin of the upstreams, whose pages could act as the operator. */
function readConsoleConfig(values: z.output<typeof settingsSchema>): ConsoleConfig {
  const host = values.LATCHKEY_CONSOLE_HOST
  const port = values.LATCHKEY_CONSOLE_PORT
  const url = values.LATCHKEY_CONSOLE_URL
  const problems: string[] = []
  if (port !== 0 && port === values.LATCHKEY_PORT && host === values.LATCHKEY_HOST) {
    problems.push('LATCHKEY_CONSOLE_PORT must differ from LATCHKEY_PORT')
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
  isValid: (value: string) => boolean,
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
  return KUBERNETES_VARIABLE_FORMS.some(([form, isValid]) => form.test(name) && isValid(value))
}

function collectUpstreams(getUrl: (surface: Surface) => URL | null) {
  const upstreams: Partial<Record<Surface, URL>> = {}
  for (const surface of SURFACES) {
    const url = getUrl(surface)
    if (url !== null) upstreams[surface] = url
  }
  return upstreams
}

/** Finds settings that are allowed but dangerous. The server logs them when it starts. */
export function findConfigWarnings(config: Config): string[] {
  const warnings: string[] = []
  const isPublic = config.host === '0.0.0.0' || config.host === '::'
  if (isPublic && !/^https:/i.test(config.publicUrl ?? '')) {
    warnings.push(
      `LATCHKEY_HOST=${config.host} is open to the network and LATCHKEY_URL is not https: ` +
        'secrets and tokens are sent unencrypted. Put a TLS proxy in front of this server',
    )
  }
  if (config.console !== null && isSignInUnencrypted(config.console)) {
    warnings.push(
      'the console is served over plain http to other machines: passwords are sent unencrypted, and ' +
        'browsers store no session, so that nobody can sign in. Put a TLS ' +
        'proxy in front of it and set LATCHKEY_CONSOLE_URL to its https URL, or open the console on this machine',
    )
  }
  if (config.trustedProxies.some((network) => network.prefix === 0)) {
    warnings.push(
      'LATCHKEY_TRUSTED_PROXIES trusts every address: any client can claim any address. List only your proxies',
    )
  }
  if (config.destinationsAllowed.some((network) => network.prefix === 0)) {
    warnings.push(
      'LATCHKEY_DESTINATIONS_ALLOWED allows every network: a user who adds a destination can have requests ' +
        'sent into this network. List only what destinations need',
    )
  }
  if (config.refreshLeewayMs > 300_000) {
    warnings.push(
      'LATCHKEY_REFRESH_LEEWAY_SECONDS is above 300: a stolen refresh token works for that long',
    )
  }
  if (
    config.database.engine === 'postgres' &&
    isDatabaseUnencrypted(new URL(config.database.url))
  ) {
    warnings.push(
      'LATCHKEY_DATABASE connects to another machine without TLS: all data is sent ' +
        'unencrypted. Add ?sslmode=verify-full',
    )
  }
  for (const surface of SURFACES) {
    const url = config.upstreams[surface]
    if (url?.protocol === 'http:' && !isPrivateHost(url.hostname)) {
      warnings.push(
        `${getUpstreamSettingName(surface)} is neither https nor a private address: health data and ` +
          'the identity of the caller are sent unencrypted. Use https',
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

/** Recognizes a host on this machine or a private network. A name without a dot is not public. */
function isPrivateHost(hostname: string): boolean {
  const address = parseIpAddress(hostname.replace(/^\[|\]$/g, ''))
  return address === null ? !hostname.includes('.') : isPrivateAddress(address)
}

/** True if the connection to the database leaves this machine without TLS. */
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

/** Computes the Levenshtein distance. */
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

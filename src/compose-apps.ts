import type { Context } from 'hono'
import { createFailureLimiterFor, type Latchkey, type Parts } from './compose.ts'
import { type Apps, createApps } from './http/app.ts'
import type { ConsoleAssets } from './http/console/static/assets.ts'
import { createProxyRequest, type WriteUpstreamHead } from './http/proxy/upstream.ts'
import { createAuthenticate } from './service/authenticate/authenticate.ts'
import { createCustomerKeys } from './service/keys/customer-keys.ts'
import { createKeys } from './service/keys/keys.ts'
import { createAddressRateLimit, createKeyRateLimit } from './service/limits/rate-limits.ts'
import type { UpstreamFetch } from './service/ports/outbound.ts'
import { createExchange } from './service/tokens/exchange.ts'
import { createGuard } from './service/tokens/guard.ts'
import { createRefresh } from './service/tokens/refresh.ts'

export { REQUEST_ID_HEADER } from './http/reply.ts'

/** The adapters of a runtime that serves requests. */
export interface RequestAdapters {
  /** The stylesheet and the script of the console. */
  readonly consoleAssets: ConsoleAssets
  /** Reaches an upstream. */
  readonly upstreamFetch: UpstreamFetch
  /** Writes the head of an upstream's response unchanged, if the runtime can. */
  readonly writeUpstreamHead?: WriteUpstreamHead
  /** The address at the other end of a request's connection. */
  readonly getPeerAddress: (c: Context) => string
}

/** Composes the apps that answer the requests to a server. */
export function composeApps(latchkey: Latchkey, adapters: RequestAdapters): Apps {
  const { parts, signInServices, servicesFor, testMessages } = latchkey
  const { runtime, core, acceptMessage, consoleLink, subscriptionsUrl } = parts
  const { config, publicUrl, consoleUrl, keyring, clock, log } = runtime
  const { storage, random, secrets, auditBuffer, recordRefusal } = core
  const { quota } = config
  return createApps({
    ...createTokenServices(parts),
    testMessages,
    signInServices,
    sessions: signInServices.sessions,
    auditBuffer,
    failureLimiter: createFailureLimiterFor(runtime, 'admin'),
    servicesFor,
    publicUrl,
    consoleUrl,
    consoleAssets: adapters.consoleAssets,
    isConsoleEnabled: config.console !== null,
    consoleLink,
    acceptMessage,
    proxyRequest: createProxyRequest({
      upstreamFetch: adapters.upstreamFetch,
      upstreams: config.upstreams,
      publicUrl,
      log,
      writeUpstreamHead: adapters.writeUpstreamHead,
    }),
    customerKeys: createCustomerKeys({
      ...secrets,
      createKeysFor: (actor) => createKeys({ ...secrets, actor }),
      maxKeys: config.customerKeysPerDeveloper,
    }),
    clock,
    addressRateLimit: createAddressRateLimit(
      quota.requests,
      quota.windowMs,
      clock,
      runtime.getSharedCounter,
    ),
    recordRefusal,
    storage,
    log,
    serial: random.serial,
    uuid: random.uuid,
    createRequestId: random.requestId,
    getPublicKeys: () => keyring.publicKeys,
    subscriptionsUrl,
    applicationName: config.applicationName,
    messageLimitBytes: config.messageLimitBytes,
    longMessageBytes: runtime.longMessageBytes,
    getPeerAddress: adapters.getPeerAddress,
    trustedProxies: config.trustedProxies,
  })
}

/** Creates the services that exchange, refresh and check credentials. */
function createTokenServices({ runtime, core }: Parts) {
  const { config, clock } = runtime
  const { hasher, digester } = core.secrets
  return {
    exchange: createExchange({
      ...core,
      hasher,
      failureLimiter: createFailureLimiterFor(runtime, 'exchange'),
    }),
    refresh: createRefresh({
      ...core,
      failureLimiter: createFailureLimiterFor(runtime, 'refresh'),
      leewayMs: config.refreshLeewayMs,
    }),
    guard: createGuard(core),
    authenticate: createAuthenticate({
      ...core,
      digester,
      failureLimiter: createFailureLimiterFor(runtime, 'authenticate'),
      keyRateLimit: createKeyRateLimit(
        { limit: config.quota.requests, windowMs: config.quota.windowMs },
        clock,
        runtime.getSharedCounter,
      ),
    }),
  }
}

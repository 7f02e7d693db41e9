import type { Context } from 'hono'
import type { Latchkey, Parts, RuntimeAdapters } from './compose.ts'
import { createAssertionVerifier } from './crypto/assertion-verifier.ts'
import { createTokenMinter } from './crypto/minter.ts'
import { createTotp } from './crypto/totp.ts'
import { type Apps, createApps } from './http/app.ts'
import type { ConsoleAssets } from './http/console/static/assets.ts'
import { createProxyRequest, type WriteUpstreamHead } from './http/proxy/upstream.ts'
import { renderDeliveryBody } from './http/vendors/redox/message.ts'
import { createTestMessages } from './http/vendors/redox/test-messages.ts'
import { createAuthenticate } from './service/authenticate/authenticate.ts'
import { createKeyProofs } from './service/authenticate/key-proofs.ts'
import { createSecretUpgrades } from './service/authenticate/secret-upgrades.ts'
import { createCustomerKeys } from './service/keys/customer-keys.ts'
import { createKeys } from './service/keys/keys.ts'
import {
  createAddressRateLimit,
  createFailureLimiter,
  createKeyRateLimit,
} from './service/limits/rate-limits.ts'
import { createAcceptMessage } from './service/messages/accept.ts'
import { DeliveryWorker } from './service/messages/deliver.ts'
import { createIntrospectToken } from './service/oauth/introspect-token.ts'
import { createRequestToken } from './service/oauth/request-token.ts'
import { createRevokeToken } from './service/oauth/revoke-token.ts'
import { createFindServiceAccount } from './service/oauth/service-account.ts'
import { createVerifyAssertion } from './service/oauth/verify-assertion.ts'
import type { UpstreamFetch } from './service/ports/outbound.ts'
import { createSignInServices, type SignInServices } from './service/sign-in/sign-in.ts'
import { createExchange } from './service/tokens/exchange.ts'
import { createGuard } from './service/tokens/guard.ts'
import { createRefresh } from './service/tokens/refresh.ts'
import { createTokenCache } from './service/tokens/verify-token.ts'

export { listVendorDocuments } from './http/app.ts'
export { REQUEST_ID_HEADER } from './http/reply.ts'
export type { RequestHeaders, ServerRequest } from './http/request.ts'
export { findServerAnswer } from './http/server-route.ts'

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

/** The services of a server that no command needs. */
export interface ServerParts extends Apps {
  readonly signInServices: SignInServices
  /** Delivers stored messages, once it is started. */
  readonly deliveryWorker: DeliveryWorker
}

/** Composes the apps that answer the requests to a server, and its delivery. */
export function composeApps(latchkey: Latchkey, adapters: RequestAdapters): ServerParts {
  const { parts, servicesFor } = latchkey
  const { runtime, core, consoleLink, subscriptionsUrl } = parts
  const { config, publicUrl, consoleUrl, keyring, clock, log } = runtime
  const { storage, random, secrets, auditBuffer, recordRefusal } = core
  const { quota } = config
  const { deliveryWorker, acceptMessage } = createMessageServices(parts)
  const signInServices = createSignInServices({
    ...secrets,
    totp: createTotp(runtime.primitives),
    auditBuffer,
    log,
    region: config.region,
    firstLink: runtime.firstInvitationSecret,
    failureLimiter: createFailureLimiterFor(runtime, 'console'),
  })
  const apps = createApps({
    ...createTokenServices(parts),
    testMessages: createTestMessages({ serial: random.serial, subscriptionsUrl }),
    signInServices,
    sessions: signInServices.sessions,
    auditBuffer,
    failureLimiter: createFailureLimiterFor(runtime, 'admin'),
    servicesFor,
    publicUrl,
    consoleUrl,
    upstreams: config.upstreams,
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
      createKeysFor: (actor) => createKeys({ ...secrets, actor, canGrant: () => false }),
      maxKeys: config.customerKeysPerDeveloper,
    }),
    clock,
    recordOAuthUse: core.oauthUses.record,
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
    hasDiskSpace: runtime.hasDiskSpace,
    getPeerAddress: adapters.getPeerAddress,
    trustedProxies: config.trustedProxies,
  })
  return { ...apps, signInServices, deliveryWorker }
}

/** Creates the services that accept and deliver messages. */
function createMessageServices({ runtime, core, ...parts }: Parts) {
  const { config, clock, log } = runtime
  const { storage, random } = core
  const { sealer } = core.secrets
  const { webhookClient, nextMessageId, queueWaker } = parts
  const deliveryWorker = new DeliveryWorker({
    storage,
    sealer,
    webhookClient,
    render: renderDeliveryBody,
    clock,
    jitter: () => random.serial() / Number.MAX_SAFE_INTEGER,
    by: random.requestId(),
    log,
    erasesPayloads: config.payloadRetentionMs === 0,
    leaseMs: runtime.leaseMs,
    keepAlive: runtime.keepAlive,
  })
  queueWaker.wake = (queues) => deliveryWorker.wakeQueues(queues)
  const acceptMessage = createAcceptMessage({
    storage,
    sealer,
    webhookClient,
    wakeQueues: (queues) => deliveryWorker.wakeQueues(queues),
    nextMessageId,
    recordOAuthUse: core.oauthUses.record,
    random,
    clock,
    log,
    synchronousMs: runtime.synchronousMs,
  })
  return { deliveryWorker, acceptMessage }
}

/** Processes that serve one port count the failures of one purpose together. */
function createFailureLimiterFor(
  { config, clock, getSharedCounter }: RuntimeAdapters,
  purpose: string,
) {
  return createFailureLimiter(config.failureLimits, clock, (limit) =>
    getSharedCounter?.(`${purpose} ${limit}`),
  )
}

/** Creates the services that read and verify the assertions of clients. */
function createAssertionServices({ runtime, clientKeys }: Parts) {
  const { primitives, clock } = runtime
  const assertionVerifier = createAssertionVerifier(primitives)
  return {
    assertionVerifier,
    verifyAssertion: createVerifyAssertion({ verifier: assertionVerifier, clientKeys, clock }),
  }
}

/** Creates the services that exchange, refresh and check credentials. */
function createTokenServices(parts: Parts) {
  const { runtime, core } = parts
  const { config, publicUrl, primitives, keyring, clock, log } = runtime
  const { storage, hasher, digester, importedSecrets } = core.secrets
  const keepAlive = runtime.keepAlive ?? (() => undefined)
  const minter = createTokenMinter(primitives, keyring, {
    issuer: publicUrl,
    audience: publicUrl,
    strategy: config.accessTokenStrategy,
  })
  const keyProofs = createKeyProofs({
    storage,
    hasher,
    digester,
    clock,
    log,
    keepAlive,
    digestImportedKeys: config.digestImportedKeys,
  })
  const secretUpgrades = createSecretUpgrades({
    ...core.secrets,
    log,
    keepAlive,
    digestImportedKeys: config.digestImportedKeys,
  })
  const tokenDeps = {
    ...core,
    minter,
    keyProofs,
    importedSecrets,
    secretUpgrades,
    tokenCache: createTokenCache(),
  }
  const clientDeps = {
    ...tokenDeps,
    hasher,
    failureLimiter: createFailureLimiterFor(runtime, 'token'),
    ...createAssertionServices(parts),
    sha256: primitives.sha256,
  }
  const guard = createGuard({ ...tokenDeps, publicUrl })
  const keyRateLimit = createKeyRateLimit(
    { limit: config.quota.requests, windowMs: config.quota.windowMs },
    clock,
    runtime.getSharedCounter,
    core.keyRows,
  )
  return {
    exchange: createExchange({
      ...tokenDeps,
      hasher,
      failureLimiter: createFailureLimiterFor(runtime, 'exchange'),
    }),
    refresh: createRefresh({
      ...tokenDeps,
      failureLimiter: createFailureLimiterFor(runtime, 'refresh'),
      leewayMs: config.refreshLeewayMs,
    }),
    requestToken: createRequestToken(clientDeps),
    revokeToken: createRevokeToken(clientDeps),
    introspectToken: createIntrospectToken({ ...clientDeps, guard }),
    guard,
    findServiceAccount: createFindServiceAccount({ guard, storage }),
    authenticate: createAuthenticate({
      ...tokenDeps,
      digester,
      failureLimiter: createFailureLimiterFor(runtime, 'authenticate'),
      keyRateLimit,
    }),
    keyRateLimit,
  }
}

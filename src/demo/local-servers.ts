import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Hono } from 'hono'
import { SURFACES, type Surface } from '../domain/key-type.ts'
import { createFhirUpstream } from './upstreams/fhir.ts'
import { createHl7Upstream, createMppsUpstream } from './upstreams/ingest.ts'
import {
  createOpendentalUpstream,
  createPracticeUpstream,
  createXdentUpstream,
} from './upstreams/json-apis.ts'

export interface LocalServer {
  readonly url: string
  close(): void
}

/** Serves an app on a free port of loopback. It does not keep a process alive whose start has failed. */
export async function serveLocally(app: Hono): Promise<LocalServer> {
  const server = createServer(getRequestListener(app.fetch)).listen(0, '127.0.0.1').unref()
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

export interface UpstreamServers {
  readonly urls: Readonly<Record<Surface, string>>
  close(): void
}

/** Starts the upstream of each surface: a server of its own on loopback. */
export async function startUpstreams(): Promise<UpstreamServers> {
  const apps: Record<Surface, Hono> = {
    fhir: createFhirUpstream(),
    hl7: createHl7Upstream(),
    mpps: createMppsUpstream(),
    opendental: createOpendentalUpstream(),
    xdent: createXdentUpstream(),
    practice: createPracticeUpstream(),
  }
  const servers = await Promise.all(
    SURFACES.map(async (surface) => ({ surface, ...(await serveLocally(apps[surface])) })),
  )
  const urls = Object.fromEntries(servers.map(({ surface, url }) => [surface, url]))
  return {
    urls: urls as Record<Surface, string>,
    close() {
      for (const server of servers) server.close()
    },
  }
}

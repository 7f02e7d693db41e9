import type { Hono } from 'hono'
import { SURFACES, type Surface } from '../../domain/key-type.ts'
import { serveLocally } from '../local-server.ts'
import { createFhirUpstream } from './fhir.ts'
import { createHl7Upstream } from './hl7.ts'
import {
  createOpendentalUpstream,
  createPracticeUpstream,
  createXdentUpstream,
} from './json-apis.ts'
import { createMppsUpstream } from './mpps.ts'

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

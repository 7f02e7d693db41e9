import type { Hono } from 'hono'
import { SURFACES, type Surface } from '../../../domain/surface.ts'
import { listen } from '../listen.ts'
import { fhirUpstream } from './fhir.ts'
import { hl7Upstream } from './hl7.ts'
import { mppsUpstream } from './mpps.ts'
import { opendentalUpstream } from './opendental.ts'
import { practiceUpstream } from './practice.ts'
import { xdentUpstream } from './xdent.ts'

export interface Upstreams {
  readonly urls: Readonly<Record<Surface, string>>
  close(): void
}

/** What stands behind each surface in the demo: servers of their own on loopback, as in life. */
export async function openUpstreams(): Promise<Upstreams> {
  const apps: Record<Surface, Hono> = {
    fhir: fhirUpstream(),
    hl7: hl7Upstream(),
    mpps: mppsUpstream(),
    opendental: opendentalUpstream(),
    xdent: xdentUpstream(),
    practice: practiceUpstream(),
  }
  const servers = await Promise.all(
    SURFACES.map(async (surface) => ({ surface, ...(await listen(apps[surface])) })),
  )
  const urls = Object.fromEntries(servers.map(({ surface, url }) => [surface, url]))
  return {
    urls: urls as Record<Surface, string>,
    close() {
      for (const server of servers) server.close()
    },
  }
}

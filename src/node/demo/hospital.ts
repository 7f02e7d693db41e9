import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

export interface Hospital {
  readonly url: string
  close(): void
}

/** The demo's own destination: an HTTP server that finds one patient. */
export async function openHospital(): Promise<Hospital> {
  const server = createServer(async (request, response) => {
    const message = await json(request).catch(() => ({}))
    response.setHeader('Content-Type', 'application/json; charset=utf-8')
    response.end(JSON.stringify(find(message)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const PATIENT = {
  Identifiers: [{ ID: '0000000001', IDType: 'MR' }],
  Demographics: { FirstName: 'Timothy', LastName: 'Bixby', DOB: '2008-01-06', Sex: 'Male' },
}

/** What the hospital knows. Nothing found is an empty answer, not an error. */
function find(message: unknown): object {
  const { challenge } = message as { challenge?: unknown }
  if (challenge !== undefined) return { challenge }
  const { DataModel, EventType } = (message as { Meta?: Record<string, unknown> }).Meta ?? {}
  if (DataModel === 'PatientSearch') return { Patient: PATIENT }
  if (DataModel === 'Clinical Summary' && EventType === 'PatientQuery') {
    return { Header: { Patient: PATIENT }, Allergies: [], Medications: [], Problems: [] }
  }
  return {}
}

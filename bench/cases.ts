import type { Script } from './load.ts'
import { authenticate, credentials, messages, post, type Scene, type Tokens } from './requests.ts'
import type { Vendor } from './seed.ts'

export interface Case {
  readonly name: string
  /** The least share of bare Hono's requests a second. */
  readonly aim: number
  readonly status: number
  /** One script for each connection. */
  prepare(scene: Scene, connections: number): Promise<Script[]>
}

export const cases: readonly Case[] = [
  {
    name: 'authenticate',
    aim: 0.33,
    status: 200,
    async prepare(scene, connections) {
      // The first exchange of each key is argon2's, and is not what is measured.
      for (const vendor of scene.vendors) await authenticate(scene, vendor)
      const requests = scene.vendors.map((vendor) =>
        post('/auth/authenticate', credentials(vendor)),
      )
      return takingTurns(requests, connections)
    },
  },
  {
    name: 'refresh',
    aim: 0.2,
    status: 200,
    async prepare(scene, connections) {
      const scripts: Script[] = []
      for (let n = 0; n < connections; n++) {
        const vendor = turn(scene.vendors, n)
        scripts.push(chain(vendor, await authenticate(scene, vendor)))
      }
      return scripts
    },
  },
  {
    name: 'guard-refused',
    aim: 0.6,
    status: 403,
    async prepare(scene, connections) {
      const requests = await messages(scene, () => crypto.randomUUID())
      return takingTurns(requests, connections)
    },
  },
  {
    name: 'endpoint-accepted',
    aim: 0.25,
    status: 200,
    async prepare(scene, connections) {
      const requests = await messages(scene, (vendor) => vendor.destinationId)
      return takingTurns(requests, connections)
    },
  },
]

export function turn<T>(list: readonly T[], n: number): T {
  const found = list[n % list.length]
  if (found === undefined) throw new Error('nothing to take turns with')
  return found
}

/** Every connection sends all the requests in turn, each beginning with another one. */
export const takingTurns = (requests: readonly Buffer[], connections: number): Script[] =>
  Array.from({ length: connections }, (_, first) => {
    let n = first
    return { next: () => turn(requests, n++) }
  })

const MEMBER = '"refreshToken":"'

/** Presents the newest refresh token each time. Tokens have one length, so the request is rewritten in place. */
function chain(vendor: Vendor, { refreshToken }: Tokens): Script {
  const body = JSON.stringify({ apiKey: vendor.apiKey, refreshToken })
  const request = post('/auth/refreshToken', body)
  const at = request.indexOf(MEMBER) + MEMBER.length
  return {
    next: () => request,
    answered(answer) {
      const from = answer.indexOf(MEMBER) + MEMBER.length
      request.write(answer.slice(from, from + refreshToken.length), at, 'latin1')
    },
  }
}

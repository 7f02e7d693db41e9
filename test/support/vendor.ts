import { done, seedKey, type TokenAnswer, testServer } from './server.ts'

/** A vendor, and a feed to each of these URLs, in a folder that a server is started on later. */
export async function seedVendor(dir: string, urls: readonly string[]) {
  const clock = Object.assign(Date.now, { turn() {}, set() {} })
  const offline = await testServer({}, { dir, clock })
  const { accountId, sourceId, apiKey, secret } = await seedKey(offline)
  const ids = new Map<string, string>()
  for (const url of urls) {
    const { pathname } = new URL(url)
    const wish = { accountId, name: `EMR at ${pathname}`, url, development: true }
    const { id: destinationId } = done(await offline.routes.addDestination(wish))
    done(await offline.routes.setVerified(destinationId, true))
    done(await offline.routes.subscribe({ sourceId, destinationId }))
    ids.set(pathname, destinationId)
  }
  await offline.storage.close()

  return {
    apiKey,
    secret,
    /** The destination at this path. */
    destinationAt(path: string): string {
      const id = ids.get(path)
      if (id === undefined) throw new Error(`nothing is at ${path}`)
      return id
    },
  }
}

export type Vendor = Awaited<ReturnType<typeof seedVendor>>

/** An access token of the vendor's. */
export async function loginOf(url: string, { apiKey, secret }: Vendor): Promise<string> {
  const answer = await fetch(`${url}/auth/authenticate`, {
    method: 'POST',
    body: JSON.stringify({ apiKey, secret }),
  })
  return ((await answer.json()) as TokenAnswer).accessToken
}

import { expect, test } from 'vitest'
import { startUpstreams } from '../../src/demo/local-servers.ts'
import { SURFACES } from '../../src/domain/key-type.ts'

test('every surface has a server of its own on loopback, until they are closed', async () => {
  const { urls, close } = await startUpstreams()
  expect(Object.keys(urls)).toEqual([...SURFACES])
  expect(new Set(Object.values(urls)).size).toBe(SURFACES.length)
  for (const url of Object.values(urls)) {
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect((await fetch(`${url}/none`)).status).toBe(404)
  }
  close()
  await expect(fetch(urls.fhir)).rejects.toThrow()
})

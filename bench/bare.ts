import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { SampledResponse } from './process.ts'

/*
 * The reference: a Hono app on the same adapter that reads a body and returns the same bytes as
 * Latchkey, and does nothing else. `node bench/bare.ts response.json`
 */

const { status, headers, body } = JSON.parse(
  readFileSync(String(process.argv[2]), 'utf8'),
) as SampledResponse

const app = new Hono()
app.all('*', async (c) => {
  if (c.req.method === 'POST') await c.req.text()
  return new Response(body, { status, headers })
})

const server = createServer(getRequestListener(app.fetch))
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ msg: 'listening', url: `http://localhost:${port}` }))
})

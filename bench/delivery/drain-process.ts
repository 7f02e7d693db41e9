import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseKnownNetworks } from '../../src/domain/ip-network.ts'
import { createWebhookClient } from '../../src/http/webhook-client.ts'
import { createSendHttp } from '../../src/node/webhook-client.ts'

/*
 * The yardstick: Latchkey's own HTTP client in a bare loop. `node bench/delivery/drain-process.ts URL BODY`
 * sends the text of that file there: so many messages over so many lanes, one after another in each,
 * whenever it is asked to by `POST /lanes/messages`.
 */

const [url = '', path = ''] = process.argv.slice(2)
const body = readFileSync(path)
const { signal } = new AbortController()
const webhookClient = createWebhookClient({
  sendHttp: createSendHttp({ allowed: parseKnownNetworks(['127.0.0.0/8']) }),
  applicationName: 'bench',
})

async function sendInLane(lane: number, messages: number): Promise<void> {
  const [id, verificationToken] = [String(lane), null]
  const destination = { id, url, method: 'POST', development: true, verificationToken } as const
  for (let n = 0; n < messages; n++) {
    const { outcome } = await webhookClient.deliver(destination, body, signal)
    if (outcome !== 'delivered') throw new Error(`a message was not delivered: ${outcome}`)
  }
}

const server = createServer((request, answer) => {
  const [, lanes = 0, messages = 0] = (request.url ?? '').split('/').map(Number)
  for (let lane = 0; lane < lanes; lane++) {
    void sendInLane(lane, Math.floor(messages / lanes) + (lane < messages % lanes ? 1 : 0))
  }
  answer.writeHead(202).end()
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ msg: 'listening', url: `http://localhost:${port}` }))
})

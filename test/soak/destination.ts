import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Chance } from './chance.ts'
import { type Conduct, createWeather } from './conduct.ts'
import type { Arrival } from './ledger.ts'
import { readMessage } from './message.ts'
import type { Recorder } from './recorder.ts'

/** A real destination behind a socket, of changing conduct. It writes down what comes. */
export async function startDestination(destination: number, chance: Chance, recorder: Recorder) {
  const weather = createWeather(chance)
  const server = createServer(async (request, answer) => {
    const [began, at] = [recorder.tick(), Date.now()]
    const conduct = weather()
    recorder.request(conduct)
    if (conduct === 'resets before it reads') {
      request.socket.resetAndDestroy()
      return
    }
    const body = await textOf(request)
    // Whoever sent it was killed in the midst of it.
    if (body === null) return
    const open = { ended: Number.POSITIVE_INFINITY, endedAt: Number.POSITIVE_INFINITY }
    const arrival = recorder.arrive({
      ...readMessage(body, destination),
      destination,
      began,
      at,
      ending: 'unanswered',
      ...open,
    })
    await behave(conduct, arrival, answer)
  })

  /** What is answered is written down before: nobody may act on it sooner. */
  async function behave(conduct: Conduct, arrival: Arrival, answer: ServerResponse): Promise<void> {
    const { socket } = answer
    if (conduct === 'answers slowly') await delay(chance.between(50, 500))
    if (conduct === 'hangs, then resets') await patience(answer, chance.between(200, 1500))
    if (socket === null || socket.destroyed) {
      recorder.end(arrival, 'unanswered')
    } else if (conduct === 'answers' || conduct === 'answers slowly') {
      recorder.end(arrival, 'taken')
      answer.end('{"received":true}')
    } else if (conduct === 'answers 500' || conduct === 'answers 404') {
      recorder.end(arrival, 'refused')
      answer.writeHead(conduct === 'answers 500' ? 500 : 404).end('not today')
    } else if (conduct === 'breaks off in the body of its answer') {
      recorder.end(arrival, 'broken_off')
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"rece')
    } else {
      recorder.end(arrival, 'unanswered')
      if (conduct === 'breaks off in the head of its answer') socket.end('HTTP/1.1 20')
      else socket.resetAndDestroy()
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/messages`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Waits so long, or until the sender has given up. */
async function patience(answer: ServerResponse, ms: number): Promise<void> {
  const gone = new AbortController()
  answer.once('close', () => gone.abort())
  await delay(ms, undefined, { signal: gone.signal }).catch(() => undefined)
}

/** Null where it broke off. */
async function textOf(request: IncomingMessage): Promise<string | null> {
  try {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    return text
  } catch {
    return null
  }
}

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { disturb, type StallTarget } from './disturbers.ts'

/**
 * Disturbs a server from a thread: what the work costs its client, such as 100 ms to write a message of
 * 39 MB, must not delay the exchanges that are measured.
 */
export interface DisturberThread {
  /** Takes the messages that Latchkey delivers, and the requests that it passes on. */
  readonly receiverUrl: string
  /** Repeats a disturber's work from now on. */
  begin(target: StallTarget, name: string): Promise<void>
  /** Resolves to how often the work was done. */
  end(): Promise<number>
  stop(): Promise<unknown>
}

type Order = { readonly target: StallTarget; readonly name: string } | 'end'

export async function startDisturberThread(): Promise<DisturberThread> {
  const worker = new Worker(new URL(import.meta.url))
  const send = async (order: Order) => {
    worker.postMessage(order)
    return (await once(worker, 'message'))[0]
  }
  const [receiverUrl] = await once(worker, 'message')
  return {
    receiverUrl,
    begin: (target, name) => send({ target, name }),
    end: () => send('end'),
    stop: () => worker.terminate(),
  }
}

const DISTURBANCE_PAUSE_MS = 20

async function serveOrders(): Promise<void> {
  const receiver = createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(204).end())
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  let stop = new AbortController()
  let work: Promise<number> = Promise.resolve(0)
  parentPort?.on('message', async (order: Order) => {
    if (order === 'end') {
      stop.abort()
      parentPort?.postMessage(await work)
      return
    }
    stop = new AbortController()
    work = repeat(order, stop.signal)
    parentPort?.postMessage('begun')
  })
  parentPort?.postMessage(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}`)
}

async function repeat(
  { target, name }: Exclude<Order, string>,
  signal: AbortSignal,
): Promise<number> {
  let times = 0
  while (!signal.aborted) {
    await disturb(target, name, signal)
    times++
    await wait(DISTURBANCE_PAUSE_MS)
  }
  return times
}

if (!isMainThread) await serveOrders()

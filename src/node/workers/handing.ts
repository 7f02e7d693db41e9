import type { Worker } from 'node:cluster'

interface Handle {
  close(): void
}

/** Who was handed a connection last: what one worker turns away is handed to another. */
const holders = new WeakMap<Handle, Worker>()

/**
 * A connection that is being handed to a worker when it dies is kept open by node:cluster for ever, and
 * its client waits as long. Closed, the client tries again. (Closing twice does nothing.)
 */
export function closeWithWorker(worker: Worker): void {
  const { process: child } = worker
  const send = child.send.bind(child) as (...args: unknown[]) => boolean
  let handed: Handle | undefined
  child.send = (...args: unknown[]) => {
    // One at a time: the next is handed over when the worker has answered for this one.
    if ((args[0] as { act?: unknown }).act === 'newconn') {
      handed = args[1] as Handle
      holders.set(handed, worker)
    }
    return send(...args)
  }
  worker.once('exit', () => {
    if (handed !== undefined && holders.get(handed) === worker) handed.close()
  })
}

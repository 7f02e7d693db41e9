import { openConnection } from '../connection.ts'

/** Sends each of these requests once, as fast as so many connections get their answers. */
export async function sendAll(
  port: number,
  requests: readonly Buffer[],
  connections: number,
): Promise<void> {
  let next = 0
  const converse = async () => {
    const connection = await openConnection(port)
    await new Promise<void>((resolve, reject) => {
      const send = () => {
        const request = requests[next++]
        if (request === undefined) {
          resolve()
          return
        }
        connection.ask(request, (status, body) => {
          if (status === 200) send()
          else reject(new Error(`answered ${status}: ${body}`))
        })
      }
      connection.onFailure(reject)
      send()
    })
    connection.close()
  }
  await Promise.all(Array.from({ length: Math.min(connections, requests.length) }, converse))
}

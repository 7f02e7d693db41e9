import { REQUEST_ID } from '../../reply.ts'
import { GUARDED } from '../answer.ts'
import type { Area } from '../area.ts'
import { day } from '../parts/time.ts'
import type { AuditScreenDeps } from './deps.ts'
import { AUDIT } from './paths.ts'

/** Characters that are sent at a time. */
const TOGETHER = 1 << 16

/** The whole audit as the command line writes it, line by line: never all of it in memory. */
export function mountExport(area: Area, { log }: AuditScreenDeps): void {
  area.act(`${AUDIT}/export`, 'audit.export', ({ c, caller, desk, now }) => {
    const lines = desk.audit.lines(() => undefined)
    const encoder = new TextEncoder()
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        let together = ''
        try {
          while (together.length < TOGETHER) {
            const { done, value } = await lines.next()
            if (done === true) {
              controller.enqueue(encoder.encode(together))
              controller.close()
              return
            }
            together += value
          }
          controller.enqueue(encoder.encode(together))
        } catch (error) {
          // Broken off: the download fails, instead of looking whole.
          log.error({ ...caller, error }, 'the audit was not exported')
          controller.error(error)
        }
      },
      async cancel() {
        await lines.return(undefined)
      },
    })
    return c.body(body, 200, {
      ...GUARDED,
      'Content-Type': 'application/jsonl; charset=utf-8',
      'Content-Disposition': `attachment; filename="latchkey-audit-${day(now)}.jsonl"`,
      [REQUEST_ID]: caller.requestId,
    })
  })
}

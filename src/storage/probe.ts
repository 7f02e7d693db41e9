import type { Compiler, Engine, Step } from './engine.ts'

const PROBE_BYTES = 16_384
const MAX_PROBE_BYTES = 1_000_000

/**
 * Probes the database with a write of the size of a message, because a full disk may still have room for
 * a smaller one. After a failed write, the probe is as large as that write, until one succeeds.
 * `engine` is the given engine, watched for failed writes.
 */
export function createProbe(engine: Engine, compiler: Compiler) {
  const write = compiler.taking<{ bytes: string }>()((db, arg) =>
    db
      .insertInto('probes')
      .values({ id: 'ready', bytes: arg('bytes') })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ bytes: arg('bytes') })),
  )
  let failedBytes = 0
  let underWay: Promise<void> | undefined

  async function probe(): Promise<void> {
    const length = Math.min(Math.max(PROBE_BYTES, failedBytes), MAX_PROBE_BYTES)
    await engine.atomic([write({ bytes: createText(length) })])
    failedBytes = 0
  }

  const watched: Engine = {
    ...engine,
    async atomic(steps) {
      try {
        return await engine.atomic(steps)
      } catch (error) {
        failedBytes = Math.max(failedBytes, measureSteps(steps))
        throw error
      }
    },
  }

  return {
    engine: watched,
    /** Probes at the same time share one write. */
    probe() {
      underWay ??= probe().finally(() => {
        underWay = undefined
      })
      return underWay
    },
  }
}

/** Creates text that is different each time and hard to compress, so that every engine writes all of it. */
function createText(length: number): string {
  let text = ''
  while (text.length < length) text += crypto.randomUUID()
  return text
}

const measureSteps = (steps: readonly Step[]): number =>
  steps
    .flatMap(({ values }) => values)
    .reduce<number>((bytes, value) => bytes + (typeof value === 'string' ? value.length : 0), 0)

import type { Compiler, Engine, Step } from './engine.ts'

const PROBE_BYTES = 16_384
const MAX_PROBE_BYTES = 1_000_000

/**
 * Writes as much as a message takes: on a disk that is full, a small write may still find room where a
 * message finds none. After a write that failed it is as much as that was, until so much can be
 * written again. `engine` is the engine that is watched for such failures.
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
    /** Of probes at the same time, one writes. */
    probe() {
      underWay ??= probe().finally(() => {
        underWay = undefined
      })
      return underWay
    },
  }
}

/** Different each time, and hard to compress: no engine writes what is there already. */
function createText(length: number): string {
  let text = ''
  while (text.length < length) text += crypto.randomUUID()
  return text
}

const measureSteps = (steps: readonly Step[]): number =>
  steps
    .flatMap(({ values }) => values)
    .reduce<number>((bytes, value) => bytes + (typeof value === 'string' ? value.length : 0), 0)

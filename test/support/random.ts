export { createSeededRandom, type SeededRandom } from '../../src/simulator/random.ts'

/** Drawn once for each run of the tests, by vitest.config.ts; the closing line tells it after a failure. */
export const TEST_SEED = Number(process.env.TEST_SEED)

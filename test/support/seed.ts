/** Drawn once for each run of the tests, by vitest.config.ts; the closing line tells it after a failure. */
export const SEED = Number(process.env.TEST_SEED)

import fc from 'fast-check'
import { TEST_SEED } from '../support/random.ts'

// Every property of a run draws from the seed of the run.
fc.configureGlobal({ seed: TEST_SEED })

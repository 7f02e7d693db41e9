import fc from 'fast-check'
import { SEED } from './support/seed.ts'

// Every property of a run draws from the seed of the run.
fc.configureGlobal({ seed: SEED })

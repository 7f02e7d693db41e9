import type { Chance } from './chance.ts'

/** What a destination does wrong. It has read the message in all cases but one. */
export const FAULTS = [
  'answers 500',
  'answers 404',
  'hangs, then resets',
  'resets before it reads',
  'resets after it has read',
  'breaks off in the head of its answer',
  'breaks off in the body of its answer',
  'answers slowly',
] as const

export type Fault = (typeof FAULTS)[number]
export type Conduct = 'answers' | Fault

/** Of a hundred requests, so many go wrong in fair weather and in foul. */
const WRONG = { fair: 0.04, foul: 0.6 }

/** A destination is well for a while, fails more often than not, and is well again. */
export function createWeather(chance: Chance): () => Conduct {
  let isFoul = true
  let left = 0
  return () => {
    if (left === 0) {
      isFoul = !isFoul
      left = isFoul ? chance.between(5, 25) : chance.between(20, 150)
    }
    left--
    return chance.happens(isFoul ? WRONG.foul : WRONG.fair) ? chance.pick(FAULTS) : 'answers'
  }
}

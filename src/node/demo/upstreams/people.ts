/** Whom the demo's upstreams know, each in its own words. */
export interface Person {
  readonly number: number
  readonly given: string
  readonly family: string
  readonly sex: 'male' | 'female'
  /** yyyy-MM-dd */
  readonly born: string
}

export const PEOPLE: readonly Person[] = [
  { number: 1, given: 'Timothy', family: 'Bixby', sex: 'male', born: '2008-01-06' },
  { number: 2, given: 'Barbara', family: 'Cortez', sex: 'female', born: '1971-11-30' },
  { number: 3, given: 'Keiko', family: 'Yamada', sex: 'female', born: '1994-05-17' },
]

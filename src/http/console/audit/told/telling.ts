import type { Facts } from '../../../../service/ports.ts'
import type { Tone } from '../../parts/words.ts'

/** One kind of event: whether it is good news, and its sentence. Ids in the facts are names where they are known. */
export type Telling = readonly [Tone, string | ((facts: Facts) => string)]

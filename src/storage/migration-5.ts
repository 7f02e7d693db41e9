/*
 * From version 4 to 5: an owner is told from a stranger, and ids have one spelling.
 */

export const ONE_SPELLING_AND_PROOFS: readonly string[] = []

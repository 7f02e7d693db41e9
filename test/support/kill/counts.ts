/** What happened in all lanes together. */
export const newCounts = () => ({
  kills: 0,
  authentications: 0,
  refreshes: 0,
  /** Refreshes whose answer died with the server. */
  lostAnswers: 0,
  /** Of these, how many had been carried out: only the answer was lost. */
  lostAfterCommit: 0,
  /** Answers that were asked for again and came back the same to the byte. */
  repeats: 0,
  messages: 0,
  revocations: 0,
  toggles: 0,
})

export type Counts = ReturnType<typeof newCounts>

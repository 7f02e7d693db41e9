/** The ids of the examples. They are nobody's: where examples are tried, others stand in for them. */
const idOf = (n: number) => `019aa000-0000-7000-8000-${String(n).padStart(12, '0')}`

export const EXAMPLE = {
  account: idOf(1),
  user: idOf(2),
  site: idOf(3),
  developer: idOf(4),
  address: idOf(5),
  source: idOf(6),
  destination: idOf(7),
  subscription: idOf(8),
  key: idOf(9),
  keyEvent: idOf(10),
  message: idOf(11),
  request: idOf(12),
  token: idOf(13),
  /** Of what is about to be made. */
  fresh: idOf(99),
} as const

export const KEYS = '/console/keys'

/** The page of a key, by its row id. */
export const pathOf = ({ id }: { readonly id: string }): string => `${KEYS}/${id}`

export const CRUMBS = [{ href: KEYS, text: 'Keys' }]

/** Above the pages of one key. */
export const crumbsOf = (key: { readonly id: string; readonly name: string }) => [
  ...CRUMBS,
  { href: pathOf(key), text: key.name },
]

/** What a caller presents at every request, one shape a dialect. */
export type Credential =
  /** The secret alone: the server finds the key, and with it the site. */
  | { readonly dialect: 'xenrad'; readonly secret: string }
  /** A secret under a developer's key; it opens nothing under another's. */
  | { readonly dialect: 'opendental'; readonly developerKey: string; readonly secret: string }
  /** An id and a secret. The secret is null where only the id came. */
  | { readonly dialect: 'xdent'; readonly publicId: string; readonly secret: string | null }
  /** The owner's username and a secret. */
  | { readonly dialect: 'practice'; readonly username: string; readonly secret: string }

/** What the pages of keys need beside a visit. */
export interface KeyScreenDeps {
  /** Where a vendor's program reaches this server. */
  readonly publicUrl: string
  /** A new row id, for a form to carry. */
  readonly uuid: () => string
}

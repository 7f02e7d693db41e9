/** A request to the warm command line. */
export interface WarmCliRequest {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** How one command has ended. */
export interface WarmCliResult {
  readonly code: number
  /** Resources that the command left open, by kind: a process of its own would not have ended. */
  readonly openResources: readonly string[]
}

/** Stands behind all that one command has written to a stream. */
export const OUTPUT_END = '\0'

/** What is guarded on behalf of a service that stands behind: each surface has one upstream. */
export const SURFACES = ['fhir', 'hl7', 'mpps', 'opendental', 'xdent', 'practice'] as const

export type Surface = (typeof SURFACES)[number]

/** The setting in which the operator names a surface's upstream. */
export const upstreamSetting = <S extends Surface>(surface: S) =>
  `LATCHKEY_UPSTREAM_${surface.toUpperCase() as Uppercase<S>}` as const

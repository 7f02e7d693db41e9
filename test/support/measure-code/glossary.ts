/** Identifiers that only the first version used. Words that Node, Hono or SQL use too are not listed. */
export const PRIVATE_IDENTIFIERS: ReadonlySet<string> = new Set(
  `deskOf Desk SeatedDesk WaysIn Visit said given attend Himself himself again TypedAgain typedAgain
  told toldOf Telling telling asked askedBy Asker fits Wrong Wish Done Sequel Standing Standings
  standing standings guesses Guesses pace Pace notary Notary recorder Recorder survey Survey courier
  Courier errand Errand whereabouts longOnes Hold places Places doubt vouch departedKeys shutOut
  lockOut feed feeds Feed Feeds remark permits dialect Dialect replaceSecret`.split(/\s+/),
)

/** Words of platforms and formats, where they are used as such. */
export const PLATFORM_NAMES: ReadonlySet<string> = new Set([
  'src/demo/upstreams/fhir.ts given', // FHIR HumanName
  'src/http/vendors/redox/test-messages.ts Visit', // Redox data models
  'src/storage/engine.ts dialect', // Kysely
  'src/worker/d1.ts all', // D1 prepared statements
  'src/worker/main.ts scheduled', // Workers event handlers
])

/** Names of files and folders, without the extension, that only the first version used. */
export const PRIVATE_FILE_NAMES: ReadonlySet<string> = new Set(
  `desk told telling said given area visit attend look parts himself again typed-again in-person
  asked fits wrong wish sequel standing guesses pace windows tries begin notary recorder survey
  courier errand carry whereabouts room long-ones places addresses shut-out lock-out vouch
  doubt leave feed feeds reach remark kept later answered presented moving permits dialect dialects`.split(
    /\s+/,
  ),
)

/** Pronouns, and participles without "-ed" or "-ing". */
const BARE_WORDS = `told given said shown seen known kept found made taken sent held begun done gone
  got left lost meant brought caught chosen drawn driven written spoken spent stood sworn thrown typed
  himself itself themselves myself who whom whose what whoever whatever somebody nobody anybody
  someone anyone everyone everything something nothing this that these those mine theirs his hers its
  others other each both them they it all none`.split(/\s+/)

/** Nouns and verbs that end as participles do. */
const NOT_PARTICIPLES =
  `string ring keyring thing setting warning heading routing listing embed feed
  seed need speed shed exceed proceed red bring sing ping king spring embedding padding encoding
  rounding building binding billing timing during`.split(/\s+/)

/** Judges by the form of the word alone: a heuristic. */
export const isBareWord = (name: string): boolean =>
  BARE_WORDS.includes(name) || (/^[a-z]+(ed|ing)$/.test(name) && !NOT_PARTICIPLES.includes(name))

/** Time zones of the IANA database, by the ICU data of Node. */

export interface Zone {
  /** Go's `Location.String`. */
  readonly name: string
  /** Offset in seconds east of UTC and the abbreviation, at a time in milliseconds since the Unix epoch. */
  at(ms: number): { readonly offset: number; readonly abbreviation: string }
}

export const UTC: Zone = Object.freeze({ name: 'UTC', at: () => ({ offset: 0, abbreviation: 'UTC' }) })

/** Go's `time.FixedZone`, with an offset in seconds. Without an abbreviation, layouts print the offset. */
export const fixedZone = (abbreviation: string, offset: number): Zone => ({
  name: abbreviation,
  at: () => ({ offset, abbreviation }),
})

const MAX_CACHED_ZONES = 50
const zoneCache = new Map<string, Zone>()

/** Go's `time.LoadLocation`; `undefined` for an unknown name. `Local` is the zone of the process. */
export function loadZone(name: string): Zone | undefined {
  if (name === '' || name === 'UTC') return UTC
  const known = zoneCache.get(name)
  if (known !== undefined) return known
  // Intl also accepts offsets such as `+01:00` as names; Go does not.
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name) || name.length > 64) return undefined
  const timeZone = name === 'Local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : name
  if (timeZone === 'UTC') return UTC
  let zone: Zone
  try {
    const long = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
    const shortFormats = ENGLISH_LOCALES.map(
      english => new Intl.DateTimeFormat(english, { timeZone, timeZoneName: 'short' }),
    )
    zone = {
      name,
      at: ms => {
        const offset = offsetOf(zoneNamePart(long, ms))
        return { offset, abbreviation: findAbbreviation(shortFormats, ms, offset) }
      },
    }
  } catch {
    return undefined
  }
  if (zoneCache.size >= MAX_CACHED_ZONES) zoneCache.clear()
  zoneCache.set(name, zone)
  return zone
}

const zoneNamePart = (format: Intl.DateTimeFormat, ms: number): string =>
  format.formatToParts(ms).find(one => one.type === 'timeZoneName')?.value ?? ''

/** ICU has an abbreviation only in the locales that use it: `CET` in Britain, `IST` in India, `AEST` in Australia. */
const ENGLISH_LOCALES: readonly string[] = ['en-US', 'en-GB', 'en-AU', 'en-IN']

/** Without an abbreviation, the offset as the zone files write it: `+13`, `-1130`. */
function findAbbreviation(formats: readonly Intl.DateTimeFormat[], ms: number, offset: number): string {
  for (const format of formats) {
    const name = zoneNamePart(format, ms)
    if (!/^GMT[+-]/.test(name)) return name
  }
  const digits = (n: number): string => String(n).padStart(2, '0')
  const minutes = Math.floor(Math.abs(offset) / 60)
  const rest = minutes % 60 === 0 ? '' : digits(minutes % 60)
  return `${offset < 0 ? '-' : '+'}${digits(Math.floor(minutes / 60))}${rest}`
}

/** `GMT+01:00` → 3600. */
function offsetOf(text: string): number {
  const found = /^GMT([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?$/.exec(text)
  if (found === null) return 0
  const seconds = Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0)
  return found[1] === '-' ? -seconds : seconds
}

/** How long ago, as kubectl says it: `45s`, `5m10s`, `3h2m`, `2d4h`, `12d`, `3y20d`; `<unknown>` for no date. */
export function age(since: unknown, now: Date): string {
  const at = typeof since === 'string' ? Date.parse(since) : Number.NaN
  if (Number.isNaN(at)) return '<unknown>'
  return humanDuration(Math.max(0, Math.floor((now.getTime() - at) / 1000)))
}

/** Source: k8s.io/apimachinery/pkg/util/duration HumanDuration. */
function humanDuration(seconds: number): string {
  const [minutes, hours, days, years] = [60, 3600, 86_400, 31_536_000].map((unit) => Math.floor(seconds / unit)) as [
    number,
    number,
    number,
    number,
  ]
  if (seconds < 120) return `${seconds}s`
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  if (hours < 192) return two(days, 'd', hours % 24, 'h')
  if (days < 730) return `${days}d`
  return years < 8 ? two(years, 'y', days % 365, 'd') : `${years}y`
}

function two(...[much, unit, rest, restUnit]: readonly [number, string, number, string]): string {
  return rest === 0 ? `${much}${unit}` : `${much}${unit}${rest}${restUnit}`
}

/** Name of the files in a tree that exclude what is beside and below them. */
export const IGNORE_FILE = '.sourceignore'

const VCS = ['.git/', '.gitignore', '.gitmodules', '.gitattributes']
const DEFAULTS = [
  ...['*.jpg', '*.jpeg', '*.gif', '*.png', '*.wmv', '*.flv', '*.tar.gz', '*.zip'],
  ...['.github/', '.circleci/', '.travis.yml', '.gitlab-ci.yml', 'appveyor.yml', '.drone.yml', 'cloudbuild.yaml'],
  ...['codeship-services.yml', 'codeship-steps.yml', '**/.goreleaser.yml', '**/.sops.yaml', '**/.flux.yaml'],
]

type Glob = (name: string) => boolean

interface Pattern {
  readonly domain: readonly string[]
  readonly segments: readonly (Glob | '**' | '')[]
  readonly include: boolean
  readonly directoryOnly: boolean
}

export interface IgnoreInput {
  /** `spec.ignore`: wins over the files in the tree. */
  readonly ignore?: string | undefined
  /** The ignore files found in the tree: their directory ('' for the root) and text, parents before children. */
  readonly files: readonly { readonly directory: string; readonly text: string }[]
  /** Nothing is out but what patterns say: not even version control files. */
  readonly bare?: true
}

/**
 * Says which files a tree leaves out: gitignore patterns, the last match decides. Version control files are always
 * out, the other defaults only while nobody gives patterns. Unlike in git, a file below an excluded directory can be
 * taken back in; this is how Flux reads them.
 */
export function ignoreRules({ bare, ignore, files }: IgnoreInput): (path: string) => boolean {
  const given = files.flatMap(({ directory, text }) => parsePatterns(text, directory === '' ? [] : directory.split('/')))
  if (ignore !== undefined) given.push(...parsePatterns(ignore, []))
  const base = given.length > 0 || ignore !== undefined ? VCS : [...VCS, ...DEFAULTS]
  const patterns = [...(bare ? [] : base).map((line) => parsePattern(line, [])), ...given].reverse()
  return (path) => {
    const parts = path.split('/')
    const decided = patterns.find((pattern) => matches(pattern, parts))
    return decided !== undefined && !decided.include
  }
}

function parsePatterns(text: string, domain: readonly string[]): Pattern[] {
  return text
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#') && line.trim() !== '')
    .map((line) => parsePattern(line, domain))
}

function parsePattern(line: string, domain: readonly string[]): Pattern {
  const include = line.startsWith('!')
  let text = include ? line.slice(1) : line
  if (!text.endsWith('\\ ')) text = text.replace(/ +$/, '')
  const directoryOnly = text.endsWith('/')
  if (directoryOnly) text = text.slice(0, -1)
  const segments =
    text === ''
      ? [nothing]
      : text.split('/').map((segment): Glob | '**' | '' => (segment === '' || segment === '**' ? segment : wildcard(segment)))
  // A name without a slash is looked for at every depth.
  return { domain, include, directoryOnly, segments: segments.length === 1 ? ['**', ...segments] : segments }
}

type Token = '*' | ((char: string) => boolean)

const nothing = () => false

/** The shell pattern of one path segment. */
function wildcard(segment: string): Glob {
  const tokens: Token[] = []
  const chars = [...segment]
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? ''
    if (char === '*') {
      if (tokens.at(-1) !== '*') tokens.push('*')
    } else if (char === '?') tokens.push(() => true)
    else if (char === '[') {
      const end = chars.indexOf(']', at + (/[!^]/.test(chars[at + 1] ?? '') ? 3 : 2))
      if (end < 0) return nothing
      tokens.push(oneOf(chars.slice(at + 1, end)))
      at = end
    } else {
      const literal = char === '\\' ? chars[++at] : char
      tokens.push((candidate) => candidate === literal)
    }
  }
  return (name) => globMatches(tokens, [...name])
}

function oneOf(set: readonly string[]): (char: string) => boolean {
  const negated = set[0] === '!' || set[0] === '^'
  const members = negated ? set.slice(1) : set
  return (char) => {
    const among = members.some((member, at) => {
      const to = members[at + 2]
      return member === char || (members[at + 1] === '-' && to !== undefined && member <= char && char <= to)
    })
    return among !== negated
  }
}

/** Goes back only to the last star, so that a pattern of many stars costs no more than its length times the name's. */
function globMatches(tokens: readonly Token[], name: readonly string[]): boolean {
  let at = 0
  let token = 0
  let star = -1
  let resume = 0
  while (at < name.length) {
    const current = tokens[token]
    if (current === '*') {
      star = token++
      resume = at
    } else if (current?.(name[at] ?? '')) {
      at++
      token++
    } else if (star >= 0) {
      token = star + 1
      at = ++resume
    } else return false
  }
  return tokens.slice(token).every((rest) => rest === '*')
}

/** True when the pattern matches the file or a directory above it. */
function matches(pattern: Pattern, path: readonly string[]): boolean {
  if (pattern.domain.some((part, at) => path[at] !== part)) return false
  return matchFrom(pattern, 0, path.slice(pattern.domain.length))
}

function matchFrom(pattern: Pattern, at: number, rest: readonly string[]): boolean {
  const segment = pattern.segments[at]
  if (segment === undefined) return rest.length > 0 || !pattern.directoryOnly
  if (segment === '') return matchFrom(pattern, at + 1, rest)
  if (rest.length === 0) return false
  if (segment === '**') {
    if (at === pattern.segments.length - 1) return true
    return rest.some((_, skip) => matchFrom(pattern, at + 1, rest.slice(skip)))
  }
  return segment(rest[0] ?? '') && matchFrom(pattern, at + 1, rest.slice(1))
}
